"""A toy cloud in processes of its own, and bounded waits for what it does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from atoll.data_folder import DataFolder
from atoll.supervisor.lock import holder

HERE = Path(__file__).parent
ATOLL = [sys.executable, "-c", "from atoll.cli import main; main()"]
PATIENCE_S = 30.0

T = TypeVar("T")


def wait_for(condition: Callable[[], T]) -> T:
    """Return the condition's first true value; fail when there is none for a long time."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain")


class Cloud:
    """A toy cloud below a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self.port = 0
        path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
        self._environment = {**os.environ, "ATOLL_DATA": str(root), "PYTHONPATH": path}

    def atoll(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an atoll command to its end."""
        return subprocess.run(
            [*ATOLL, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """Start `atoll up` in the foreground and return at once."""
        return subprocess.Popen(
            [*ATOLL, *self._up_arguments(flags)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def up(self, *flags: str) -> subprocess.CompletedProcess[str]:
        """Run `atoll up --detach`."""
        done = self.atoll(*self._up_arguments(flags), "--detach")
        if done.returncode == 0:
            self.port = int(self.status()["listen"].rpartition(":")[2])
        return done

    def _up_arguments(self, flags: tuple[str, ...]) -> list[str]:
        defaults = ["--registry", "toy_cloud", "--listen", f"127.0.0.1:{self.port}"]
        return ["up", *defaults, "--workers", "1", *flags]

    def status(self) -> dict[str, Any]:
        """Return what `atoll status --json` says."""
        status: dict[str, Any] = json.loads(self.atoll("status", "--json").stdout)
        return status

    def role(self, name: str) -> dict[str, Any]:
        """Return the status of one role instance."""
        return next(role for role in self.status()["roles"] if role["name"] == name)

    def story(self) -> list[tuple[str, str]]:
        """Return (event, name) as the roles noted them."""
        path = self.folder.root / "story"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(event, name) for event, name, _ in map(str.split, lines)]

    def connect(self) -> socket.socket:
        """Return a connection to one of the workers."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def say(self, line: str) -> str:
        """Send a line to a worker and return its answer, none when it dies."""
        with self.connect() as connection:
            connection.sendall(line.encode() + b"\n")
            try:
                return connection.recv(1024).decode().strip()
            except ConnectionResetError:
                return ""

    def supervisor(self) -> int | None:
        """Return the supervisor's process id, or None."""
        return holder(self.folder.lock)

    def leftovers(self) -> list[int]:
        """Return the ids of role processes that live."""
        held = map(holder, self.folder.role_locks.glob("*.lock"))
        return [pid for pid in held if pid is not None]

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        for pid in (self.supervisor(), *self.leftovers()):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.leftovers())

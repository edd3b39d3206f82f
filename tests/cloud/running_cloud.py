"""A real cloud in processes of its own: started, watched, killed and always ended by its test."""

import ctypes
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import trio

from atoll.compiled import INTERPRETED
from atoll.data_folder import DataFolder
from atoll.supervisor.answer import ask
from atoll.supervisor.lock import holder
from atoll.world import real_world
from storage.data_folder import StorageFolder

ATOLL = [sys.executable, "-c", "from atoll.cli import main; main()"]
PATIENCE_S = 30.0
_PR_SET_PDEATHSIG = 1
_EXCEPTION = re.compile(r"^[ |]*([A-Za-z_][\w.]*): ", re.MULTILINE)
_libc = ctypes.CDLL(None)

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    """Return the condition's first true value; fail when there is none for a long time."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _name_of(exception: str) -> str:
    """Return the type of the exception at the end of a traceback, be it one of groups."""
    names = [match[1] for match in _EXCEPTION.finditer(exception) if "Group" not in match[1]]
    return names[-1] if names else exception


def _inode(local_port: int, remote_port: int) -> str:
    """Return the number of a socket; 0 as long as nobody has accepted it."""
    ends = (f":{local_port:04X}", f":{remote_port:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            return fields[9]
    return "0"


def _holders(link: str, pids: Mapping[str, int]) -> Iterator[str]:
    """Walk the names of the processes that have a socket."""
    for name, pid in pids.items():
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.readlink(path) == link:
                    yield name


class RunningCloud:
    """A cloud below a temporary folder; none of its processes outlives `end`.

    Attributes:
        folder: the ground floor's part of the data folder.
        storage: the store's part.
        port: of the running cloud.
        starts: how often it was started.
        screen: what `atoll up` printed, all of it once it has ended.
        expected_errors: what the names of exceptions may begin with that it logs.
    """

    def __init__(self, data: Path) -> None:
        self.folder = DataFolder(data)
        self.storage = StorageFolder(data)
        self.port = 0
        self.starts = 0
        self.screen = ""
        self.expected_errors: tuple[str, ...] = ("storage.proxy.errors.",)
        self._errors = data.with_name(data.name + ".stderr")
        self._process: subprocess.Popen[str] | None = None
        self._environment = {**os.environ, "ATOLL_DATA": str(data), INTERPRETED: ""}

    # commands

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

    def start(self, *flags: str) -> float:
        """Run `atoll up` in the foreground; return how many seconds it took to serve."""
        began_s = time.monotonic()
        assert self.try_to_start(*flags), self.errors[-4000:]
        return time.monotonic() - began_s

    def try_to_start(self, *flags: str) -> bool:
        """Run `atoll up` in the foreground; tell whether it serves."""
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [*ATOLL, "up", "--listen", "127.0.0.1:0", *flags],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()  # printed when the cloud is up
        if not first_line.startswith("Swift"):
            return False
        self.starts += 1
        self.screen = first_line
        self.port = int(first_line.rpartition(":")[2].removesuffix("/v1\n"))
        return True

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask the cloud to stop; return its exit code once it has."""
        self.signal(sign)
        return self.wait()

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        assert self._process is not None
        self._process.send_signal(sign)

    @property
    def supervisor_pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def restart(self, *flags: str) -> None:
        """Stop the cloud in an orderly way and start it again."""
        assert self.stop() == 0
        self.start(*flags)

    def kill_supervisor(self) -> None:
        """End the supervisor without warning; its roles notice and stop by themselves."""
        assert self._process is not None
        self._process.kill()
        self.wait()

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self._process is not None:
            self._process.kill()
            self.wait()
        for pid in (holder(self.folder.lock), *self.role_pids()):
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.role_pids())

    def wait(self) -> int:
        """Return the supervisor's exit code once it has ended."""
        assert self._process is not None
        exit_code = self._process.wait(timeout=60)
        if self._process.stdout is not None and not self._process.stdout.closed:
            self.screen += self._process.stdout.read()
            self._process.stdout.close()
        return exit_code

    # what it says of itself

    @property
    def errors(self) -> str:
        """All that it logged, over all starts."""
        return self._errors.read_text() if self._errors.exists() else ""

    def events(self) -> Iterator[dict[str, Any]]:
        """Walk what was logged; a line that is no JSON comes from Python itself."""
        for line in self.errors.splitlines():
            yield json.loads(line) if line.startswith("{") else {"event": line, "exception": line}

    def surprises(self) -> list[str]:
        """Return the errors that were logged and are not expected."""
        names = [_name_of(event["exception"]) for event in self.events() if "exception" in event]
        return [name for name in names if not name.startswith(self.expected_errors)]

    def status(self) -> dict[str, Any]:
        """Return what `atoll status --json` would say."""
        return trio.run(ask, real_world().network, self.folder.socket, "status")

    def role(self, name: str) -> dict[str, Any]:
        """Return the status of one role instance."""
        return next(role for role in self.status()["roles"] if role["name"] == name)

    def pid(self, name: str) -> int:
        """Return the process of a role instance, waiting for it between two lives."""
        return wait_for(lambda: self._pid_now(name))

    def _pid_now(self, name: str) -> int | None:
        pid: int | None = self.role(name)["pid"]
        return pid

    def role_pids(self) -> list[int]:
        """Return the role processes that live, their supervisor's own knowledge aside."""
        held = map(holder, self.folder.role_locks.glob("*.lock"))
        return [pid for pid in held if pid is not None]

    def kill(self, name: str) -> None:
        """End a role's process without warning."""
        with suppress(ProcessLookupError):
            os.kill(self.pid(name), signal.SIGKILL)

    def server_of(self, client_port: int, pids: Mapping[str, int]) -> str:
        """Return which of several processes accepted a connection to the cloud."""

        def find() -> str | None:
            link = f"socket:[{_inode(self.port, client_port)}]"
            return next(_holders(link, pids), None)

        return wait_for(find)

    def wait_until_running(self) -> None:
        """Wait until every role has a process that is ready."""
        wait_for(lambda: all(role["phase"] == "running" for role in self.status()["roles"]))

    def credentials(self) -> dict[str, str]:
        """Return the variables of credentials.env."""
        words = shlex.split(self.storage.credentials.read_text())
        pairs = (word.partition("=") for word in words if "=" in word)
        return {name: value for name, _, value in pairs}

    def payload_files(self, device: int = 0) -> set[str]:
        """Return the names of all payload files of a device."""
        folder = self.storage.device(device) / "payload"
        return {path.name for path in folder.glob("*/*")}

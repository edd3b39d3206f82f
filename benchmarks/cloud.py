"""A real cloud under test: `atoll up` with one worker and one device."""

from __future__ import annotations

import http.client
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import HOST, KIB, Process, RefusedRequestError, Server, free_port

ATOLL = Path(sys.executable).with_name("atoll")
START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 60.0
SAMPLE_INTERVAL_S = 0.02


class Cloud:
    """A cloud in the foreground, on a data folder of its own; the access log goes to a file.

    Args:
        data: the data folder; `start` makes it.

    Attributes:
        port: of the front door.
        worker: serves; its requests carry a token.
        disk: the disk process.
        account: path of the first account, with a slash behind it.
        credentials: the variables of its credentials.env.
    """

    worker: Server
    disk: Process
    account: str
    credentials: Mapping[str, str]

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start; return how many seconds it took until a request was answered.

        Raises:
            RefusedRequestError: it does not answer.
        """
        flags = ("--workers", "1", "--devices", "1", "--listen", f"{HOST}:{self.port}")
        with self.data.with_suffix(".log").open("ab") as log:
            begin_s = time.monotonic()
            self._process = subprocess.Popen(
                [ATOLL, "up", "--data", self.data, *flags], stdout=log, stderr=log
            )
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() - begin_s > START_DEADLINE_S:
                raise RefusedRequestError(f"the cloud does not start: {log.name}")
            time.sleep(0.002)
        spent_s = time.monotonic() - begin_s
        self._look_around()
        return spent_s

    def _is_healthy(self) -> bool:
        try:
            return request(self.port, "GET", "/healthcheck")[0] == 200
        except ConnectionError:
            return False

    def _look_around(self) -> None:
        """Find the processes, and get a token."""
        status = subprocess.run(
            [ATOLL, "status", "--json", "--data", self.data], check=True, capture_output=True
        )
        pids = {role["name"]: role["pid"] for role in json.loads(status.stdout)["roles"]}
        lines = (self.data / "credentials.env").read_text().splitlines()
        words = [shlex.split(line) for line in lines]
        variables = dict(line[1].split("=", 1) for line in words if len(line) == 2)
        self.credentials = variables
        asked = {"X-Auth-User": variables["ST_USER"], "X-Auth-Key": variables["ST_KEY"]}
        _, headers, _ = request(self.port, "GET", "/auth/v1.0", asked)
        self.account = headers["X-Storage-Url"].partition(f":{self.port}")[2] + "/"
        token = {"X-Auth-Token": headers["X-Auth-Token"]}
        self.worker = Server(pids["worker-0"], self.port, token)
        self.disk = Process(pids["disk-0"])

    def stop(self) -> None:
        """Stop, by force where it must be; one that does not run is stopped already."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def create(self, container: str) -> str:
        """Create a container; return its path with a slash behind it.

        Raises:
            RefusedRequestError: it was not created.
        """
        path = f"{self.account}{container}"
        status, _, _ = request(self.port, "PUT", path, self.worker.headers)
        if status not in (201, 202):
            raise RefusedRequestError(f"PUT {path}: {status}")
        return f"{path}/"


def request(
    port: int, method: str, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request on a connection of its own; return status, headers and body."""
    connection = http.client.HTTPConnection(HOST, port, timeout=START_DEADLINE_S)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, dict(response.headers.items()), response.read()
    finally:
        connection.close()


class MemoryPeak:
    """The most memory that a process had.

    Attributes:
        private_bytes: of its own, as seen fifty times a second.
        resident_bytes: with the pages of files that it maps, its code and the index; they are the
            system's cache, which all processes share.
    """

    def __init__(self) -> None:
        self.private_bytes = 0
        self.resident_bytes = 0

    def look(self, process: Process) -> None:
        """Look once; a process that has ended has no memory."""
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            return
        facts = dict(line.split(":", 1) for line in lines)
        kib = {name: int(facts[name].split()[0]) for name in ("RssAnon", "VmHWM")}
        self.private_bytes = max(self.private_bytes, kib["RssAnon"] * KIB)
        self.resident_bytes = max(self.resident_bytes, kib["VmHWM"] * KIB)


@contextmanager
def watched(process: Process) -> Iterator[MemoryPeak]:
    """Watch the memory of a process while the block runs."""
    peak = MemoryPeak()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_INTERVAL_S):
            peak.look(process)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()

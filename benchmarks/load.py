"""Servers under load: what they are, what loads them, and nginx, which they are compared with.

Small requests come from wrk, which is a process of its own. It reads in pieces of 8 KiB and so
would itself be the limit for large bodies; those come from threads here that move them in pieces
of 256 KiB. Both keep their connections.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
PIECE_BYTES = 256 * KIB
HOST = "127.0.0.1"
SCRIPT = Path(__file__).with_name("requests.lua")
REPLAY_SCRIPT = Path(__file__).with_name("replay.lua")
WRK_RESULT = re.compile(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", re.DOTALL)
NGINX_CONFIG = """
worker_processes 1; daemon off; master_process off;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 600; keepalive_requests 1000000000;
  server {{ listen {host}:{port}; root {folder}; }}
}}
"""


class NotInstalledError(Exception):
    """A program that a measurement needs is not there."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed (apt-get install {package})")


class RefusedRequestError(Exception):
    """The server under load answered otherwise than it should."""


def program(name: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        NotInstalledError: it is in none of the usual folders.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NotInstalledError(name, package)
    return path


@dataclass(frozen=True)
class Process:
    """A process that is measured."""

    pid: int

    def cpu_s(self) -> float:
        """Return the processor time of all its threads (clock_getcpuclockid(3))."""
        return time.clock_gettime(~self.pid << 3 | 2)


@dataclass(frozen=True)
class Load:
    """What a load generator saw, and what it cost the server."""

    requests: int
    duration_s: float
    cpu_s: float

    @property
    def requests_per_s(self) -> float:
        """How many requests were answered each second."""
        return self.requests / self.duration_s

    @property
    def cpu_us(self) -> float:
        """Processor time of the server for a request."""
        return self.cpu_s / self.requests * 1e6


@dataclass(frozen=True)
class Server(Process):
    """A server of one process.

    Attributes:
        port: on the loopback.
        headers: that it wants to see in each request.
    """

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def many(
        self,
        method: str,
        prefix: str,
        connections: int,
        duration_s: int,
        *,
        names: int = 1,
        size_bytes: int = 0,
    ) -> Load:
        """Load it with small requests through wrk.

        Args:
            method: GET, or PUT.
            prefix: path that a number is put behind.
            connections: that are open at once.
            duration_s: of the load.
            names: through how many numbers GETs go in turn; PUTs never repeat one.
            size_bytes: of what is PUT.

        Raises:
            RefusedRequestError: a request failed.
        """
        headers = [f"-H{name}: {value}" for name, value in self.headers.items()]
        script_arguments = [method, prefix, str(names), str(size_bytes)]
        return self._wrk(connections, duration_s, SCRIPT, script_arguments, headers)

    def replay(self, file: Path, connections: int, duration_s: int, size_bytes: int = 0) -> Load:
        """Load it with requests that were written beforehand.

        Args:
            file: of heads, as `replay.lua` wants them.
            connections: that are open at once.
            duration_s: of the load.
            size_bytes: of each body.

        Raises:
            RefusedRequestError: a request failed.
        """
        return self._wrk(connections, duration_s, REPLAY_SCRIPT, [str(file), str(size_bytes)])

    def _wrk(
        self,
        connections: int,
        duration_s: int,
        script: Path,
        script_arguments: Sequence[str],
        options: Sequence[str] = (),
    ) -> Load:
        url = f"http://{HOST}:{self.port}"
        flags = ["-t1", f"-c{connections}", f"-d{duration_s}s", "-s", str(script), *options]
        command = [program("wrk", "wrk"), *flags, url, "--", *script_arguments]
        before_s = self.cpu_s()
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        spent_s = self.cpu_s() - before_s
        result = WRK_RESULT.search(output)
        if result is None or "Non-2xx" in output or "Socket errors" in output:
            raise RefusedRequestError(f"{' '.join(script_arguments)}: {output}")
        requests = max(1, int(result.group(1)))
        return Load(requests, requests / max(float(result.group(2)), 1e-9), spent_s)

    def large(
        self,
        method: str,
        prefix: str,
        connections: int,
        requests: int,
        *,
        names: int = 1,
        size_bytes: int,
    ) -> Load:
        """Load it with a number of large requests; the arguments are those of `many`.

        Raises:
            RefusedRequestError: a request failed.
        """
        numbers = iter(range(requests))  # which threads may share

        def converse() -> None:
            with socket.create_connection((HOST, self.port)) as sock:
                for number in numbers:
                    if method == "GET":
                        _get(sock, self._head(method, f"{prefix}{number % names}", 0), size_bytes)
                    else:
                        _put(sock, self._head(method, f"{prefix}{number}", size_bytes), size_bytes)

        before_s, begin_s = self.cpu_s(), time.monotonic()
        with ThreadPoolExecutor(connections) as pool:
            for done in [pool.submit(converse) for _ in range(connections)]:
                done.result()
        return Load(requests, time.monotonic() - begin_s, self.cpu_s() - before_s)

    def _head(self, method: str, path: str, size_bytes: int) -> bytes:
        headers = {"Host": HOST, **self.headers}
        if method == "PUT":
            headers["Content-Length"] = str(size_bytes)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def _get(sock: socket.socket, head: bytes, size_bytes: int) -> None:
    sock.sendall(head)
    left = size_bytes - len(_response(sock, b"200"))
    buffer = bytearray(PIECE_BYTES)
    while left:
        count = sock.recv_into(buffer)
        if not count:
            raise RefusedRequestError("the connection was closed within a response")
        left -= count


def _put(sock: socket.socket, head: bytes, size_bytes: int) -> None:
    sock.sendall(head)
    sock.sendall(body_of(size_bytes))
    _response(sock, b"201")


def _response(sock: socket.socket, status: bytes) -> bytes:
    """Read the head of a response; return what came of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(PIECE_BYTES)
        if not piece:
            raise RefusedRequestError("the connection was closed before a response")
        data += piece
    if not data.startswith(b"HTTP/1.1 " + status):
        raise RefusedRequestError(repr(data[:200]))
    return data.partition(b"\r\n\r\n")[2]


@cache
def body_of(size_bytes: int) -> memoryview:
    """Return bytes to send; no disk here compresses, so that zeros would do as well."""
    return memoryview(bytes(range(256)) * (size_bytes // 256))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_until_it_accepts(port: int, process: subprocess.Popen[bytes], deadline_s: float) -> None:
    """Wait for a server.

    Raises:
        RefusedRequestError: it ended, or did not listen in time.
    """
    until_s = time.monotonic() + deadline_s
    while process.poll() is None and time.monotonic() < until_s:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.005)
        else:
            return
    raise RefusedRequestError(f"nothing listens on port {port}")


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """Run one nginx process over the files in a folder.

    Raises:
        NotInstalledError: there is no nginx.
    """
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, host=HOST, port=port))
    command = [program("nginx", "nginx"), "-p", str(folder), "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_accepts(port, process, deadline_s=10)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()

"""The HTTP server's own cost: a trivial application against nginx and against bare sockets.

Run as `python -m benchmarks.http_floor [--quick]`. Ours and the reference take turns and medians
are compared, since the machine's own speed wanders. The load generator needs a core of its own.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from atoll.world import real_world
from storage.http import Receive, Scope, Send, serve

WRK = "/usr/bin/wrk"
NGINX = "/usr/sbin/nginx"
KIB = 1024
MIB = 1024 * KIB
GB = 1e9
WRK_UNITS = {"B": 1, "KB": KIB, "MB": MIB, "GB": KIB * MIB}
WRK_RESULT = re.compile(
    r"(\d+) requests in .*Requests/sec:\s+([\d.]+)\s+Transfer/sec:\s+([\d.]+)([KMG]?B)", re.DOTALL
)
NGINX_CONFIG = """
worker_processes 1; daemon off; master_process off;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 600; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""
BODIES = {"/small": memoryview(bytes(4 * KIB)), "/large": memoryview(bytes(64 * MIB))}
PIECE_BYTES = 256 * KIB


@dataclass(frozen=True)
class Load:
    """What a load generator saw, and what a request cost the server."""

    requests_per_s: float
    bytes_per_s: float
    cpu_us: float


@dataclass(frozen=True)
class Server:
    """A running server of one process and one thread."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Return the processor time it has had."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def get(self, path: str, connections: int, duration_s: int) -> Load:
        """Load it with GETs, through wrk."""
        url = f"http://127.0.0.1:{self.port}{path}"
        command = [WRK, "-t1", f"-c{connections}", f"-d{duration_s}s", url]
        before_s = self.cpu_s()
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        spent_s = self.cpu_s() - before_s
        result = WRK_RESULT.search(output)
        if result is None or "Non-2xx" in output:
            raise RuntimeError(f"wrk did not measure: {output}")
        count, rate, amount, unit = result.groups()
        bytes_per_s = float(amount) * WRK_UNITS[unit]
        return Load(float(rate), bytes_per_s, spent_s / max(1, int(count)) * 1e6)

    def put(self, duration_s: int) -> Load:
        """Load it with one upload of the large body after the other."""
        body = BODIES["/large"]
        head = b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        count = 0
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            begin_s, before_s = time.monotonic(), self.cpu_s()
            while time.monotonic() - begin_s < duration_s:
                client.sendall(head)
                client.sendall(body)
                if not client.recv(64 * KIB).startswith(b"HTTP/1.1 201"):
                    raise RuntimeError("an upload was refused")
                count += 1
            rate = count / (time.monotonic() - begin_s)
            return Load(rate, rate * len(body), (self.cpu_s() - before_s) / count * 1e6)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a GET with a body, in pieces; drop what is PUT."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = memoryview(b"")
    if scope["method"] == "PUT":
        while (await receive())["more_body"]:
            pass
    else:
        body = BODIES[scope["path"]]
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    status = 201 if scope["method"] == "PUT" else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while len(body) > PIECE_BYTES:
        piece = body[:PIECE_BYTES]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        body = body[PIECE_BYTES:]
    await send({"type": "http.response.body", "body": body})


async def serve_app(listener: socket.socket) -> None:
    """Be the server under test, until killed."""

    def on_error(error: Exception, scope: Scope | None) -> None:
        print(f"server: {error!r}", file=sys.stderr)

    await serve(app, [listener], world=real_world(), stopping=trio.Event(), on_error=on_error)


def serve_sink(listener: socket.socket) -> None:
    """Be what an upload costs without HTTP: receive, count, answer."""
    while True:
        connection = listener.accept()[0]
        left = 0
        while data := connection.recv(PIECE_BYTES):
            if not left:
                left = data.index(b"\r\n\r\n") + 4 + len(BODIES["/large"])
            left -= len(data)
            if not left:
                connection.sendall(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")


@contextmanager
def running(role: str) -> Iterator[Server]:
    """Run a role of this file in its own process."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        handle = listener.fileno()
        command = [sys.executable, "-m", "benchmarks.http_floor", role, str(handle)]
        process = subprocess.Popen(command, pass_fds=[handle])
        try:
            yield Server(listener.getsockname()[1], process.pid)
        finally:
            process.kill()
            process.wait()


@contextmanager
def nginx() -> Iterator[Server]:
    """Run nginx in one process over files of the same sizes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, body in BODIES.items():
            (folder / path[1:]).write_bytes(body)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(folder=folder, port=port))
        process = subprocess.Popen([NGINX, "-p", name, "-c", config], stderr=subprocess.DEVNULL)
        try:
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait()


def turns(rounds: int, *measures: Callable[[], Load]) -> list[Load]:
    """Let each measure take its turn in every round; return their medians."""
    loads = [[measure() for measure in measures] for _ in range(rounds)]
    return [
        Load(
            statistics.median(load.requests_per_s for load in column),
            statistics.median(load.bytes_per_s for load in column),
            statistics.median(load.cpu_us for load in column),
        )
        for column in zip(*loads, strict=True)
    ]


def row(
    name: str, value: float, reference: float, ratio_target: float | None = None
) -> dict[str, object]:
    """The form that the benchmark runner collects."""
    ratio = value / reference
    return {
        "name": name,
        "value": round(value, 2),
        "reference": round(reference, 2),
        "ratio": round(ratio, 2),
        "target": "" if ratio_target is None else f">= {ratio_target}",
        "ok": None if ratio_target is None else ratio >= ratio_target,
    }


def run(quick: bool) -> list[dict[str, object]]:
    """Measure everything; quick takes one round of a second each."""
    rounds, duration_s = (1, 1) if quick else (3, 3)
    rows = []
    with running("app") as server, nginx() as static, running("sink") as sink:
        for count, target in ((1, None), (32, 0.2)):
            ours, theirs = turns(
                rounds,
                partial(server.get, "/small", count, duration_s),
                partial(static.get, "/small", count, duration_s),
            )
            what = f"GET 4 KiB, {count} connections"
            rates = ours.requests_per_s, theirs.requests_per_s
            rows.append(row(f"{what}, requests/s against nginx", *rates, target))
            rows.append(row(f"{what}, CPU us against nginx", ours.cpu_us, theirs.cpu_us))
        ours, theirs = turns(
            rounds,
            partial(server.get, "/large", 1, duration_s),
            partial(static.get, "/large", 1, duration_s),
        )
        rates = ours.bytes_per_s / GB, theirs.bytes_per_s / GB
        rows.append(row("GET 64 MiB, GB/s against nginx with sendfile", *rates, 0.7))
        ours, theirs = turns(rounds, partial(server.put, duration_s), partial(sink.put, duration_s))
        rates = ours.bytes_per_s / GB, theirs.bytes_per_s / GB
        rows.append(row("PUT 64 MiB, GB/s against a bare socket", *rates, 0.7))
    return rows


def main() -> None:
    """Print a line per measurement, or be one of the servers."""
    if sys.argv[1:2] in (["app"], ["sink"]):
        with socket.socket(fileno=int(sys.argv[2])) as listener:
            if sys.argv[1] == "app":
                trio.run(serve_app, listener)
            else:
                serve_sink(listener)
        return
    for line in run(quick="--quick" in sys.argv[1:]):
        name, value, reference, ratio, target, ok = line.values()
        verdict = "" if ok is None else "ok" if ok else "MISSED"
        print(
            f"{name:<50} {value:>9}  {reference:>9}  ratio {ratio:>5} {target} {verdict}".rstrip()
        )


if __name__ == "__main__":
    main()

"""The HTTP server's own cost: a trivial application against nginx and against bare sockets.

The load generator needs a core of its own.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from atoll.world import real_world
from benchmarks.load import HOST, KIB, MIB, PIECE_BYTES, Load, Server, nginx, program
from benchmarks.report import Row, comparison, ratio_row, take_turns
from storage.http import Receive, Scope, Send, serve

LARGE_BYTES = 64 * MIB
BODIES = {"/small0": memoryview(bytes(4 * KIB)), "/large0": memoryview(bytes(LARGE_BYTES))}


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
    """Be what an upload costs without HTTP: receive, count, answer, one client at a time."""
    while True:
        connection = listener.accept()[0]
        left = 0
        while data := connection.recv(PIECE_BYTES):
            if not left:
                left = data.index(b"\r\n\r\n") + 4 + LARGE_BYTES
            left -= len(data)
            if not left:
                connection.sendall(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")


@contextmanager
def running(role: str) -> Iterator[Server]:
    """Run a role of this file in its own process."""
    with socket.create_server((HOST, 0), backlog=512) as listener:
        handle = listener.fileno()
        command = [sys.executable, "-m", "benchmarks.http_floor", role, str(handle)]
        process = subprocess.Popen(command, pass_fds=[handle])
        try:
            yield Server(process.pid, listener.getsockname()[1])
        finally:
            process.kill()
            process.wait()


def gigabytes_per_s(load: Load) -> float:
    """Return the speed of large bodies."""
    return load.requests_per_s * LARGE_BYTES / 1e9


def run(quick: bool) -> list[Row]:
    """Measure everything; quick takes one round of a second each.

    Raises:
        NotInstalledError: nginx or wrk is missing.
        RefusedRequestError: a server answered with an error.
    """
    program("wrk", "wrk")
    rounds, duration_s, uploads = (1, 1, 8) if quick else (3, 2, 24)
    with tempfile.TemporaryDirectory() as folder:
        for path, body in BODIES.items():
            Path(folder, path[1:]).write_bytes(body)
        with running("app") as server, nginx(Path(folder)) as static, running("sink") as sink:
            rows = []
            for connections, at_least in ((1, None), (32, 0.2)):
                turns = take_turns(
                    rounds,
                    partial(server.many, "GET", "/small", connections, duration_s),
                    partial(static.many, "GET", "/small", connections, duration_s),
                )
                name = f"GET 4 KiB, {connections} connections, requests/s against nginx"
                rates = comparison(turns, lambda load: load.requests_per_s)
                rows.append(ratio_row(name, rates, at_least=at_least))
                rows.append(ratio_row("    CPU us of each", comparison(turns, cpu_us)))
            for method, prefix, other, name in (
                ("GET", "/large", static, "nginx with sendfile"),
                ("PUT", "/upload", sink, "a bare socket"),
            ):
                turns = take_turns(
                    rounds,
                    partial(server.large, method, prefix, 1, uploads, size_bytes=LARGE_BYTES),
                    partial(other.large, method, prefix, 1, uploads, size_bytes=LARGE_BYTES),
                )
                speeds = comparison(turns, gigabytes_per_s)
                rows.append(
                    ratio_row(f"{method} 64 MiB, GB/s against {name}", speeds, at_least=0.7)
                )
            return rows


def cpu_us(load: Load) -> float:
    """Return what a request cost the server."""
    return load.cpu_us


def main() -> None:
    """Be one of the servers."""
    role, handle = sys.argv[1:]
    with socket.socket(fileno=int(handle)) as listener:
        if role == "app":
            trio.run(serve_app, listener)
        else:
            serve_sink(listener)


if __name__ == "__main__":
    main()

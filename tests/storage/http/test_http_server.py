"""The server on real sockets: accepting, TLS, stopping, and that nothing is left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from http_harness import GET, Response, ResponseReader, echo, ignore_body

from atoll.world import real_world
from storage.http import (
    App,
    ApplicationError,
    Limits,
    Receive,
    Scope,
    Send,
    serve,
    tls_context,
)
from storage.http.transport import SocketTransport

PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\n"
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def _no_descriptor_is_left() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


class Server:
    """A running server and how to reach it."""

    def __init__(self, port: int, stopping: trio.Event) -> None:
        self.port = port
        self.stopping = stopping
        self.stopped = trio.Event()
        self.errors: list[Exception] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[trio.SocketStream]:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            yield stream


@asynccontextmanager
async def serving(
    app: App, listener: socket.socket | None = None, **options: Any
) -> AsyncIterator[Server]:
    """Serve on loopback; stop at the end and check that the server is gone at once."""
    if listener is None:
        listener = socket.create_server(("127.0.0.1", 0))
    stopping = trio.Event()
    port = listener.getsockname()[1] if listener.family == socket.AF_INET else 0
    server = Server(port, stopping)

    async def run() -> None:
        await serve(
            app,
            [listener],
            world=real_world(),
            stopping=stopping,
            on_error=lambda error, scope: server.errors.append(error),
            **options,
        )
        server.stopped.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        yield server
        stopping.set()
        with trio.fail_after(5):
            await server.stopped.wait()


async def receive_all(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([data async for data in stream])


async def responses(stream: trio.abc.ReceiveStream, count: int = 1) -> list[Response]:
    reader = ResponseReader()
    with trio.fail_after(5):
        while len(reader.finished) < count:
            data = await stream.receive_some()
            assert data, "the connection ended before the response did"
            reader.feed(bytes(data))
    return reader.finished


async def exchange(stream: trio.abc.Stream, request: bytes) -> Response:
    await stream.send_all(request)
    [response] = await responses(stream)
    return response


async def test_keep_alive_and_pipelining() -> None:
    async with serving(echo) as server, server.client() as client:
        assert (await exchange(client, GET)).body == b"GET /a "
        assert (await exchange(client, PUT + b"Content-Length: 2\r\n\r\nhi")).body == b"PUT /b hi"
        await client.send_all(PUT + b"Content-Length: 2\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert (await exchange(client, b"hi")).body == b"PUT /b hi"
        await trio.testing.wait_all_tasks_blocked(0.01)
        await client.send_all(GET * 200)
        assert [r.body for r in await responses(client, 200)] == [b"GET /a "] * 200
    assert not server.errors


async def test_many_clients_at_once() -> None:
    async def visit(server: Server) -> None:
        async with server.client() as client:
            for _ in range(5):
                assert (await exchange(client, GET)).status == 200

    async with serving(echo) as server, trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(visit, server)


async def test_half_close() -> None:
    async with serving(echo) as server, server.client() as client:
        await client.send_all(GET)
        await client.send_eof()
        assert (await receive_all(client)).endswith(b"\r\n\r\nGET /a ")


async def test_addresses_and_scheme() -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await ignore_body(scope, receive, send)

    async with serving(app) as server, server.client() as client:
        await exchange(client, GET)
        assert scopes[-1]["client"] == client.socket.getsockname()
        assert scopes[-1]["server"] == ("127.0.0.1", server.port)
        assert scopes[-1]["scheme"] == "http"


async def test_a_unix_socket(tmp_path: Path) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await ignore_body(scope, receive, send)

    path = str(tmp_path / "http.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    async with serving(app, listener), await trio.open_unix_socket(path) as client:
        assert (await exchange(client, GET)).status == 200
    assert (scopes[-1]["client"], scopes[-1]["server"]) == (None, (path, None))


class Transfer:
    """An application that hashes what it gets and gives what it was told to."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.body = bytes(range(256)) * (8 * MIB // 256)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            self.digest.update(message["body"])
            more = message["more_body"]
        headers = [(b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        view = memoryview(self.body)
        for start in range(0, len(view), 4 * MIB):  # more than a socket takes at once
            piece = view[start : start + 4 * MIB]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True])
async def test_large_bodies_both_ways(tls: bool, certificates: Certificates) -> None:
    app = Transfer()
    options = {"tls": certificates.server} if tls else {}
    async with serving(app, **options) as server, server.client() as plain:
        client: trio.abc.Stream = plain
        if tls:
            client = trio.SSLStream(plain, certificates.client, server_hostname="localhost")
        async with trio.open_nursery() as nursery:
            head = PUT + b"Content-Length: %d\r\n\r\n" % len(app.body)
            nursery.start_soon(client.send_all, head + app.body)
            [response] = await responses(client)
        assert response.body == app.body
        assert app.digest.digest() == hashlib.sha256(app.body).digest()


async def test_a_refused_upload_sees_its_response() -> None:
    """The client sends far more than any socket buffer holds before it looks for an answer."""
    limits = Limits(body_bytes_max=64 * MIB)
    async with serving(ignore_body, limits=limits) as server, server.client() as client:
        await client.send_all(PUT + b"Content-Length: %d\r\n\r\n" % (32 * MIB))
        await client.send_all(bytes(32 * MIB))
        [response] = await responses(client)
        assert response.status == 200
        assert response.header(b"connection") == b"close"
    async with serving(ignore_body) as server, server.client() as client:
        await client.send_all(PUT + b"Content-Length: 9999999999999999\r\n\r\n")
        await client.send_all(bytes(32 * MIB))
        assert [r.status for r in await responses(client)] == [413]


async def test_a_broken_response_is_a_reset() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        raise ValueError

    async with serving(app) as server, server.client() as client:
        await client.send_all(GET)
        with pytest.raises(trio.BrokenResourceError):
            await receive_all(client)
    assert [type(error) for error in server.errors] == [ValueError]


async def test_a_client_that_resets_in_its_upload_leaves_nothing() -> None:
    seen: list[str] = []
    done = trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            seen.append("body")
        seen.append(message["type"])
        done.set()

    async with serving(app) as server, server.client() as client:
        await client.send_all(PUT + b"Content-Length: 100\r\n\r\nhe")
        while not seen:
            await trio.sleep(0.001)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
        with trio.fail_after(5):
            await done.wait()
    assert seen == ["body", "http.disconnect"]
    assert not server.errors


# --- limits on connections ---


def test_a_limit_must_let_something_through() -> None:
    for limit in fields(Limits):
        if limit.name != "drain_bytes_max":
            with pytest.raises(ValueError, match=f"{limit.name} must be above zero"):
                Limits(**{limit.name: 0})
    assert Limits(drain_bytes_max=0)


async def test_beyond_the_limit_connections_wait() -> None:
    async with serving(echo, limits=Limits(connections_max=2)) as server:
        async with server.client() as first, server.client() as second:
            await exchange(first, GET)
            await exchange(second, GET)
            async with server.client() as third:
                await third.send_all(GET)
                await trio.testing.wait_all_tasks_blocked(0.01)
                with trio.move_on_after(0.02) as waiting:
                    await third.receive_some()
                assert waiting.cancelled_caught
                await first.aclose()
                assert [r.body for r in await responses(third)] == [b"GET /a "]


class ScarceListener(socket.socket):
    """A listener in a process that first has no descriptors left."""

    failures = 2

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


@pytest.mark.slow
async def test_running_out_of_descriptors_is_survived() -> None:
    listener = ScarceListener()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    async with serving(echo, listener) as server, server.client() as client:
        assert (await exchange(client, GET)).status == 200
    assert [error.errno for error in server.errors] == [errno.EMFILE] * 2  # type: ignore[attr-defined]


async def test_a_listener_that_is_shut_fails_the_server() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with pytest.RaisesGroup(
        pytest.RaisesExc(OSError, match="Invalid argument"), flatten_subgroups=True
    ):
        async with serving(echo, listener):
            await trio.testing.wait_all_tasks_blocked(0.01)
            listener.shutdown(socket.SHUT_RDWR)
            await trio.sleep_forever()


# --- stopping ---


async def test_stopping_lets_requests_finish_and_ends_the_rest() -> None:
    begun, finish = trio.Event(), trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            begun.set()
            await finish.wait()
        await ignore_body(scope, receive, send)

    async with serving(app) as server, server.client() as idle, server.client() as fresh:
        async with server.client() as busy:
            await exchange(idle, GET)
            await busy.send_all(GET.replace(b"/a", b"/slow") + GET)
            await begun.wait()
            server.stopping.set()
            with trio.fail_after(5):
                assert await idle.receive_some() == b""
                assert await fresh.receive_some() == b""
            with pytest.raises(OSError):
                await trio.open_tcp_stream("127.0.0.1", server.port)
            assert not server.stopped.is_set()
            finish.set()
            [response] = await responses(busy)
            assert response.body == b"fine"
            assert response.header(b"connection") == b"close"
            assert await busy.receive_some() == b""
            with trio.fail_after(5):
                await busy.aclose()
                await server.stopped.wait()
    assert not server.errors


async def test_a_client_that_has_begun_to_send_may_go_on() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    with theirs:
        theirs.send(b"PUT ")
        transport.stop_receiving()
        theirs.send(b"/a")
        assert await transport.receive(100) == b"PUT /a"
        transport.stop_receiving()
        assert await transport.receive(100) == b""
    await transport.aclose()


async def test_a_request_that_arrived_before_the_stop_is_answered() -> None:
    async with serving(echo) as server, server.client() as client:
        await exchange(client, GET)
        await client.send_all(GET)
        server.stopping.set()
        with trio.fail_after(5):
            data = await receive_all(client)
    assert data.endswith(b"\r\n\r\nGET /a ")


async def test_stopping_has_a_deadline() -> None:
    cancelled = trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with (
        serving(app, limits=Limits(stop_timeout_s=0.05)) as server,
        server.client() as client,
    ):
        await client.send_all(GET)
        await trio.testing.wait_all_tasks_blocked(0.01)
        server.stopping.set()
        with trio.fail_after(5):
            await server.stopped.wait()
        assert cancelled.is_set()
        with pytest.raises(trio.BrokenResourceError):
            await client.receive_some()


async def test_a_cancelled_server_leaves_nothing() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await serve(
                echo,
                [listener],
                world=real_world(),
                stopping=trio.Event(),
                on_error=lambda error, scope: None,
            )

        nursery.start_soon(run)
        async with await trio.open_tcp_stream("127.0.0.1", port) as client:
            await exchange(client, GET)
            nursery.cancel_scope.cancel()
    assert listener.fileno() < 0


# --- TLS ---


class Certificates:
    """A certificate authority, a server that it knows and a client that trusts it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        chain, key = folder / "chain.pem", folder / "key.pem"
        for index, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(chain, append=index > 0)
        issued.private_key_pem.write_to_path(key)
        self.server = tls_context(chain, key)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


async def test_tls(certificates: Certificates) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await echo(scope, receive, send)

    async with serving(app, tls=certificates.server) as server, server.client() as plain:
        async with trio.SSLStream(
            plain, certificates.client, server_hostname="localhost"
        ) as client:
            assert (await exchange(client, GET)).body == b"GET /a "
            body = b"Content-Length: 2\r\nConnection: close\r\n\r\nhi"
            assert (await exchange(client, PUT + body)).body == b"PUT /b hi"
            assert await client.receive_some() == b""  # with a goodbye, or this would raise
    assert {scope["scheme"] for scope in scopes} == {"https"}


async def test_idle_tls_connections_end_with_the_server(certificates: Certificates) -> None:
    async with serving(echo, tls=certificates.server) as server, server.client() as plain:
        client = trio.SSLStream(plain, certificates.client, server_hostname="localhost")
        await exchange(client, GET)
        server.stopping.set()
        with trio.fail_after(5):
            await server.stopped.wait()


async def test_a_client_that_speaks_no_tls_is_dropped(certificates: Certificates) -> None:
    async with serving(echo, tls=certificates.server) as server, server.client() as client:
        await client.send_all(GET)
        with trio.fail_after(5):
            assert b"HTTP" not in await receive_all(client)
    assert not server.errors


async def test_a_tls_handshake_has_a_deadline(certificates: Certificates) -> None:
    limits = Limits(tls_handshake_timeout_s=0.05)
    async with serving(echo, tls=certificates.server, limits=limits) as server:
        async with server.client() as client:
            with trio.fail_after(5):
                assert await client.receive_some() == b""


async def test_old_tls_is_refused(certificates: Certificates) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    async with serving(echo, tls=certificates.server) as server, server.client() as plain:
        with pytest.raises(trio.BrokenResourceError):
            await trio.SSLStream(plain, old).do_handshake()

    with pytest.RaisesGroup(
        pytest.RaisesExc(ValueError, match=r"TLS 1\.2"), flatten_subgroups=True
    ):
        async with serving(echo, tls=old):
            pass


# --- start-up and shutdown of the application ---


async def test_lifespan() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            seen.append((await receive())["type"])
            scope["state"]["answer"] = 42
            await send({"type": "lifespan.startup.complete"})
            seen.append((await receive())["type"])
            await send({"type": "lifespan.shutdown.complete"})
        else:
            seen.append(scope["state"])
            await ignore_body(scope, receive, send)

    async with serving(app, with_lifespan=True) as server, server.client() as client:
        await exchange(client, GET)
    assert seen == ["lifespan.startup", {"answer": 42}, "lifespan.shutdown"]
    assert not server.errors


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
async def test_a_lifespan_that_fails_fails_the_server(phase: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            result = "failed" if kind.endswith(phase) else "complete"
            await send({"type": f"{kind}.{result}", "message": "no disk"})

    with pytest.RaisesGroup(
        pytest.RaisesExc(ApplicationError, match=f"{phase} failed: no disk"), flatten_subgroups=True
    ):
        async with serving(app, with_lifespan=True):
            pass


async def test_an_application_without_a_lifespan_is_served_all_the_same() -> None:
    async with serving(ignore_body, with_lifespan=True) as server, server.client() as client:
        assert (await exchange(client, GET)).status == 200
    assert not server.errors

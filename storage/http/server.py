"""The server: accepts connections, serves an application on them, and stops gracefully."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import trio

from atoll.world import World
from storage.http.asgi import App
from storage.http.connection import Connection
from storage.http.lifespan import lifespan
from storage.http.limits import Limits
from storage.http.poller import Poller
from storage.http.service import OnError, OnResponse, Service
from storage.http.transport import SocketTransport, TlsTransport

_ACCEPT_BACK_OFF_S = 0.2
_LISTENER_SHUT = frozenset((errno.EINVAL, errno.EBADF))


async def serve(
    app: App,
    sockets: Sequence[socket.socket],
    *,
    world: World,
    stopping: trio.Event,
    on_error: OnError,
    on_response: OnResponse | None = None,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    with_lifespan: bool = False,
) -> None:
    """Serve an ASGI application until `stopping` is set and the requests under way are done.

    On cancel: every connection is reset and all sockets are closed.

    Args:
        app: the application.
        sockets: listening sockets, TCP or Unix; closed here, at the latest when stopping begins.
        world: clocks.
        stopping: set to stop: nothing more is accepted, idle connections end, others end with
            their request, and after `Limits.stop_timeout_s` those that are left are reset.
        on_error: gets the errors that are ours: the application's, and those of accepting.
        on_response: gets every response, see `OnResponse`.
        limits: what is granted to clients.
        tls: speak TLS with this, see `tls_context`.
        with_lifespan: whether the application has an ASGI start-up and shutdown.

    Raises:
        ValueError: `tls` allows less than TLS 1.2.
        ApplicationError: the application says that its start-up or shutdown failed.
        OSError: somebody shut a listening socket.
    """
    try:
        if tls is not None and tls.minimum_version < ssl.TLSVersion.TLSv1_2:
            raise ValueError("the TLS context must refuse what is older than TLS 1.2")
        service = Service(app, limits or Limits(), world.clock, on_error, on_response)
        server = _Server(service, tls)
        async with lifespan(app) if with_lifespan else nullcontext() as service.state:
            await server.run(sockets, stopping)
    finally:
        for listener in sockets:
            listener.close()


def tls_context(certificate_chain: Path, private_key: Path) -> ssl.SSLContext:
    """Return a server's TLS context: TLS 1.2 and up, HTTP/1.1.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: a file is not PEM, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate_chain, private_key)
    return context


class _Server:
    def __init__(self, service: Service, tls: ssl.SSLContext | None) -> None:
        self._service = service
        self._tls = tls
        self._poller = Poller()
        self._room = trio.Semaphore(service.limits.connections_max)

    async def run(self, sockets: Sequence[socket.socket], stopping: trio.Event) -> None:
        async with trio.open_nursery() as sweeping:
            sweeping.start_soon(self._service.sweeper.run)
            sweeping.start_soon(self._service.burst.run)
            sweeping.start_soon(self._poller.run)
            async with trio.open_nursery() as connections:
                async with trio.open_nursery() as accepting:
                    for listener in sockets:
                        listener.setblocking(False)
                        accepting.start_soon(self._accept, listener, connections)
                    await stopping.wait()
                    accepting.cancel_scope.cancel()
                for listener in sockets:
                    listener.close()
                self._service.stop()
                timeout_s = self._service.limits.stop_timeout_s
                connections.cancel_scope.deadline = trio.current_time() + timeout_s
            sweeping.cancel_scope.cancel()

    async def _accept(self, listener: socket.socket, connections: trio.Nursery) -> None:
        while True:
            await self._room.acquire()
            sock, address = await self._accept_one(listener)
            connections.start_soon(self._serve, sock, address)

    async def _accept_one(self, listener: socket.socket) -> tuple[socket.socket, Any]:
        while True:
            await trio.lowlevel.wait_readable(listener)
            try:
                return listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue  # another process of the shared socket was faster, or the client left
            except OSError as error:
                if error.errno in _LISTENER_SHUT:
                    raise
                # EMFILE and its like pass when connections end; accept also reports what befell
                # a client's network.
                self._service.on_error(error, None)
                await trio.sleep(_ACCEPT_BACK_OFF_S)

    async def _serve(self, sock: socket.socket, address: Any) -> None:
        try:
            with sock:
                sock.setblocking(False)
                transport: SocketTransport | None
                if self._tls is None:
                    transport = SocketTransport(sock, self._service.burst, self._poller)
                else:
                    transport = await self._shake_hands(sock, self._tls)
                if transport is not None:
                    await self._connection(sock, address, transport).run()
        finally:
            self._room.release()

    async def _shake_hands(
        self, sock: socket.socket, tls: ssl.SSLContext
    ) -> SocketTransport | None:
        """Do the TLS handshake; None if the client does not or is too slow."""
        plain = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        stream = trio.SSLStream(plain, tls, server_side=True)
        with trio.move_on_after(self._service.limits.tls_handshake_timeout_s):
            with suppress(trio.BrokenResourceError):
                await stream.do_handshake()
                return TlsTransport(sock, stream)
        return None

    def _connection(
        self, sock: socket.socket, address: Any, transport: SocketTransport
    ) -> Connection:
        local = sock.getsockname()
        unix = sock.family == socket.AF_UNIX
        return Connection(
            self._service,
            transport,
            client=None if unix else address[:2],
            server=(local, None) if unix else local[:2],
            scheme="http" if self._tls is None else "https",
        )

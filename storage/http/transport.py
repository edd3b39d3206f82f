"""How a connection's bytes move: over a plain socket, the fast path, or over TLS.

No other file calls a connected socket.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Protocol

import trio

from storage.http.burst import Burst
from storage.http.poller import Poller
from storage.http.response import Parts

TURN_BYTES = 1024 * 1024
"""How much may be received without a wait before other tasks get their turn."""

BURST_BYTES_MAX = 64 * 1024
"""The largest end of a response that is kept for a burst."""

_TLS_PIECE_BYTES = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Transport(Protocol):
    """A client's two byte streams.

    Every method that moves bytes raises OSError when the client is gone.

    Attributes:
        moved_bytes: how much has moved either way.
    """

    moved_bytes: int

    async def receive(self, bytes_max: int) -> bytes:
        """Return some bytes, none at the stream's end. On cancel: nothing was lost."""

    async def send(self, parts: Parts) -> None:
        """Send all parts. On cancel: an unknown piece of them was sent."""

    async def send_last(self, parts: Parts) -> None:
        """Take the end of a response, small enough to be kept, and send it soon.

        That it could not be sent shows at the next `receive`.
        """

    async def send_eof(self) -> None:
        """Tell the client that nothing more comes, where that can be said without closing."""

    def stop_receiving(self) -> None:
        """Let nothing in any more, and wake who waits; not where something has arrived already.

        A request that has begun is received to its end.
        """

    def abort(self) -> None:
        """Close, if open, such that the client cannot take it for a proper end."""

    async def aclose(self) -> None:
        """Close properly. On cancel: closed all the same."""


class SocketTransport:
    """A connected TCP or Unix socket.

    `send` is a checkpoint; `receive` is one unless more is known to be there, for at most
    `TURN_BYTES`; `send_last` is none, it hands the response to the server's burst.

    Args:
        sock: non-blocking.
        burst: of the server; without one, every response is sent at once.
        poller: of the server; without one, trio waits for the socket.

    Attributes:
        moved_bytes: how much has moved either way.
    """

    __slots__ = (
        "_burst",
        "_drained",
        "_finishing",
        "_handle",
        "_poller",
        "_sock",
        "_turn_ends_bytes",
        "_waiting",
        "moved_bytes",
    )

    def __init__(
        self, sock: socket.socket, burst: Burst | None = None, poller: Poller | None = None
    ) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.moved_bytes = 0
        self._sock = sock
        self._drained = True
        self._turn_ends_bytes = TURN_BYTES
        self._burst = burst
        self._waiting: Parts = []
        self._finishing: trio.Event | None = None
        self._handle = sock.fileno()
        self._poller = poller
        if poller is not None:
            poller.add(self._handle)

    async def receive(self, bytes_max: int) -> bytes:
        """Return some bytes, none at the stream's end."""
        while True:
            if self._drained:
                if self._poller is not None:
                    await self._poller.wait(self._handle)
                else:
                    await trio.lowlevel.wait_readable(self._sock)
                self._turn_ends_bytes = self.moved_bytes + TURN_BYTES
            elif self.moved_bytes > self._turn_ends_bytes:
                await trio.lowlevel.checkpoint()
                self._turn_ends_bytes = self.moved_bytes + TURN_BYTES
            try:
                data = self._sock.recv(bytes_max)
            except BlockingIOError:
                self._drained = True
            else:
                # A short read emptied the socket: to ask again at once would be a wasted call.
                self._drained = len(data) < bytes_max
                self.moved_bytes += len(data)
                return data

    async def send(self, parts: Parts) -> None:
        """Send all parts."""
        await trio.lowlevel.checkpoint()
        await self._drain()
        try:
            sent = self._sock.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        self.moved_bytes += sent
        if sent < sum(map(len, parts)):
            await self._send_rest(parts, sent)

    async def send_last(self, parts: Parts) -> None:
        """Have the end of a response sent in the next burst."""
        burst = self._burst
        if burst is None or sum(map(len, parts)) > BURST_BYTES_MAX:
            await self.send(parts)
            return
        if self._finishing is not None:
            await self._finishing.wait()
        if not self._waiting:
            burst.add(self)
        self._waiting += parts

    def flush(self) -> bool:
        """Send what waits as far as it goes; tell whether that was all."""
        parts, self._waiting = self._waiting, []
        if not parts:
            return True
        try:
            sent = self._sock.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        except OSError:
            return True  # the client is gone; whoever receives from it is told
        self.moved_bytes += sent
        if sent == sum(map(len, parts)):
            return True
        self._waiting = [b"".join(parts)[sent:]]
        self._finishing = trio.Event()
        return False

    async def finish(self) -> None:
        """Send the rest of what waits."""
        finishing = self._finishing
        parts, self._waiting = self._waiting, []
        try:
            with suppress(OSError, trio.ClosedResourceError):
                await self._send_rest(parts, 0)
        finally:
            self._finishing = None
            if finishing is not None:
                finishing.set()

    async def _drain(self) -> None:
        """See that what waits is sent before anything else is."""
        if self._finishing is None and not self.flush():
            await self.finish()
        elif self._finishing is not None:
            await self._finishing.wait()

    async def send_eof(self) -> None:
        """Shut down the sending side."""
        await self._drain()
        self._sock.shutdown(socket.SHUT_WR)
        await trio.lowlevel.checkpoint()

    def stop_receiving(self) -> None:
        """Shut down the receiving side of a silent client; it wakes who waits."""
        with suppress(OSError):
            try:
                self._sock.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                self._sock.shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """Reset the connection."""
        if self._sock.fileno() >= 0:
            with suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._close()

    async def aclose(self) -> None:
        """Close; the kernel goes on sending what it took."""
        try:
            await self._drain()
        finally:
            self._close()
        await trio.lowlevel.checkpoint()

    def _close(self) -> None:
        if self._poller is not None:
            self._poller.forget(self._handle)
            self._poller = None
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()

    async def _send_rest(self, parts: Parts, sent: int) -> None:
        for part in parts:
            rest = memoryview(part)[sent:]
            sent = max(0, sent - len(part))
            while rest:
                await trio.lowlevel.wait_writable(self._sock)
                with suppress(BlockingIOError):
                    moved = self._sock.send(rest)
                    self.moved_bytes += moved
                    rest = rest[moved:]


class TlsTransport(SocketTransport):
    """A TLS connection whose handshake is done.

    Attributes:
        moved_bytes: how much has moved either way, decrypted.
    """

    __slots__ = ("_stream",)

    def __init__(self, sock: socket.socket, stream: trio.SSLStream[trio.SocketStream]) -> None:
        super().__init__(sock)
        self._stream = stream

    async def receive(self, bytes_max: int) -> bytes:
        """Return some bytes, none at the stream's end."""
        try:
            data = bytes(await self._stream.receive_some(bytes_max))
        except trio.BrokenResourceError as error:
            raise ConnectionResetError(f"TLS: {error.__cause__}") from error
        self.moved_bytes += len(data)
        return data

    async def send(self, parts: Parts) -> None:
        """Send all parts, small ones as one record."""
        if sum(map(len, parts)) <= _TLS_PIECE_BYTES:
            parts = [b"".join(parts)]
        try:
            for part in parts:
                whole = memoryview(part)
                for start in range(0, len(whole), _TLS_PIECE_BYTES):
                    piece = whole[start : start + _TLS_PIECE_BYTES]
                    await self._stream.send_all(piece)
                    self.moved_bytes += len(piece)
        except trio.BrokenResourceError as error:
            raise ConnectionResetError(f"TLS: {error.__cause__}") from error

    async def send_last(self, parts: Parts) -> None:
        """Send the end of a response."""
        await self.send(parts)

    async def send_eof(self) -> None:
        """Do nothing: TLS as trio speaks it cannot be half closed."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Say goodbye in TLS and close."""
        with suppress(trio.BrokenResourceError):
            await self._stream.aclose()

"""One client's wire: requests and bodies come in, responses go out, and patience runs out."""

from __future__ import annotations

from math import inf

import trio

from storage.http.deadlines import Patience
from storage.http.errors import ClientDisconnectedError, ProtocolError
from storage.http.head import Request
from storage.http.limits import Limits
from storage.http.parser import RequestParser
from storage.http.response import Parts
from storage.http.transport import Transport

_RECEIVE_BYTES = 64 * 1024
"""For heads and chunks; bounds what a client can pipeline, and what one decoding step takes."""


class Wire:
    """A transport, the parser of what comes in, and the watch over the client's pace.

    Attributes:
        parser: the requests out of what was received.
        scope: cancelled when the client is overdue.
        expired: whether it was.
        broken: whether something could not be sent whole, so that nothing can follow it.
        idle: whether the client owes nothing: it waits for no response and has begun no request.
    """

    __slots__ = (
        "_idle_timeout_s",
        "_limits",
        "_moved_bytes_seen",
        "_patience",
        "_request_left_s",
        "_transfers",
        "_transport",
        "broken",
        "expired",
        "idle",
        "parser",
        "scope",
    )

    def __init__(self, transport: Transport, limits: Limits) -> None:
        self.parser = RequestParser(limits)
        self.scope = trio.CancelScope()
        self.expired = False
        self.broken = False
        self.idle = False
        self._transport = transport
        self._limits = limits
        self._idle_timeout_s = limits.head_timeout_s  # a new connection has something to say
        self._request_left_s = inf
        self._transfers = 0
        self._moved_bytes_seen = 0
        self._patience = Patience(limits.stall_timeout_s, limits.transfer_bytes_per_s_min)

    def tick(self, interval_s: float) -> None:
        """Book that time has passed; cancel the scope of a client that is overdue."""
        moved_bytes = self._transport.moved_bytes
        self._request_left_s -= interval_s
        if self._request_left_s < 0 or (
            self._transfers
            and not self._patience.wait(interval_s, moved_bytes - self._moved_bytes_seen)
        ):
            self.expired = True
            self.scope.cancel()
        self._moved_bytes_seen = moved_bytes

    async def next_request(self) -> Request | None:
        """Wait for the next request; None if the client sends none any more.

        On cancel: what was received is kept.

        Raises:
            ProtocolError: what came is not a request that can be served.
        """
        parser = self.parser
        limits = self._limits
        self._patience.renew()
        if parser.buffered_bytes:
            request = parser.next_request()
            if request is not None:
                return request  # others had their turn when the last response was sent
        self.idle = not parser.buffered_bytes
        self._request_left_s = self._idle_timeout_s if self.idle else limits.head_timeout_s
        self._idle_timeout_s = limits.idle_timeout_s
        try:
            while True:
                data = await self._transport.receive(_RECEIVE_BYTES)
                if not data:
                    break
                parser.feed(data)
                request = parser.next_request()
                if request is not None:
                    return request
                if self.idle and parser.buffered_bytes:
                    self.idle = False
                    self._request_left_s = limits.head_timeout_s
        except OSError:
            return None
        finally:
            self.idle = False
            self._request_left_s = inf
        if parser.buffered_bytes:
            raise ProtocolError(400, "the request ended within its head")
        return None

    async def next_body(self) -> bytes:
        """Wait for the next bytes of the body; none if it is done.

        On cancel: what was received is kept.

        Raises:
            ProtocolError: the body is malformed, too large, or cut off.
        """
        parser = self.parser
        piece = parser.next_body()
        while not piece and not parser.body_done:
            left = parser.body_bytes_left
            size = _RECEIVE_BYTES if left is None else min(left, self._limits.receive_bytes)
            self._transfers += 1
            try:
                data = await self._transport.receive(size)
            except OSError:
                data = b""
            finally:
                self._transfers -= 1
            if not data:
                raise ProtocolError(400, "the body ended before its end was due")
            parser.feed(data)
            piece = parser.next_body()
        return piece

    async def wait_gone(self) -> None:
        """Wait until the client is gone or says that it sends nothing more.

        What arrives meanwhile is kept for the next request; once that is much, the client is no
        longer listened to and only a cancel ends the wait.
        """
        try:
            while self.parser.buffered_bytes < _RECEIVE_BYTES:
                data = await self._transport.receive(_RECEIVE_BYTES)
                if not data:
                    return
                self.parser.feed(data)
        except OSError:
            return
        await trio.sleep_forever()

    async def send(self, parts: Parts, *, last: bool = False) -> None:
        """Send all parts. On cancel: an unknown piece of them was sent, the wire is broken.

        Args:
            parts: of a response.
            last: they end it; they may then be sent a little later, with others.

        Raises:
            ClientDisconnectedError: the client is gone.
        """
        self._transfers += 1
        sent = False
        try:
            await (self._transport.send_last if last else self._transport.send)(parts)
            sent = True
        except OSError as error:
            raise ClientDisconnectedError("the client is gone") from error
        finally:
            self._transfers -= 1
            if not sent:
                self.broken = True

    def stop_if_idle(self) -> None:
        """Take no new request from a client that has begun none."""
        if self.idle:
            self._transport.stop_receiving()

    async def linger(self) -> None:
        """End the sending side and read until the client ends its own (RFC 9112 section 9.6).

        Closed at once instead, unread bytes would make the kernel reset the connection, and the
        client could lose the response that tells it why.
        """
        try:
            await self._transport.send_eof()
            while await self._transport.receive(self._limits.receive_bytes):
                pass
        except OSError:
            return

"""One request and its response: the application's `receive` and `send`, and what it owes."""

from __future__ import annotations

from enum import Enum, auto

import trio

from storage.http.asgi import Message, Scope
from storage.http.errors import ApplicationError, ClientDisconnectedError, ProtocolError
from storage.http.head import Request
from storage.http.response import CONTINUE, ResponseFramer
from storage.http.service import Service
from storage.http.wire import Wire


class Ending(Enum):
    """How a connection goes on after an exchange."""

    KEEP = auto()
    CLOSE = auto()
    LINGER = auto()
    """Close, but first read on for a while: the client may still be sending."""
    ABORT = auto()
    """Close such that the client cannot take what it got for a whole response."""


class Exchange:
    """Runs the application on one request.

    A client that breaks the protocol within the body, or goes away, is seen by the application as
    disconnected; the server then answers for it.
    """

    _body_delivered = False
    _fault: ProtocolError | None = None
    _disconnect_wait: trio.CancelScope | None = None
    _started_s = 0.0

    def __init__(self, service: Service, wire: Wire, request: Request, scope: Scope) -> None:
        self._service = service
        self._wire = wire
        self._request = request
        self._scope = scope
        self._framer = ResponseFramer(
            request.method,
            request.http_version,
            service.date,
            says_keep_alive=request.says_keep_alive,
        )
        self._continue_due = request.expects_continue
        if service.on_response is not None:
            self._started_s = service.clock.monotonic_s()

    async def run(self) -> Ending:
        """Run the application to its end and see to it that the client gets an answer.

        On cancel: the response ends where it is; it can be refused if it has not begun.

        Raises:
            ClientDisconnectedError: there was nobody to answer to.
        """
        try:
            await self._service.app(self._scope, self.receive, self.send)
            if not self._framer.complete and not self._gone:
                raise ApplicationError("the application left its response incomplete")
        except Exception as error:
            ours = _without_disconnects(error)
            if ours is not None:
                self._service.on_error(ours, self._scope)
        framer = self._framer
        if framer.complete and not self._gone:
            return await self._after_response()
        return await self.refuse(self._fault or ProtocolError(500, "Internal Error"))

    async def refuse(self, fault: ProtocolError) -> Ending:
        """Answer in the application's place, unless its response has begun.

        Raises:
            ClientDisconnectedError: there is nobody to answer to.
        """
        if self._framer.head_sent:
            whole = self._framer.complete and not self._wire.broken
            return Ending.CLOSE if whole else Ending.ABORT
        await self._wire.send(self._framer.refuse(fault))
        return Ending.LINGER

    def report(self) -> None:
        """Tell who listens how it went."""
        if self._service.on_response is not None:
            framer = self._framer
            self._service.on_response(
                self._scope,
                framer.status if framer.head_sent else 0,
                framer.body_bytes,
                self._wire.parser.body_bytes,
                self._service.clock.monotonic_s() - self._started_s,
            )

    async def receive(self) -> Message:
        """Return the next piece of the body; after its end, wait for the client's disconnect.

        The wait also ends with the response. On cancel: nothing was lost.
        """
        if self._body_delivered or self._gone:
            await self._wait_disconnected()
            return {"type": "http.disconnect"}
        try:
            if self._continue_due:
                await self._send_continue()
            parser = self._wire.parser
            piece = b"" if parser.body_done else await self._wire.next_body()
        except ProtocolError as fault:
            self._fault = fault
            return {"type": "http.disconnect"}
        except ClientDisconnectedError:
            return {"type": "http.disconnect"}
        self._body_delivered = parser.body_done
        return {"type": "http.request", "body": piece, "more_body": not parser.body_done}

    async def send(self, message: Message) -> None:
        """Take a part of the response; the buffers in it are free again when this returns.

        On cancel: an unknown piece was sent; the response cannot be completed.

        Raises:
            ClientDisconnectedError: there is nobody to send it to.
            ApplicationError: it does not fit what was sent before.
        """
        if self._gone:
            raise ClientDisconnectedError("the client is gone")
        framer = self._framer
        kind = message["type"]
        if kind == "http.response.body":
            parts = framer.body(
                message.get("body", b""),
                more=message.get("more_body", False),
                keep_alive=framer.head_sent or self._can_keep_alive(),
            )
            if parts:
                await self._wire.send(parts, last=framer.complete)
            if framer.complete and self._disconnect_wait is not None:
                self._disconnect_wait.cancel()
        elif kind == "http.response.start":
            framer.start(message["status"], message.get("headers", ()))
        else:
            raise ApplicationError(f"{kind!r} is not a message of a response")

    @property
    def _gone(self) -> bool:
        """Whether the client is not there any more, or not understood."""
        return self._fault is not None or self._wire.broken

    def _can_keep_alive(self) -> bool:
        """Return whether the connection could carry another request after this response."""
        if not self._request.keep_alive or self._service.stopping:
            return False
        # A client that was not told to continue may send its body or the next request: no one
        # can tell which (RFC 9110 section 10.1.1). Where the body is empty there is no doubt, but
        # botocore would misread the next response (its connection keeps this status line).
        if self._continue_due:
            return False
        parser = self._wire.parser
        if parser.body_done:
            return True
        left = parser.body_bytes_left
        if left is None:
            return False
        return left <= self._service.limits.drain_bytes_max

    async def _send_continue(self) -> None:
        """Tell the client to send its body, unless it does already."""
        self._continue_due = False
        if not self._framer.head_sent and not self._wire.parser.buffered_bytes:
            await self._wire.send([CONTINUE])

    async def _wait_disconnected(self) -> None:
        if not self._gone and not self._framer.complete:
            with trio.CancelScope() as self._disconnect_wait:
                await self._wire.wait_gone()
            self._disconnect_wait = None

    async def _after_response(self) -> Ending:
        parser = self._wire.parser
        if self._framer.keep_alive and (parser.body_done or await self._drain()):
            return Ending.KEEP
        unread = parser.buffered_bytes or not parser.body_done
        return Ending.LINGER if unread else Ending.CLOSE

    async def _drain(self) -> bool:
        """Drop what is left of the body; return whether it ended as it should."""
        try:
            while not self._wire.parser.body_done:
                await self._wire.next_body()
        except ProtocolError:
            return False
        return True


def _without_disconnects(error: Exception) -> Exception | None:
    """Return what is left of an error when the client's going away is no error."""
    if isinstance(error, ExceptionGroup):
        return error.split(ClientDisconnectedError)[1]
    return None if isinstance(error, ClientDisconnectedError) else error

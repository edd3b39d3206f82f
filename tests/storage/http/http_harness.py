"""A client and a server's connection in one process, without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import trio
from httptools import HttpResponseParser

from storage.http import App, Limits, Receive, Scope, Send
from storage.http.connection import Connection
from storage.http.errors import ProtocolError
from storage.http.parser import RequestParser
from storage.http.response import Parts
from storage.http.service import Service

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class FixedClock:
    """A wall that shows one time; the monotonic time is trio's."""

    def wall_ns(self) -> int:
        return 784_111_777_000_000_000  # RFC 9110's example: Sun, 06 Nov 1994 08:49:37 GMT

    def monotonic_s(self) -> float:
        return trio.current_time()


class MemoryTransport:
    """Two pipes; the one to the client holds as much as a socket's buffer would."""

    def __init__(self, capacity_bytes: int = 64 * 1024) -> None:
        self.moved_bytes = 0
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.incoming_ended = False
        self.outgoing_ended = False
        self.aborted = False
        self.reset_by_client = False
        self.capacity_bytes = capacity_bytes
        self._changed = trio.lowlevel.ParkingLot()

    def changed(self) -> None:
        self._changed.unpark_all()

    async def until(self, condition: Callable[[], object]) -> None:
        await trio.lowlevel.checkpoint()
        while not condition():
            await self._changed.park()

    async def receive(self, bytes_max: int) -> bytes:
        await self.until(lambda: self.incoming or self.incoming_ended or self.reset_by_client)
        if self.reset_by_client:
            raise ConnectionResetError("reset by the client")
        data = bytes(self.incoming[:bytes_max])
        del self.incoming[:bytes_max]
        self.moved_bytes += len(data)
        return data

    async def send(self, parts: Parts) -> None:
        for part in parts:
            rest = memoryview(part)
            while rest:
                await self.until(
                    lambda: len(self.outgoing) < self.capacity_bytes or self.reset_by_client
                )
                if self.reset_by_client or self.outgoing_ended:
                    raise BrokenPipeError("the client is gone")
                room = self.capacity_bytes - len(self.outgoing)
                self.outgoing += rest[:room]
                self.moved_bytes += min(room, len(rest))
                rest = rest[room:]
                self.changed()

    async def send_last(self, parts: Parts) -> None:
        await self.send(parts)

    async def send_eof(self) -> None:
        self.outgoing_ended = True
        self.changed()
        await trio.lowlevel.checkpoint()

    def stop_receiving(self) -> None:
        self.incoming_ended = True
        self.changed()

    def abort(self) -> None:
        if not self.outgoing_ended:
            self.aborted = True
        self.outgoing_ended = True
        self.changed()

    async def aclose(self) -> None:
        self.outgoing_ended = True
        self.changed()
        await trio.lowlevel.checkpoint()


@dataclass
class Response:
    """A response as llhttp, which did not write it, understands it."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False

    def header(self, name: bytes) -> bytes | None:
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) <= 1, f"{name!r} is repeated"
        return values[0] if values else None


class ResponseReader:
    """Takes responses one by one off a stream of bytes."""

    def __init__(self) -> None:
        self.finished: list[Response] = []
        self._current = Response()
        self._parser = HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._current.headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        self._current.body += data

    def on_message_complete(self) -> None:
        self._current.status = self._parser.get_status_code()
        self._current.complete = True
        self.finished.append(self._current)
        self._current = Response()

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)


class Client:
    """What a test holds: the other end of the connection."""

    def __init__(self, transport: MemoryTransport, service: Service) -> None:
        self.transport = transport
        self.service = service
        self.errors: list[Exception] = []
        self.reports: list[tuple[Any, ...]] = []
        self.ended = trio.Event()

    def send(self, data: bytes) -> None:
        self.transport.incoming += data
        self.transport.changed()

    def send_eof(self) -> None:
        self.transport.incoming_ended = True
        self.transport.changed()

    def reset(self) -> None:
        self.transport.reset_by_client = True
        self.transport.changed()

    async def receive_until(self, mark: bytes) -> bytes:
        """Wait until the mark was received; return and take all up to its end."""
        outgoing = self.transport.outgoing
        await self.transport.until(lambda: mark in outgoing or self.transport.outgoing_ended)
        assert mark in outgoing, f"{mark!r} did not come, but {bytes(outgoing)!r}"
        end = outgoing.index(mark) + len(mark)
        data = bytes(outgoing[:end])
        del outgoing[:end]
        self.transport.changed()
        return data

    async def receive_all(self) -> bytes:
        """Read until the server ends the stream."""
        data = b""
        while True:
            await self.transport.until(
                lambda: self.transport.outgoing or self.transport.outgoing_ended
            )
            if not self.transport.outgoing:
                return data
            data += bytes(self.transport.outgoing)
            self.transport.outgoing.clear()
            self.transport.changed()

    async def responses(self, count: int = 1) -> list[Response]:
        """Wait for so many whole responses (none of them to HEAD)."""
        reader = ResponseReader()
        while len(reader.finished) < count:
            await self.transport.until(
                lambda: self.transport.outgoing or self.transport.outgoing_ended
            )
            assert self.transport.outgoing, "the connection ended before the response did"
            reader.feed(bytes(self.transport.outgoing))
            self.transport.outgoing.clear()
            self.transport.changed()
        return reader.finished

    async def response(self) -> Response:
        [response] = await self.responses()
        return response


@asynccontextmanager
async def connected(
    app: App, limits: Limits | None = None, *, capacity_bytes: int = 64 * 1024
) -> AsyncIterator[Client]:
    """Serve an application to one client; check at the end that nothing is left."""
    transport = MemoryTransport(capacity_bytes)
    service = Service(app, limits or Limits(), FixedClock(), lambda *_: None)
    client = Client(transport, service)
    service.on_error = lambda error, scope: client.errors.append(error)
    service.on_response = lambda *report: client.reports.append(report)
    connection = Connection(
        service, transport, client=("127.0.0.1", 1), server=("127.0.0.1", 2), scheme="http"
    )

    async def run() -> None:
        await connection.run()
        client.ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.sweeper.run)
        nursery.start_soon(run)
        yield client
        client.send_eof()
        transport.capacity_bytes = 1 << 40
        transport.changed()
        await client.ended.wait()
        assert not service.connections
        assert not service.sweeper.watched_count
        nursery.cancel_scope.cancel()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the method, the path and the body."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    answer = b"%b %b %b" % (scope["method"].encode(), scope["raw_path"], body)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer})


async def ignore_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


Outcome = list[tuple[Any, ...]]


def parse(data: bytes, cuts: list[int] | None = None, limits: Limits | None = None) -> Outcome:
    """Feed the bytes, cut at the given places; return the requests with their bodies.

    The last entry is ("refused", status) or ("incomplete",) if the bytes end so.
    """
    parser = RequestParser(limits or Limits())
    edges = [0, *sorted(cuts or []), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    outcome: Outcome = []
    body: bytearray | None = None
    request = None
    try:
        for piece in pieces:
            parser.feed(piece)
            while True:
                if body is None:
                    request = parser.next_request()
                    if request is None:
                        break
                    body = bytearray()
                while not parser.body_done and (part := parser.next_body()):
                    body += part
                if not parser.body_done:
                    break
                outcome.append((request, bytes(body)))
                body = None
    except ProtocolError as error:
        return [*outcome, ("refused", error.status)]
    if body is not None or parser.buffered_bytes:
        outcome.append(("incomplete",))
    return outcome

"""Bytes out of ASGI response messages, without I/O (RFC 9112 sections 4 to 7; RFC 9110)."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TypeAlias

from typing_extensions import Buffer

from atoll.world import Clock
from storage.http.errors import ApplicationError, ProtocolError

Parts: TypeAlias = list[bytes | memoryview]
"""Buffers to send one after the other, none of them empty."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_NS_PER_S = 1_000_000_000
HEADER_SETS_KNOWN_MAX = 256
_LAST_CHUNK = b"0\r\n\r\n"
_STATUS_LINES = {s.value: b"HTTP/1.1 %d %b" % (s, s.phrase.encode()) for s in HTTPStatus}
_SPECIAL_NAMES = frozenset((b"content-length", b"transfer-encoding", b"connection", b"date"))


class DateLine:
    """The Date header's line, written once a second."""

    __slots__ = ("_clock", "_line", "_second")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        """Return "date: …" for now."""
        second = self._clock.wall_ns() // _NS_PER_S
        if second != self._second:
            self._second = second
            self._line = b"date: %b" % formatdate(second, usegmt=True).encode("ascii")
        return self._line


class ResponseFramer:
    """One response: `start` once, then `body` until `complete`.

    The body is framed by the length that the application declares; else by the length of a body
    that comes in one piece; else by chunks; else, towards HTTP/1.0, by the connection's end.

    Args:
        method: of the request.
        http_version: of the request.
        date: today's Date header.
        says_keep_alive: whether the client asked in words to keep the connection; it is then
            told in words, as some clients expect. HTTP/1.0 always is.

    Attributes:
        status: the status code; 0 before `start`.
        head_sent: whether the head has been handed out.
        complete: whether the response has been handed out to its end.
        keep_alive: whether the connection can carry another request after it; settled with the
            head.
        body_bytes: how much of the body has been handed out, without its framing.
    """

    status = 0
    head_sent = False
    complete = False
    keep_alive = True
    body_bytes = 0
    _headers: Iterable[tuple[bytes, bytes]] = ()
    _length: int | None = None
    _chunked = False

    def __init__(
        self, method: str, http_version: str, date: DateLine, *, says_keep_alive: bool = False
    ) -> None:
        self._bodiless = self._head_only = method == "HEAD"
        self._http_1_0 = http_version == "1.0"
        self._says_keep_alive = says_keep_alive or self._http_1_0
        self._date = date

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Take the head; it is handed out with the first body.

        Raises:
            ApplicationError: there is a head already, or the status cannot be a final one.
        """
        if self.status:
            raise ApplicationError("the response was started twice")
        if not 200 <= status <= 999:
            raise ApplicationError(f"{status} cannot be the status of a final response")
        self.status = status
        self._headers = headers
        self._bodiless = self._head_only or status == 204 or status == 304

    def body(self, body: Buffer, *, more: bool, keep_alive: bool) -> Parts:
        """Return what to send for the next piece of the body, which is never copied.

        Args:
            body: may be empty; dropped where the response has no body (HEAD, 204, 304).
            more: whether more of the body comes.
            keep_alive: whether the connection may be kept; read with the first piece.

        Raises:
            ApplicationError: the response was not started or is complete, its head is malformed,
                or the body is longer or shorter than declared. Nothing of it may be sent.
        """
        if not self.status or self.complete:
            raise ApplicationError("a body without a response to belong to")
        if type(body) is not bytes:
            body = memoryview(body).cast("B")
        parts: Parts = []
        if not self.head_sent:
            parts.append(self._head(None if more else len(body), keep_alive))
        if not self._bodiless:
            self._count(len(body), more)
            if self._chunked:
                _add_chunk(parts, body, last=not more)
            elif body:
                parts.append(body)
        self.head_sent = True
        self.complete = not more
        return parts

    def refuse(self, fault: ProtocolError) -> Parts:
        """Return a whole response for a fault, in place of one whose head was not handed out."""
        self.status = 0
        self.body_bytes = 0
        self._length = None
        self.start(fault.status, [(b"content-type", b"text/plain; charset=utf-8")])
        return self.body(f"{fault.reason}\n".encode(), more=False, keep_alive=False)

    def _head(self, whole_body_bytes: int | None, keep_alive: bool) -> bytes:
        """Encode the head; the size of the body is known if it has come whole."""
        lines = [_STATUS_LINES.get(self.status) or b"HTTP/1.1 %d " % self.status]
        headers = list(self._headers)
        dated = False
        for place, name in _special_names(tuple([header[0] for header in headers])):
            value = headers[place][1]
            if name == b"date":
                dated = True
                continue
            if name == b"content-length":
                self._declare_length(value)
            elif name == b"connection":
                keep_alive = keep_alive and b"close" not in value.lower()
            del headers[place]
        lines += map(b": ".join, headers)
        if not dated:
            lines.append(self._date.line())

        if self._length is None and not self._bodiless:
            self._length = whole_body_bytes
            self._chunked = whole_body_bytes is None and not self._http_1_0
        if self._length is not None:
            lines.append(b"content-length: %d" % self._length)
        elif self._chunked:
            lines.append(b"transfer-encoding: chunked")
        elif not self._bodiless:
            keep_alive = False
        self.keep_alive = keep_alive
        if not keep_alive:
            lines.append(b"connection: close")
        elif self._says_keep_alive:
            lines.append(b"connection: keep-alive")
        lines += (b"", b"")

        head = b"\r\n".join(lines)
        line_end_bytes = len(head) - len(head.translate(None, b"\r\n\0"))
        if line_end_bytes != 2 * (len(lines) - 1):
            raise ApplicationError("a response header contains CR, LF or NUL")
        return head

    def _declare_length(self, value: bytes) -> None:
        if self._length is not None or not value.isdigit():
            raise ApplicationError("the response's Content-Length is repeated or not a number")
        self._length = int(value)

    def _count(self, size_bytes: int, more: bool) -> None:
        self.body_bytes += size_bytes
        if self._length is not None:
            if self.body_bytes > self._length:
                raise ApplicationError(f"the body is longer than its {self._length} bytes")
            if not more and self.body_bytes < self._length:
                raise ApplicationError(f"the body ended before its {self._length} bytes")


@lru_cache(maxsize=HEADER_SETS_KNOWN_MAX)
def _special_names(names: tuple[bytes, ...]) -> tuple[tuple[int, bytes], ...]:
    """Return places and names of the headers that are ours to write, from the last to the first.

    An application sends few different sets of headers, so this is looked up rather than found.
    """
    lowered = [(place, name.lower()) for place, name in enumerate(names)]
    return tuple(one for one in reversed(lowered) if one[1] in _SPECIAL_NAMES)


def _add_chunk(parts: Parts, body: bytes | memoryview, *, last: bool) -> None:
    if body:
        parts += (b"%x\r\n" % len(body), body, b"\r\n" + _LAST_CHUNK if last else b"\r\n")
    elif last:
        parts.append(_LAST_CHUNK)

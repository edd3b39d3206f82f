"""The requests of a connection out of its bytes, without I/O.

A head is collected whole before it is judged, so where the network happened to split it cannot
matter. A body with a declared length is counted and handed through, not copied. Nothing beyond
the current request is ever looked at: pipelined requests wait as bytes.
"""

from __future__ import annotations

from storage.http.chunked import ChunkDecoder
from storage.http.head import (
    Request,
    check_partial_head,
    parse_again,
    parse_head,
    parse_plain,
)
from storage.http.limits import Limits


class RequestParser:
    """The requests of one connection, one after the other.

    Feed it what was received; ask for the next request; ask for its body until `body_done`; then
    for the next request. After a `ProtocolError` the rest of the bytes has no meaning.

    Attributes:
        body_done: whether the current request's body has been handed out to its end.
        body_bytes: how much of it has been handed out.
    """

    __slots__ = (
        "_body_bytes_left",
        "_checked_bytes",
        "_chunks",
        "_data",
        "_earlier",
        "_earlier_lines",
        "_limits",
        "_position",
        "body_bytes",
        "body_done",
    )

    def __init__(self, limits: Limits) -> None:
        self.body_done = True
        self.body_bytes = 0
        self._limits = limits
        self._data = b""
        self._position = 0
        self._checked_bytes = 0
        self._body_bytes_left = 0
        self._chunks: ChunkDecoder | None = None
        self._earlier: Request | None = None
        self._earlier_lines = b""

    @property
    def buffered_bytes(self) -> int:
        """How many received bytes have not been handed out."""
        return len(self._data) - self._position

    @property
    def body_bytes_left(self) -> int | None:
        """How much of the current body has not been handed out; None if it does not say."""
        return self._body_bytes_left if self._chunks is None else None

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        if self._position < len(self._data):
            data = self._data[self._position :] + data
        self._data = data
        self._position = 0

    def next_request(self) -> Request | None:
        """Return the next request, or None if more must be received first.

        Raises:
            ProtocolError: what came is not a request that can be served.
        """
        data = self._data
        start = self._position
        while data.startswith(b"\r\n", start):  # as RFC 9112 section 2.2 asks
            start += 2
        checked = self._checked_bytes
        end = data.find(b"\r\n\r\n", start + max(0, checked - 3)) + 4
        if end < 4:
            head = data[start:]
            check_partial_head(head, self._limits, checked)
            self._position = start
            self._checked_bytes = len(head)
            return None
        request = self._parse(data[start:end])
        self._position = end
        self._checked_bytes = 0
        self.body_bytes = 0
        length = request.content_length
        self.body_done = length == 0
        self._body_bytes_left = length or 0
        self._chunks = ChunkDecoder(self._limits) if length is None else None
        return request

    def _parse(self, head: bytes) -> Request:
        line_end = head.find(b"\r\n")
        line, lines = head[:line_end], head[line_end:]
        if lines == self._earlier_lines and self._earlier is not None:
            request = parse_again(line, self._earlier, self._limits)
            if request is not None and len(head) <= self._limits.header_bytes_max:
                return request
        request = parse_plain(line, lines, self._limits)
        if request is not None:
            self._earlier = request
        else:
            request = parse_head(head, self._limits)
            is_plain = parse_again(line, request, self._limits) == request
            self._earlier = request if is_plain else None
        self._earlier_lines = lines
        return request

    def next_body(self) -> bytes:
        """Return the next bytes of the body; none if more must be received or it is done.

        Raises:
            ProtocolError: the body is malformed or too large.
        """
        if self._chunks is not None:
            piece, self._position = self._chunks.decode(self._data, self._position)
            self.body_done = self._chunks.done
        else:
            end = self._position + self._body_bytes_left
            is_whole = self._position == 0 and end >= len(self._data)
            piece = self._data if is_whole else self._data[self._position : end]
            self._position += len(piece)
            self._body_bytes_left -= len(piece)
            self.body_done = not self._body_bytes_left
        if self._position == len(self._data):
            self._data = b""  # a large piece must live no longer than its reader needs it
            self._position = 0
        self.body_bytes += len(piece)
        return piece

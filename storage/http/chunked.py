"""The chunked transfer coding of request bodies, without I/O (RFC 9112 section 7.1).

Stricter than the RFC asks: no bare LF, no white space around a size but before an extension, and
a bound on extensions and trailers, both of which are read and dropped.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from storage.http.errors import ProtocolError
from storage.http.limits import Limits

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;" + _TEXT + rb")?")
_TRAILER_LINE = re.compile(_TOKEN + rb":" + _TEXT)


class _Line(Enum):
    """What the next line of the coding is."""

    SIZE = auto()
    CHUNK_END = auto()
    TRAILER = auto()


class ChunkDecoder:
    """Takes a chunked body apart.

    Attributes:
        done: whether the body and its trailers have ended.
    """

    __slots__ = ("_body_bytes", "_chunk_bytes_left", "_limits", "_line", "_trailer_bytes", "done")

    def __init__(self, limits: Limits) -> None:
        self.done = False
        self._limits = limits
        self._line = _Line.SIZE
        self._chunk_bytes_left = 0
        self._body_bytes = 0
        self._trailer_bytes = 0

    def decode(self, data: bytes, position: int) -> tuple[bytes, int]:
        """Decode what is there.

        Args:
            data: received bytes.
            position: where in them to begin.

        Returns:
            The body's next bytes, none if more must be received first, and the position behind
            what was used: the end of the data, of the body, or the start of an unended line.

        Raises:
            ProtocolError: 400 for a malformed coding, 413 for a body over the limit.
        """
        pieces = []
        while not self.done:
            if self._chunk_bytes_left:
                piece = data[position : position + self._chunk_bytes_left]
                if not piece:
                    break
                pieces.append(piece)
                position += len(piece)
                self._chunk_bytes_left -= len(piece)
            else:
                line_bytes_max = self._limits.chunk_line_bytes_max
                end = data.find(b"\r\n", position, position + line_bytes_max + 2)
                if end < 0:
                    if len(data) - position >= line_bytes_max + 2:
                        raise ProtocolError(400, "a line of the chunked coding is too long")
                    break
                self._take_line(data[position:end])
                position = end + 2
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), position

    def _take_line(self, line: bytes) -> None:
        if self._line is _Line.SIZE:
            self._begin_chunk(line)
        elif self._line is _Line.CHUNK_END:
            if line:
                raise ProtocolError(400, "a chunk is longer than its size")
            self._line = _Line.SIZE
        elif not line:
            self.done = True
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > self._limits.trailer_bytes_max:
                raise ProtocolError(431, "the trailers are too long")
            if not _TRAILER_LINE.fullmatch(line):
                raise ProtocolError(400, "malformed trailer")

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise ProtocolError(400, "malformed chunk size")
        self._chunk_bytes_left = int(match[1], 16)
        self._line = _Line.CHUNK_END if self._chunk_bytes_left else _Line.TRAILER
        self._body_bytes += self._chunk_bytes_left
        if self._body_bytes > self._limits.body_bytes_max:
            raise ProtocolError(413, "the body is too large")

"""Compressed archives, expanded piece by piece, within bounds; sans-IO."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from storage.swift.tar import TarError

PIECE_SIZE_BYTES = 64 * 1024
EXPANSION_MAX = 1000
"""How many times its own size an archive may expand to; gzip's best is little more."""
UNSUSPICIOUS_SIZE_BYTES = 64 * 1024 * 1024
"""What any archive may expand to."""

_GZIP_WINDOW_BITS = 31


class Expander(Protocol):
    """Turns what is sent into the archive that it stands for."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in bytes and yield pieces of the archive; use it up before more is fed.

        Raises:
            TarError: this is not compressed so, or it expands beyond all measure.
        """

    def close(self) -> None:
        """Say that no more bytes will come.

        Raises:
            TarError: something is missing at the end.
        """


class _Stream(Protocol):
    @property
    def is_done(self) -> bool:
        """Whether its end was reached."""

    @property
    def has_more(self) -> bool:
        """Whether there are further pieces without further bytes."""

    def expand(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the next piece, and the bytes that were not needed for it."""


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def close(self) -> None:
        pass


class _Compressed:
    """One or more compressed streams behind each other."""

    def __init__(self, begin: Callable[[], _Stream]) -> None:
        self._begin = begin
        self._stream: _Stream | None = None
        self._received_bytes = 0
        self._expanded_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._received_bytes += len(data)
        while data or (self._stream is not None and self._stream.has_more):
            stream = self._stream = self._stream or self._begin()
            try:
                piece, data = stream.expand(data)
            except (zlib.error, OSError) as error:
                raise TarError(f"not a compressed archive: {error}") from error
            if stream.is_done:
                self._stream = None
                data = data.lstrip(b"\0")  # tapes pad with zeros
            self._expanded_bytes += len(piece)
            allowed = max(UNSUSPICIOUS_SIZE_BYTES, EXPANSION_MAX * self._received_bytes)
            if self._expanded_bytes > allowed:
                raise TarError("the archive expands beyond all measure")
            if piece:
                yield piece

    def close(self) -> None:
        if self._stream is not None:
            raise TarError("unexpected end of data")


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_WINDOW_BITS)

    @property
    def is_done(self) -> bool:
        return self._inner.eof

    @property
    def has_more(self) -> bool:
        return False  # it hands back what it did not need yet

    def expand(self, data: bytes) -> tuple[bytes, bytes]:
        piece = self._inner.decompress(data, PIECE_SIZE_BYTES)
        return piece, self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail


class _Bzip2:
    """Keeps what it did not need yet."""

    def __init__(self) -> None:
        self._inner = bz2.BZ2Decompressor()

    @property
    def is_done(self) -> bool:
        return self._inner.eof

    @property
    def has_more(self) -> bool:
        return not self._inner.needs_input and not self._inner.eof

    def expand(self, data: bytes) -> tuple[bytes, bytes]:
        given, rest = (data, b"") if self._inner.needs_input else (b"", data)
        piece = self._inner.decompress(given, PIECE_SIZE_BYTES)
        return piece, self._inner.unused_data + rest if self._inner.eof else rest


FORMATS: dict[str, Callable[[], Expander]] = {
    "tar": _Plain,
    "tar.gz": lambda: _Compressed(_Gzip),
    "tar.bz2": lambda: _Compressed(_Bzip2),
}
"""What makes the expander of each kind of archive, by the name that clients use."""

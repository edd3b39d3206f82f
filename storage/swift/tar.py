"""Reads tar archives as they arrive; sans-IO (POSIX.1-2001 pax, ustar, GNU, old V7).

A `TarReader` is fed bytes and answers with events: a member begins, its data, it ends. Links,
devices and directories are members without data; their names mean nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

BLOCK_SIZE_BYTES = 512
EXTENSION_BYTES_MAX = 1024 * 1024

_FILE_TYPES = (b"0", b"\0", b"7")
_SPARSE = b"S"
_BODILESS_TYPES = (b"1", b"2", b"3", b"4", b"5", b"6")
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK = b"x", b"g", b"L", b"K"
_EXTENSIONS = (_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK)
_USTAR = b"ustar\x0000"
_SPARSE_KEY = b"GNU.sparse."


class TarError(Exception):
    """The bytes are no archive; their sender is at fault."""


@dataclass(frozen=True, slots=True)
class MemberBegins:
    """A member begins.

    Attributes:
        name: as the archive has it.
        size_bytes: of its data.
        is_file: whether it is a regular file, whose data is its content.
        pax: extended header records, by keyword.
    """

    name: bytes
    size_bytes: int
    is_file: bool
    pax: dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class MemberData:
    """Bytes of the member that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MemberEnds:
    """The member that began last is complete."""


Event: TypeAlias = MemberBegins | MemberData | MemberEnds


@dataclass(frozen=True, slots=True)
class _Header:
    """A block that begins a member or an extension of the next one's header."""

    name: bytes
    size_bytes: int
    kind: bytes


class TarReader:
    """Reads one archive.

    Attributes:
        is_complete: whether its end was seen; what follows is ignored.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self._buffer = b""
        self._at = 0
        self._left_bytes = 0
        self._padding_bytes = 0
        self._extension: _Header | None = None
        self._is_in_member = False
        self._has_members = False
        self._global: dict[bytes, bytes] = {}
        self._pax: dict[bytes, bytes] = {}
        self._long_name = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in bytes and yield what they tell; use it up before more is fed.

        Raises:
            TarError: this is no archive.
        """
        self._buffer, self._at = self._buffer[self._at :] + data, 0
        while not self.is_complete:
            if self._is_in_member and self._left_bytes:
                piece = self._take(self._left_bytes)
                if not piece:
                    return
                self._left_bytes -= len(piece)
                yield MemberData(piece)
            elif self._is_in_member:
                self._is_in_member = False
                yield MemberEnds()
            elif self._padding_bytes:
                skipped = self._take(self._padding_bytes)
                if not skipped:
                    return
                self._padding_bytes -= len(skipped)
            elif self._extension is not None:
                if len(self._buffer) - self._at < self._extension.size_bytes:
                    return
                self._extend(self._extension, self._take(self._extension.size_bytes))
            elif len(self._buffer) - self._at < BLOCK_SIZE_BYTES:
                return
            else:
                yield from self._begin(self._take(BLOCK_SIZE_BYTES))

    def _take(self, size_bytes: int) -> bytes:
        """Return the next bytes, as many as there are up to a size."""
        taken = self._buffer[self._at : self._at + size_bytes]
        self._at += len(taken)
        return taken

    def close(self) -> None:
        """Say that no more bytes will come.

        Raises:
            TarError: the archive was cut short.
        """
        if self.is_complete:
            return
        rest = len(self._buffer) - self._at
        if not self._has_members and not rest and self._extension is None:
            raise TarError("empty file")
        if self._is_in_member or self._extension is not None or rest:
            raise TarError("unexpected end of data")

    def _begin(self, block: bytes) -> Iterator[Event]:
        if not block.strip(b"\0"):
            if self._pax or self._long_name:
                raise TarError("missing or bad subsequent header")
            self.is_complete = True
            return
        header = _parse_header(block)
        if header.kind in _EXTENSIONS:
            if header.size_bytes > EXTENSION_BYTES_MAX:
                raise TarError("an extended header is too long")
            self._extension = header
            return
        pax = self._global | self._pax
        size_bytes = _pax_size(pax, header.size_bytes)
        name = pax.get(b"path") or self._long_name or header.name
        if header.kind == _SPARSE or any(key.startswith(_SPARSE_KEY) for key in pax):
            raise TarError("sparse files are not supported")
        is_directory = header.kind == b"\0" and name.endswith(b"/")  # as V7 writes one
        is_file = header.kind in _FILE_TYPES and not is_directory
        if header.kind in _BODILESS_TYPES:
            size_bytes = 0
        self._pax, self._long_name = {}, b""
        self._left_bytes, self._padding_bytes = size_bytes, -size_bytes % BLOCK_SIZE_BYTES
        self._is_in_member = self._has_members = True
        yield MemberBegins(name, size_bytes, is_file, pax)

    def _extend(self, header: _Header, data: bytes) -> None:
        """Take in an extended header."""
        self._padding_bytes = -header.size_bytes % BLOCK_SIZE_BYTES
        self._extension = None
        if header.kind == _LONG_NAME:
            self._long_name = data.partition(b"\0")[0]
        elif header.kind == _PAX:
            self._pax = _parse_pax(data)
        elif header.kind == _PAX_GLOBAL:
            self._global |= _parse_pax(data)


def _parse_header(block: bytes) -> _Header:
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    high = sum(1 for byte in block if byte > 127) - sum(1 for byte in block[148:156] if byte > 127)
    if _number(block[148:156]) not in (total, total - 256 * high):  # some sum signed characters
        raise TarError("bad checksum")
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    if prefix and block[257:265] == _USTAR:
        name = prefix + b"/" + name
    size_bytes = _number(block[124:136])
    if size_bytes < 0:
        raise TarError("invalid header")
    return _Header(name, size_bytes, block[156:157])


def _number(field: bytes) -> int:
    """Return a number in octal digits or, as GNU writes large ones, in base 256."""
    if field[0] in (0o200, 0o377):
        value = int.from_bytes(field[1:])
        return value - 256 ** (len(field) - 1) if field[0] == 0o377 else value
    digits = field.partition(b"\0")[0].strip()
    try:
        return int(digits or b"0", 8)
    except ValueError:
        raise TarError("invalid header") from None


def _parse_pax(data: bytes) -> dict[bytes, bytes]:
    """Return the records of an extended header, each "<length> <keyword>=<value>\\n"."""
    records: dict[bytes, bytes] = {}
    while data and data[0]:
        digits, space, _ = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 10 else 0
        record = data[:length]
        keyword, equals, value = record[len(digits) + 1 :].partition(b"=")
        if not (space and equals and keyword and value.endswith(b"\n") and len(record) == length):
            raise TarError("invalid header")
        records[keyword] = value[:-1]
        data = data[length:]
    return records


def _pax_size(pax: dict[bytes, bytes], size_bytes: int) -> int:
    given = pax.get(b"size")
    if given is None:
        return size_bytes
    if not given.isdigit() or len(given) > 18:
        raise TarError("invalid header")
    return int(given)

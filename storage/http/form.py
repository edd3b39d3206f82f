"""Reads multipart/form-data as it arrives (RFC 7578); sans-IO, and of no protocol.

A `FormReader` is fed bytes and answers with events: a part begins, its data, it ends, the form
ends. What the parts mean, and how long fields may be, is the caller's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

HEAD_BYTES_MAX = 8 * 1024
BOUNDARY_BYTES_MAX = 70
PREAMBLE_BYTES_MAX = 1024

_PARAMETER = re.compile(
    rb';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))'
)
_QUOTED_PAIR = re.compile(rb'\\(["\\])')


class FormError(Exception):
    """The bytes are not a form; their sender is at fault."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part begins.

    Attributes:
        name: of the field.
        filename: as the client called its file; nothing where it is no file.
        content_type: of the part; empty where it does not say.
        content_encoding: of the part; empty where it does not say.
    """

    name: str
    filename: str | None
    content_type: str
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class PartData:
    """Bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part that began last is complete."""


@dataclass(frozen=True, slots=True)
class FormEnds:
    """The form is complete; what follows is ignored."""


Event: TypeAlias = PartBegins | PartData | PartEnds | FormEnds


class _State(Enum):
    PREAMBLE = auto()
    AFTER_BOUNDARY = auto()
    HEAD = auto()
    PART_START = auto()
    DATA = auto()
    END = auto()


class FormReader:
    """Reads one form.

    Args:
        boundary: see `form_boundary`.
    """

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n"  # the first boundary may stand at the very start
        self._state = _State.PREAMBLE

    @property
    def is_complete(self) -> bool:
        """Whether the form has ended."""
        return self._state is _State.END

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take in bytes, of which none may be left out, and yield what they tell.

        The iterator must be used up before more is fed.

        Raises:
            FormError: this is no form.
        """
        if self.is_complete:
            return
        self._buffer += data
        before = None
        while not self.is_complete and before != (self._state, len(self._buffer)):
            before = self._state, len(self._buffer)
            yield from self._step()
        if self.is_complete:
            self._buffer = b""

    def close(self) -> None:
        """Say that no more bytes will come.

        Raises:
            FormError: the form is not complete.
        """
        if not self.is_complete:
            raise FormError("the form ends before its last boundary")

    def _step(self) -> Iterator[Event]:
        if self._state is _State.PREAMBLE:
            self._skip_preamble()
        elif self._state is _State.AFTER_BOUNDARY:
            yield from self._after_boundary()
        elif self._state is _State.HEAD:
            yield from self._head()
        elif self._state is _State.PART_START:
            yield from self._part_start()
        else:
            yield from self._data()

    def _skip_preamble(self) -> None:
        at = self._buffer.find(self._delimiter)
        if at >= 0:
            self._buffer = self._buffer[at + len(self._delimiter) :]
            self._state = _State.AFTER_BOUNDARY
        elif len(self._buffer) > PREAMBLE_BYTES_MAX + len(self._delimiter):
            raise FormError("no boundary at the start of the form")

    def _after_boundary(self) -> Iterator[Event]:
        rest = self._buffer.lstrip(b" \t")
        if len(self._buffer) - len(rest) > HEAD_BYTES_MAX:
            raise FormError("white space behind a boundary")
        if rest.startswith(b"--"):
            self._state = _State.END
            yield FormEnds()
        elif rest.startswith(b"\r\n"):
            self._buffer = rest[2:]
            self._state = _State.HEAD
        elif len(rest) >= 2 or rest not in (b"", b"-", b"\r"):
            raise FormError("a boundary must be followed by a line break")

    def _head(self) -> Iterator[Event]:
        if self._buffer.startswith(b"\r\n"):
            raise FormError("a part without Content-Disposition")
        at = self._buffer.find(b"\r\n\r\n")
        if at > HEAD_BYTES_MAX or (at < 0 and len(self._buffer) > HEAD_BYTES_MAX):
            raise FormError("the head of a part is too long")
        if at >= 0:
            head, self._buffer = self._buffer[:at], self._buffer[at + 2 :]
            self._state = _State.PART_START
            yield _parse_head(head)

    def _part_start(self) -> Iterator[Event]:
        """Drop the line break behind the head, unless it begins the boundary of an empty part."""
        if len(self._buffer) < len(self._delimiter):
            return
        if not self._buffer.startswith(self._delimiter):
            self._buffer = self._buffer[2:]
        self._state = _State.DATA
        yield from self._data()

    def _data(self) -> Iterator[Event]:
        at = self._buffer.find(self._delimiter)
        stop = at if at >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if stop:
            yield PartData(self._buffer[:stop])
        if at < 0:
            self._buffer = self._buffer[stop:]
            return
        self._buffer = self._buffer[at + len(self._delimiter) :]
        self._state = _State.AFTER_BOUNDARY
        yield PartEnds()


def form_boundary(content_type: bytes) -> bytes | None:
    """Return the boundary that a Content-Type names; nothing where it is no form's.

    Raises:
        FormError: it is a form's, and has none, or a wrong one.
    """
    kind = content_type.partition(b";")[0].strip().lower()
    if kind != b"multipart/form-data":
        return None
    boundary = _parameters(content_type).get(b"boundary", b"")
    if not 1 <= len(boundary) <= BOUNDARY_BYTES_MAX:
        raise FormError("Content-Type has no valid boundary")
    return boundary


def _parse_head(head: bytes) -> PartBegins:
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise FormError("a line of a part's head is no header")
        fields[name.strip().lower()] = value.strip()
    disposition = fields.get(b"content-disposition", b"")
    parameters = _parameters(disposition)
    if not disposition.lower().startswith(b"form-data") or b"name" not in parameters:
        raise FormError("a part without a name")
    filename = parameters.get(b"filename")
    return PartBegins(
        _text(parameters[b"name"]),
        None if filename is None else _text(filename),
        _text(fields.get(b"content-type", b"")),
        _text(fields.get(b"content-encoding", b"")),
    )


def _parameters(value: bytes) -> dict[bytes, bytes]:
    return {
        found[1].lower(): _QUOTED_PAIR.sub(rb"\1", found[2]) if found[2] is not None else found[3]
        for found in _PARAMETER.finditer(value)
    }


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise FormError("the head of a part is not UTF-8") from None

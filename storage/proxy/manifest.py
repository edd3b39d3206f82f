"""The manifest of a composite: which segments, one after the other, are its bytes.

It stands where the payload of a plain object stands. The stored form: a magic, the version, an
xxh3-128 over all other bytes, and a msgpack body with container names and a common beginning of all
segment names stated once. Version 2 has inline bytes and a note besides, version 1 has neither. It
says for itself whether it is whole: what a manifest names wrongly would be served as an object.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile
from typing import Any, NamedTuple

import msgpack
import xxhash

from atoll.invariant import invariant

SEGMENTS_MAX = 10_000
MAGIC = b"ATOLLCM"
VERSION = 1
VERSION_WITH_INLINE = 2
_HEAD_SIZE_BYTES = len(MAGIC) + 1
_SEAL_SIZE_BYTES = 16
_MD5_HEX_LENGTH = 32


class ManifestDamagedError(Exception):
    """The bytes are not a manifest that this program can read; the disk or we are at fault."""


class Segment(NamedTuple):
    """A piece of a composite: an object of the same account, or a range of one.

    Attributes:
        number: its part number, or its place from 1; ascending within a manifest.
        container: where it lies; empty for bytes that the manifest has inline.
        name: of the object.
        write_id: that the object must have: no other version of it belongs here; empty where any
            object of this ETag does.
        size_bytes: that it gives to the composite.
        etag: of the object.
        checksum: of the object, raw, in the composite's algorithm; empty for none.
        start: first byte of the object, or of the inline bytes, that belongs here.
    """

    number: int
    container: str
    name: str
    write_id: bytes
    size_bytes: int
    etag: str
    checksum: bytes = b""
    start: int = 0

    @property
    def is_inline(self) -> bool:
        """Whether the manifest itself has the bytes."""
        return not self.container


class Span(NamedTuple):
    """What a range of a composite takes from one segment.

    Attributes:
        segment: it lies in.
        start: first byte, counted in the segment's object.
        stop: the byte after the last, counted in the segment's object.
    """

    segment: Segment
    start: int
    stop: int


class Manifest:
    """The segments of a composite, in order.

    Args:
        segments: at least one, at most `SEGMENTS_MAX`.
        inline: bytes of segments that have no object.
        note: what a front door keeps with it.

    Attributes:
        segments: as given.
        size_bytes: of the composite.
        inline: as given.
        note: as given.
    """

    __slots__ = ("_stops", "inline", "note", "segments", "size_bytes")

    def __init__(self, segments: Sequence[Segment], inline: bytes = b"", note: bytes = b"") -> None:
        invariant(0 < len(segments) <= SEGMENTS_MAX, "a manifest's size", segments=len(segments))
        self.segments = tuple(segments)
        self.inline = inline
        self.note = note
        self._stops = list(accumulate(segment.size_bytes for segment in segments))
        self.size_bytes = self._stops[-1]

    def spans(self, start: int, stop: int) -> Iterator[Span]:
        """Yield what the bytes from `start` up to `stop` take from each segment, in order."""
        place = bisect_right(self._stops, start)
        while start < stop and place < len(self.segments):
            segment = self.segments[place]
            offset = segment.start - (self._stops[place] - segment.size_bytes)
            end = min(stop, self._stops[place])
            if start < end:
                yield Span(segment, start + offset, end + offset)
                start = end
            place += 1

    def part(self, number: int) -> tuple[int, int] | None:
        """Return where a part begins and ends in the composite; nothing where there is none."""
        place = self._place(number)
        if place is None:
            return None
        stop = self._stops[place]
        return stop - self.segments[place].size_bytes, stop

    def segment(self, number: int) -> Segment | None:
        """Return the segment of a part number; nothing where there is none."""
        place = self._place(number)
        return None if place is None else self.segments[place]

    def _place(self, number: int) -> int | None:
        place = bisect_right(self.segments, number, key=lambda segment: segment.number) - 1
        return place if place >= 0 and self.segments[place].number == number else None

    def pack(self) -> bytes:
        """Return the stored form."""
        containers = sorted({segment.container for segment in self.segments})
        places = {name: place for place, name in enumerate(containers)}
        common = _common_beginning([segment.name for segment in self.segments])
        rows = [
            (
                segment.number,
                places[segment.container],
                segment.name[len(common) :],
                segment.write_id,
                segment.size_bytes,
                _pack_etag(segment.etag),
                segment.checksum,
                segment.start,
            )
            for segment in self.segments
        ]
        more = (self.inline, self.note) if self.inline or self.note else ()
        head = MAGIC + bytes([VERSION_WITH_INLINE if more else VERSION])
        body: bytes = msgpack.packb((containers, common, rows, *more))
        return head + _seal(head, body) + body

    @classmethod
    def unpack(cls, data: bytes) -> Manifest:
        """Return the manifest in its stored form.

        Raises:
            ManifestDamagedError: it is none, it is not whole, or its version is unknown.
        """
        head, body_at = data[:_HEAD_SIZE_BYTES], _HEAD_SIZE_BYTES + _SEAL_SIZE_BYTES
        if head[: len(MAGIC)] != MAGIC or len(data) < body_at:
            raise ManifestDamagedError("there is no manifest")
        body = data[body_at:]
        if data[_HEAD_SIZE_BYTES:body_at] != _seal(head, body):
            raise ManifestDamagedError("the manifest's checksum is another")
        if head[-1] not in (VERSION, VERSION_WITH_INLINE):
            raise ManifestDamagedError(f"manifest version {head[-1]} is unknown")
        containers, common, rows, *more = msgpack.unpackb(body)
        return cls([_unpack_row(containers, common, row) for row in rows], *more)


def _unpack_row(containers: list[str], common: str, row: list[Any]) -> Segment:
    number, place, rest, write_id, size_bytes, etag, checksum, start = row
    text = etag.hex() if isinstance(etag, bytes) else etag
    return Segment(
        number, containers[place], common + rest, write_id, size_bytes, text, checksum, start
    )


def _common_beginning(names: Sequence[str]) -> str:
    least, greatest = min(names), max(names)
    pairs = zip(least, greatest, strict=False)
    return least[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))]


def _pack_etag(etag: str) -> bytes | str:
    """Return the raw MD5 that an ETag is, or the ETag where it is something else."""
    if len(etag) != _MD5_HEX_LENGTH:
        return etag
    try:
        raw = bytes.fromhex(etag)
    except ValueError:
        return etag
    return raw if raw.hex() == etag else etag


def _seal(head: bytes, body: bytes) -> bytes:
    return xxhash.xxh3_128_digest(body, xxhash.xxh3_64_intdigest(head))

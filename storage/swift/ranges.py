"""Byte ranges: what a Range header asks for, and how several are framed.

After `swob.Range` of OpenStack Swift, which follows RFC 9110 section 14 and, against abuse,
section 17.15.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

RANGES_MAX = 50
OVERLAPS_MAX = 2
UNORDERED_RANGES_MAX = 7
DIGITS_MAX = 100

Span = tuple[int, int]
"""The bytes from the first offset up to the second."""

_Spec = tuple[int | None, int | None]


def select(header: bytes, size_bytes: int) -> list[Span] | None:
    """Return the spans that a Range header selects.

    Args:
        header: as sent.
        size_bytes: of what they are taken from.

    Returns:
        None where the header is to be ignored; no span at all where none can be satisfied (416).
    """
    specs = _parse(header)
    if specs is None:
        return None
    spans = [span for spec in specs if (span := _resolve(spec, size_bytes)) is not None]
    if spans and not size_bytes:
        return None  # the last bytes of nothing are all there is
    return [] if _is_abuse(spans) else spans


def _parse(header: bytes) -> list[_Spec] | None:
    unit, equals, ranges = header.replace(b" ", b"").partition(b"=")
    if unit.lower() != b"bytes" or not equals:
        return None
    specs: list[_Spec] = []
    for one in ranges.split(b","):
        first, hyphen, last = one.partition(b"-")
        if not hyphen or not (first or last):
            return None
        if not (_is_offset(first) and _is_offset(last)):
            return None
        spec = (int(first) if first else None, int(last) if last else None)
        if spec[0] is not None and spec[1] is not None and spec[1] < spec[0]:
            return None
        specs.append(spec)
    return specs


def _is_offset(text: bytes) -> bool:
    return not text or (text.isdigit() and len(text) <= DIGITS_MAX)


def _resolve(spec: _Spec, size_bytes: int) -> Span | None:
    first, last = spec
    if first is None:
        return (max(0, size_bytes - last), size_bytes) if last else None
    if first >= size_bytes:
        return None
    return first, size_bytes if last is None else min(last + 1, size_bytes)


def _is_abuse(spans: Sequence[Span]) -> bool:
    if len(spans) > RANGES_MAX:
        return True
    overlaps = sum(_overlap(one, other) for one, other in combinations(spans, 2))
    if overlaps > OVERLAPS_MAX:
        return True
    is_ascending = all(one[0] <= other[0] for one, other in pairwise(spans))
    return not is_ascending and len(spans) > UNORDERED_RANGES_MAX


def _overlap(one: Span, other: Span) -> bool:
    """Tell whether a border of either span lies within the other."""
    return (
        one[0] < other[0] < one[1]
        or one[0] < other[1] < one[1]
        or other[0] < one[0] < other[1]
        or other[0] < one[1] < other[1]
    )


class Multipart(NamedTuple):
    """Several spans as one body (RFC 9110 section 14.6).

    Attributes:
        spans: in order.
        size_bytes: of what they are taken from.
        content_type: of that.
        boundary: between the parts; nothing that the content is likely to have.
    """

    spans: Sequence[Span]
    size_bytes: int
    content_type: bytes
    boundary: bytes

    def head(self, span: Span) -> bytes:
        """Return what comes before a span."""
        return b"--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n" % (
            self.boundary,
            self.content_type,
            content_range(span, self.size_bytes),
        )

    @property
    def tail(self) -> bytes:
        """Return what comes after the last span."""
        return b"--%b--" % self.boundary

    @property
    def length_bytes(self) -> int:
        """The size of the whole body."""
        parts = sum(len(self.head(span)) + span[1] - span[0] + len(PART_END) for span in self.spans)
        return parts + len(self.tail)

    @property
    def body_type(self) -> bytes:
        """The content type of the whole body."""
        return b"multipart/byteranges;boundary=" + self.boundary


PART_END = b"\r\n"


def content_range(span: Span, size_bytes: int) -> bytes:
    """Return the Content-Range header of a span."""
    return b"bytes %d-%d/%d" % (span[0], span[1] - 1, size_bytes)


def unsatisfied_range(size_bytes: int) -> bytes:
    """Return the Content-Range header of a 416."""
    return b"bytes */%d" % size_bytes

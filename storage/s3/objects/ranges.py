"""What of an object is asked for: all of it, one range, or one part."""

from __future__ import annotations

import re
from typing import NamedTuple

from storage.object.record import ObjectRecord
from storage.s3.errors import S3Error
from storage.s3.objects.conditions import RequestHeaders, range_applies

PART_NUMBER_MAX = 10_000

_RANGE = re.compile(rb"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_PART_NUMBER = re.compile(r"\d{1,5}")


class Span(NamedTuple):
    """The bytes from one offset up to another."""

    start: int
    stop: int

    def content_range(self, size_bytes: int) -> bytes:
        """Return the header that tells where these bytes lie."""
        return b"bytes %d-%d/%d" % (self.start, self.stop - 1, size_bytes)


def select_range(headers: RequestHeaders, record: ObjectRecord) -> Span | None:
    """Return the bytes that Range asks for, or nothing where all are to be sent.

    As S3 does, anything but one well-formed range is ignored, several ranges too.

    Raises:
        S3Error: InvalidRange, none of the bytes is there.
    """
    asked = headers.get(b"range")
    if asked is None or not range_applies(headers, record):
        return None
    found = _RANGE.fullmatch(asked)
    if found is None:
        return None
    first, last = found.groups()
    size_bytes = record.size_bytes
    if not first:
        if not last:
            return None
        span = Span(max(0, size_bytes - int(last)), size_bytes)
    elif last and int(last) < int(first):
        return None
    else:
        span = Span(int(first), min(int(last) + 1, size_bytes) if last else size_bytes)
    if span.start >= span.stop:
        raise S3Error(
            "InvalidRange",
            headers=((b"Content-Range", b"bytes */%d" % size_bytes),),
            RangeRequested=asked.decode("latin-1"),
            ActualObjectSize=size_bytes,
        )
    return span


def parse_part_number(value: str) -> int:
    """Return a part's number.

    Raises:
        S3Error: InvalidArgument.
    """
    if _PART_NUMBER.fullmatch(value) and value.isascii() and 1 <= int(value) <= PART_NUMBER_MAX:
        return int(value)
    raise S3Error(
        "InvalidArgument",
        f"Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=value,
    )


def parse_copy_range(value: bytes, size_bytes: int) -> Span:
    """Return the bytes that x-amz-copy-source-range names, which must all be there.

    Args:
        value: of the header: "bytes=first-last".
        size_bytes: of the source.

    Raises:
        S3Error: InvalidArgument.
    """
    found = _RANGE.fullmatch(value)
    shown = value.decode("latin-1")
    if found is None or not all(found.groups()):
        raise _bad_copy_range(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            shown,
        )
    first, last = map(int, found.groups())
    if not first <= last < size_bytes:
        text = f"Range specified is not valid for source object of size: {size_bytes}"
        raise _bad_copy_range(text, shown)
    return Span(first, last + 1)


def _bad_copy_range(message: str, value: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        message,
        ArgumentName="x-amz-copy-source-range",
        ArgumentValue=value,
    )

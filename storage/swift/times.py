"""A record's timestamp as the Swift API shows it: in steps of 10 µs, or in whole seconds."""

from __future__ import annotations

import calendar
import time
from email.utils import formatdate, parsedate
from functools import lru_cache

from storage.timestamp import milliseconds

DATE_BYTES_MAX = 64

_STEPS_PER_S = 100_000
_STEPS_PER_MS = 100
_ISO_SECOND = "%Y-%m-%dT%H:%M:%S"


def _steps(timestamp: bytes) -> int:
    """Return a timestamp in steps of 10 µs since 1970; its counter gives the last two digits."""
    counter = int.from_bytes(timestamp[6:8])
    return milliseconds(timestamp) * _STEPS_PER_MS + min(counter, _STEPS_PER_MS - 1)


def decimal(timestamp: bytes) -> bytes:
    """Return a timestamp as X-Timestamp has it: "1401234567.12345"."""
    return b"%010d.%05d" % divmod(_steps(timestamp), _STEPS_PER_S)


def iso(timestamp: bytes) -> str:
    """Return a timestamp as listings have it: "2014-05-27T23:49:27.123450"."""
    second, fraction = divmod(_steps(timestamp), _STEPS_PER_S)
    return f"{_iso_second(second)}.{fraction:05d}0"


def whole_seconds(timestamp: bytes) -> int:
    """Return a timestamp as Last-Modified has it: rounded up, in seconds since 1970."""
    return -(-_steps(timestamp) // _STEPS_PER_S)


@lru_cache(maxsize=4096)
def stamps(timestamp: bytes) -> tuple[bytes, bytes]:
    """Return a timestamp as Last-Modified and as X-Timestamp have it."""
    return http_date(whole_seconds(timestamp)), decimal(timestamp)


@lru_cache(maxsize=4096)
def http_date(second: int) -> bytes:
    """Return seconds since 1970 as an IMF-fixdate (RFC 9110 section 5.6.7)."""
    return formatdate(second, usegmt=True).encode("ascii")


def parse_http_date(value: bytes) -> int | None:
    """Return the seconds since 1970 of a date in any of HTTP's three forms, or nothing."""
    return _parse_http_date(value) if len(value) <= DATE_BYTES_MAX else None


@lru_cache(maxsize=1024)
def _parse_http_date(value: bytes) -> int | None:
    try:
        parts = parsedate(value.decode("latin-1"))
        return None if parts is None else calendar.timegm(parts)
    except (TypeError, ValueError, IndexError, OverflowError):  # parsedate is not careful
        return None


@lru_cache(maxsize=4096)
def _iso_second(second: int) -> str:
    return time.strftime(_ISO_SECOND, time.gmtime(second))

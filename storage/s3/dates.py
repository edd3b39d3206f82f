"""Times as S3's documents and headers have them."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache

from storage.timestamp import milliseconds

SECONDS_KNOWN_MAX = 4096


def iso(timestamp: bytes) -> str:
    """Return a timestamp as listings have it: "2014-05-27T23:49:27.123Z"."""
    second, fraction = divmod(milliseconds(timestamp), 1000)
    return f"{_iso_second(second)}.{fraction:03d}Z"


def http_date(timestamp: bytes) -> bytes:
    """Return a timestamp as an IMF-fixdate (RFC 9110 section 5.6.7), in whole seconds past."""
    return _http_second(milliseconds(timestamp) // 1000)


@lru_cache(maxsize=SECONDS_KNOWN_MAX)
def _iso_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=SECONDS_KNOWN_MAX)
def _http_second(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")

"""The two ways in which signatures write time."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime
from email.utils import parsedate
from functools import lru_cache

from storage.s3.errors import S3Error

HTTP_DATE_BYTES_MAX = 64
_YEAR_10000 = 253_402_300_800
_ISO_BYTES = len(b"20130524T000000Z")


def parse_iso(value: bytes) -> int | None:
    """Return the seconds since 1970 of a time such as 20130524T000000Z, or nothing."""
    return _parse_iso(value) if len(value) == _ISO_BYTES else None


@lru_cache(maxsize=1024)
def _parse_iso(value: bytes) -> int | None:
    if value[8:9] != b"T" or value[15:] != b"Z":
        return None
    if not (value[:8] + value[9:15]).isdigit():
        return None
    year, month, day = int(value[:4]), int(value[4:6]), int(value[6:8])
    hour, minute, second = int(value[9:11]), int(value[11:13]), int(value[13:15])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp())


def parse_http_date(value: bytes) -> int | None:
    """Return the seconds since 1970 of a date of RFC 9110 section 5.6.7 or RFC 5322, or nothing."""
    if len(value) > HTTP_DATE_BYTES_MAX:
        return None
    try:
        parts = parsedate(value.decode("latin-1"))
        second = -1 if parts is None else timegm(parts)
    except (TypeError, ValueError, IndexError, OverflowError):  # parsedate is not careful
        return None
    return second if 0 <= second < _YEAR_10000 else None


def basic_iso(second: int) -> bytes:
    """Return seconds since 1970 such as 20130524T000000Z."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ").encode("ascii")


def extended_iso(second: int) -> str:
    """Return seconds since 1970 such as 2013-05-24T00:00:00Z."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SKEW_S_MAX = 15 * 60
"""How far a client's clock may be off."""


def check_skew(sent_s: int, shown: str, now_s: int) -> None:
    """Refuse a request of another time.

    Args:
        sent_s: when it was signed, in seconds since 1970.
        shown: the same as the client wrote it.
        now_s: seconds since 1970.

    Raises:
        S3Error: RequestTimeTooSkewed.
    """
    if abs(now_s - sent_s) > SKEW_S_MAX:
        raise S3Error(
            "RequestTimeTooSkewed",
            RequestTime=shown,
            ServerTime=extended_iso(now_s),
            MaxAllowedSkewMilliseconds=SKEW_S_MAX * 1000,
        )

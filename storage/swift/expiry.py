"""X-Delete-At and X-Delete-After."""

from __future__ import annotations

from storage.swift.metadata import RequestHeaders
from storage.swift.response import refuse

DELETE_AT_S_MAX = 9_999_999_999


def read_delete_at(headers: RequestHeaders, now_s: float) -> str | None:
    """Return when an object shall expire, in seconds since 1970, or nothing.

    X-Delete-After wins over X-Delete-At. A time beyond the year 2286 is cut to the last second
    that ten digits hold.

    Raises:
        SwiftError: 400, not an integer, or in the past.
    """
    if b"x-delete-after" in headers:
        after_s = _integer(headers[b"x-delete-after"], "X-Delete-After")
        return _format(int(now_s + after_s), now_s, "X-Delete-After")
    if b"x-delete-at" in headers:
        return _format(_integer(headers[b"x-delete-at"], "X-Delete-At"), now_s, "X-Delete-At")
    return None


def _format(at_s: int, now_s: float, name: str) -> str:
    if at_s <= now_s:
        raise refuse(f"{name} in past")
    return f"{min(at_s, DELETE_AT_S_MAX):010d}"


def _integer(value: bytes, name: str) -> int:
    try:
        return min(max(int(value), -DELETE_AT_S_MAX), DELETE_AT_S_MAX)
    except ValueError:
        raise refuse(f"Non-integer {name}") from None

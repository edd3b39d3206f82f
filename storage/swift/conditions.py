"""If-Match and its kin, judged as Swift judges them (`swob.Response`, RFC 9110 section 13)."""

from __future__ import annotations

from storage.object.record import ObjectRecord
from storage.proxy.engine import Condition
from storage.proxy.errors import PreconditionFailedError
from storage.swift.metadata import RequestHeaders
from storage.swift.response import refuse
from storage.swift.times import parse_http_date, whole_seconds

_READ_CONDITIONS = frozenset(
    (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")
)
NOT_MODIFIED = 304
PRECONDITION_FAILED = 412


def read_status(headers: RequestHeaders, record: ObjectRecord) -> int | None:
    """Return 304 or 412 where a GET or HEAD must not get the object; else nothing."""
    if _READ_CONDITIONS.isdisjoint(headers):
        return None
    etag, modified_s = record.etag, whole_seconds(record.changed)
    tags = _tags(headers.get(b"if-none-match", b""))
    if "*" in tags or etag in tags:
        return NOT_MODIFIED
    if b"if-match" in headers:
        tags = _tags(headers[b"if-match"])
        if not ("*" in tags or etag in tags):
            return PRECONDITION_FAILED
    since = parse_http_date(headers.get(b"if-modified-since", b""))
    if since is not None and modified_s <= since:
        return NOT_MODIFIED
    since = parse_http_date(headers.get(b"if-unmodified-since", b""))
    if since is not None and modified_s > since:
        return PRECONDITION_FAILED
    return None


def requires_existence(headers: RequestHeaders) -> bool:
    """Tell whether a GET of nothing is 412 instead of 404."""
    return "*" in _tags(headers.get(b"if-match", b""))


def range_applies(headers: RequestHeaders, record: ObjectRecord) -> bool:
    """Tell whether If-Range lets a range be served (RFC 9110 section 13.1.5)."""
    value = headers.get(b"if-range")
    if value is None:
        return True
    date = parse_http_date(value)
    return (
        whole_seconds(record.changed) == date if date is not None else record.etag in _tags(value)
    )


def write_condition(headers: RequestHeaders) -> Condition | None:
    """Return what a PUT requires of the object that is there, if anything.

    "If-None-Match: *" creates only; for If-Match see `match_condition`.

    Raises:
        SwiftError: 400 for If-None-Match with tags.
    """
    matches = match_condition(headers)
    if b"if-none-match" not in headers:
        return matches
    if "*" not in _tags(headers[b"if-none-match"]):
        raise refuse("If-None-Match only supports *")

    def judge(current: ObjectRecord | None, /) -> None:
        if current is not None:
            raise PreconditionFailedError("the object exists")
        if matches is not None:
            matches(current)

    return judge


def match_condition(headers: RequestHeaders) -> Condition | None:
    """Return what If-Match requires of the object that is there, if anything.

    With it a write replaces only what the client has seen (RFC 9110 section 13.1.1). Swift
    ignores it on writes.
    """
    if b"if-match" not in headers:
        return None
    tags = _tags(headers[b"if-match"])

    def judge(current: ObjectRecord | None, /) -> None:
        if current is None or not ("*" in tags or current.etag in tags):
            raise PreconditionFailedError("the object is another one")

    return judge


def delete_at_condition(headers: RequestHeaders) -> int | None:
    """Return the expiry that X-If-Delete-At requires, in seconds since 1970, if it is there.

    Raises:
        SwiftError: 400, it is not a time.
    """
    value = headers.get(b"x-if-delete-at")
    if value is None:
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        raise refuse("Bad X-If-Delete-At header value") from None


def normalize_etag(tag: str) -> str:
    """Return an entity tag without its quotes."""
    return tag[1:-1] if len(tag) > 1 and tag[0] == tag[-1] == '"' else tag


def _tags(value: bytes) -> frozenset[str]:
    tags = (tag.strip() for tag in value.decode("latin-1").split(","))
    return frozenset(normalize_etag(tag) for tag in tags if tag)

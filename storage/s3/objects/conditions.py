"""Conditional requests: what a client requires of the object that is there.

After RFC 9110 section 13.2.2, as "Conditional requests" in the Amazon S3 User Guide has it: an
entity tag outweighs a date, quotes around a tag are optional.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from storage.object.record import ObjectRecord
from storage.proxy.engine import Condition
from storage.s3.errors import S3Error
from storage.swift.times import parse_http_date
from storage.timestamp import milliseconds

RequestHeaders = Mapping[bytes, bytes]


class _Names(NamedTuple):
    """The headers of one set of conditions."""

    match: bytes
    none_match: bytes
    modified: bytes
    unmodified: bytes


_READ = _Names(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")
_SOURCE = _Names(*(b"x-amz-copy-source-" + name for name in _READ))
_READ_NAMES = frozenset(_READ)
_SHOWN = {
    name: name.decode().title() if name in _READ_NAMES else name.decode()
    for name in (*_READ, *_SOURCE)
}
_DELETE_TIME = b"x-amz-if-match-last-modified-time"
_DELETE_SIZE = b"x-amz-if-match-size"


def modified_s(record: ObjectRecord) -> int:
    """Return when an object was written, in whole seconds since 1970.

    A change of tags, retention or ACL is no modification.
    """
    return milliseconds(record.created) // 1000


def is_unmodified(headers: RequestHeaders, record: ObjectRecord) -> bool:
    """Tell whether a GET or HEAD is answered with 304 because the client has the object.

    Raises:
        S3Error: PreconditionFailed.
    """
    if _READ_NAMES.isdisjoint(headers):
        return False
    _require(headers, record, _READ)
    return _is_known(headers, record, _READ) is not None


def check_source(headers: RequestHeaders, record: ObjectRecord) -> None:
    """See that the source of a copy is what the client requires.

    Raises:
        S3Error: PreconditionFailed.
    """
    _require(headers, record, _SOURCE)
    name = _is_known(headers, record, _SOURCE)
    if name is not None:
        raise _failed(name)


def range_applies(headers: RequestHeaders, record: ObjectRecord) -> bool:
    """Tell whether If-Range lets a range be served (RFC 9110 section 13.1.5)."""
    value = headers.get(b"if-range")
    if value is None:
        return True
    date = parse_http_date(value)
    return modified_s(record) == date if date is not None else record.etag in _tags(value)


def write_condition(headers: RequestHeaders, key: str) -> Condition | None:
    """Return what a write requires of the object that it replaces, if anything.

    Args:
        headers: of the request: "If-None-Match: *", or If-Match with a tag or "*".
        key: of the object.

    Raises:
        S3Error: NotImplemented, for anything else. The condition raises PreconditionFailed, and
            NoSuchKey where If-Match finds no object.
    """
    match, none_match = headers.get(_READ.match), headers.get(_READ.none_match)
    if match is None and none_match is None:
        return None
    if match is not None and none_match is not None:
        raise _not_implemented("If-Match,If-None-Match", "Multiple conditional request headers")
    if none_match is None:
        return match_condition(match or b"", key)
    if none_match.strip() != b"*":
        raise _not_implemented("If-None-Match", "This value of the If-None-Match header")

    def judge(current: ObjectRecord | None, /) -> None:
        if current is not None:
            raise _failed(_READ.none_match)

    return judge


def match_condition(value: bytes, key: str) -> Condition:
    """Return the condition that a value of If-Match stands for; see `write_condition`."""
    tags = _tags(value)

    def judge(current: ObjectRecord | None, /) -> None:
        if current is None:
            raise S3Error("NoSuchKey", Key=key)
        if not _matches(tags, current):
            raise _failed(_READ.match)

    return judge


def delete_condition(headers: RequestHeaders, key: str) -> Condition | None:
    """Return what a DELETE requires of the object, if anything.

    S3 has the conditions on time and size for directory buckets alone; here every bucket does.

    Raises:
        S3Error: InvalidArgument. The condition raises PreconditionFailed, and NoSuchKey where
            there is no object.
    """
    tag, time, size = (headers.get(name) for name in (_READ.match, _DELETE_TIME, _DELETE_SIZE))
    if tag is None and time is None and size is None:
        return None
    texts = [None if value is None else value.decode("latin-1") for value in (tag, time, size)]
    return deletion_condition(key, *texts)


def deletion_condition(
    key: str, tag: str | None, modified: str | None, size: str | None
) -> Condition:
    """Return what must be true of an object that is to be deleted.

    Args:
        key: of the object.
        tag: entity tag, or "*" for any.
        modified: HTTP date of its last modification.
        size: in bytes, decimal.

    Raises:
        S3Error: InvalidArgument.
    """
    tags = None if tag is None else _tags(tag.encode())
    second = None if modified is None else _date(modified)
    if size is not None and not size.isdigit():
        raise S3Error("InvalidArgument", ArgumentName=_DELETE_SIZE.decode(), ArgumentValue=size)
    requirements: list[tuple[str, Callable[[ObjectRecord], bool]]] = []
    if tags is not None:
        requirements.append(("If-Match", lambda current: _matches(tags, current)))
    if second is not None:
        requirements.append((_DELETE_TIME.decode(), lambda now: modified_s(now) == second))
    if size is not None:
        requirements.append((_DELETE_SIZE.decode(), lambda now: now.size_bytes == int(size)))

    def judge(current: ObjectRecord | None, /) -> None:
        if current is None:
            raise S3Error("NoSuchKey", Key=key)
        for name, holds in requirements:
            if not holds(current):
                raise S3Error("PreconditionFailed", Condition=name)

    return judge


def _date(value: str) -> int:
    second = parse_http_date(value.encode())
    if second is None:
        raise S3Error("InvalidArgument", ArgumentName=_DELETE_TIME.decode(), ArgumentValue=value)
    return second


def _require(headers: RequestHeaders, record: ObjectRecord, names: _Names) -> None:
    """Judge If-Match, or If-Unmodified-Since where that is not there."""
    tags = headers.get(names.match)
    if tags is not None:
        if not _matches(_tags(tags), record):
            raise _failed(names.match)
        return
    date = parse_http_date(headers.get(names.unmodified, b""))
    if date is not None and modified_s(record) > date:
        raise _failed(names.unmodified)


def _is_known(headers: RequestHeaders, record: ObjectRecord, names: _Names) -> bytes | None:
    """Return the header by which the client says that it has the object already, if it does."""
    tags = headers.get(names.none_match)
    if tags is not None:
        return names.none_match if _matches(_tags(tags), record) else None
    date = parse_http_date(headers.get(names.modified, b""))
    return names.modified if date is not None and modified_s(record) <= date else None


def _matches(tags: frozenset[str], record: ObjectRecord) -> bool:
    return record.etag in tags or "*" in tags


def _tags(value: bytes) -> frozenset[str]:
    tags = (tag.strip().removeprefix("W/") for tag in value.decode("latin-1").split(","))
    return frozenset(tag.strip('"') for tag in tags)


def _failed(name: bytes) -> S3Error:
    return S3Error("PreconditionFailed", Condition=_SHOWN[name])


def _not_implemented(header: str, what: str) -> S3Error:
    text = f"{what} is not accepted by this operation"
    return S3Error("NotImplemented", Header=header, additionalMessage=text)

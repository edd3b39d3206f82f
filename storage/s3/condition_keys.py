"""The condition keys of a request, worked out when a policy asks for them.

After "Condition keys for Amazon S3" (Service Authorization Reference) and "AWS global condition
context keys" (IAM user guide). Names are in lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote

from storage.object.record import ObjectRecord
from storage.s3.objects.tags import tags_of
from storage.s3.policy import Caller
from storage.s3.request import Request

EXISTING_TAG = "s3:existingobjecttag/"
_REQUEST_TAG = "s3:requestobjecttag/"
_HEADER = "s3:x-amz-"
_TAGGING = b"x-amz-tagging"
_MS_PER_S = 1000
_DATE_FORM = "%Y%m%dT%H%M%SZ"


class Circumstances(NamedTuple):
    """What the keys of a request are worked out from.

    Attributes:
        request: the request.
        caller: who asks.
        account: id of the bucket's account, or empty.
        record: of the object, where a policy reads its tags.
        now_s: seconds since 1970.
        region: that the request came to.
    """

    request: Request
    caller: Caller
    account: str
    record: ObjectRecord | None
    now_s: float
    region: str


Value: TypeAlias = Callable[[Circumstances], str | None]


class RequestKeys:
    """The condition keys of one request.

    Args:
        circumstances: what they are worked out from.
    """

    def __init__(self, circumstances: Circumstances) -> None:
        self._circumstances = circumstances

    def get(self, name: str, /) -> Sequence[str] | None:
        """Return a key's values, or nothing where the request does not have it."""
        if name in _KEYS:
            value = _KEYS[name](self._circumstances)
            return None if value is None else (value,)
        request = self._circumstances.request
        if name.startswith(EXISTING_TAG):
            record = self._circumstances.record
            tags = {} if record is None else tags_of(record)
            return _tag(tags, name.removeprefix(EXISTING_TAG))
        if name.startswith(_REQUEST_TAG):
            return _tag(_requested_tags(request), name.removeprefix(_REQUEST_TAG))
        if name == "s3:requestobjecttagkeys":
            return tuple(_requested_tags(request)) or None
        if name == "s3:x-amz-copy-source":
            return _copy_source(request)
        if name.startswith(_HEADER):
            return _header(request, name.removeprefix("s3:"))
        return None


def _tag(tags: Mapping[str, str], wanted: str) -> Sequence[str] | None:
    return next(((value,) for key, value in tags.items() if key.lower() == wanted), None)


def _requested_tags(request: Request) -> Mapping[str, str]:
    if request.tags is not None:
        return request.tags
    value = request.headers.get(_TAGGING, b"").decode("latin-1")
    return dict(parse_qsl(value, keep_blank_values=True))


def _copy_source(request: Request) -> Sequence[str] | None:
    """Return the source with and without its slash: people write it both ways."""
    source = request.header(b"x-amz-copy-source")
    if not source:
        return None
    bare = unquote(source.partition("?")[0]).removeprefix("/")
    return bare, f"/{bare}"


def _header(request: Request, name: str) -> Sequence[str] | None:
    value = request.headers.get(name.encode("ascii"))
    if value is not None:
        return (value.decode("latin-1"),)
    parameters = {key.lower(): value for key, value in request.parameters.pairs}
    return (parameters[name],) if name in parameters else None


def _text(name: bytes) -> Value:
    return lambda it: it.request.header(name) or None


def _parameter(name: str) -> Value:
    return lambda it: it.request.parameters.get(name)


def _source_ip(it: Circumstances) -> str | None:
    client = it.request.scope.get("client")
    return None if client is None else str(client[0])


def _is_secure(it: Circumstances) -> str:
    return "true" if it.request.scope.get("scheme") == "https" else "false"


def _now(it: Circumstances) -> str:
    return datetime.fromtimestamp(it.now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _principal_type(it: Circumstances) -> str:
    if it.caller.is_anonymous:
        return "Anonymous"
    return "AssumedRole" if it.caller.role_arn else "User"


def _username(it: Circumstances) -> str | None:
    """Return the user's name without its path; roles have none."""
    return None if it.caller.role_arn else it.caller.arn.rpartition("/")[2] or None


def _user_id(it: Circumstances) -> str:
    """Return the id that IAM gave, or the account's canonical one."""
    key = it.request.access_key
    return (key.id if key is not None else "") or it.caller.canonical_id or "anonymous"


def _authentication(it: Circumstances) -> str | None:
    """Return how the request is signed, or nothing where it is not."""
    if it.request.access_key is None:
        return None
    if b"authorization" in it.request.headers:
        return "REST-HEADER"
    is_form = it.request.operation.name == "PostObject"
    return "POST" if is_form else "REST-QUERY-STRING"


def _signature_version(it: Circumstances) -> str | None:
    if it.request.access_key is None:
        return None
    is_v4 = it.request.header(b"authorization").startswith("AWS4") or any(
        "X-Amz-Algorithm" in place for place in (it.request.parameters,)
    )
    return "AWS4-HMAC-SHA256" if is_v4 else "AWS"


def _signature_age(it: Circumstances) -> str | None:
    """Return the milliseconds since a presigned request was signed."""
    signed = it.request.parameters.get("X-Amz-Date")
    if signed is None:
        return None
    try:
        at = datetime.strptime(signed, _DATE_FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return str(int((it.now_s - at.timestamp()) * _MS_PER_S))


_KEYS: Mapping[str, Value] = {
    "aws:currenttime": _now,
    "aws:epochtime": lambda it: str(int(it.now_s)),
    "aws:principalaccount": lambda it: it.caller.account or None,
    "aws:principalarn": lambda it: it.caller.role_arn or it.caller.arn or None,
    "aws:principaltype": _principal_type,
    "aws:referer": _text(b"referer"),
    "aws:requestedregion": lambda it: it.region,
    "aws:securetransport": _is_secure,
    "aws:sourceip": _source_ip,
    "aws:useragent": _text(b"user-agent"),
    "aws:userid": _user_id,
    "aws:username": _username,
    "s3:authtype": _authentication,
    "s3:delimiter": _parameter("delimiter"),
    "s3:max-keys": _parameter("max-keys"),
    "s3:object-lock-legal-hold": _text(b"x-amz-object-lock-legal-hold"),
    "s3:object-lock-mode": _text(b"x-amz-object-lock-mode"),
    "s3:object-lock-retain-until-date": _text(b"x-amz-object-lock-retain-until-date"),
    "s3:prefix": _parameter("prefix"),
    "s3:resourceaccount": lambda it: it.account or None,
    "s3:signatureage": _signature_age,
    "s3:signatureversion": _signature_version,
    "s3:versionid": _parameter("versionId"),
}

"""What a PUT or POST changes: the headers of a request as the values that are recorded."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.swift.acl import clean_account_acl, clean_container_acl
from storage.swift.expiry import read_delete_at
from storage.swift.metadata import (
    ACCOUNT_PREFIX,
    CONTAINER_HEADERS,
    CONTAINER_PREFIX,
    OBJECT_PREFIX,
    OBJECT_SYSTEM_HEADERS,
    OWNER_HEADERS,
    MetadataRules,
    RequestHeaders,
    removals,
)
from storage.swift.response import SwiftError, refuse
from storage.swift.text import decode, encode, is_true, is_utf8

_ACCOUNT_ACL = b"x-account-access-control"
_MIME_TYPES = mimetypes.MimeTypes()  # the tables of Python, not those of the machine
_DEFAULT_CONTENT_TYPE = "application/octet-stream"
_GIVEN_SYSTEM_HEADERS = tuple(
    (name.encode("ascii"), name) for name in OBJECT_SYSTEM_HEADERS if name != "x-delete-at"
)


def account_changes(
    headers: RequestHeaders, held: Mapping[str, str], rules: MetadataRules
) -> dict[str, str]:
    """Return what a request changes of an account; an empty value removes.

    Raises:
        SwiftError: 400.
    """
    changes = removals(headers, held, "account")
    for name, value in rules.read(headers, ACCOUNT_PREFIX, text=True).items():
        changes[ACCOUNT_PREFIX + name] = value
    if _ACCOUNT_ACL in headers:
        text = decode(headers[_ACCOUNT_ACL])
        try:
            changes[_ACCOUNT_ACL.decode()] = clean_account_acl(text)
        except ValueError as error:
            message = f"X-Account-Access-Control invalid: {error}\n\nInput: {text}\n"
            raise refuse(message) from error
    rules.check_merged(held, changes, ACCOUNT_PREFIX)
    return _effective(changes, held)


def container_changes(
    headers: RequestHeaders, held: Mapping[str, str], rules: MetadataRules, *, owner: bool
) -> dict[str, str]:
    """Return what a request changes of a container; an empty value removes.

    Args:
        headers: of the request.
        held: what is recorded, by full name; nothing for a new container.
        rules: of metadata.
        owner: whether the account's owner asks; from others much is ignored.

    Raises:
        SwiftError: 400.
    """
    changes = removals(headers, held, "container")
    for name, value in rules.read(headers, CONTAINER_PREFIX, text=True).items():
        changes[CONTAINER_PREFIX + name] = value
    for name in CONTAINER_HEADERS:
        raw = headers.get(name.encode("ascii"))
        if raw is not None:
            changes[name] = _container_header(name, raw)
    if not owner:
        changes = {name: value for name, value in changes.items() if name not in OWNER_HEADERS}
    rules.check_merged(held, changes, CONTAINER_PREFIX)
    return _effective(changes, held)


def _container_header(name: str, raw: bytes) -> str:
    if raw and not is_utf8(raw):
        raise refuse("Metadata must be valid UTF-8")
    if name == "x-container-sync-key":
        return decode(raw)
    try:
        return clean_container_acl(decode(raw), for_write=name == "x-container-write")
    except ValueError as error:
        raise refuse(str(error)) from error


def _effective(changes: Mapping[str, str], held: Mapping[str, str]) -> dict[str, str]:
    """Return changes without the removal of what is not there."""
    return {name: value for name, value in changes.items() if value or name in held}


def new_attributes(
    headers: RequestHeaders, object_name: str, rules: MetadataRules, now_s: float
) -> Attributes:
    """Return what a new object carries.

    Args:
        headers: of the PUT.
        object_name: tells the content type where the headers do not.
        rules: of metadata.
        now_s: physical time, in seconds since 1970.

    Raises:
        SwiftError: 400.
    """
    content_type = _content_type(headers)
    if content_type is None or is_true(headers.get(b"x-detect-content-type")):
        content_type = guess_content_type(object_name)
    system = _system_headers(headers, now_s)
    return Attributes(content_type, rules.read(headers, OBJECT_PREFIX, text=False), system)


def amendment(
    headers: RequestHeaders, rules: MetadataRules, now_s: float
) -> Callable[[ObjectRecord], Attributes]:
    """Return what a POST makes of an object: all is replaced but a content type not given.

    Raises:
        SwiftError: 400.
    """
    metadata = rules.read(headers, OBJECT_PREFIX, text=False)
    system = _system_headers(headers, now_s)
    content_type = _content_type(headers)

    def amend(record: ObjectRecord) -> Attributes:
        kept = {
            name: value
            for name, value in record.system.items()
            if name not in OBJECT_SYSTEM_HEADERS  # another front door's
        }
        return Attributes(content_type or record.content_type, metadata, kept | system)

    return amend


def copied_headers(
    headers: RequestHeaders, source: ObjectRecord, content_type: bytes
) -> dict[bytes, bytes]:
    """Return the headers by which a copy is made: the source's, with the request's over them.

    Args:
        headers: of the request. X-Fresh-Metadata leaves the source's metadata behind.
        source: what is copied.
        content_type: of what is copied, where the request names none.
    """
    copied: dict[bytes, bytes] = {}
    if not is_true(headers.get(b"x-fresh-metadata")):
        for name, value in source.metadata.items():
            copied[OBJECT_PREFIX.encode("ascii") + encode(name)] = encode(value)
        for name, value in source.system.items():
            if name in OBJECT_SYSTEM_HEADERS:
                copied[name.encode("ascii")] = encode(value)
    copied.update(headers)
    if not headers.get(b"content-type"):
        copied[b"content-type"] = content_type
    return copied


def guess_content_type(object_name: str) -> str:
    """Return the content type that a name's ending stands for."""
    last = object_name.rpartition("/")[2]
    return _MIME_TYPES.guess_type("/" + last)[0] or _DEFAULT_CONTENT_TYPE


def _content_type(headers: RequestHeaders) -> str | None:
    raw = headers.get(b"content-type")
    if not raw:
        return None
    if not is_utf8(raw):
        raise refuse("Invalid Content-Type")
    parameters = raw.split(b";")[1:]
    if any(parameter.lstrip().startswith(b"swift_") for parameter in parameters):
        text = "Invalid Content-Type, swift_* is not a valid parameter name."
        raise SwiftError(400, text)
    return decode(raw)


def _system_headers(headers: RequestHeaders, now_s: float) -> dict[str, str]:
    system = {
        name: decode(headers[header]) for header, name in _GIVEN_SYSTEM_HEADERS if header in headers
    }
    delete_at = read_delete_at(headers, now_s)
    if delete_at is not None:
        system["x-delete-at"] = delete_at
    return system

"""What a path addresses: an account, a container or an object."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from storage.swift.response import SwiftError

API_VERSIONS = ("v1", "v1.0")
_SEGMENTS_MAX = 4


class Level(IntEnum):
    """How deep a target lies."""

    ACCOUNT = 1
    CONTAINER = 2
    OBJECT = 3


class Target(NamedTuple):
    """An addressed resource.

    Attributes:
        level: which of the names are set.
        account: name.
        container: name, or empty.
        object: name, or empty.
    """

    level: Level
    account: str
    container: str
    object: str


def parse_target(raw_path: bytes) -> Target:
    """Return what the path of a request addresses, by Swift's own rules.

    Args:
        raw_path: as sent. Slashes split it after decoding, so "%2F" is a slash as well.

    Raises:
        SwiftError: 412 for a path that is not UTF-8, has NUL, or names no account; 404 for one
            with empty segments; 400 for an unknown version.
    """
    path = decode_path(raw_path)
    segments = path.split("/", _SEGMENTS_MAX)
    if segments[0] or len(segments) < 2 or not segments[1] or not all(segments[1:-1]):
        raise SwiftError(404)
    if len(segments) < 3 or not segments[2]:
        raise SwiftError(412, "Bad URL")
    if segments[1] not in API_VERSIONS:
        raise SwiftError(400)
    account = segments[2]
    if len(segments) > 4 and segments[4]:
        return Target(Level.OBJECT, account, segments[3], segments[4])
    if len(segments) > 3 and segments[3]:
        return Target(Level.CONTAINER, account, segments[3], "")
    return Target(Level.ACCOUNT, account, "", "")


def decode_path(raw: bytes) -> str:
    """Return a percent-encoded path as text.

    Raises:
        SwiftError: 412, it is not UTF-8 or has NUL.
    """
    data = unquote_to_bytes(raw) if b"%" in raw else raw
    try:
        path = data.decode()
    except UnicodeDecodeError:
        path = "\0"
    if "\0" in path:
        raise SwiftError(412, "Invalid UTF8 or contains NULL")
    return path


def parse_object_path(header: str, value: bytes) -> tuple[str, str]:
    """Return container and object that a header such as Destination names.

    Raises:
        SwiftError: 412, it is not of the form "container/object".
    """
    path = decode_path(value)
    container, _, name = path.removeprefix("/").partition("/")
    if not container or not name:
        text = f"{header} header must be of the form <container name>/<object name>"
        raise SwiftError(412, text)
    return container, name


def parse_account_name(value: bytes) -> str:
    """Return the account that a header such as Destination-Account names.

    Raises:
        SwiftError: 412, it is empty or has slashes.
    """
    account = decode_path(value)
    if not account:
        raise SwiftError(412, "Account name cannot be empty")
    if "/" in account:
        raise SwiftError(412, "Account name cannot contain slashes")
    return account


def quote_path(*names: str) -> bytes:
    """Return names joined by slashes and percent-encoded."""
    return quote_from_bytes("/".join(names).encode()).encode("ascii")


def challenge(raw_path: bytes) -> tuple[bytes, bytes]:
    """Return the header that a 401 must have (RFC 9110 section 15.5.2)."""
    return b"Www-Authenticate", b'Swift realm="%b"' % realm_of(raw_path)


def realm_of(raw_path: bytes) -> bytes:
    """Return the realm that WWW-Authenticate names: the account, if the path has one."""
    data = unquote_to_bytes(raw_path)
    segments = data.split(b"/", 3)
    if len(segments) < 3 or segments[0] or not segments[1] or not segments[2]:
        return b"unknown"
    return quote_from_bytes(segments[2]).encode("ascii")

"""How a directory is stored: a magic, a version, and the msgpack of its entries' fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgpack

from storage.s3.iam.model import Directory, Group, Key, ManagedPolicy, PolicyVersion, Role, User

MAGIC = b"ATIAM"
VERSION = 1

T = TypeVar("T", User, Group, Role, ManagedPolicy)


class DirectoryFormatError(Exception):
    """Stored bytes are no directory that this program reads."""


def encode(directory: Directory) -> bytes:
    """Return a directory's stored form; equal directories have equal ones."""
    parts = (directory.users, directory.groups, directory.roles, directory.policies)
    fields = [[entry for _, entry in sorted(part.items())] for part in parts]
    packed: bytes = msgpack.packb(fields)
    return MAGIC + bytes([VERSION]) + packed


def decode(data: bytes) -> Directory:
    """Return the directory in a stored form.

    Raises:
        DirectoryFormatError: it is none, or of a later version.
    """
    start = len(MAGIC)
    if data[:start] != MAGIC or data[start : start + 1] != bytes([VERSION]):
        raise DirectoryFormatError(f"not a directory of version {VERSION}")
    users, groups, roles, policies = msgpack.unpackb(data[start + 1 :], use_list=False)
    return Directory(
        _by_name(users, _user),
        _by_name(groups, lambda fields: Group(*fields)),
        _by_name(roles, lambda fields: Role(*fields)),
        _by_name(policies, _policy),
    )


def _by_name(entries: Iterable[Any], read: Callable[[Any], T]) -> dict[str, T]:
    return {entry.name.lower(): entry for entry in map(read, entries)}


def _user(fields: Any) -> User:
    user = User(*fields)
    return user._replace(keys=tuple(Key(*one) for one in user.keys))


def _policy(fields: Any) -> ManagedPolicy:
    policy = ManagedPolicy(*fields)
    return policy._replace(versions=tuple(PolicyVersion(*one) for one in policy.versions))

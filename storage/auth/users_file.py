"""The file of static users, `users.toml`.

Each `[[user]]` has a `name` ("account:user", as TempAuth has it), a `key`, and, if wanted, the
storage `account` (else `ACCOUNT_PREFIX` and the name's first part), `roles` and `groups`, and an
`access_key` with its `secret_key` for S3.
"""

from __future__ import annotations

import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from atoll.errors import OperatorError
from atoll.world import World
from storage.auth.authenticator import ACCOUNT_PREFIX
from storage.auth.keys import (
    ACCESS_KEY_FORM,
    ACCESS_KEY_RANDOM_BYTES,
    SECRET_KEY_RANDOM_BYTES,
    new_access_key,
    new_secret_key,
)

USERS_FILE_SIZE_BYTES_MAX = 16 * 1024 * 1024
NAME_BYTES_MAX = 256
KEY_BYTES_MAX = 1024
_KEY_SIZE_BYTES = 24

ROLES = frozenset(("admin", "reseller_admin", "reseller_reader"))
_FIELDS = frozenset(("name", "key", "account", "roles", "groups", "access_key", "secret_key"))

_TEMPLATE = """\
# Users of this cloud. A restart makes changes effective; a new key ends the user's tokens.
# roles: "admin" of the own account, "reseller_admin" and "reseller_reader" of all accounts.
# access_key and secret_key are for S3; `atoll key create` makes more of them.

[[user]]
name = "{user}"
key = "{key}"
account = "{account}"
roles = ["admin"]
access_key = "{access_key}"
secret_key = "{secret_key}"
"""


class UsersFileError(OperatorError):
    """The file of users cannot be used; whoever wrote it is at fault.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}")


class User(NamedTuple):
    """A user.

    Attributes:
        name: as "account:user".
        key: the secret.
        account: storage account.
        roles: of `ROLES`.
        groups: further names by which access rules may include the user.
        access_key: for S3; empty where the user has none here.
        secret_key: of the access key.
    """

    name: str
    key: str
    account: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    access_key: str = ""
    secret_key: str = ""

    @property
    def tenant(self) -> str:
        """The first part of the name."""
        return self.name.partition(":")[0]


class Credentials(NamedTuple):
    """What a user needs to log in.

    Attributes:
        user: name.
        key: the secret.
        account: storage account.
        access_key: for S3.
        secret_key: of the access key.
    """

    user: str
    key: str
    account: str
    access_key: str
    secret_key: str


def create_users_file(path: Path, world: World) -> Credentials:
    """Write a file with one administrator, whose keys are random; it replaces one that is there.

    Args:
        path: of the file; its owner alone can read it.
        world: disk and randomness.

    Raises:
        DiskError: it cannot be written.
    """
    key = urlsafe_b64encode(world.random.randbytes(_KEY_SIZE_BYTES)).decode("ascii")
    access_key = new_access_key(world.random.randbytes(ACCESS_KEY_RANDOM_BYTES))
    secret_key = new_secret_key(world.random.randbytes(SECRET_KEY_RANDOM_BYTES))
    account = ACCOUNT_PREFIX + "demo"
    credentials = Credentials("demo:admin", key, account, access_key, secret_key)
    world.disk.replace(path, _TEMPLATE.format(**credentials._asdict()).encode())
    return credentials


def read_users_file(path: Path, world: World) -> dict[str, User]:
    """Return the users of a file by name.

    Raises:
        UsersFileError: there is none, or it cannot be used.
        DiskError: it cannot be read.
    """
    try:
        file = world.disk.open(path)
    except FileNotFoundError as error:
        raise UsersFileError(path, "there is no such file") from error
    try:
        size_bytes = file.size()
        if size_bytes > USERS_FILE_SIZE_BYTES_MAX:
            raise UsersFileError(path, f"is larger than {USERS_FILE_SIZE_BYTES_MAX} bytes")
        data = bytearray(size_bytes)
        file.read_into(data, 0)
    finally:
        file.close()
    try:
        return parse_users(tomllib.loads(data.decode()))
    except ValueError as error:  # also what TOML and UTF-8 decoders raise
        raise UsersFileError(path, str(error)) from error


def parse_users(tables: Mapping[str, Any]) -> dict[str, User]:
    """Return users by name.

    Args:
        tables: what TOML holds.

    Raises:
        ValueError: a user is unusable or named twice.
    """
    unknown = sorted(tables.keys() - {"user"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is unknown, there is only [[user]]")
    entries = tables.get("user", [])
    if not isinstance(entries, list):
        raise ValueError("user must be an array of tables, [[user]]")
    users: dict[str, User] = {}
    for position, entry in enumerate(entries, start=1):
        where = f"user {position}"
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where} must be a table, [[user]]")
        user = _parse_user(entry, where)
        if user.name in users:
            raise ValueError(f"{where}: {user.name!r} is there twice")
        if user.access_key and any(one.access_key == user.access_key for one in users.values()):
            raise ValueError(f"{where}: access_key {user.access_key!r} is there twice")
        users[user.name] = user
    return users


def _parse_user(entry: Mapping[str, Any], where: str) -> User:
    unknown = sorted(entry.keys() - _FIELDS)
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r} is unknown")
    name = _text(entry, "name", where, NAME_BYTES_MAX)
    tenant, colon, rest = name.partition(":")
    if not (tenant and colon and rest):
        raise ValueError(f'{where}: name must be "account:user"')
    account = ACCOUNT_PREFIX + tenant
    if "account" in entry:
        account = _text(entry, "account", where, NAME_BYTES_MAX)
    if "/" in account or account == ACCOUNT_PREFIX or not account.startswith(ACCOUNT_PREFIX):
        raise ValueError(f'{where}: account must be "{ACCOUNT_PREFIX}" and a name without slash')
    roles = _names(entry, "roles", where)
    if roles - ROLES:
        raise ValueError(f"{where}: roles must be of {', '.join(sorted(ROLES))}")
    key = _text(entry, "key", where, KEY_BYTES_MAX)
    access_key, secret_key = "", ""
    if "access_key" in entry or "secret_key" in entry:
        access_key = _text(entry, "access_key", where, KEY_BYTES_MAX)
        secret_key = _text(entry, "secret_key", where, KEY_BYTES_MAX)
        if not ACCESS_KEY_FORM.fullmatch(access_key):
            raise ValueError(f"{where}: access_key must be 3 to 128 letters, digits, '.', '_', '-'")
    groups = _names(entry, "groups", where)
    return User(name, key, account, roles, groups, access_key, secret_key)


def _text(entry: Mapping[str, Any], field: str, where: str, bytes_max: int) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value or len(value.encode()) > bytes_max:
        raise ValueError(f"{where}: {field} must be a string of 1 to {bytes_max} bytes")
    return value


def _names(entry: Mapping[str, Any], field: str, where: str) -> frozenset[str]:
    values = entry.get(field, [])
    if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
        raise ValueError(f"{where}: {field} must be a list of names")
    return frozenset(values)

"""Access keys of the users of a file: those that stand there, and those made later in the store.

A key in the store is an object without bytes in a container of the cluster's own: the secret is
in its metadata, encrypted under the cluster's secret and bound to the key's id. It is read with
every request, so that a deletion counts at once, and decrypted once.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from atoll.world import World
from storage.auth.authenticator import Identity
from storage.auth.keys import (
    ACCESS_KEY_FORM,
    ACCESS_KEY_RANDOM_BYTES,
    SECRET_KEY_RANDOM_BYTES,
    AccessKey,
    new_access_key,
    new_secret_key,
)
from storage.auth.sealer import Sealer
from storage.auth.static_users import identity_of
from storage.auth.users_file import User
from storage.container.listing import LIMIT_MAX, Query
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import ObjectMissingError, PreconditionFailedError
from storage.reserved import ACCESS_KEYS, SYSTEM_ACCOUNT, ensure_container
from storage.timestamp import Timestamp

KEYS_KNOWN_MAX = 4096
_CONTEXT = "atoll 2026 access key secret"
_USER, _SECRET = "user", "secret"


class KeyInfo(NamedTuple):
    """A key as it is listed, without its secret.

    Attributes:
        access_key: its id.
        user: name of whom it stands for.
        created: when it was made; nothing where it stands in the file of users.
    """

    access_key: str
    user: str
    created: Timestamp | None


class AccessKeys:
    """The access keys of a cluster.

    Args:
        engine: of the store.
        users: by name.
        secret: of the cluster.
        world: randomness.
    """

    def __init__(
        self, engine: Engine, users: Mapping[str, User], secret: bytes, world: World
    ) -> None:
        self._engine = engine
        self._random = world.random
        self._sealer = Sealer(secret, _CONTEXT, world.random)
        self._identities = {user.name: identity_of(user) for user in users.values()}
        self._fixed = {key.access_key: key for key in _keys_of(users.values(), self._identities)}
        self._read = lru_cache(maxsize=KEYS_KNOWN_MAX)(self._decrypt)

    async def find(self, access_key: str) -> AccessKey | None:
        """Return the key of an id, or nothing where it is not valid (any more)."""
        fixed = self._fixed.get(access_key)
        if fixed is not None or not ACCESS_KEY_FORM.fullmatch(access_key):
            return fixed
        container = await self._engine.container(SYSTEM_ACCOUNT, ACCESS_KEYS)
        record = None if container is None else await self._engine.object(container, access_key)
        identity = None if record is None else self._identities.get(record.system[_USER])
        if record is None or identity is None:
            return None
        return AccessKey(access_key, self._read(access_key, record.system[_SECRET]), identity)

    async def create(self, user: str) -> AccessKey:
        """Make a key for a user and return it.

        On cancel: there may be a key that nobody knows.

        Raises:
            KeyError: there is no such user.
        """
        identity = self._identities[user]
        access_key = new_access_key(self._random.randbytes(ACCESS_KEY_RANDOM_BYTES))
        secret = new_secret_key(self._random.randbytes(SECRET_KEY_RANDOM_BYTES))
        attributes = Attributes("", {}, {_USER: user, _SECRET: self._encrypt(access_key, secret)})
        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, ACCESS_KEYS)
        await self._engine.put_object(
            container, access_key, attributes, _Nothing(), size_bytes=0, condition=_is_absent
        )
        return AccessKey(access_key, secret, identity)

    async def keys(self) -> list[KeyInfo]:
        """Return all keys: those of the file first."""
        found = [KeyInfo(key.access_key, key.identity.user, None) for key in self._fixed.values()]
        container = await self._engine.container(SYSTEM_ACCOUNT, ACCESS_KEYS)
        marker = ""
        while container is not None:
            entries = await self._engine.list_objects(container, Query(marker=marker))
            for entry in entries:
                record = await self._engine.object(container, entry.name)
                if record is not None:
                    found.append(KeyInfo(entry.name, record.system[_USER], record.created))
            if len(entries) < LIMIT_MAX:
                break
            marker = entries[-1].name
        return found

    async def delete(self, access_key: str) -> bool:
        """Delete a key of the store; tell whether there was one."""
        container = await self._engine.container(SYSTEM_ACCOUNT, ACCESS_KEYS)
        if container is None:
            return False
        try:
            await self._engine.delete_object(container, access_key)
        except ObjectMissingError:
            return False
        return True

    def _encrypt(self, access_key: str, secret: str) -> str:
        return b64encode(self._sealer.seal(secret.encode(), access_key.encode())).decode("ascii")

    def _decrypt(self, access_key: str, text: str) -> str:
        return self._sealer.open(b64decode(text), access_key.encode()).decode()


def _keys_of(users: Iterable[User], identities: Mapping[str, Identity]) -> Iterable[AccessKey]:
    for user in users:
        if user.access_key:
            yield AccessKey(user.access_key, user.secret_key, identities[user.name])


def _is_absent(current: ObjectRecord | None, /) -> None:
    if current is not None:
        raise PreconditionFailedError("there is such a key already")


class _Nothing:
    """The body of an object without bytes."""

    async def receive(self) -> bytes:
        """Return nothing: the end."""
        return b""

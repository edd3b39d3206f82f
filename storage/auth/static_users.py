"""Users from a file, with tokens that need no memory.

The groups of a user are TempAuth's (OpenStack Swift, `tempauth`), so that access rules written
for it mean the same here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from atoll.world import Clock, World
from storage.auth.authenticator import ACCOUNT_PREFIX, Grant, Identity
from storage.auth.tokens import TOKEN_LENGTH_MAX, Claim, TokenMaker
from storage.auth.users_file import User, read_users_file

TOKEN_LIFETIME_S = 86_400
TOKENS_KNOWN_MAX = 4096
NEVER_S = 2**63
"""When an identity ends that stands on no token."""
TOKEN_PREFIX = ACCOUNT_PREFIX + "tk"
_NS_PER_S = 1_000_000_000


class StaticUsers:
    """An authenticator for users that do not change while the process lives.

    Args:
        users: by name.
        secret: of the cluster; tokens made with another one are not valid.
        clock: physical time, by which tokens end.
        token_lifetime_s: of new tokens.
    """

    def __init__(
        self,
        users: Mapping[str, User],
        secret: bytes,
        clock: Clock,
        *,
        token_lifetime_s: int = TOKEN_LIFETIME_S,
    ) -> None:
        self._users = dict(users)
        self._clock = clock
        self._token_lifetime_s = token_lifetime_s
        self._tokens = TokenMaker(secret, TOKEN_PREFIX)
        self._fingerprints = {
            user.name: self._tokens.fingerprint(user.key) for user in self._users.values()
        }
        self._read = lru_cache(maxsize=TOKENS_KNOWN_MAX)(self._read_token)

    @classmethod
    def load(
        cls, path: Path, secret: bytes, world: World, *, token_lifetime_s: int = TOKEN_LIFETIME_S
    ) -> StaticUsers:
        """Return the users of a file.

        Raises:
            UsersFileError: the file is missing or cannot be used.
            DiskError: it cannot be read.
        """
        users = read_users_file(path, world)
        return cls(users, secret, world.clock, token_lifetime_s=token_lifetime_s)

    async def authenticate(self, user: str, key: str) -> Grant | None:
        """Return a token for a user, or nothing where user or key are wrong."""
        known = self._users.get(user)
        expected = known.key if known is not None else ""
        if not hmac.compare_digest(_bytes(key), _bytes(expected)) or known is None:
            return None
        expires_s = self._now_s() + self._token_lifetime_s
        token = self._tokens.make(Claim(user, expires_s, self._fingerprints[user]))
        return Grant(token, identity_of(known, expires_s))

    async def identify(self, token: str) -> Identity | None:
        """Return whose token this is, or nothing where it is not valid (any more)."""
        if len(token) > TOKEN_LENGTH_MAX:
            return None  # before it takes room in the cache
        identity = self._read(token)
        if identity is None or identity.expires_s <= self._now_s():
            return None
        return identity

    def _read_token(self, token: str) -> Identity | None:
        claim = self._tokens.read(token)
        if claim is None or self._fingerprints.get(claim.user) != claim.fingerprint:
            return None
        return identity_of(self._users[claim.user], claim.expires_s)

    def _now_s(self) -> int:
        return self._clock.wall_ns() // _NS_PER_S


def identity_of(user: User, expires_s: int = NEVER_S) -> Identity:
    """Return a user as front doors see who asks."""
    groups = {user.tenant, user.name, *user.groups}
    if "admin" in user.roles:
        groups.add(user.account)
    return Identity(
        user.name,
        user.account,
        frozenset(groups),
        "reseller_admin" in user.roles,
        "reseller_reader" in user.roles,
        expires_s,
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

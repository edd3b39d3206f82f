"""The tokens of sessions: sealed, so that no memory is needed to know them again.

A token is, in base64, a version and the AES-256-GCM of a compressed msgpack list; it is bound to
the session's access key id. The session's secret key follows from that id and the cluster's
secret. Any process of the cluster can read a token, and none but the cluster's can make one.
"""

from __future__ import annotations

import binascii
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

import msgpack
from blake3 import blake3

from atoll.world import Random
from storage.auth.keys import SECRET_KEY_RANDOM_BYTES
from storage.auth.sealer import Sealer, UnsealError
from storage.s3.iam.names import SESSION_KEY_ID, new_id

VERSION: Final = 1
TOKEN_LENGTH_MAX: Final = 4096
"""No longer token is made, or need be read."""

TOKENS_KNOWN_MAX: Final = 2048
_CONTEXT: Final = "atoll 2026 session token"
_KEY_CONTEXT: Final = "atoll 2026 session secret key"


class Origin(Enum):
    """Whose session it is."""

    FIXED = "fixed"
    """A user's that stands in the file of users."""
    USER = "user"
    """A user's of IAM."""
    ROLE = "role"
    """A role's."""


class Session(NamedTuple):
    """What a token says.

    Attributes:
        origin: see `Origin`.
        account: storage account.
        name: of the user or role.
        id: of the user or role; the session ends with it.
        title: of the session of a role, or of a federated user; empty for a user's own session.
        expires_s: when it ends, in seconds since 1970.
        policies: documents that narrow it.
        policy_arns: of managed policies that narrow it.
    """

    origin: Origin
    account: str
    name: str
    id: str
    title: str
    expires_s: int
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()


class Issued(NamedTuple):
    """What whoever began a session gets."""

    access_key: str
    secret: str
    token: str


class TokenTooLongError(Exception):
    """The policies of a session do not fit into a token."""


class SessionTokens:
    """Makes and reads tokens.

    Args:
        secret: of the cluster.
        random: ids and nonces.
    """

    def __init__(self, secret: bytes, random: Random) -> None:
        self._random = random
        self._sealer = Sealer(secret, _CONTEXT, random)
        self._secret = blake3(secret, derive_key_context=_KEY_CONTEXT).digest()
        self._read = lru_cache(maxsize=TOKENS_KNOWN_MAX)(self._open)

    def issue(self, session: Session) -> Issued:
        """Return the key and token of a new session.

        Raises:
            TokenTooLongError: its policies are too long.
        """
        access_key = new_id(SESSION_KEY_ID, self._random)
        packed = zlib.compress(msgpack.packb((session.origin.value, *session[1:])), 9)
        sealed = bytes([VERSION]) + self._sealer.seal(packed, access_key.encode())
        token = b64encode(sealed).decode("ascii")
        if len(token) > TOKEN_LENGTH_MAX:
            raise TokenTooLongError(f"the token would have {len(token)} characters")
        return Issued(access_key, self.secret(access_key), token)

    def secret(self, access_key: str) -> str:
        """Return the secret that goes with a session's access key id."""
        digest = blake3(access_key.encode(), key=self._secret).digest(SECRET_KEY_RANDOM_BYTES)
        return urlsafe_b64encode(digest).decode("ascii")

    def read(self, access_key: str, token: str) -> Session | None:
        """Return what a token says, ended or not; nothing where it is not one for this key."""
        if len(token) > TOKEN_LENGTH_MAX:
            return None  # before it takes room in the cache
        return self._read(access_key, token)

    def _open(self, access_key: str, token: str) -> Session | None:
        try:
            sealed = b64decode(token, validate=True)
            if sealed[:1] != bytes([VERSION]):
                return None
            packed = self._sealer.open(sealed[1:], access_key.encode())
        except (binascii.Error, ValueError, UnsealError):  # ValueError: no ASCII
            return None
        origin, *fields = msgpack.unpackb(zlib.decompress(packed), use_list=False)
        return Session(Origin(origin), *fields)

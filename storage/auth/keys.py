"""Access keys: the pairs of id and secret with which S3 requests are signed."""

from __future__ import annotations

import re
from base64 import b32encode, urlsafe_b64encode
from typing import NamedTuple, Protocol

from storage.auth.authenticator import Identity

ACCESS_KEY_FORM = re.compile(r"[A-Za-z0-9_.-]{3,128}")
ACCESS_KEY_RANDOM_BYTES = 10
SECRET_KEY_RANDOM_BYTES = 30
_PREFIX = "ATOL"


class AccessKey(NamedTuple):
    """A key and whom it stands for.

    Attributes:
        access_key: its id, which requests name.
        secret: signs them.
        identity: of whom it stands for, as of now.
        identity_policies: JSON documents that say what the user may; nothing where the user's
            rights come from the user's groups alone.
        session_policies: JSON documents that the session's rights end at, if it is one.
        role_arn: of the role that was assumed, if any.
        arn: by which policies know the session of a role or federated user; empty for others,
            whose identity says it.
        id: that is never given to another, where IAM knows one.
    """

    access_key: str
    secret: str
    identity: Identity
    identity_policies: tuple[str, ...] | None = None
    session_policies: tuple[str, ...] | None = None
    role_arn: str = ""
    arn: str = ""
    id: str = ""

    @property
    def is_limited(self) -> bool:
        """Whether policies of its own bear on what it may."""
        return self.identity_policies is not None or self.session_policies is not None


class Keys(Protocol):
    """Knows access keys."""

    async def find(self, access_key: str) -> AccessKey | None:
        """Return the key of an id, or nothing where it is not valid (any more)."""


class TokenExpiredError(Exception):
    """A session has ended; the client needs a new one."""


class Sessions(Protocol):
    """Knows the keys of sessions, which come with a token."""

    async def open(self, access_key: str, token: str) -> AccessKey | None:
        """Return the key of a session, or nothing where key and token are not a valid pair.

        Raises:
            TokenExpiredError: they were one.
        """


class NoSessions:
    """There are none."""

    async def open(self, access_key: str, token: str) -> AccessKey | None:
        """Return nothing."""
        return None


def new_access_key(random: bytes) -> str:
    """Return an access key's id made of random bytes."""
    return _PREFIX + b32encode(random).decode("ascii")


def new_secret_key(random: bytes) -> str:
    """Return a secret made of random bytes."""
    return urlsafe_b64encode(random).decode("ascii")

"""The interface between the front doors and whatever knows the users."""

from __future__ import annotations

from typing import NamedTuple, Protocol

ACCOUNT_PREFIX = "AUTH_"
"""What the names of all storage accounts begin with."""


class Identity(NamedTuple):
    """Somebody whose token is valid.

    Attributes:
        user: name, as "account:user".
        account: storage account of the user.
        groups: everything that an access rule may name to include the user: the user, the user's
            tenant, groups, and the storage account where the user administers it.
        is_reseller_admin: may do anything in any account.
        is_reseller_reader: may read anything in any account.
        expires_s: when this ends, in seconds since 1970.
    """

    user: str
    account: str
    groups: frozenset[str]
    is_reseller_admin: bool
    is_reseller_reader: bool
    expires_s: int


class Grant(NamedTuple):
    """What a user gets for the right key.

    Attributes:
        token: to be sent with each request.
        identity: that it stands for.
    """

    token: str
    identity: Identity


class Authenticator(Protocol):
    """Knows users and tokens.

    Its methods are async because some makers ask a service; where the answer is at hand they
    return it without a checkpoint.
    """

    async def authenticate(self, user: str, key: str) -> Grant | None:
        """Return a token for a user, or nothing where user or key are wrong.

        Args:
            user: name, as "account:user".
            key: the user's secret.
        """

    async def identify(self, token: str) -> Identity | None:
        """Return whose token this is, or nothing where it is not valid (any more)."""

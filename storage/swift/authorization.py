"""Who may do what: the owner, whom an access rule names, and the resellers.

Pure: it is told who asks, for what, and what the rules say. After TempAuth (OpenStack Swift).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from storage.auth.authenticator import ACCOUNT_PREFIX, Identity
from storage.swift.acl import AccountAcl, ContainerAcl
from storage.swift.target import Level, Target


class Permission(Enum):
    """What a route asks of its caller."""

    ANYONE = auto()
    """Nothing; who asks need not even say who they are."""
    READ = auto()
    """To read, by right of ownership or of an access rule."""
    WRITE = auto()
    """To write objects, by right of ownership or of a container's write rule."""
    CHANGE = auto()
    """To change the account or its containers; a container's rules do not suffice."""
    MANAGE = auto()
    """To create or delete accounts: for resellers."""


class Ticket(NamedTuple):
    """Leave to do what a signature covers, in the name of whoever set the key.

    Attributes:
        account: that it is for.
        container: that it is for; empty for all of the account's.
    """

    account: str
    container: str

    def admits(self, target: Target) -> bool:
        """Tell whether a target lies within what it is for."""
        return target.account == self.account and self.container in ("", target.container)


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        identity: if it is known.
        referrer: the Referer header.
        ticket: stands in the place of an identity where the request was signed.
    """

    identity: Identity | None
    referrer: bytes = b""
    ticket: Ticket | None = None


class Standing(Enum):
    """What somebody is, with regard to a request."""

    REFUSED = auto()
    ADMITTED = auto()
    OWNER = auto()
    """Admitted, and shown what only the owner of the account may see and set."""


def standing_by_role(identity: Identity | None, target: Target, permission: Permission) -> Standing:
    """Judge by what is known before anything is read from the store."""
    account = target.account
    if not account.startswith(ACCOUNT_PREFIX):
        return Standing.REFUSED
    if identity is not None:
        if account in identity.groups and permission is not Permission.MANAGE:
            return Standing.OWNER
        is_ordinary = account != ACCOUNT_PREFIX and account[len(ACCOUNT_PREFIX)] != "."
        if identity.is_reseller_admin and is_ordinary:
            return Standing.OWNER
        if identity.is_reseller_reader and is_ordinary and permission is Permission.READ:
            return Standing.ADMITTED
    return Standing.ADMITTED if permission is Permission.ANYONE else Standing.REFUSED


def is_admitted_by_container(
    acl: ContainerAcl, identity: Identity | None, target: Target, referrer: str
) -> bool:
    """Judge by a container's access rule.

    Args:
        acl: the rule for reading or for writing, whichever is asked.
        identity: who asks.
        target: what is asked for.
        referrer: the Referer header.
    """
    groups = identity.groups if identity is not None else ()
    return acl.admits(groups, referrer, is_object=target.level is Level.OBJECT)


def standing_by_account(
    acl: AccountAcl, identity: Identity, target: Target, permission: Permission
) -> Standing:
    """Judge by an account's access rule."""
    groups = identity.groups
    if permission is Permission.MANAGE:
        return Standing.REFUSED
    if not acl.admin.isdisjoint(groups):
        return Standing.OWNER
    reads = permission is Permission.READ
    if not acl.read_write.isdisjoint(groups) and (reads or target.level is not Level.ACCOUNT):
        return Standing.ADMITTED
    if not acl.read_only.isdisjoint(groups) and reads:
        return Standing.ADMITTED
    return Standing.REFUSED

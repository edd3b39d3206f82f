"""The gate: finds out whether a caller may do what is asked, and the container on the way."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from storage.auth.authenticator import Identity
from storage.container.record import ContainerRecord
from storage.proxy.engine import Engine
from storage.swift.acl import parse_account_acl, parse_container_acl
from storage.swift.authorization import (
    Caller,
    Permission,
    Standing,
    is_admitted_by_container,
    standing_by_account,
    standing_by_role,
)
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level, Target

_RULE_OF_PERMISSION = {
    Permission.READ: "x-container-read",
    Permission.WRITE: "x-container-write",
}


_ACTIONS = {
    (Permission.READ, Level.CONTAINER): ("s3:ListBucket",),
    (Permission.READ, Level.OBJECT): ("s3:GetObject",),
    (Permission.WRITE, Level.OBJECT): ("s3:PutObject", "s3:DeleteObject"),
}
"""What S3 calls what an access rule can permit."""


class Veto(Protocol):
    """Knows what another front door's rules forbid here."""

    async def forbids(
        self, container: ContainerRecord, identity: Identity | None, action: str, key: str
    ) -> bool:
        """Tell whether they forbid what an access rule permits.

        Args:
            container: that the request is about.
            identity: who asks, if that is known.
            action: as S3 calls it.
            key: name of the object, or empty.
        """


class Admission(NamedTuple):
    """What the gate found.

    Attributes:
        record: the container, if the target has one and it is there.
        is_owner: whether the caller has an owner's rights in the account.
    """

    record: ContainerRecord | None
    is_owner: bool


class Gate:
    """Lets requests in.

    Args:
        engine: of the store.
        settings: limits of names.
        veto: is asked about those whom an access rule lets in.
    """

    def __init__(self, engine: Engine, settings: SwiftSettings, veto: Veto | None = None) -> None:
        self._engine = engine
        self._veto = veto
        self._account_bytes_max = settings.account_name_bytes_max
        self._container_bytes_max = settings.container_name_bytes_max

    async def admit(self, caller: Caller, target: Target, permission: Permission) -> Admission:
        """Let a caller in.

        Args:
            caller: who asks.
            target: what is asked for.
            permission: what must be permitted.

        Raises:
            SwiftError: 403, or 401 where it is not known who asks.
        """
        identity = caller.identity
        record = await self.container(target)
        if caller.ticket is not None:
            if not caller.ticket.admits(target):
                raise SwiftError(401)
            return Admission(record, False)
        standing = standing_by_role(identity, target, permission)
        if standing is Standing.REFUSED:
            standing = await self._standing_by_rules(caller, target, permission, record)
            if standing is Standing.ADMITTED and record is not None:
                standing = await self._unless_forbidden(identity, target, permission, record)
        if standing is Standing.REFUSED:
            raise SwiftError(401 if identity is None else 403)
        return Admission(record, standing is Standing.OWNER)

    async def container(self, target: Target) -> ContainerRecord | None:
        """Return the container of a target, if it has one and it is there."""
        if target.level is Level.ACCOUNT or not self._can_exist(target):
            return None
        return await self._engine.container(target.account, target.container)

    def _can_exist(self, target: Target) -> bool:
        return (
            len(target.container.encode()) <= self._container_bytes_max
            and len(target.account.encode()) <= self._account_bytes_max
        )

    async def _standing_by_rules(
        self,
        caller: Caller,
        target: Target,
        permission: Permission,
        record: ContainerRecord | None,
    ) -> Standing:
        identity = caller.identity
        if record is not None and permission in _RULE_OF_PERMISSION:
            rule = record.values.get(_RULE_OF_PERMISSION[permission], "")
            acl = parse_container_acl(rule)
            if is_admitted_by_container(acl, identity, target, caller.referrer.decode("latin-1")):
                return Standing.ADMITTED
        if identity is None or not self._can_exist(target):
            return Standing.REFUSED
        found = await self._engine.account(target.account)
        if found is None:
            return Standing.REFUSED
        account_acl = parse_account_acl(found[0].values.get("x-account-access-control", ""))
        return standing_by_account(account_acl, identity, target, permission)

    async def _unless_forbidden(
        self,
        identity: Identity | None,
        target: Target,
        permission: Permission,
        record: ContainerRecord,
    ) -> Standing:
        """Return the standing of somebody whom a rule admits."""
        if self._veto is not None:
            for action in _ACTIONS.get((permission, target.level), ()):
                if await self._veto.forbids(record, identity, action, target.object):
                    return Standing.REFUSED
        return Standing.ADMITTED

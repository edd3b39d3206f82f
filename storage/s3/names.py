"""Bucket names, and who has them: unique over the cluster.

A name is claimed by an object in a container of the cluster's own. The container that is the
bucket is marked in its metadata, so that most requests need not look at the claim. The order of
steps makes a crash between any two harmless: a claim without a container is void and may be taken
over; a container without a mark is no bucket yet.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import NamedTuple

from storage.auth.authenticator import Identity
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import (
    ContainerMissingError,
    ObjectMissingError,
    PreconditionFailedError,
)
from storage.reserved import BUCKET_NAMES, SYSTEM_ACCOUNT, ensure_container
from storage.s3.errors import S3Error

OWNER = "x-s3-owner"
"""Marks the container that has its bucket's name; the value is the owner's user name."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESSABLE = re.compile(r"[A-Za-z0-9._-]{1,255}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """Tell whether a bucket may be called so ("Bucket naming rules", Amazon S3 User Guide)."""
    if not _NAME.fullmatch(name) or ".." in name:
        return False
    if name.startswith(_RESERVED_PREFIXES) or name.endswith(_RESERVED_SUFFIXES):
        return False
    try:
        IPv4Address(name)
    except AddressValueError:
        return True
    return False


def is_addressable(name: str) -> bool:
    """Tell whether S3 clients can ask for a bucket of this name: the oldest, widest rule."""
    return _ADDRESSABLE.fullmatch(name) is not None


def is_marked(container: ContainerRecord) -> bool:
    """Tell whether a container is known to have its bucket name."""
    held = container.metadata.get(OWNER)
    return held is not None and bool(held[0])


class Claim(NamedTuple):
    """Who has a bucket name.

    Attributes:
        account: storage account.
        owner: user name.
        write_id: of the claim itself.
    """

    account: str
    owner: str
    write_id: bytes


class BucketNames:
    """Finds buckets, and claims and releases their names.

    Args:
        engine: of the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, name: str, identity: Identity | None) -> ContainerRecord | None:
        """Return a bucket's container, or nothing where there is no such bucket.

        A container of the caller's own that was made through another front door is claimed by
        the first request that asks for it.
        """
        own = None
        if identity is not None:
            own = await self._engine.container(identity.account, name)
            if own is not None and is_marked(own):
                return own
        if not is_addressable(name):
            return None
        claim = await self._claim(name)
        if claim is not None:
            found = await self._engine.container(claim.account, name)
            if found is not None:
                if not is_marked(found):
                    await self.take(name, claim.account, claim.owner)
                return found
        if own is None or identity is None:
            return None
        await self.take(name, identity.account, identity.user)
        return await self._engine.container(identity.account, name)

    async def take(self, name: str, account: str, owner: str) -> None:
        """Claim a name for a container that is there, and mark it.

        The claim is written anew even where the account has it, so that whoever is about to
        release or take over the older one finds it replaced.

        Raises:
            S3Error: BucketAlreadyExists, it is another account's; OperationAborted, it changed
                hands meanwhile.
            ContainerMissingError: the container is gone.
        """
        held = await self._claim(name)
        if held is not None and await self._is_others(held, name, account):
            raise S3Error("BucketAlreadyExists", BucketName=name)
        written = await self._write(name, account, owner, held)
        await self._engine.update_container(account, name, {OWNER: owner})
        current = await self._claim(name)
        if current is None or current.write_id != written:
            if current is None or current.account != account:
                await self._engine.update_container(account, name, {OWNER: ""})
            raise S3Error("OperationAborted", BucketName=name)

    async def _write(self, name: str, account: str, owner: str, held: Claim | None) -> bytes:
        """Write a claim in the place of the one that is held; return its write id."""

        def is_unchanged(current: ObjectRecord | None, /) -> None:
            expected = None if held is None else held.write_id
            if (None if current is None else current.write_id) != expected:
                raise PreconditionFailedError("the name changed hands")

        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, BUCKET_NAMES)
        attributes = Attributes("", {}, {"account": account, "owner": owner})
        try:
            record = await self._engine.put_object(
                container, name, attributes, _Nothing(), size_bytes=0, condition=is_unchanged
            )
        except PreconditionFailedError:
            raise S3Error("OperationAborted", BucketName=name) from None
        return record.write_id

    async def claim_of(self, name: str, account: str) -> Claim | None:
        """Return the claim that an account has on a name, if it has one."""
        held = await self._claim(name)
        return held if held is not None and held.account == account else None

    async def is_others(self, name: str, account: str) -> bool:
        """Tell whether a bucket of another account has a name."""
        held = await self._claim(name)
        return held is not None and await self._is_others(held, name, account)

    async def _is_others(self, claim: Claim, name: str, account: str) -> bool:
        """Tell whether a claim keeps an account from a name.

        One without a container is void: its owner crashed, or deleted the container through
        another front door.
        """
        if claim.account == account:
            return False
        return await self._engine.container(claim.account, name) is not None

    async def release(self, name: str, claim: Claim) -> None:
        """Give a name back, unless the claim was replaced meanwhile."""
        container = await self._engine.container(SYSTEM_ACCOUNT, BUCKET_NAMES)
        if container is None:
            return

        def is_same(current: ObjectRecord | None, /) -> None:
            if current is not None and current.write_id != claim.write_id:
                raise PreconditionFailedError("the name changed hands")

        try:
            await self._engine.delete_object(container, name, is_same)
        except (ObjectMissingError, PreconditionFailedError, ContainerMissingError):
            return  # it is given back already, or taken again

    async def _claim(self, name: str) -> Claim | None:
        container = await self._engine.container(SYSTEM_ACCOUNT, BUCKET_NAMES)
        if container is None:
            return None
        record = await self._engine.object(container, name)
        if record is None:
            return None
        return Claim(record.system["account"], record.system["owner"], record.write_id)


class _Nothing:
    """The body of an object without bytes."""

    async def receive(self) -> bytes:
        """Return nothing: the end."""
        return b""

"""The reaper: removes what a deleted account left, container by container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from storage.account.record import TABLE, AccountRecord, read_account
from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.container.versions import VersionQuery
from storage.device.index import Index, IndexFailedError
from storage.proxy.errors import (
    ContainerMissingError,
    ContainerNotEmptyError,
    LockedError,
    ObjectMissingError,
    VersionMissingError,
)
from storage.proxy.store import Store
from storage.seal import DamagedError

PAGE = 1000


async def reap(store: Store, indexes: Iterable[Index]) -> int:
    """Remove a page of what dead accounts hold; return how many objects and containers went.

    On cancel: the rest is removed by a later call.

    Raises:
        StoreError: a device does not answer; what was removed stays removed.
    """
    reaped = 0
    for account in _dead_accounts(indexes):
        for entry in await store.accounts.entries_of(account, Query(limit=PAGE)):
            container = await store.container(account.name, entry.name)
            if container is None:
                continue  # its report is still owed
            reaped += await _reap_container(store, container)
    return reaped


async def _reap_container(store: Store, container: ContainerRecord) -> int:
    """Remove a page of what a container holds, and the container itself once it is empty."""
    reaped = 0
    for row in await store.list_objects(container, Query(limit=PAGE)):
        with suppress(ObjectMissingError, LockedError):  # it expired, or is not the null version
            await store.delete_object(container, row.name)
            reaped += 1
    for version in await store.list_versions(container, VersionQuery(limit=PAGE)):
        with suppress(VersionMissingError, LockedError):  # a lock holds longer than an account
            await store.delete_version(container, version.name, version.version)
            reaped += 1
    with suppress(ContainerMissingError, ContainerNotEmptyError):
        await store.delete_container(container.account, container.name)
        reaped += 1
    return reaped


def _dead_accounts(indexes: Iterable[Index]) -> list[AccountRecord]:
    """Return the dead accounts of devices."""
    dead: dict[bytes, AccountRecord] = {}
    for index in indexes:
        try:
            dead |= {record.id: record for record in _dead_accounts_on(index)}
        except IndexFailedError:
            continue  # the audit fails the device
    return list(dead.values())


def _dead_accounts_on(index: Index) -> Iterator[AccountRecord]:
    with index.snapshot() as snapshot:
        for raw_key, _ in snapshot.scan(TABLE, b""):
            try:
                record = read_account(snapshot, bytes(raw_key))
            except DamagedError:
                continue  # the audit counts it
            if record is not None and not record.alive:
                yield record

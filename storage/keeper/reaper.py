"""The reaper: removes what a deleted account left, container by container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from storage.account.record import TABLE, AccountRecord, read_account
from storage.container.listing import Query
from storage.device.index import Index, IndexFailedError
from storage.proxy.errors import ContainerMissingError, ObjectMissingError
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
            for row in await store.list_objects(container, Query(limit=PAGE)):
                try:
                    await store.delete_object(container, row.name)
                except ObjectMissingError:
                    continue  # it expired: the expirer removes it
                reaped += 1
            if not (await store.counters(container)).rows:
                try:
                    await store.delete_container(account.name, entry.name)
                except ContainerMissingError:
                    continue
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

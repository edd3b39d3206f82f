"""Accounts, and the reports by which they know what their containers hold.

A container's replica owes its account a report whenever a row or the container changed; the
outbox holds the debt, as a name. Whoever reads an account collects first what is owed to it, so
its counters are exact when read; the updater drains the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import trio

from storage.account.record import RECORD_VERSION, AccountRecord, merge_accounts
from storage.container.listing import Entry, Query
from storage.container.row import MODIFIED, Counters, Row
from storage.metadata import stamp
from storage.mutation import ClearOutbox, Mutation, PutAccount, PutRow, Status
from storage.path import NAME_HASH_SIZE_BYTES, RESERVED_PREFIX, PathHasher, collection_id
from storage.placement import Placement
from storage.proxy.containers import Containers, Owner, exact_counters, list_merged
from storage.proxy.errors import (
    AccountMissingError,
    OutcomeUnknownError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import Verdict, majority
from storage.proxy.replica import Debt, ReplicaFailedError
from storage.proxy.settings import EngineSettings
from storage.proxy.voters import Voters
from storage.timestamp import ZERO, HybridClock, Timestamp

DEBTS_PAGE = 256
_LAST_RESERVED = RESERVED_PREFIX + "\U0010ffff"


class Accounts:
    """The accounts of a store.

    Args:
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
        containers: of the same store.
        settings: limits.
    """

    def __init__(
        self,
        clock: HybridClock,
        hasher: PathHasher,
        placement: Placement,
        voters: Voters,
        containers: Containers,
        settings: EngineSettings,
    ) -> None:
        self._clock = clock
        self._hasher = hasher
        self._placement = placement
        self._voters = voters
        self._containers = containers
        self._settings = settings

    async def find(self, account: str) -> AccountRecord | None:
        """Return a living account's record, or nothing."""
        record = await self._newest(self._hasher(account))
        return record if record is not None and record.alive else None

    async def _newest(self, name_hash: bytes) -> AccountRecord | None:
        """Return what a majority knows of an account, dead or alive.

        Raises:
            UnavailableError: too few replicas answer, or take what one of them knows.
        """
        numbers = self._placement.account(name_hash)
        found = await self._voters.read(numbers, lambda replica: replica.account(name_hash))
        known = [record for record in found.values() if record is not None]
        if not known:
            return None
        newest = reduce(merge_accounts, known)
        lagging = [number for number, record in found.items() if record != newest]
        if lagging:
            ask = PutAccount(name_hash, newest)
            votes = await self._voters.write({number: [ask] for number in lagging}, lagging)
            if len(found) - len(lagging) + len(votes.accepted_by()) < majority(len(numbers)):
                raise UnavailableError("too few replicas take what one of them knows")
        return newest

    async def summary(self, account: str) -> tuple[AccountRecord, Counters] | None:
        """Return an account with its exact counters, or nothing."""
        record = await self.find(account)
        if record is None:
            return None
        await self.collect(self._hasher(account))
        return record, await exact_counters(self._voters, *self._rows(record))

    async def entries(self, account: str, query: Query) -> list[Entry]:
        """List an account's containers."""
        record = await self.find(account)
        if record is None:
            raise AccountMissingError(account)
        return await self.entries_of(record, _of_clients(query))

    async def entries_of(self, record: AccountRecord, query: Query) -> list[Entry]:
        """List the containers of an account, dead or alive; those of the system's, too."""
        await self.collect(self._hasher(record.name))
        return await list_merged(self._voters, *self._rows(record), query)

    def _rows(self, record: AccountRecord) -> tuple[Sequence[int], Owner]:
        name_hash = self._hasher(record.name)
        return self._placement.account(name_hash), Owner(name_hash, name_hash, record.id)

    async def update(self, account: str, values: Mapping[str, str]) -> None:
        """Merge metadata into an account, creating it."""
        held = await self._newest(self._hasher(account))
        now = self._now(held)
        if held is not None and held.alive:
            record = held._replace(changed=now, metadata=stamp(values, now))
        else:
            generation = 1 if held is None else held.generation + 1
            own_id = collection_id(self._hasher(account), generation)
            record = AccountRecord(
                RECORD_VERSION, account, own_id, generation, now, now, ZERO, stamp(values, now)
            )
        await self._write(record)

    async def ensure(self, account: str) -> None:
        """Create an account unless it is there."""
        if await self.find(account) is None:
            await self.update(account, {})

    async def delete(self, account: str) -> None:
        """Mark an account deleted, once it knows all that it holds: a dead one takes no report."""
        held = await self.find(account)
        if held is None:
            raise AccountMissingError(account)
        await self.collect(self._hasher(account))
        await self._write(held._replace(deleted=self._now(held)))

    def _now(self, held: AccountRecord | None) -> Timestamp:
        """Draw a timestamp that is newer than what is held."""
        if held is not None:
            self._clock.observe(held.latest)
        return self._clock.now()

    async def _write(self, record: AccountRecord) -> None:
        name_hash = self._hasher(record.name)
        numbers = self._placement.account(name_hash)
        ask = PutAccount(name_hash, record)
        votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
        if votes.verdict is Verdict.ENOUGH:
            return
        if votes.is_surely_nowhere(numbers):
            full = votes.refusal is Status.FULL
            raise (StoreFullError if full else UnavailableError)("too few devices took it")
        raise OutcomeUnknownError("too few devices confirmed it")

    # reports

    async def collect(self, account_hash: bytes = b"") -> int:
        """Deliver all reports that are owed to an account, or to any; return how many.

        Raises:
            StoreError: a report could not be delivered, or so many devices cannot say what they
                owe that a debt may be known to no other; all others were delivered.
        """
        delivered = 0
        while True:
            owing, silent = await self._owing(account_hash)
            if not owing:
                break
            failures: list[StoreError] = []
            cleared: list[bytes] = []
            async with trio.open_nursery() as nursery:
                for debts in owing.values():
                    nursery.start_soon(self._try_report, debts, cleared, failures)
            delivered += len(cleared)
            if not cleared:
                if failures:
                    raise failures[0]
                break
        voters = self._placement.container(account_hash or bytes(NAME_HASH_SIZE_BYTES))
        if silent >= majority(len(voters)):
            raise UnavailableError(f"{silent} devices cannot say what they owe")
        return delivered

    async def _owing(self, account_hash: bytes) -> tuple[dict[bytes, list[tuple[int, Debt]]], int]:
        """Return a page of debts by container, each with the device that owes it.

        Beside it stands how many devices cannot say what they owe.
        """
        silent = 0
        owing: dict[bytes, list[tuple[int, Debt]]] = {}
        for number, replica in self._voters.replicas.items():
            try:
                debts = await replica.owed(account_hash, DEBTS_PAGE)
            except ReplicaFailedError:
                silent += 1  # the container's other replicas owe the same
                continue
            for debt in debts:
                owing.setdefault(debt.key, []).append((number, debt))
        return owing, silent

    async def _try_report(
        self,
        debts: Sequence[tuple[int, Debt]],
        cleared: list[bytes],
        failures: list[StoreError],
    ) -> None:
        try:
            if await self._report(debts):
                cleared.append(debts[0][1].key)
        except StoreError as error:
            failures.append(error)

    async def _report(self, debts: Sequence[tuple[int, Debt]]) -> bool:
        """Tell an account what a container holds, then clear the debt where it is unchanged.

        The timestamp is drawn before the counters are read: a report with a greater one has
        seen at least as much.

        Returns:
            Whether any debt is cleared.
        """
        debt = debts[0][1]
        account_hash = self._hasher(debt.account)
        container_hash = self._hasher(debt.account, debt.container)
        for _ in range(self._settings.attempts_max):
            now = self._clock.now()
            record = await self._containers.newest(container_hash)
            account = await self._newest(account_hash)
            if record is None or account is None or (record.alive and not account.alive):
                break
            row = Row(now, deleted=True, objects=0, policy=record.policy)
            if record.alive:
                held = await self._containers.counters(record)
                row = Row(
                    now,
                    False,
                    held.objects,
                    held.size_bytes,
                    policy=record.policy,
                    extra={MODIFIED: record.changed.hex()},
                )
            ask = PutRow(account_hash, account_hash, account.id, debt.container, row)
            numbers = self._placement.account(account_hash)
            votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
            newest = votes.newest_detail()
            self._clock.observe(newest or ZERO)
            if votes.verdict is not Verdict.ENOUGH:
                raise UnavailableError("too few devices took the report")
            if newest <= now:
                break
        else:
            raise UnavailableError("too many reports at once")
        groups: dict[int, list[Mutation]] = {
            number: [ClearOutbox(owed.key, owed.stamp)] for number, owed in debts
        }
        votes = await self._voters.write(groups, list(groups))
        return bool(votes.accepted_by())


def _of_clients(query: Query) -> Query:
    """Return a query that passes over the system's own containers, which sort before all others."""
    if query.reverse:
        return query._replace(end_marker=max(query.end_marker, _LAST_RESERVED))
    return query._replace(marker=max(query.marker, _LAST_RESERVED))

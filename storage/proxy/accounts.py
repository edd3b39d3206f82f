"""Accounts, and the reports by which they know what their containers hold.

A container's replica owes its account a report whenever a row or the container changed; the
outbox holds the debt, as a name. Whoever reads an account collects first what is owed to it, so
its counters are exact when read; the updater drains the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from storage.account.record import RECORD_VERSION, AccountRecord, merge_accounts
from storage.container.listing import Entry, Query
from storage.container.row import Counters, Row
from storage.metadata import Metadata, stamp
from storage.mutation import ClearOutbox, Mutation, PutAccount, PutRow, Status
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.containers import Containers, exact_counters, list_merged
from storage.proxy.errors import (
    AccountMissingError,
    OutcomeUnknownError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import Verdict
from storage.proxy.replica import Debt, ReplicaFailedError
from storage.proxy.settings import EngineSettings
from storage.proxy.voters import Voters
from storage.timestamp import ZERO, HybridClock

DEBTS_PAGE = 256


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
        numbers = self._placement.account(name_hash)
        found = await self._voters.read(numbers, lambda replica: replica.account(name_hash))
        newest: AccountRecord | None = None
        for record in found.values():
            if record is not None:
                newest = record if newest is None else merge_accounts(newest, record)
        lagging = [number for number, record in found.items() if record != newest]
        if newest is not None and lagging:
            ask = PutAccount(name_hash, newest)
            await self._voters.write({number: [ask] for number in lagging}, lagging)
        return newest

    async def summary(self, account: str) -> tuple[AccountRecord, Counters] | None:
        """Return an account with its exact counters, or nothing."""
        record = await self.find(account)
        if record is None:
            return None
        name_hash = self._hasher(account)
        await self.collect(name_hash)
        numbers = self._placement.account(name_hash)
        return record, await exact_counters(self._voters, numbers, record.id)

    async def entries(self, account: str, query: Query) -> list[Entry]:
        """List an account's containers."""
        record = await self.find(account)
        if record is None:
            raise AccountMissingError(account)
        return await self.entries_of(record, query)

    async def entries_of(self, record: AccountRecord, query: Query) -> list[Entry]:
        """List the containers of an account, dead or alive."""
        name_hash = self._hasher(record.name)
        await self.collect(name_hash)
        numbers = self._placement.account(name_hash)
        return await list_merged(self._voters, numbers, record.id, query)

    async def update(self, account: str, values: Mapping[str, str]) -> None:
        """Merge metadata into an account, creating it."""
        await self._write(account, values, alive=True)

    async def ensure(self, account: str) -> None:
        """Create an account unless it is there."""
        if await self.find(account) is None:
            await self._write(account, {}, alive=True)

    async def delete(self, account: str) -> None:
        """Mark an account deleted."""
        if await self.find(account) is None:
            raise AccountMissingError(account)
        await self._write(account, {}, alive=False)

    async def _write(self, account: str, values: Mapping[str, str], *, alive: bool) -> None:
        name_hash = self._hasher(account)
        numbers = self._placement.account(name_hash)
        for _ in range(self._settings.attempts_max):
            held = await self._newest(name_hash)
            if held is not None:
                self._clock.observe(held.changed)
            now = self._clock.now()
            metadata: Metadata = stamp(values, now)
            is_new = held is None or not held.alive
            own_id = now if held is None or is_new else held.id
            record = AccountRecord(RECORD_VERSION, account, own_id, alive, now, metadata)
            groups = {number: [PutAccount(name_hash, record)] for number in numbers}
            votes = await self._voters.write(groups, numbers)
            if votes.verdict is Verdict.ENOUGH:
                return
            if votes.refusal is Status.FULL:
                raise StoreFullError("the devices are full")
            if votes.refusal is not Status.STALE:
                unsent = votes.is_surely_nowhere(numbers)
                raise (UnavailableError if unsent else OutcomeUnknownError)("too few devices")
            self._clock.observe(votes.newest_detail() or ZERO)
        raise UnavailableError("too many writers at once")

    # reports

    async def collect(self, account_hash: bytes = b"") -> int:
        """Deliver all reports that are owed to an account, or to any; return how many.

        Raises:
            UnavailableError: a device with a majority of a container cannot be read.
        """
        delivered = 0
        while True:
            owing: dict[bytes, list[tuple[int, Debt]]] = {}
            for number, replica in self._voters.replicas.items():
                try:
                    debts = await replica.owed(account_hash, DEBTS_PAGE)
                except ReplicaFailedError:
                    continue  # the container's other replicas owe the same
                for debt in debts:
                    owing.setdefault(debt.key, []).append((number, debt))
            if not owing:
                return delivered
            cleared: list[bool] = []
            async with trio.open_nursery() as nursery:
                for debts_of_one in owing.values():
                    nursery.start_soon(self._report, debts_of_one, cleared)
            delivered += sum(cleared)
            if not any(cleared):
                return delivered

    async def _report(self, debts: Sequence[tuple[int, Debt]], cleared: list[bool]) -> None:
        """Tell an account what a container holds, then clear the debt where it is unchanged.

        The timestamp is drawn before the counters are read: a report with a greater one has
        seen at least as much.
        """
        debt = debts[0][1]
        account_hash = self._hasher(debt.account)
        container_hash = self._hasher(debt.account, debt.container)
        now = self._clock.now()
        record = await self._containers.newest(container_hash)
        account = await self._newest(account_hash)
        if record is not None and account is not None and (account.alive or not record.alive):
            row = Row(now, deleted=True, objects=0, policy=record.policy)
            if record.alive:
                held = await self._containers.counters(record)
                row = Row(now, False, held.objects, held.size_bytes, policy=record.policy)
            ask = PutRow(account_hash, account_hash, account.id, debt.container, row)
            numbers = self._placement.account(account_hash)
            votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
            newest = max(
                (one.detail for answer in votes.answers.values() for one in answer), default=ZERO
            )
            if votes.verdict is not Verdict.ENOUGH or newest > now:
                self._clock.observe(newest)
                return
        groups: dict[int, list[Mutation]] = {
            number: [ClearOutbox(owed.key, owed.stamp)] for number, owed in debts
        }
        votes = await self._voters.write(groups, list(groups))
        cleared.append(bool(votes.accepted_by()))

"""Containers: configuration, exact counters, and listings over their replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar

from storage.container.listing import Entry, Query, Source, list_rows, merged
from storage.container.record import RECORD_VERSION, ContainerRecord, merge_containers
from storage.container.row import Counters
from storage.metadata import stamp
from storage.mutation import DeleteContainer, ForgetRow, Mutation, PutContainer, Status
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.errors import (
    ContainerMissingError,
    ContainerNotEmptyError,
    OutcomeUnknownError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import Verdict, majority
from storage.proxy.replica import ReplicaFailedError
from storage.proxy.settings import EngineSettings
from storage.proxy.voters import Voters, Votes
from storage.timestamp import ZERO, HybridClock, Timestamp

T = TypeVar("T")


class Containers:
    """The containers of a store.

    Args:
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
        settings: limits.
    """

    def __init__(
        self,
        clock: HybridClock,
        hasher: PathHasher,
        placement: Placement,
        voters: Voters,
        settings: EngineSettings,
    ) -> None:
        self._clock = clock
        self._hasher = hasher
        self._placement = placement
        self._voters = voters
        self._settings = settings

    # reading

    async def find(self, account: str, container: str) -> ContainerRecord | None:
        """Return a living container's record, or nothing."""
        record = await self.newest(self._hasher(account, container))
        return record if record is not None and record.alive else None

    async def newest(self, name_hash: bytes) -> ContainerRecord | None:
        """Return what a majority knows of a container, dead or alive."""
        numbers = self._placement.container(name_hash)
        found = await self._voters.read(numbers, lambda replica: replica.container(name_hash))
        if len(found) == 1:
            return next(iter(found.values()))
        records = [record for record in found.values() if record is not None]
        newest: ContainerRecord | None = None
        for record in records:
            newest = record if newest is None else merge_containers(newest, record)
        if newest is None:
            return None
        lagging = [number for number, record in found.items() if record != newest]
        if lagging:
            account_hash = self._hasher(newest.account)
            ask = PutContainer(account_hash, name_hash, newest)
            await self._voters.write({number: [ask] for number in lagging}, lagging)
        return newest

    async def counters(self, record: ContainerRecord) -> Counters:
        """Return a container's exact counters."""
        numbers = self._placement.container(self._hasher(record.account, record.name))
        return await exact_counters(self._voters, numbers, record.id)

    async def entries(self, record: ContainerRecord, query: Query) -> list[Entry]:
        """List a container's objects."""
        numbers = self._placement.container(self._hasher(record.account, record.name))
        return await list_merged(self._voters, numbers, record.id, query)

    # writing

    async def create(
        self, account: str, container: str, values: Mapping[str, str], policy: int
    ) -> bool:
        """Create a container or merge metadata into it; tell whether it was created."""
        name_hash = self._hasher(account, container)

        def change(held: ContainerRecord | None, now: Timestamp) -> ContainerRecord:
            changes = stamp(values, now)
            if held is not None and held.alive:
                return held._replace(changed=now, metadata=changes)
            return ContainerRecord(
                RECORD_VERSION, account, container, now, True, now, policy, changes
            )

        held = await self._change(account, name_hash, change)
        return held is None or not held.alive

    async def update(self, account: str, container: str, values: Mapping[str, str]) -> None:
        """Merge metadata into a container."""

        def change(held: ContainerRecord | None, now: Timestamp) -> ContainerRecord:
            if held is None or not held.alive:
                raise ContainerMissingError(container)
            return held._replace(changed=now, metadata=stamp(values, now))

        await self._change(account, self._hasher(account, container), change)

    async def _change(
        self,
        account: str,
        name_hash: bytes,
        change: Callable[[ContainerRecord | None, Timestamp], ContainerRecord],
    ) -> ContainerRecord | None:
        """Write what becomes of the record that is there; return the one that was."""
        numbers = self._placement.container(name_hash)
        for _ in range(self._settings.attempts_max):
            held = await self.newest(name_hash)
            expected = ZERO
            if held is not None:
                expected = held.changed
                self._clock.observe(expected)
            ask = PutContainer(
                self._hasher(account), name_hash, change(held, self._clock.now()), expected
            )
            votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
            if votes.verdict is Verdict.ENOUGH:
                return held
            self._retry_or_raise(votes, numbers)
        raise UnavailableError("too many writers at once")

    async def delete(self, account: str, container: str) -> None:
        """Delete an empty container."""
        name_hash = self._hasher(account, container)
        numbers = self._placement.container(name_hash)
        for _ in range(self._settings.attempts_max):
            held = await self.newest(name_hash)
            if held is None or not held.alive:
                raise ContainerMissingError(container)
            self._clock.observe(held.changed)
            ask = DeleteContainer(self._hasher(account), name_hash, held.id, self._clock.now())
            votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
            if votes.verdict is Verdict.ENOUGH:
                return
            if votes.refusal is Status.NOT_EMPTY:
                await self._revive(held, name_hash, votes.accepted_by())
                raise ContainerNotEmptyError(container)
            self._retry_or_raise(votes, numbers)
        raise UnavailableError("too many writers at once")

    async def _revive(
        self, held: ContainerRecord, name_hash: bytes, numbers: Sequence[int]
    ) -> None:
        """Undo a deletion that only a minority accepted."""
        if numbers:
            record = held._replace(changed=self._clock.now())
            ask = PutContainer(self._hasher(held.account), name_hash, record)
            groups: dict[int, list[Mutation]] = {number: [ask] for number in numbers}
            await self._voters.write(groups, numbers)

    async def reclaim(
        self, account: str, container: str, owner_id: bytes, name: str, timestamp: Timestamp
    ) -> bool:
        """Forget a deleted row, of a container or (its name empty) an account, once all agree.

        Returns:
            Whether it is forgotten, or of no concern any more.
        """
        numbers = (
            self._placement.container(self._hasher(account, container))
            if container
            else self._placement.account(self._hasher(account))
        )
        found = await self._voters.read(numbers, lambda replica: replica.row(owner_id, name))
        if len(found) < len(numbers):
            return False
        rows = [row for row in found.values() if row is not None]
        if any(row.timestamp > timestamp for row in rows):
            return True
        if any(row.timestamp != timestamp for row in rows):
            return False
        ask = ForgetRow(owner_id, name, timestamp)
        votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
        return not votes.unsent

    def _retry_or_raise(self, votes: Votes, asked: Sequence[int]) -> None:
        if votes.refusal in (Status.CONFLICT, Status.STALE, Status.MISSING):
            self._clock.observe(votes.newest_detail() or ZERO)
            return
        if votes.refusal is Status.FULL:
            raise StoreFullError("the devices are full")
        if votes.is_surely_nowhere(asked):
            raise UnavailableError("too few devices answered")
        raise OutcomeUnknownError("too few devices confirmed the write")


async def exact_counters(voters: Voters, numbers: Sequence[int], owner_id: bytes) -> Counters:
    """Return the counters of a collection as a majority has them.

    Where replicas differ their rows are merged and counted.
    """
    found = await voters.read(numbers, lambda replica: replica.counters(owner_id))
    if len(set(found.values())) == 1:
        return found[numbers[0]] if numbers[0] in found else next(iter(found.values()))

    def count(source: Source) -> Counters:
        total = Counters()
        for name, row in source.scan(b""):
            total = total.replace(name, None, row)
        return total

    return _over_majority(voters, numbers, owner_id, count)


async def list_merged(
    voters: Voters, numbers: Sequence[int], owner_id: bytes, query: Query
) -> list[Entry]:
    """List a collection: from one replica where all digests agree, else merged from all.

    Raises:
        UnavailableError: fewer than a majority can be read.
    """
    found = await voters.read(numbers, lambda replica: replica.counters(owner_id))
    sources = list(found)[:1] if len(set(found.values())) == 1 else numbers

    def list_source(source: Source) -> list[Entry]:
        return list_rows(source, query)

    try:
        return _over_majority(voters, sources, owner_id, list_source)
    except UnavailableError:
        if sources is numbers:
            raise
        return _over_majority(voters, numbers, owner_id, list_source)


def _over_majority(
    voters: Voters, numbers: Sequence[int], owner_id: bytes, work: Callable[[Source], T]
) -> T:
    """Do work over the merged rows of all replicas that can be read, at least a majority."""
    failed: set[int] = set()
    while len(numbers) - len(failed) >= majority(len(numbers)):
        try:
            with ExitStack() as opened:
                sources = [
                    opened.enter_context(voters.replicas[number].source(owner_id))
                    for number in numbers
                    if number not in failed
                ]
                return work(merged(sources))
        except ReplicaFailedError as error:
            failed.add(error.device)
    raise UnavailableError(f"{len(failed)} of {len(numbers)} replicas failed")

"""Containers: configuration, exact counters, and listings over their replicas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from operator import attrgetter
from typing import NamedTuple, TypeVar

from atoll.branch import Branch
from storage.container.listing import Entry, Query, Source, by_name, list_rows, merged
from storage.container.record import RECORD_VERSION, ContainerRecord
from storage.container.row import Counters
from storage.container.versions import VersionEntry, VersionQuery, list_versions, versions_id
from storage.metadata import stamp
from storage.mutation import (
    DeleteContainer,
    ForgetRow,
    Mutation,
    PutContainer,
    PutRow,
    Status,
)
from storage.path import PathHasher, collection_id
from storage.placement import Placement
from storage.proxy.errors import (
    ContainerMissingError,
    ContainerNotEmptyError,
    OutcomeUnknownError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import Verdict, blocking, majority
from storage.proxy.replica import ReplicaFailedError
from storage.proxy.settings import EngineSettings
from storage.proxy.standing import Found, Step, held_by_majority, next_step
from storage.proxy.turns import Turns
from storage.proxy.voters import Voters, Votes
from storage.timestamp import ZERO, HybridClock, Timestamp

REPAIR_ROWS_MAX = 1000
_STEPS = {step: Branch(f"container: {step.value}") for step in Step}
_OLDER_CONTAINER = Branch("container: told as its majority has it, a newer change waits")
_HAS_TRACES = Branch("container: a change was given up after it had left traces")
_ROWS_LACKING = Branch("rows: brought to replicas that lacked them")
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
        self._turns = Turns(settings.request_deadline_s)

    # reading

    async def find(self, account: str, container: str) -> ContainerRecord | None:
        """Return a living container's record, or nothing."""
        record = await self.newest(self._hasher(account, container))
        return record if record is not None and record.alive else None

    async def newest(self, name_hash: bytes) -> ContainerRecord | None:
        """Return what a majority knows of a container, dead or alive.

        Raises:
            UnavailableError: too few replicas answer to tell, or to bring what one of them knows
                to a majority.
        """
        numbers = self._placement.container(name_hash)
        if len(numbers) == 1:
            return await self._voters.read_only_one(
                numbers[0], lambda replica: replica.container(name_hash)
            )
        for _ in range(self._settings.attempts_max):
            found = await self._voters.read(numbers, lambda replica: replica.container(name_hash))
            first = next(iter(found.values()))
            if all(record == first for record in found.values()):
                return first
            settled = await self._settle(name_hash, found, numbers)
            if settled is not None:
                return settled
        raise UnavailableError("too many writers at once")

    async def _settle(
        self, name_hash: bytes, found: Found, numbers: Sequence[int]
    ) -> ContainerRecord | None:
        """Take the step that `storage.proxy.standing` decides; nothing when others came between."""
        step, record = next_step(found, len(numbers))
        _STEPS[step].reached()
        dead = [
            number
            for number, known in found.items()
            if known is not None and known.id == record.id and not known.alive
        ]
        for known in found.values():
            self._clock.observe(ZERO if known is None else known.latest)
        if step is Step.FINISH:
            return await self._finish_deletion(name_hash, record, dead, numbers)
        if step is Step.REVIVE:
            record = record._replace(changed=self._clock.now())
        expected = {
            number: ZERO if known is None else known.latest
            for number, known in found.items()
            if known != record and not (step is Step.REVIVE and number in dead)
        }
        is_decided = step is Step.BURY and len(dead) >= majority(len(numbers))
        votes = await self._tell(name_hash, record, expected, is_decided=is_decided)
        agreeing = {number for number, known in found.items() if known == record}
        agreeing.update(votes.accepted_by(), dead if step is Step.BURY else ())
        if step is Step.REVIVE and len(agreeing) >= blocking(len(numbers)):
            votes = await self._tell(name_hash, record, dict.fromkeys(dead))
            agreeing.update(votes.accepted_by())
        if len(agreeing) >= majority(len(numbers)):
            return record
        if votes.refusal in (Status.CONFLICT, Status.NOT_EMPTY):
            return None
        held = held_by_majority(found, len(numbers))
        if held is None or len(found) < len(numbers):
            raise UnavailableError("what one replica knows cannot be brought to a majority")
        _OLDER_CONTAINER.reached()
        return held

    async def _tell(
        self,
        name_hash: bytes,
        record: ContainerRecord,
        expected: Mapping[int, bytes | None],
        *,
        is_decided: bool = False,
    ) -> Votes:
        account_hash = self._hasher(record.account)
        groups: dict[int, list[Mutation]] = {
            number: [PutContainer(account_hash, name_hash, record, latest, is_decided)]
            for number, latest in expected.items()
        }
        return await self._voters.write(groups, list(groups))

    async def _finish_deletion(
        self,
        name_hash: bytes,
        record: ContainerRecord,
        dead: Sequence[int],
        numbers: Sequence[int],
    ) -> ContainerRecord:
        now = self._clock.now()
        ask = DeleteContainer(self._hasher(record.account), name_hash, record.id, now)
        living = [number for number in numbers if number not in dead]
        votes = await self._voters.write({number: [ask] for number in living}, living)
        if len(dead) + len(votes.accepted_by()) < majority(len(numbers)):
            raise UnavailableError("a deletion cannot be decided while a replica is away")
        return record._replace(deleted=now)

    async def counters(self, record: ContainerRecord) -> Counters:
        """Return a container's exact counters."""
        return await exact_counters(self._voters, *self._rows(record))

    async def version_counters(self, record: ContainerRecord) -> Counters:
        """Return the exact counters of a container's versions."""
        return await exact_counters(self._voters, *self._version_rows(record))

    async def versions(
        self, record: ContainerRecord, query: VersionQuery, marked: bytes | None
    ) -> list[VersionEntry]:
        """List a container's versions; see `storage.container.versions.list_versions`."""
        numbers, owner = self._rows(record)
        return await over_rows(
            self._voters,
            numbers,
            (versions_id(owner.id), owner.id),
            lambda versions, objects: list_versions(objects, versions, query, marked),
        )

    async def entries(self, record: ContainerRecord, query: Query) -> list[Entry]:
        """List a container's objects."""
        return await list_merged(self._voters, *self._rows(record), query)

    def _rows(self, record: ContainerRecord) -> tuple[Sequence[int], Owner]:
        account_hash = self._hasher(record.account)
        name_hash = self._hasher(record.account, record.name)
        return self._placement.container(name_hash), Owner(account_hash, name_hash, record.id)

    def _version_rows(self, record: ContainerRecord) -> tuple[Sequence[int], Owner]:
        numbers, owner = self._rows(record)
        return numbers, owner._replace(id=versions_id(record.id))

    # writing

    async def create(
        self, account: str, container: str, values: Mapping[str, str], policy: int
    ) -> bool:
        """Create a container or merge metadata into it; tell whether it was created."""
        name_hash = self._hasher(account, container)
        drawn: set[bytes] = set()

        def change(held: ContainerRecord | None, now: Timestamp) -> ContainerRecord:
            if held is not None and held.alive:
                return held._replace(changed=now, metadata=stamp(values, now))
            drawn.add(now)
            generation = 1 if held is None else held.generation + 1
            return ContainerRecord(
                RECORD_VERSION,
                account,
                container,
                collection_id(name_hash, generation),
                generation,
                now,
                now,
                ZERO,
                policy,
                stamp(values, now),
            )

        held = await self._change(account, name_hash, change)
        return held is None or not held.alive or held.created in drawn

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
        """Write what becomes of the record that is there; return the one that was.

        Changes of a container take turns within a process: of any number that race, one would win
        each round, and those that lost too often would fail.
        """
        account_hash = self._hasher(account)

        async def decide(held: ContainerRecord | None) -> PutContainer:
            latest = ZERO if held is None else held.latest
            return PutContainer(account_hash, name_hash, change(held, self._clock.now()), latest)

        async with self._turns.of(name_hash):
            return await self._write(name_hash, decide)

    async def delete(self, account: str, container: str) -> None:
        """Delete an empty container.

        Its rows are counted first, so that replicas are asked to die only when rows may have
        come since; those that did die alone are revived by whoever looks next.
        """
        name_hash = self._hasher(account, container)

        async def decide(held: ContainerRecord | None) -> DeleteContainer:
            if held is None or not held.alive:
                raise ContainerMissingError(container)
            if (await self.counters(held)).rows or (await self.version_counters(held)).rows:
                raise ContainerNotEmptyError(container)
            return DeleteContainer(self._hasher(account), name_hash, held.id, self._clock.now())

        await self._write(name_hash, decide)

    async def _write(
        self,
        name_hash: bytes,
        decide: Callable[[ContainerRecord | None], Awaitable[PutContainer | DeleteContainer]],
    ) -> ContainerRecord | None:
        """Have a majority take what is decided on the newest record; return that record.

        Once an attempt has left traces, nothing that is found later can be told for sure: it may
        be its own doing.
        """
        numbers = self._placement.container(name_hash)
        has_traces = False
        for _ in range(self._settings.attempts_max):
            try:
                held = await self.newest(name_hash)
                self._clock.observe(ZERO if held is None else held.latest)
                ask = await decide(held)
            except StoreError as error:
                if has_traces:
                    raise OutcomeUnknownError("an earlier attempt left traces") from error
                raise
            votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
            if votes.verdict is Verdict.ENOUGH:
                return held
            has_traces |= not votes.is_surely_nowhere(numbers)
            self._clock.observe(votes.newest_detail() or ZERO)
            if votes.refusal not in _LOST_RACE:
                break
        if has_traces:
            _HAS_TRACES.reached()
            raise OutcomeUnknownError("too few devices confirmed the write")
        if votes.refusal is Status.NOT_EMPTY:
            raise ContainerNotEmptyError("rows came meanwhile")
        if votes.refusal is Status.FULL:
            raise StoreFullError("the devices are full")
        raise UnavailableError("too few devices took the write")

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


_LOST_RACE = frozenset((Status.CONFLICT, Status.STALE, Status.MISSING))


class Owner(NamedTuple):
    """Whose rows: a container's, or (both hashes the same) an account's.

    Attributes:
        account_hash: name hash of the account.
        name_hash: name hash of the container or account.
        id: under which the rows stand.
    """

    account_hash: bytes
    name_hash: bytes
    id: bytes


async def exact_counters(voters: Voters, numbers: Sequence[int], owner: Owner) -> Counters:
    """Return the counters of a collection as a majority has them.

    Where replicas differ their rows are merged and counted, and rows that some of them lack are
    brought to them, `REPAIR_ROWS_MAX` at a time.
    """
    found = await voters.read(numbers, lambda replica: replica.counters(owner.id))
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    lacking: dict[int, list[Mutation]] = {}

    def count(opened: Mapping[int, Sequence[Source]]) -> Counters:
        sources = {number: rows for number, (rows,) in opened.items()}
        total = Counters()
        lacking.clear()
        room = REPAIR_ROWS_MAX
        for name, rows in by_name(sources):
            newest = max(rows.values(), key=attrgetter("timestamp"))
            total = total.replace(name, None, newest)
            for number in sources:
                if room and rows.get(number) != newest:
                    ask = PutRow(*owner, name.decode(), newest)
                    lacking.setdefault(number, []).append(ask)
                    room -= 1
        return total

    counters = _over_majority(voters, numbers, (owner.id,), count)
    _ROWS_LACKING.reached()
    await voters.write(lacking, list(lacking))
    return counters


async def list_merged(
    voters: Voters, numbers: Sequence[int], owner: Owner, query: Query
) -> list[Entry]:
    """List a collection.

    Raises:
        UnavailableError: fewer than a majority can be read.
    """
    return await over_rows(voters, numbers, (owner.id,), lambda rows: list_rows(rows, query))


async def over_rows(
    voters: Voters,
    numbers: Sequence[int],
    owner_ids: Sequence[bytes],
    work: Callable[..., T],
) -> T:
    """Do work over collections: read at one replica where all digests agree, else at all, merged.

    Args:
        voters: the devices.
        numbers: of those that hold the rows.
        owner_ids: of the collections.
        work: takes a source for each of them; they are opened in this order.

    Raises:
        UnavailableError: fewer than a majority can be read.
    """

    async def count(owner_id: bytes) -> dict[int, Counters]:
        return await voters.read(numbers, lambda replica: replica.counters(owner_id))

    found = [await count(owner_id) for owner_id in owner_ids]
    readable = [number for number in numbers if all(number in one for one in found)]
    are_alike = all(len(set(one.values())) == 1 for one in found)
    sources = readable[:1] if are_alike and readable else numbers

    def merge_sources(opened: Mapping[int, Sequence[Source]]) -> T:
        return work(*(merged(one) for one in zip(*opened.values(), strict=True)))

    try:
        return _over_majority(voters, sources, owner_ids, merge_sources)
    except UnavailableError:
        if sources is numbers:
            raise
        return _over_majority(voters, numbers, owner_ids, merge_sources)


def _over_majority(
    voters: Voters,
    numbers: Sequence[int],
    owner_ids: Sequence[bytes],
    work: Callable[[Mapping[int, Sequence[Source]]], T],
) -> T:
    """Do work over the rows of all replicas that can be read, at least a majority."""
    failed: set[int] = set()
    while len(numbers) - len(failed) >= majority(len(numbers)):
        try:
            with ExitStack() as opened:
                sources = {
                    number: [
                        opened.enter_context(voters.replicas[number].source(owner_id))
                        for owner_id in owner_ids
                    ]
                    for number in numbers
                    if number not in failed
                }
                return work(sources)
        except ReplicaFailedError as error:
            failed.add(error.device)
    raise UnavailableError(f"{len(failed)} of {len(numbers)} replicas failed")

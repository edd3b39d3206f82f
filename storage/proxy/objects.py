"""Objects: reading the newest record, and writing record and listing row as one.

The life of a PUT: judge the condition, take in the payload (`upload`), publish it, draw a
timestamp, and send every device the record, the row, or both as one atomic group. It is
acknowledged when majorities of the object's and of the container's voters hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import trio

from atoll.branch import Branch
from atoll.invariant import invariant
from atoll.world import World
from storage.container.record import ContainerRecord
from storage.mutation import (
    AmendObject,
    DiscardPayload,
    ForgetObject,
    Mutation,
    PutObject,
    PutRow,
    Status,
    WithdrawObject,
    WithdrawRow,
)
from storage.object.record import (
    NULL_VERSION,
    RECORD_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    object_prefix,
    tombstone,
)
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.engine import Attributes, Body, Condition, Deletion, Versioning
from storage.proxy.errors import (
    ContainerMissingError,
    EtagMismatchError,
    ObjectMissingError,
    OutcomeUnknownError,
    PreconditionFailedError,
    StoreFullError,
    UnavailableError,
    VersionMissingError,
)
from storage.proxy.payloads import InlinePayload, OpenPayload
from storage.proxy.quorum import Tally, Verdict, blocking, majority
from storage.proxy.registers import Registers, row_of
from storage.proxy.settings import EngineSettings
from storage.proxy.upload import Intake, Intakes
from storage.proxy.voters import Voters, Votes
from storage.timestamp import ZERO, HybridClock, Timestamp

WITHDRAW_DEADLINE_S = 5.0
_GONE = Branch("object: its container was deleted under the write")
_LOST_RACE = Branch("object: a newer write was there, and it was sent again")
_WITHDRAWN = Branch("object: a conditional write that only a minority took was withdrawn")


_Judge = Callable[[ObjectRecord | None], None]


class _LostRaceError(Exception):
    """Another write came between the look and the write; look again."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a name's record and row belong."""

    container: ContainerRecord
    name: str
    account_hash: bytes
    container_hash: bytes
    name_hash: bytes
    prefix: bytes
    object_voters: tuple[int, ...]
    container_voters: tuple[int, ...]


class Objects:
    """The objects of a store.

    Args:
        world: clock and threads.
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
        settings: limits.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        hasher: PathHasher,
        placement: Placement,
        voters: Voters,
        settings: EngineSettings,
    ) -> None:
        self._world = world
        self._clock = clock
        self._hasher = hasher
        self._placement = placement
        self._voters = voters
        self._settings = settings
        self._intakes = Intakes(world, settings)
        self._registers = Registers(hasher, placement, voters)

    # reading

    async def find(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> ObjectRecord | None:
        """Return the newest record of a living, unexpired object, or nothing."""
        name_hash = self._hasher(container.account, container.name, name)
        voters = self._placement.object(container.policy, name_hash)
        record = await self._registers.newest(container.policy, name_hash, voters)
        if record is None or not self._lives(record, container):
            return None
        return record if version in (None, NULL_VERSION, record.write_id) else None

    async def find_with_payload(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> tuple[ObjectRecord, InlinePayload | OpenPayload] | None:
        """Return what `find` returns, and its payload to open: one look where one is enough."""
        policy = container.policy
        name_hash = self._hasher(container.account, container.name, name)
        numbers = self._placement.object(policy, name_hash)
        whole: bytes | None = None
        if len(numbers) == 1:
            prefix = object_prefix(policy, name_hash)
            record, whole = await self._voters.read_only_one(
                numbers[0], lambda replica: replica.newest_with_payload(prefix)
            )
        else:
            record = await self._registers.newest(policy, name_hash, numbers)
        if record is None or not self._lives(record, container):
            return None
        if version not in (None, NULL_VERSION, record.write_id):
            return None
        if whole is not None:
            return record, InlinePayload(whole)
        return record, OpenPayload(self._voters, numbers, record, policy, name_hash)

    def _lives(self, record: ObjectRecord | None, container: ContainerRecord) -> bool:
        return (
            record is not None
            and record.state == State.DATA
            and record.container_id == container.id
            and (
                "x-delete-at" not in record.system
                or not record.is_expired(self._world.clock.wall_ns() / 1e9)
            )
        )

    # writing

    def _target(self, container: ContainerRecord, name: str) -> _Target:
        container_hash = self._hasher(container.account, container.name)
        name_hash = self._hasher(container.account, container.name, name)
        return _Target(
            container,
            name,
            self._hasher(container.account),
            container_hash,
            name_hash,
            object_prefix(container.policy, name_hash),
            self._placement.object(container.policy, name_hash),
            self._placement.container(container_hash),
        )

    def _of_living(self, target: _Target, condition: Condition | None) -> _Judge | None:
        """Return a judge of records of any state that shows the condition living ones alone."""
        if condition is None:
            return None

        def judge(newest: ObjectRecord | None) -> None:
            condition(newest if self._lives(newest, target.container) else None)

        return judge

    async def _look(
        self, target: _Target, judge: _Judge | None
    ) -> tuple[ObjectRecord | None, bytes]:
        """Return the newest record of any state, and its `changed`, once the judge has let it."""
        voters = target.object_voters
        newest = await self._registers.newest(target.container.policy, target.name_hash, voters)
        if judge is not None:
            judge(newest)
        if newest is None:
            return None, ZERO
        self._clock.observe(newest.changed)
        return newest, newest.changed

    async def put(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes | Callable[[], Attributes],
        body: Body,
        *,
        size_bytes: int | None = None,
        etag: str | None = None,
        condition: Condition | None = None,
        versioned: Versioning = Versioning.OFF,
    ) -> ObjectRecord:
        """Store an object; see `storage.proxy.engine.Engine.put_object`."""

        def describe(intake: Intake) -> ObjectRecord:
            if etag is not None and etag != intake.etag:
                raise EtagMismatchError(intake.etag)
            carried = attributes() if callable(attributes) else attributes
            return _new_record(container, name, carried, intake.size_bytes, intake.etag)

        target = self._target(container, name)
        return await self._take_in(target, body, size_bytes, condition, describe)

    async def put_composite(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        manifest: bytes,
        *,
        size_bytes: int,
        etag: str,
        condition: Condition | None = None,
        versioned: Versioning = Versioning.OFF,
    ) -> ObjectRecord:
        """Store a manifest as an object; see `storage.proxy.engine.Engine.put_composite`."""
        invariant(bool(manifest), "a manifest has bytes", container=container.name, name=name)

        def describe(intake: Intake) -> ObjectRecord:
            record = _new_record(container, name, attributes, size_bytes, etag)
            return record._replace(manifest_size_bytes=intake.size_bytes)

        target = self._target(container, name)
        return await self._take_in(target, _WholeBody(manifest), len(manifest), condition, describe)

    async def _take_in(
        self,
        target: _Target,
        body: Body,
        size_bytes: int | None,
        condition: Condition | None,
        describe: Callable[[Intake], ObjectRecord],
    ) -> ObjectRecord:
        """Take in a payload and store the record that describes it."""
        judge = self._of_living(target, condition)
        if judge is not None:
            await self._look(target, judge)
        write_id = self._clock.now()
        replicas = [self._voters.replicas[number] for number in target.object_voters]
        async with self._intakes.take(body, write_id, replicas, size_bytes) as intake:
            record = describe(intake)._replace(write_id=write_id)
            if intake.inline is not None:
                record = record._replace(identity=intake.identity, location=_INLINE)
                return await self._store(target, record, {}, judge, intake.inline)
            try:
                locations = await intake.publish(_describe(record, target.prefix))
            except BaseException:
                await self._discard(target, write_id)
                raise
            record = record._replace(identity=intake.identity)
            try:
                return await self._store(target, record, locations, judge)
            except (OutcomeUnknownError, trio.Cancelled):
                raise  # some replica may have the record: its payload must stay
            except BaseException:
                await self._discard(target, write_id)
                raise

    async def delete(
        self,
        container: ContainerRecord,
        name: str,
        condition: Condition | None = None,
        *,
        versioned: Versioning = Versioning.OFF,
    ) -> Deletion:
        """Delete an object; see `storage.proxy.engine.Engine.delete_object`."""
        target = self._target(container, name)
        found: list[ObjectRecord] = []

        def must_exist(current: ObjectRecord | None) -> None:
            if condition is not None:
                condition(current)
            if current is None:
                raise ObjectMissingError(name)
            found.append(current)

        empty = tombstone(container.account, container.name, name, container.id, ZERO)
        judge = self._of_living(target, must_exist)
        await self._store(target, empty._replace(write_id=self._clock.now()), {}, judge)
        return Deletion(found[-1])

    async def delete_version(
        self,
        container: ContainerRecord,
        name: str,
        version: bytes,
        condition: Condition | None = None,
        *,
        bypass_governance: bool = False,
    ) -> ObjectRecord:
        """Delete a version; see `storage.proxy.engine.Engine.delete_version`."""

        def must_be_it(current: ObjectRecord | None) -> None:
            if current is None or version not in (NULL_VERSION, current.write_id):
                raise VersionMissingError(name)
            if condition is not None:
                condition(current)

        removed = (await self.delete(container, name, must_be_it)).removed
        if removed is None:
            raise VersionMissingError(name)
        return removed

    async def expire(self, container: ContainerRecord, name: str, write_id: bytes) -> bool:
        """Delete an object whose time has passed, if it still is the one that was written so.

        Returns:
            Whether it was.
        """
        target = self._target(container, name)

        def judge(newest: ObjectRecord | None) -> None:
            now_s = self._world.clock.wall_ns() / 1e9
            if newest is None or newest.write_id != write_id or not newest.is_expired(now_s):
                raise PreconditionFailedError(name)

        empty = tombstone(container.account, container.name, name, container.id, ZERO)
        try:
            await self._store(target, empty._replace(write_id=self._clock.now()), {}, judge)
        except (PreconditionFailedError, ContainerMissingError):
            return False
        return True

    async def reclaim(self, names: tuple[str, str, str], policy: int, created: Timestamp) -> bool:
        """Forget a tombstone once no voter holds anything else.

        A voter that holds nothing has forgotten it already: one that missed the deletion would
        still hold what was deleted.

        Returns:
            Whether it is forgotten, or of no concern any more.
        """
        name_hash = self._hasher(*names)
        numbers = self._placement.object(policy, name_hash)
        prefix = object_prefix(policy, name_hash)
        found = await self._voters.read(numbers, lambda replica: replica.newest(prefix))
        if len(found) < len(numbers):
            return False
        records = [record for record in found.values() if record is not None]
        if any(record.created > created for record in records):
            return True
        if any(record.created != created for record in records):
            return False
        ask = ForgetObject(policy, name_hash, created)
        votes = await self._voters.write({number: [ask] for number in numbers}, numbers)
        return not votes.unsent

    async def amend(
        self,
        container: ContainerRecord,
        name: str,
        change: Callable[[ObjectRecord], Attributes],
        version: bytes | None = None,
        *,
        bypass_governance: bool = False,
    ) -> ObjectRecord:
        """Replace an object's metadata; see `storage.proxy.engine.Engine.amend_object`."""
        target = self._target(container, name)
        for _ in range(self._settings.attempts_max):
            newest, expected = await self._look(target, None)
            if newest is None or not self._lives(newest, container):
                raise ObjectMissingError(name)
            if version not in (None, NULL_VERSION, newest.write_id):
                raise VersionMissingError(name)
            attributes = change(newest)
            record = newest._replace(
                changed=self._clock.now(),
                content_type=attributes.content_type,
                metadata=dict(attributes.metadata),
                system=dict(attributes.system),
            )
            ask = AmendObject(container.policy, target.name_hash, record, expected)
            try:
                await self._write(target, dict.fromkeys(target.object_voters, ask), record)
            except _LostRaceError:
                continue
            return record
        raise UnavailableError(f"{name}: too many writers at once")

    async def _store(
        self,
        target: _Target,
        record: ObjectRecord,
        locations: Mapping[int, Location],
        judge: _Judge | None,
        payload: bytes = b"",
    ) -> ObjectRecord:
        """Write a record under a fresh timestamp, as often as it takes to be the newest."""
        for _ in range(self._settings.attempts_max):
            _, expected = await self._look(target, judge)
            timestamp = self._clock.now()
            record = record._replace(created=timestamp, changed=timestamp)
            policy, name_hash = target.container.policy, target.name_hash
            must_be = expected if judge is not None else None
            asks: dict[int, Mutation] = {}
            for number in locations or target.object_voters:  # where its payload is, or will be
                placed = record._replace(location=locations.get(number, record.location))
                asks[number] = PutObject(policy, name_hash, placed, payload, must_be)
            try:
                await self._write(target, asks, record)
            except _LostRaceError:
                continue
            return record
        raise UnavailableError(f"{target.name}: too many writers at once")

    async def _write(
        self, target: _Target, asks: Mapping[int, Mutation], record: ObjectRecord
    ) -> None:
        """Send record and row; return when majorities hold both.

        What a minority took stays there, and whoever reads it completes it: to take it back could
        undo what somebody has seen. Only a condition that was not met takes it back.

        Raises:
            _LostRaceError: it is held nowhere, because something newer was there.
        """
        ask_row = PutRow(
            target.account_hash,
            target.container_hash,
            target.container.id,
            target.name,
            row_of(record, target.container.policy),
        )
        groups: dict[int, list[Mutation]] = {number: [ask] for number, ask in asks.items()}
        for number in target.container_voters:
            if (
                number in asks or number not in target.object_voters
            ):  # no row goes before its record
                groups.setdefault(number, []).append(ask_row)
        enough = majority(len(target.object_voters))
        votes = await self._voters.write(groups, Tally(asks, enough), target.container_voters)
        if votes.verdict is Verdict.ENOUGH:
            return
        raise await self._explain(votes, target, record, groups)

    async def _explain(
        self, votes: Votes, target: _Target, record: ObjectRecord, asked: Mapping[int, object]
    ) -> Exception:
        """Return what to tell of a write that did not get its majorities."""
        refusal = votes.refusal
        is_nowhere = votes.is_surely_nowhere(asked)
        gone = votes.refused_by(Status.GONE)
        if len(gone) >= blocking(len(target.container_voters)):
            _GONE.reached()
            if is_nowhere:
                return ContainerMissingError("deleted meanwhile")
            await self._withdraw(target, record, votes.accepted_by())
            return OutcomeUnknownError("deleted meanwhile, where most could tell")
        if refusal in (Status.STALE, Status.CONFLICT, Status.MISSING):
            self._clock.observe(votes.newest_detail() or ZERO)
            if is_nowhere:
                _LOST_RACE.reached()
                return _LostRaceError()
            enough = majority(len(target.object_voters))
            if refusal is Status.CONFLICT and votes.is_surely_lost(target.object_voters, enough):
                _WITHDRAWN.reached()
                await self._withdraw(target, record, votes.accepted_by())
            return OutcomeUnknownError("another write came between")
        if not is_nowhere:
            return OutcomeUnknownError("too few devices confirmed the write")
        if refusal is Status.FULL:
            return StoreFullError("the devices are full")
        return UnavailableError("too few devices answered")

    async def _withdraw(
        self, target: _Target, record: ObjectRecord, numbers: Sequence[int]
    ) -> None:
        """Take back what a minority accepted. On cancel: the outcome stays unknown."""
        ask = WithdrawObject(target.container.policy, target.name_hash, record.write_id)
        ask_row = WithdrawRow(
            target.account_hash,
            target.container_hash,
            target.container.id,
            target.name,
            record.changed,
        )
        groups: dict[int, list[Mutation]] = {}
        for number in numbers:
            groups[number] = [ask] if number in target.object_voters else []
            groups[number] += [ask_row] if number in target.container_voters else []
        with trio.move_on_after(WITHDRAW_DEADLINE_S):
            await self._voters.write(groups, list(groups))

    async def _discard(self, target: _Target, write_id: Timestamp) -> None:
        """Remove published files that no record will name; what is missed is swept later."""
        ask = DiscardPayload(target.container.policy, target.name_hash, write_id)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + WITHDRAW_DEADLINE_S):
            numbers = target.object_voters
            await self._voters.write({number: [ask] for number in numbers}, numbers)


class _WholeBody:
    """Bytes that are there already, as a body."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return all of them, then none."""
        data, self._data = self._data, b""
        return data


_INLINE = Location(Where.INLINE)


def _new_record(
    container: ContainerRecord, name: str, attributes: Attributes, size_bytes: int, etag: str
) -> ObjectRecord:
    """Return the record of an object, before it has a write id, timestamps and a place."""
    return ObjectRecord(
        RECORD_VERSION,
        container.account,
        container.name,
        name,
        container.id,
        ZERO,
        ZERO,
        ZERO,
        State.DATA,
        size_bytes,
        etag,
        attributes.content_type,
        dict(attributes.metadata),
        dict(attributes.system),
        b"",
    )


def _describe(record: ObjectRecord, prefix: bytes) -> dict[str, str]:
    """Return what a payload file says of itself."""
    return {
        "place": prefix.hex(),
        "account": record.account,
        "container": record.container,
        "name": record.name,
        "etag": record.etag,
        "content-type": record.content_type,
    }

"""Objects: reading their versions, and writing record and listing rows as one.

The life of a PUT: judge the condition, take in the payload (`upload`), publish it, draw a
timestamp (`recorder`), and send every device the record, the rows, or both as one atomic group
(`writes`). It is acknowledged when majorities of the object's and of the container's voters hold
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from atoll.invariant import invariant
from atoll.world import World
from storage.container.record import ContainerRecord
from storage.mutation import AmendObject, Authority
from storage.object.record import (
    OF_PAYLOAD,
    RECORD_VERSION,
    STORED_SIZE,
    Location,
    ObjectRecord,
    State,
    Where,
    object_prefix,
)
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.deletions import Deletions
from storage.proxy.engine import Attributes, Body, Condition, Versioning
from storage.proxy.errors import (
    EtagMismatchError,
    ObjectMissingError,
    OutcomeUnknownError,
    UnavailableError,
    VersionMissingError,
)
from storage.proxy.payloads import InlinePayload, OpenPayload
from storage.proxy.recorder import Recorder
from storage.proxy.registers import Registers
from storage.proxy.rows import Rows
from storage.proxy.settings import EngineSettings
from storage.proxy.turns import Turns
from storage.proxy.upload import Intake, Intakes
from storage.proxy.voters import Voters
from storage.proxy.writes import LostRaceError, Target, Writes
from storage.timestamp import ZERO, HybridClock


class Objects:
    """The objects of a store.

    Args:
        world: clock and threads.
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
        settings: limits.

    Attributes:
        deletions: of the same objects.
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
        self._clock = clock
        self._hasher = hasher
        self._placement = placement
        self._voters = voters
        self._settings = settings
        self._intakes = Intakes(world, settings)
        self._turns = Turns(settings.request_deadline_s)
        self._writes = Writes(clock, hasher, placement, voters)
        self._registers = Registers(Rows(hasher, placement, voters), voters)
        self._recorder = Recorder(world, clock, self._registers, self._writes, settings)
        self.deletions = Deletions(world, clock, self._recorder, self._writes, voters, settings)

    # reading

    async def find(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> ObjectRecord | None:
        """Return an object's current record, or a version; see `Engine.object`."""
        where = self._writes.name(container, name)
        if version is None:
            record = await self._registers.current(where)
            return record if self._recorder.lives(record, container) else None
        record = await self._registers.version(where, version)
        return record if self._recorder.is_there(record, container) else None

    async def find_current(self, container: ContainerRecord, name: str) -> ObjectRecord | None:
        """Return an object's current record, or the delete marker that hides it."""
        record = await self._registers.current(self._writes.name(container, name))
        return record if self._recorder.is_there(record, container) else None

    async def trace(
        self, container: ContainerRecord, name: str, version: bytes
    ) -> ObjectRecord | None:
        """Return a version, or the tombstone that is left of it."""
        return await self._registers.version(self._writes.name(container, name), version)

    async def find_with_payload(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> tuple[ObjectRecord, InlinePayload | OpenPayload] | None:
        """Return what `find` returns, and its payload to open: one look where one is enough."""
        policy = container.policy
        name_hash = self._hasher(container.account, container.name, name)
        numbers = self._placement.object(policy, name_hash)
        whole: bytes | None = None
        if version is not None or len(numbers) > 1:
            record = await self.find(container, name, version)
        else:
            prefix = object_prefix(policy, name_hash)
            record, whole = await self._voters.read_only_one(
                numbers[0], lambda replica: replica.newest_with_payload(prefix)
            )
            record = record if self._recorder.lives(record, container) else None
        if record is None:
            return None
        if whole is not None:
            return record, InlinePayload(whole)
        return record, OpenPayload(self._voters, numbers, record, policy, name_hash)

    # writing

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
            shown = carried.shown
            if shown is None:
                return _new_record(container, name, carried, intake.size_bytes, intake.etag)
            etag_shown = intake.etag if shown.etag is None else shown.etag
            record = _new_record(container, name, carried, shown.size_bytes, etag_shown)
            record.system[STORED_SIZE] = str(intake.size_bytes)
            return record

        target = self._writes.target(container, name)
        return await self._take_in(target, body, size_bytes, condition, versioned, describe)

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

        target, body = self._writes.target(container, name), _WholeBody(manifest)
        return await self._take_in(target, body, len(manifest), condition, versioned, describe)

    async def _take_in(
        self,
        target: Target,
        body: Body,
        size_bytes: int | None,
        condition: Condition | None,
        versioned: Versioning,
        describe: Callable[[Intake], ObjectRecord],
    ) -> ObjectRecord:
        """Take in a payload and store the record that describes it."""
        judge = self._recorder.of_living(target.container, condition)
        if judge is not None:
            await self._recorder.look(target, judge)
        write_id = self._clock.now()
        replicas = [self._voters.replicas[number] for number in target.name.voters]
        async with self._intakes.take(body, write_id, replicas, size_bytes) as intake:
            record = describe(intake)._replace(
                write_id=write_id, is_null=versioned is not Versioning.ENABLED
            )
            if intake.inline is not None:
                record = record._replace(identity=intake.identity, location=_INLINE)
                return await self._recorder.store(
                    target, record, judge, versioned, payload=intake.inline
                )
            try:
                locations = await intake.publish(_describe(record, target.name.prefix))
            except BaseException:
                await self._writes.discard(target, write_id)
                raise
            record = record._replace(identity=intake.identity)
            try:
                return await self._recorder.store(
                    target, record, judge, versioned, locations=locations
                )
            except (OutcomeUnknownError, trio.Cancelled):
                raise  # some replica may have the record: its payload must stay
            except BaseException:
                await self._writes.discard(target, write_id)
                raise

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
        target = self._writes.target(container, name)
        authority = Authority.BYPASS if bypass_governance else Authority.CLIENT
        async with self._turns.of(target.name.hash):
            for _ in range(self._settings.attempts_max):
                try:
                    return await self._amend(target, change, version, authority)
                except LostRaceError:
                    continue
        raise UnavailableError(f"{name}: too many writers at once")

    async def _amend(
        self,
        target: Target,
        change: Callable[[ObjectRecord], Attributes],
        version: bytes | None,
        authority: Authority,
    ) -> ObjectRecord:
        held, is_current = await self._find_to_amend(target, version)
        self._clock.observe(held.changed)
        attributes = change(held)
        record = held._replace(
            changed=self._clock.now(),
            content_type=attributes.content_type,
            metadata=dict(attributes.metadata),
            system=_amended(held.system, attributes.system),
        )
        where = target.name
        ask = AmendObject(where.policy, where.hash, record, held.changed, is_current, authority)
        rows = [target.rows.current(record, record.changed)] if is_current else []
        await self._writes.send(target, dict.fromkeys(where.voters, ask), rows, record)
        return record

    async def _find_to_amend(
        self, target: Target, version: bytes | None
    ) -> tuple[ObjectRecord, bool]:
        """Return a version, and whether it is the current one.

        Raises:
            ObjectMissingError: there is none.
        """
        current = await self._registers.current(target.name)
        held = current
        if version is not None and (current is None or current.version_id != version):
            held = await self._registers.version(target.name, version)
        if held is None or not self._recorder.lives(held, target.container):
            missing = ObjectMissingError if version is None else VersionMissingError
            raise missing(target.object_name)
        return held, held is current


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


def _amended(held: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """Return system metadata as asked for, but what belongs to the payload as it is."""
    system = dict(asked)
    for name in OF_PAYLOAD:
        system.pop(name, None)
        if name in held:
            system[name] = held[name]
    return system


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

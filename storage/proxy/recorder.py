"""Storing a record under a fresh timestamp, as often as it takes to be the newest of its name.

Writes to names that nobody versions look at nothing but what their condition needs. All others
look first at the null version, whose row they have to take care of, and at what will be current
after them; the device refuses the write where that was not so any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.mutation import Mutation, PutObject, PutRow
from storage.object.record import NULL_VERSION, Location, ObjectRecord, State
from storage.object.versions import Sight
from storage.proxy.engine import Condition, Versioning
from storage.proxy.errors import UnavailableError
from storage.proxy.registers import Registers
from storage.proxy.settings import EngineSettings
from storage.proxy.writes import HasVersionsError, LostRaceError, Target, Writes
from storage.timestamp import ZERO, HybridClock

Judge = Callable[[ObjectRecord | None], None]
"""Is shown the current record, whatever its state; raises where the write may not go on."""


class Recorder:
    """Looks at names and stores records in them.

    Args:
        world: clock.
        clock: of this process.
        registers: of the same store.
        writes: of the same store.
        settings: limits.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        registers: Registers,
        writes: Writes,
        settings: EngineSettings,
    ) -> None:
        self._world = world
        self._clock = clock
        self._registers = registers
        self._writes = writes
        self._attempts_max = settings.attempts_max

    def lives(self, record: ObjectRecord | None, container: ContainerRecord) -> bool:
        """Tell whether a record is of a living, unexpired object."""
        return (
            record is not None
            and record.state == State.DATA
            and record.container_id == container.id
            and (
                "x-delete-at" not in record.system
                or not record.is_expired(self._world.clock.wall_ns() / 1e9)
            )
        )

    def is_there(self, record: ObjectRecord | None, container: ContainerRecord) -> bool:
        """Tell whether a version lives, or marks a deletion."""
        if record is not None and record.state == State.DELETE_MARKER:
            return record.container_id == container.id
        return self.lives(record, container)

    def of_living(self, container: ContainerRecord, condition: Condition | None) -> Judge | None:
        """Return a judge of records of any state that shows the condition living ones alone."""
        if condition is None:
            return None

        def judge(current: ObjectRecord | None) -> None:
            condition(current if self.lives(current, container) else None)

        return judge

    async def look(self, target: Target, judge: Judge | None) -> bytes:
        """Return the `changed` of the version that can be seen, once the judge lets it pass."""
        current = await self._registers.current(target.name)
        if judge is not None:
            judge(current)
        if current is None:
            return ZERO
        self._clock.observe(current.changed)
        return current.changed

    async def see(self, target: Target, version: bytes) -> Sight:
        """Return what a writer has to know of a name with versions."""
        sight = await self._registers.sight(target.name, version)
        self._clock.observe(sight.standing.floor)
        return sight

    async def store(
        self,
        target: Target,
        record: ObjectRecord,
        judge: Judge | None,
        versioned: Versioning,
        *,
        locations: Mapping[int, Location] | None = None,
        payload: bytes = b"",
        is_exact: bool = True,
    ) -> ObjectRecord:
        """Write a record that will be the current one of its name, or ends it.

        Args:
            target: where it belongs.
            record: without timestamps.
            judge: of what is there.
            versioned: whether its name has versions to be taken care of.
            locations: of its payload, by device, where that is in files.
            payload: the bytes, where they are few.
            is_exact: whether what was judged must still be there.

        Raises:
            HasVersionsError: a deletion took no care of versions, and there may be some.
        """
        keeps_versions = versioned is not Versioning.OFF
        placed = locations or {}
        for _ in range(self._attempts_max):
            sight = await self.see(target, NULL_VERSION) if keeps_versions else None
            if sight is None:
                expected = await self.look(target, judge)
            else:
                current = sight.standing.head
                expected = ZERO if current is None else current.changed
                if judge is not None:
                    judge(current)
            timestamp = self._clock.now()
            record = record._replace(created=timestamp, changed=timestamp)
            ask = PutObject(
                target.name.policy,
                target.name.hash,
                record,
                payload,
                expected if judge is not None and is_exact else None,
                None if sight is None else null_id(sight),
            )
            asks: dict[int, Mutation] = {}
            for number in placed or target.name.voters:  # where its payload is, or will be
                location = placed.get(number, record.location)
                asks[number] = ask._replace(record=record._replace(location=location))
            try:
                await self._writes.send(target, asks, _rows(target, record, sight), record)
            except LostRaceError:
                continue
            except HasVersionsError:
                if not record.is_visible:
                    raise
                keeps_versions = True
                continue
            return record
        raise UnavailableError(f"{target.object_name}: too many writers at once")


def null_id(sight: Sight) -> bytes:
    """Return the write id of the null version that can be seen; empty for none."""
    null = sight.null
    return null.write_id if null is not None and null.is_visible else b""


def _rows(target: Target, record: ObjectRecord, sight: Sight | None) -> list[PutRow]:
    """Return the rows that a new current version changes.

    A null version that it hides gets a row of its own, a null version that it replaces loses it.
    """
    rows = [target.rows.current(record, record.changed)]
    if sight is None:
        return rows
    rows.append(target.rows.version(record))
    null = sight.null
    if null is not None and null.is_visible:
        if record.is_null:
            rows.append(target.rows.removed(null.created, record.changed))
        else:
            rows.append(target.rows.version(null))
    return rows

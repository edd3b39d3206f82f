"""Deleting: behind a delete marker, for good, in time, and the reclaiming of what is left of it."""

from __future__ import annotations

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.mutation import Authority, ForgetObject, Mutation, PutObject
from storage.object.record import (
    NULL_VERSION,
    ObjectRecord,
    State,
    buried,
    tombstone,
)
from storage.proxy.engine import Condition, Deletion, Versioning
from storage.proxy.errors import (
    ContainerMissingError,
    LockedError,
    ObjectMissingError,
    PreconditionFailedError,
    UnavailableError,
    VersionMissingError,
)
from storage.proxy.recorder import Judge, Recorder, null_id
from storage.proxy.settings import EngineSettings
from storage.proxy.voters import Voters
from storage.proxy.writes import HasVersionsError, LostRaceError, Target, Writes
from storage.timestamp import ZERO, HybridClock, Timestamp


class Deletions:
    """The deletions of a store.

    Args:
        world: clock.
        clock: of this process.
        recorder: of the same store.
        writes: of the same store.
        voters: the devices.
        settings: limits.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        recorder: Recorder,
        writes: Writes,
        voters: Voters,
        settings: EngineSettings,
    ) -> None:
        self._world = world
        self._clock = clock
        self._recorder = recorder
        self._writes = writes
        self._voters = voters
        self._settings = settings

    async def delete(
        self,
        container: ContainerRecord,
        name: str,
        condition: Condition | None = None,
        *,
        versioned: Versioning = Versioning.OFF,
    ) -> Deletion:
        """Delete an object; see `storage.proxy.engine.Engine.delete_object`."""
        target = self._writes.target(container, name)
        is_off = versioned is Versioning.OFF
        found: list[ObjectRecord | None] = []  # what was judged, attempt by attempt

        def judge(current: ObjectRecord | None) -> None:
            living = current if self._recorder.lives(current, container) else None
            if condition is not None:
                condition(living)
            if living is None and is_off:
                raise ObjectMissingError(name)
            found.append(living)

        if is_off:
            return Deletion(await self._remove_null(target, judge, found))
        is_null = versioned is Versioning.SUSPENDED
        marker = self._tombstone(target)._replace(state=State.DELETE_MARKER, is_null=is_null)
        is_exact = condition is not None
        marker = await self._recorder.store(target, marker, judge, versioned, is_exact=is_exact)
        return Deletion(found[-1], marker)

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

        def judge(held: ObjectRecord | None) -> None:
            if not self._recorder.is_there(held, container):
                raise VersionMissingError(name)
            if condition is not None:
                condition(held)

        return await self._bury(
            self._writes.target(container, name),
            version,
            judge,
            is_exact=condition is not None,
            authority=Authority.BYPASS if bypass_governance else Authority.CLIENT,
        )

    async def expire(
        self, container: ContainerRecord, name: str, version: bytes, write_id: bytes
    ) -> bool:
        """Delete an object whose time has passed, if it still is the one that was written so.

        Returns:
            Whether it was.
        """
        target = self._writes.target(container, name)

        def judge(held: ObjectRecord | None) -> None:
            now_s = self._world.clock.wall_ns() / 1e9
            if held is None or held.write_id != write_id or not held.is_expired(now_s):
                raise PreconditionFailedError(name)

        try:
            if version == NULL_VERSION:
                await self._remove_null(target, judge, [])
            else:
                await self._bury(target, version, judge)
        except (PreconditionFailedError, VersionMissingError, ContainerMissingError, LockedError):
            return False  # object lock sets another time when it changes
        return True

    async def reclaim(
        self, names: tuple[str, str, str], policy: int, version: bytes, changed: Timestamp
    ) -> bool:
        """Forget the tombstone of a version once no voter holds anything else of it.

        A voter that holds nothing has forgotten it already: one that missed the deletion would
        still hold what was deleted.

        Returns:
            Whether it is forgotten, or of no concern any more.
        """
        name = self._writes.name_of(names, policy)
        prefix = name.prefix
        found = await self._voters.read(
            name.voters, lambda replica: replica.version(prefix, version)
        )
        if len(found) < len(name.voters):
            return False
        records = [record for record in found.values() if record is not None]
        if any(record.changed > changed for record in records):
            return True
        if any(record.changed != changed for record in records):
            return False
        ask = ForgetObject(policy, name.hash, version, changed)
        votes = await self._voters.write({number: [ask] for number in name.voters}, name.voters)
        return not votes.unsent

    def _tombstone(self, target: Target) -> ObjectRecord:
        container = target.container
        empty = tombstone(container.account, container.name, target.object_name, container.id, ZERO)
        return empty._replace(write_id=self._clock.now())

    async def _remove_null(
        self, target: Target, judge: Judge, found: list[ObjectRecord | None]
    ) -> ObjectRecord | None:
        """Delete the null version, in the short way where it is all that there is of its name."""
        try:
            await self._recorder.store(target, self._tombstone(target), judge, Versioning.OFF)
        except HasVersionsError:
            return await self._bury(target, NULL_VERSION, judge)
        return found[-1] if found else None

    async def _bury(
        self,
        target: Target,
        version: bytes,
        judge: Judge,
        *,
        is_exact: bool = True,
        authority: Authority = Authority.CLIENT,
    ) -> ObjectRecord:
        """Delete a version for good and return the record it had; the next one is seen again.

        Raises:
            VersionMissingError: there is none.
        """
        name = target.name
        for _ in range(self._settings.attempts_max):
            sight = await self._recorder.see(target, version)
            held = sight.version
            if held is None or not held.is_visible:
                raise VersionMissingError(target.object_name)
            judge(held)
            self._clock.observe(held.changed)
            timestamp = self._clock.now()
            grave = buried(held, timestamp)
            if held.is_null:
                grave = self._tombstone(target)._replace(created=timestamp, changed=timestamp)
            head = sight.standing.head
            is_head = head is not None and head.write_id == held.write_id
            left = sight.following if is_head else head
            rows = [target.rows.removed(held.created, timestamp)]
            if is_head:
                newest = max(timestamp, ZERO if left is None else left.changed)
                rows.append(target.rows.current(left, newest))
            ask = PutObject(
                name.policy,
                name.hash,
                grave,
                expected=held.changed if is_exact else None,
                null_id=null_id(sight),
                leaves=ZERO if left is None else left.changed,
                authority=authority,
            )
            asks: dict[int, Mutation] = dict.fromkeys(name.voters, ask)
            try:
                await self._writes.send(target, asks, rows, grave)
            except LostRaceError:
                continue
            return held
        raise UnavailableError(f"{target.object_name}: too many writers at once")

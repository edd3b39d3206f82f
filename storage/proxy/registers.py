"""Reading a name: its records, seen to be at a majority before anybody is told of them.

A record that only some replicas hold belongs to a write whose outcome may be unknown, and a later
reader could miss it. So whoever sees it first brings it to a majority, with its rows. Where that
cannot be done, and every voter has answered, what the majority holds is still the truth: nobody can
have been told of the newer one.

Where all replicas stand alike one look is enough. Where they differ all records of the name are
compared, version by version, from the newest down to the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import trio

from atoll.branch import Branch
from storage.device.payload import PayloadDamagedError
from storage.mutation import Authority, PutObject, Status, WithdrawObject
from storage.object.record import (
    NULL_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    object_prefix,
    outranks,
)
from storage.object.versions import Sight, Standing
from storage.proxy.errors import UnavailableError
from storage.proxy.quorum import majority
from storage.proxy.replica import ReplicaFailedError
from storage.proxy.rows import Rows
from storage.proxy.voters import Voters
from storage.timestamp import ZERO, Timestamp

REPAIR_PATIENCE_S = 0.25
REPAIR_VERSIONS_MAX = 32
_LAGGING = Branch("object: brought to replicas that missed it")
_UNFINISHED = Branch("object: an unfinished write was brought to a majority by a reader")
_HOLLOW = Branch("object: a small payload was brought to a replica that had lost it")
_INCOMPLETE = Branch("object: an unfinished write could not be finished while a replica was away")
_OLDER = Branch("object: told as its majority has it, an unfinished write waits")
_COMPARED = Branch("object: replicas stood differently, all their versions were compared")
_OVERRULED = Branch("object: an unfinished deletion was taken back, for a lock forbids it")

Found = Mapping[int, ObjectRecord | None]


class Name(NamedTuple):
    """Where a name's records lie.

    Attributes:
        policy: storage policy.
        hash: of account, container and object.
        voters: the devices that hold its records.
    """

    policy: int
    hash: bytes
    voters: tuple[int, ...]

    @property
    def prefix(self) -> bytes:
        """What the keys of its records begin with."""
        return object_prefix(self.policy, self.hash)


class Registers:
    """The records of all names.

    Args:
        rows: of the same store.
        voters: the devices.
    """

    def __init__(self, rows: Rows, voters: Voters) -> None:
        self._rows = rows
        self._voters = voters

    async def current(self, name: Name) -> ObjectRecord | None:
        """Return the newest version that a majority holds and that can be seen.

        Raises:
            UnavailableError: too few replicas answer, or take what one of them holds.
        """
        prefix = name.prefix
        if len(name.voters) == 1:
            return await self._voters.read_only_one(
                name.voters[0], lambda replica: replica.newest(prefix)
            )
        found = await self._voters.read(name.voters, lambda replica: replica.standing(prefix))
        if _stand_alike(found.values()):
            return next(iter(found.values())).head
        return (await self._compare(name, NULL_VERSION)).standing.head

    async def version(self, name: Name, version_id: bytes) -> ObjectRecord | None:
        """Return a version that a majority holds, be it a tombstone; or nothing.

        Raises:
            UnavailableError: too few replicas answer, or take what one of them holds.
        """
        prefix = name.prefix
        found = await self._voters.read(
            name.voters, lambda replica: replica.version(prefix, version_id)
        )
        if _are_alike(found):
            return next(iter(found.values()))
        return (await self._compare(name, version_id)).version

    async def sight(self, name: Name, version_id: bytes) -> Sight:
        """Return what a writer has to know of a name with versions, as a majority holds it.

        Raises:
            UnavailableError: too few replicas answer, or take what one of them holds.
        """
        prefix = name.prefix
        found = await self._voters.read(
            name.voters, lambda replica: replica.sight(prefix, version_id)
        )
        if _see_alike(list(found.values())):
            return next(iter(found.values()))
        return await self._compare(name, version_id)

    async def _compare(self, name: Name, version_id: bytes) -> Sight:
        """Settle what replicas hold of a name, version by version, the newest first."""
        _COMPARED.reached()
        prefix = name.prefix
        found = await self._voters.read(name.voters, lambda replica: replica.records(prefix))
        versions: dict[bytes, dict[int, ObjectRecord | None]] = {}
        for number, records in found.items():
            for record in records:
                holders = versions.setdefault(record.version_id, dict.fromkeys(found))
                holders[number] = record
        order = sorted(versions, key=lambda one: _created(versions[one]), reverse=True)
        wanted = {NULL_VERSION, version_id}
        settled: dict[bytes, ObjectRecord | None] = {}
        finished: list[ObjectRecord] = []
        room = REPAIR_VERSIONS_MAX
        for one in order:
            holders = versions[one]
            seen = _visible(settled.values())
            is_needed = one in wanted or len(seen) < 2 or seen[1].created < _created(holders)
            if _are_alike(holders):
                settled[one] = next(iter(holders.values()))
            elif is_needed:
                settled[one] = await self._settle(name, holders, finished)
            elif room:
                room -= 1
                await self._try_settle(name, holders, finished)
        seen = _visible(settled.values())
        head = seen[0] if seen else None
        graves = [one.changed for one in settled.values() if one and not one.is_visible]
        standing = Standing(head, 0, max(graves, default=ZERO))
        if finished:
            await self._rows.bring(name.policy, finished, versions, standing)
        return Sight(
            standing,
            settled.get(NULL_VERSION),
            settled.get(version_id),
            seen[1] if len(seen) > 1 else None,
        )

    async def _try_settle(self, name: Name, found: Found, finished: list[ObjectRecord]) -> None:
        """Repair a version that nobody asked for; what fails is met again."""
        try:
            await self._settle(name, found, finished)
        except UnavailableError:
            return

    async def _settle(
        self, name: Name, found: Found, finished: list[ObjectRecord]
    ) -> ObjectRecord | None:
        """Return what a majority holds of one version, once it does.

        Args:
            name: of the object.
            found: what replicas hold of the version.
            finished: takes in what only a minority held.

        Raises:
            UnavailableError: too few replicas take what one of them holds.
        """
        needed = majority(len(name.voters))
        for best in _ranked(found.values()):
            holders = {n: one for n, one in found.items() if one and _is_same(one, best)}
            if len(holders) >= needed or not _is_lost(holders.values()):
                record, accepted = await self._repair(name, found, holders, needed)
                if len(holders) + accepted >= needed:
                    if len(holders) < needed:
                        finished.append(record)
                    return record
            if len(found) < len(name.voters):
                _INCOMPLETE.reached()
                raise UnavailableError("too few replicas take what one of them holds")
            _OLDER.reached()
        if sum(one is None for one in found.values()) < needed:
            raise UnavailableError("no record is at a majority")
        return None

    async def _repair(
        self,
        name: Name,
        found: Found,
        holders: Mapping[int, ObjectRecord],
        needed: int,
    ) -> tuple[ObjectRecord, int]:
        """Bring a record to replicas that lack it or its payload; return how many took it.

        Where a majority holds it already nobody waits long for the others.
        """
        best = min(holders, key=lambda number: _PREFERENCE[holders[number].location.where])
        record = holders[best]
        older = [n for n, one in found.items() if one is None or outranks(record, one)]
        is_inline = record.location.where == Where.INLINE
        hollow = [
            n for n, one in holders.items() if is_inline and one.location.where != Where.INLINE
        ]
        if not older and not hollow:
            return record, 0
        accepted: list[int] = []
        is_decided = len(holders) >= needed
        (_HOLLOW if not older else _LAGGING if is_decided else _UNFINISHED).reached()
        with trio.move_on_after(REPAIR_PATIENCE_S if is_decided else float("inf")):
            authority = Authority.MAJORITY if is_decided else Authority.PEER
            brought, payload = await self._copy(record, best)
            ask = PutObject(name.policy, name.hash, brought, payload, authority=authority)
            targets = [*older, *hollow]
            votes = await self._voters.write({number: [ask] for number in targets}, targets)
            accepted = [number for number in votes.accepted_by() if number in older]
            if len(votes.refused_by(Status.LOCKED)) >= needed:
                _OVERRULED.reached()
                undo = WithdrawObject(name.policy, name.hash, record.write_id, record.changed)
                await self._voters.write({number: [undo] for number in holders}, list(holders))
        return record, len(accepted)

    async def _copy(self, record: ObjectRecord, holder: int) -> tuple[ObjectRecord, bytes]:
        """Return a record as another replica may store it, with its payload when that is small.

        A large payload follows by the replicator; the seal goes with the record, for the writer
        may have published the payload there before it died.
        """
        location = Location(Where.NOWHERE)
        if record.state == State.DATA:
            location = Location(Where.DAMAGED, record.location.seal)
        if record.location.where == Where.INLINE:
            try:
                payload = await self._voters.replicas[holder].inline_payload(record)
                return record, payload
            except (PayloadDamagedError, ReplicaFailedError):
                pass  # the record goes without it
            except FileNotFoundError as error:
                raise UnavailableError("replaced while it was read") from error
        return record._replace(location=location), b""


def _created(found: Found) -> Timestamp:
    return max(one.created for one in found.values() if one is not None)


def _visible(records: Iterable[ObjectRecord | None]) -> list[ObjectRecord]:
    """Return the versions that can be seen, newest first."""
    seen = [one for one in records if one is not None and one.is_visible]
    return sorted(seen, key=lambda one: one.created, reverse=True)


def _is_same(one: ObjectRecord, other: ObjectRecord) -> bool:
    return one.changed == other.changed and one.state == other.state


def _ranked(records: Iterable[ObjectRecord | None]) -> list[ObjectRecord]:
    """Return different records of one version, the one that outranks the others first."""
    ranked: list[ObjectRecord] = []
    for record in records:
        if record is None or any(_is_same(record, other) for other in ranked):
            continue
        place = sum(outranks(other, record) for other in ranked)
        ranked.insert(place, record)
    return ranked


def _are_alike(found: Found) -> bool:
    """Tell whether replicas hold the same record, and none lost a small payload."""
    first, *others = found.values()
    return all(_is_like(first, other) for other in others)


def _is_like(one: ObjectRecord | None, other: ObjectRecord | None) -> bool:
    if one is None or other is None:
        return one is other
    is_inline = one.location.where == Where.INLINE
    return (
        one.changed == other.changed
        and one.state == other.state
        and is_inline == (other.location.where == Where.INLINE)
    )


def _see_alike(sights: Sequence[Sight]) -> bool:
    first, *others = sights
    return _stand_alike([one.standing for one in sights]) and all(
        _is_like(first.null, other.null)
        and _is_like(first.version, other.version)
        and _is_like(first.following, other.following)
        for other in others
    )


def _stand_alike(standings: Iterable[Standing]) -> bool:
    first, *others = standings
    return all(first.marks == other.marks and _is_like(first.head, other.head) for other in others)


_PREFERENCE: dict[int, int] = {Where.INLINE: 0, Where.FILE: 1, Where.NOWHERE: 2, Where.DAMAGED: 3}


def _is_lost(records: Iterable[ObjectRecord]) -> bool:
    """Tell whether no holder has the payload: such a version must not replace one that is whole."""
    return all(one.location.where == Where.DAMAGED for one in records)

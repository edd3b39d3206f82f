"""Reading a name: its newest record, seen to be at a majority before anybody is told of it.

A record that only some replicas hold belongs to a write whose outcome may be unknown, and a later
reader could miss it. So whoever sees it first brings it to a majority, with its row. Where that
cannot be done, and every voter has answered, what the majority holds is still the truth: nobody can
have been told of the newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import trio

from atoll.branch import Branch
from storage.container.row import Row
from storage.device.payload import PayloadDamagedError
from storage.mutation import Mutation, PutObject, PutRow
from storage.object.record import Location, ObjectRecord, State, Where, object_prefix
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.errors import UnavailableError
from storage.proxy.quorum import majority
from storage.proxy.replica import ReplicaFailedError
from storage.proxy.voters import Voters

REPAIR_PATIENCE_S = 0.25
_LAGGING = Branch("object: brought to replicas that missed it")
_UNFINISHED = Branch("object: an unfinished write was brought to a majority by a reader")
_HOLLOW = Branch("object: a small payload was brought to a replica that had lost it")
_INCOMPLETE = Branch("object: an unfinished write could not be finished while a replica was away")
_OLDER = Branch("object: told as its majority has it, an unfinished write waits")

Found = Mapping[int, ObjectRecord | None]


class Registers:
    """The records of all names.

    Args:
        hasher: of paths.
        placement: the rings.
        voters: the devices.
    """

    def __init__(self, hasher: PathHasher, placement: Placement, voters: Voters) -> None:
        self._hasher = hasher
        self._placement = placement
        self._voters = voters

    async def newest(
        self, policy: int, name_hash: bytes, numbers: Sequence[int]
    ) -> ObjectRecord | None:
        """Return the newest record of a name that a majority holds, a tombstone too.

        Raises:
            UnavailableError: too few replicas answer, or take what one of them holds.
        """
        prefix = object_prefix(policy, name_hash)
        found = await self._voters.read(numbers, lambda replica: replica.newest(prefix))
        if len(numbers) == 1:
            return found[numbers[0]]
        needed = majority(len(numbers))
        for changed in sorted({one.changed for one in found.values() if one}, reverse=True):
            holders = {n: one for n, one in found.items() if one and one.changed == changed}
            if len(holders) >= needed or not _is_lost(holders.values()):
                record, accepted = await self._repair(policy, name_hash, found, holders, needed)
                if len(holders) + accepted >= needed:
                    return record
            if len(found) < len(numbers):
                _INCOMPLETE.reached()
                raise UnavailableError("too few replicas take what one of them holds")
            _OLDER.reached()
        if sum(one is None for one in found.values()) < needed:
            raise UnavailableError("no record is at a majority")
        return None

    async def _repair(
        self,
        policy: int,
        name_hash: bytes,
        found: Found,
        holders: Mapping[int, ObjectRecord],
        needed: int,
    ) -> tuple[ObjectRecord, int]:
        """Bring a version to replicas that lack it or its payload; return how many took it.

        Where a majority holds it already nobody waits long for the others.
        """
        best = min(holders, key=lambda number: _PREFERENCE[holders[number].location.where])
        record = holders[best]
        older = [n for n, one in found.items() if one is None or one.changed < record.changed]
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
            ask = PutObject(policy, name_hash, *await self._copy(record, best))
            groups: dict[int, list[Mutation]] = {number: [ask] for number in (*older, *hollow)}
            votes = await self._voters.write(groups, list(groups))
            accepted = [number for number in votes.accepted_by() if number in older]
            if not is_decided:
                await self._bring_row(policy, record)
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

    async def _bring_row(self, policy: int, record: ObjectRecord) -> None:
        """Have the record listed; where its container is gone nobody needs the row."""
        account_hash = self._hasher(record.account)
        container_hash = self._hasher(record.account, record.container)
        numbers = self._placement.container(container_hash)
        row = row_of(record, policy)
        ask = PutRow(account_hash, container_hash, record.container_id, record.name, row)
        await self._voters.write({number: [ask] for number in numbers}, numbers)


def _is_lost(records: Iterable[ObjectRecord]) -> bool:
    """Tell whether no holder has the payload: such a version must not replace one that is whole."""
    return all(one.location.where == Where.DAMAGED for one in records)


_PREFERENCE: dict[int, int] = {Where.INLINE: 0, Where.FILE: 1, Where.NOWHERE: 2, Where.DAMAGED: 3}


def row_of(record: ObjectRecord, policy: int) -> Row:
    """Return the listing row of a record."""
    if record.state != State.DATA:
        return Row(record.changed, deleted=True, objects=0, policy=policy)
    return Row(
        record.changed,
        False,
        1,
        record.size_bytes,
        record.etag,
        record.content_type,
        policy,
        None,
    )

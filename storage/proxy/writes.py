"""Sending a write: record and rows as one, to all voters at once, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from atoll.branch import Branch
from storage.container.record import ContainerRecord
from storage.mutation import (
    AmendObject,
    DiscardPayload,
    Mutation,
    OweEvent,
    PutRow,
    Status,
    WithdrawEvent,
    WithdrawObject,
    WithdrawRow,
)
from storage.object.event import event_of, has_listeners
from storage.object.record import ObjectRecord
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.errors import (
    ContainerMissingError,
    LockedError,
    OutcomeUnknownError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import Tally, Verdict, blocking, majority
from storage.proxy.registers import Name
from storage.proxy.rows import NameRows
from storage.proxy.voters import Voters, Votes
from storage.timestamp import ZERO, HybridClock

WITHDRAW_DEADLINE_S = 5.0
_GONE = Branch("object: its container was deleted under the write")
_LOST_RACE = Branch("object: a newer write was there, and it was sent again")
_WITHDRAWN = Branch("object: a conditional write that only a minority took was withdrawn")


class LostRaceError(Exception):
    """Another write came between the look and the write; look again."""


class HasVersionsError(Exception):
    """The name has versions, and the write took no care of their rows; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a name's records and rows belong.

    Attributes:
        container: as the front door found it.
        object_name: as clients have it.
        name: where its records lie.
        rows: of the name.
        container_voters: the devices that hold its rows.
    """

    container: ContainerRecord
    object_name: str
    name: Name
    rows: NameRows
    container_voters: tuple[int, ...]


class Writes:
    """Sends the writes of a store.

    Args:
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
    """

    def __init__(
        self, clock: HybridClock, hasher: PathHasher, placement: Placement, voters: Voters
    ) -> None:
        self._clock = clock
        self._hasher = hasher
        self._placement = placement
        self._voters = voters

    def name(self, container: ContainerRecord, name: str) -> Name:
        """Return where a name's records lie."""
        return self.name_of((container.account, container.name, name), container.policy)

    def name_of(self, names: tuple[str, str, str], policy: int) -> Name:
        """Return where a name's records lie, by account, container and object."""
        name_hash = self._hasher(*names)
        return Name(policy, name_hash, self._placement.object(policy, name_hash))

    def target(self, container: ContainerRecord, name: str) -> Target:
        """Return where a name's records and rows belong."""
        account_hash = self._hasher(container.account)
        container_hash = self._hasher(container.account, container.name)
        rows = NameRows(account_hash, container_hash, container.id, name, container.policy)
        voters = self._placement.container(container_hash)
        return Target(container, name, self.name(container, name), rows, voters)

    async def send(
        self,
        target: Target,
        asks: Mapping[int, Mutation],
        rows: Sequence[PutRow],
        record: ObjectRecord,
    ) -> None:
        """Send record and rows; return when majorities hold both.

        What a minority took stays there, and whoever reads it completes it: to take it back could
        undo what somebody has seen. Only what was not met as it was judged takes it back.

        Args:
            target: of the write.
            asks: by device.
            rows: that go with the record.
            record: that is written.

        Raises:
            LostRaceError: it is held nowhere, because something newer was there.
            HasVersionsError: it is held nowhere, because the name has versions.
            LockedError: it is held nowhere, because a lock protects what it would replace.
        """
        groups: dict[int, list[Mutation]] = {number: [ask] for number, ask in asks.items()}
        if has_listeners(target.container):
            is_change = any(isinstance(ask, AmendObject) for ask in asks.values())
            event = event_of(target.container, record, is_change=is_change)
            if event is not None:
                for group in groups.values():
                    group.append(OweEvent(event))
        for number in target.container_voters:
            if number in asks or number not in target.name.voters:  # no row before its record
                groups.setdefault(number, []).extend(rows)
        enough = majority(len(target.name.voters))
        votes = await self._voters.write(groups, Tally(asks, enough), target.container_voters)
        if votes.verdict is not Verdict.ENOUGH:
            raise await self._explain(votes, target, record, rows, groups)

    async def _explain(
        self,
        votes: Votes,
        target: Target,
        record: ObjectRecord,
        rows: Sequence[PutRow],
        asked: Mapping[int, object],
    ) -> Exception:
        """Return what to tell of a write that did not get its majorities."""
        refusal = votes.refusal
        is_nowhere = votes.is_surely_nowhere(asked)
        gone = votes.refused_by(Status.GONE)
        if len(gone) >= blocking(len(target.container_voters)):
            _GONE.reached()
            if is_nowhere:
                return ContainerMissingError("deleted meanwhile")
            await self._withdraw(target, record, rows, votes.accepted_by())
            return OutcomeUnknownError("deleted meanwhile, where most could tell")
        if refusal in _JUDGED:
            self._clock.observe(votes.newest_detail() or ZERO)
            if is_nowhere:
                _LOST_RACE.reached()
                return _NOWHERE.get(refusal, LostRaceError)(target.object_name)
            enough = majority(len(target.name.voters))
            is_lost = votes.is_surely_lost(target.name.voters, enough)
            if refusal in _WITHDRAWABLE and is_lost:
                _WITHDRAWN.reached()
                await self._withdraw(target, record, rows, votes.accepted_by())
            return OutcomeUnknownError("another write came between")
        if not is_nowhere:
            return OutcomeUnknownError("too few devices confirmed the write")
        if refusal is Status.FULL:
            return StoreFullError("the devices are full")
        return UnavailableError("too few devices answered")

    async def _withdraw(
        self,
        target: Target,
        record: ObjectRecord,
        rows: Sequence[PutRow],
        numbers: Sequence[int],
    ) -> None:
        """Take back what a minority accepted. On cancel: the outcome stays unknown."""
        name = target.name
        ask = WithdrawObject(name.policy, name.hash, record.write_id, record.changed)
        rows_back = [WithdrawRow(*row[:4], row.row.timestamp) for row in rows]
        groups: dict[int, list[Mutation]] = {}
        for number in numbers:
            groups[number] = [ask] if number in name.voters else []
            if groups[number] and has_listeners(target.container):
                groups[number].append(WithdrawEvent(record.changed))
            groups[number] += rows_back if number in target.container_voters else []
        with trio.move_on_after(WITHDRAW_DEADLINE_S):
            await self._voters.write(groups, list(groups))

    async def discard(self, target: Target, write_id: bytes) -> None:
        """Remove published files that no record will name; what is missed is swept later."""
        name = target.name
        ask = DiscardPayload(name.policy, name.hash, write_id)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + WITHDRAW_DEADLINE_S):
            await self._voters.write({number: [ask] for number in name.voters}, name.voters)


_JUDGED = (Status.STALE, Status.CONFLICT, Status.MISSING, Status.LOCKED, Status.VERSIONED)
_WITHDRAWABLE = (Status.CONFLICT, Status.LOCKED, Status.VERSIONED)
_NOWHERE: dict[Status, type[Exception]] = {
    Status.LOCKED: LockedError,
    Status.VERSIONED: HasVersionsError,
}

"""Applies groups of mutations to a device: the only code that writes its index.

Decisions are pure and made before the first put of a group. When an effect fails all the same,
the transaction is aborted and the batch runs again without the group that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import storage.account.server
import storage.container.server
import storage.object.server
from atoll.world import DiskError, DiskFullError
from storage.device.events import append_event, remove_events, withdraw_event
from storage.device.index import Index, IndexCorruptedError, IndexFailedError, IndexFullError
from storage.device.payload import PayloadFolder
from storage.device.transaction import Decision, Transaction
from storage.mutation import (
    ACCEPTED,
    AmendObject,
    ClearDue,
    ClearEvents,
    ClearOutbox,
    DeleteContainer,
    DiscardPayload,
    ForgetObject,
    ForgetRow,
    MarkDamaged,
    Mutation,
    Outcome,
    OweEvent,
    Prove,
    PutAccount,
    PutContainer,
    PutObject,
    PutRow,
    Status,
    WithdrawEvent,
    WithdrawObject,
    WithdrawRow,
)
from storage.object.record import State
from storage.seal import DamagedError, pack

RESERVE_FILE = "reserve"
SHORT_WRITE_ROOM_BYTES = 1024 * 1024


def _clear_outbox(txn: Transaction, ask: ClearOutbox) -> Decision:
    if txn.owed(ask.key) != ask.stamp:
        return Decision(Outcome(Status.MISSING))
    return Decision(ACCEPTED, lambda: txn.clear_outbox(ask.key))


def _clear_due(txn: Transaction, ask: ClearDue) -> Decision:
    return Decision(ACCEPTED, lambda: txn.delete("due", ask.key))


def _prove(txn: Transaction, ask: Prove) -> Decision:
    value = pack(ask.key, ask.facts)
    return Decision(ACCEPTED, lambda: txn.batch.put("ledger", ask.key, value))


def _owe_event(txn: Transaction, ask: OweEvent) -> Decision:
    return Decision(ACCEPTED, lambda: append_event(txn.batch, ask.event))


def _clear_events(txn: Transaction, ask: ClearEvents) -> Decision:
    return Decision(ACCEPTED, lambda: remove_events(txn.batch, ask.numbers))


def _withdraw_event(txn: Transaction, ask: WithdrawEvent) -> Decision:
    return Decision(ACCEPTED, lambda: withdraw_event(txn.batch, ask.event_id))


_SERVERS: dict[type, Callable[[Transaction, Any], Decision]] = {
    PutObject: storage.object.server.put,
    AmendObject: storage.object.server.amend,
    WithdrawObject: storage.object.server.withdraw,
    MarkDamaged: storage.object.server.mark_damaged,
    DiscardPayload: storage.object.server.discard_payload,
    ForgetObject: storage.object.server.forget,
    PutRow: storage.container.server.put_row,
    ForgetRow: storage.container.server.forget_row,
    WithdrawRow: storage.container.server.withdraw_row,
    PutContainer: storage.container.server.put,
    DeleteContainer: storage.container.server.delete,
    PutAccount: storage.account.server.put,
    ClearOutbox: _clear_outbox,
    ClearDue: _clear_due,
    Prove: _prove,
    OweEvent: _owe_event,
    ClearEvents: _clear_events,
    WithdrawEvent: _withdraw_event,
}


def frees_space(group: Sequence[Mutation]) -> bool:
    """Tell whether a group is let through on a full device: it deletes, or keeps house."""
    return not any(
        isinstance(one, (AmendObject, PutContainer, PutAccount))
        or (isinstance(one, PutObject) and one.record.state == State.DATA)
        for one in group
    )


class _GroupFailedError(Exception):
    """An effect failed; the batch must run again without its group."""

    def __init__(self, number: int) -> None:
        self.number = number


class Writer:
    """The writing side of one device.

    Args:
        index: open for writing.
        payloads: of the same device.
        reclaim_age_s: after how many seconds a tombstone may be reclaimed.
        reserve_bytes: writes stop when less room is left; deletes go on.
    """

    def __init__(
        self, index: Index, payloads: PayloadFolder, *, reclaim_age_s: int, reserve_bytes: int
    ) -> None:
        self._index = index
        self._payloads = payloads
        self._reclaim_age_s = reclaim_age_s
        self._reserve_bytes = reserve_bytes
        self._reserve = payloads.root.parent / RESERVE_FILE
        self.unsettled = 0

    def apply(self, groups: Sequence[list[Mutation]]) -> list[list[Outcome]]:
        """Apply groups in order, in one transaction, and return when it is durable. Blocks.

        Returns:
            The outcomes of each group's mutations.

        Raises:
            IndexFailedError: the outcome is unknown and the device has to be failed.
        """
        verdicts: dict[int, Outcome] = {}
        if self._is_full():
            full = Outcome(Status.FULL)
            verdicts = {n: full for n, group in enumerate(groups) if not frees_space(group)}
        while True:
            try:
                return self._attempt(groups, verdicts)
            except _GroupFailedError as failure:
                verdicts[failure.number] = Outcome(Status.DAMAGED)
            except (IndexFullError, DiskFullError, IndexFailedError) as error:
                if isinstance(error, IndexFailedError) and not self._was_cut_short(error):
                    raise
                refused = {n for n, group in enumerate(groups) if not frees_space(group)}
                if refused <= verdicts.keys() and not self._release_reserve():
                    return [[Outcome(Status.FULL)] * len(group) for group in groups]
                verdicts |= dict.fromkeys(refused, Outcome(Status.FULL))

    def _attempt(
        self, groups: Sequence[list[Mutation]], verdicts: dict[int, Outcome]
    ) -> list[list[Outcome]]:
        answers: list[list[Outcome]] = []
        with self._index.batch() as batch:
            txn = Transaction(batch, self._payloads, self._reclaim_age_s)
            for number, group in enumerate(groups):
                verdict = verdicts.get(number)
                if verdict is not None:
                    answers.append([verdict] * len(group))
                    continue
                answers.append(self._apply_group(txn, number, group))
            txn.finish()
        for settle in txn.after_commit:
            try:
                settle()
            except DiskError:
                self.unsettled += 1  # the sweep of leftovers finds the file again
        return answers

    def _apply_group(self, txn: Transaction, number: int, group: list[Mutation]) -> list[Outcome]:
        try:
            decisions = [_SERVERS[type(one)](txn, one) for one in group]
        except DamagedError:
            return [Outcome(Status.DAMAGED)] * len(group)
        outcomes = [decision.outcome for decision in decisions]
        if any(outcome.status != Status.ACCEPTED for outcome in outcomes):
            skipped = Outcome(Status.SKIPPED)
            return [skipped if one.status == Status.ACCEPTED else one for one in outcomes]
        try:
            for decision in decisions:
                if decision.effect is not None:
                    decision.effect()
        except DamagedError as error:
            raise _GroupFailedError(number) from error
        return outcomes

    def _is_full(self) -> bool:
        return self._index.is_nearly_full() or self._room_bytes() < self._reserve_bytes

    def _room_bytes(self) -> int:
        return self._payloads.disk.free_bytes(self._payloads.root)

    def _was_cut_short(self, error: IndexFailedError) -> bool:
        """Tell whether a commit failed for want of room: LMDB calls a short write an I/O error.

        It has aborted the transaction, and the next one writes all of its pages anew.
        """
        is_corrupted = isinstance(error, IndexCorruptedError)
        return not is_corrupted and self._room_bytes() < SHORT_WRITE_ROOM_BYTES

    def _release_reserve(self) -> bool:
        """Give the reserve back to the disk; tell whether there was one."""
        if RESERVE_FILE not in self._payloads.disk.entries(self._reserve.parent):
            return False
        self._payloads.disk.unlink(self._reserve)
        return True

    def restore_reserve(self) -> None:
        """Lay in the reserve again once there is room for it. Blocks."""
        room = self._room_bytes()
        missing = RESERVE_FILE not in self._payloads.disk.entries(self._reserve.parent)
        if missing and room > 2 * self._reserve_bytes:
            try:
                self._payloads.disk.replace(self._reserve, bytes(self._reserve_bytes))
            except DiskError:
                self._payloads.disk.unlink(self._reserve)

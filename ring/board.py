"""The table under change, with the plan beside it: judges moves and makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ring.device import TIER_LEVELS, Device
from ring.limits import NO_DEVICE
from ring.plan import Tier
from ring.table import DEVICE_SPACE, Flags, Numbers, Table, device_flags, device_loads

ANY_ROW = -1
"""The partition has not changed: one of its replicas may."""
NO_ROW = -2
"""The partition must stay as it is."""

_NO_BOUND = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a proposal acceptable, beside this: the plan is broken nowhere.

    A replica leaves a tier only if that keeps as many of the partition as the plan says, and
    enters one only if that has room for it by the plan.

    Attributes:
        must_repair: the plan was broken, in a tier that the replica leaves or enters.
        from_over: the source keeps at least its share.
        to_under: the target gets at most its share.
    """

    must_repair: bool = False
    from_over: bool = False
    to_under: bool = True


class Proposals(NamedTuple):
    """Moves to judge: the replica in a row of a partition goes to a target device."""

    rows: Numbers
    partitions: Numbers
    targets: Numbers

    def only(self, chosen: Flags | Numbers) -> Proposals:
        """Return some of them."""
        return Proposals(self.rows[chosen], self.partitions[chosen], self.targets[chosen])

    def then(self, others: Proposals) -> Proposals:
        """Return these and others."""
        return Proposals(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))


NO_PROPOSALS = Proposals(*np.zeros((3, 0), dtype=np.int64))


class Board:
    """What moves are judged by, and what they change.

    Args:
        table: device ids, shape (rows, partitions); changed in place.
        open_rows: for each partition `ANY_ROW`, `NO_ROW`, or the one row that may change; changed
            in place to the row that changed.
        root: a plan whose slots are counted.
        devices: by id.

    Attributes:
        table: see above.
        open_rows: see above.
        load: by device id, the replicas it has.
        want: by device id, the replicas it should have.
        leaving: by device id, whether it was removed.
    """

    def __init__(
        self,
        table: Table,
        open_rows: NDArray[np.int8],
        root: Tier,
        devices: Sequence[Device | None],
    ) -> None:
        present = [device for device in devices if device is not None]
        self.table = table
        self.open_rows = open_rows
        self.load = device_loads(table)
        self.want: Numbers = np.zeros(DEVICE_SPACE, dtype=np.int64)
        self.leaving = device_flags(device for device in present if device.leaving)
        self._tier_of = np.zeros((TIER_LEVELS, DEVICE_SPACE), dtype=np.int32)
        slots = {tier.key: tier.slots for tier in root.walk()}
        numbers: dict[tuple[object, ...], int] = {}
        for device in present:
            self.want[device.id] = slots.get(device.tiers[-1], 0)
            for level, key in enumerate(device.tiers):
                self._tier_of[level, device.id] = numbers.setdefault(key, len(numbers) + 1)
        by_number = np.array([0, *(slots.get(key, 0) for key in numbers)])
        self._low = by_number // table.shape[1]
        self._high = -(-by_number // table.shape[1])
        self._low[0], self._high[0] = -1, _NO_BOUND  # tier 0 is that of "no device"

    def units_over(self) -> Numbers:
        """Return device ids, each as often as it has replicas beyond its share."""
        return _units(self.load - self.want)

    def units_under(self) -> Numbers:
        """Return device ids, each as often as it lacks replicas to its share."""
        return _units(self.want - self.load)

    def may_change(self, rows: Numbers, partitions: Numbers) -> Flags:
        """Tell which replicas may change: one of each partition, but that one again."""
        row = self.open_rows[partitions]
        may: Flags = (row == ANY_ROW) | (row == rows)
        return may

    def accepts(self, proposals: Proposals, rule: Rule) -> Flags:
        """Tell which proposals the rule allows, whatever the shares of devices."""
        held = self.table[:, proposals.partitions]
        sources = self.table[proposals.rows, proposals.partitions]
        accepted: Flags = sources != proposals.targets
        repairs = np.zeros(len(sources), dtype=bool)
        for tier_of in self._tier_of:
            tiers, left, entered = tier_of[held], tier_of[sources], tier_of[proposals.targets]
            in_left = np.count_nonzero(tiers == left, axis=0)
            in_entered = np.count_nonzero(tiers == entered, axis=0)
            stays = left == entered
            accepted &= stays | (in_left > self._low[left]) & (in_entered < self._high[entered])
            broken = (in_left > self._high[left]) | (in_entered < self._low[entered])
            repairs |= ~stays & broken
        return accepted & repairs if rule.must_repair else accepted

    def fits(self, proposals: Proposals, rule: Rule) -> Flags:
        """Tell which proposals the shares of sources and targets have room for, all together."""
        fits = np.ones(len(proposals.rows), dtype=bool)
        if rule.from_over:
            sources = self.table[proposals.rows, proposals.partitions]
            fits[fits] = _at_most(sources, self.load - self.want)
        if rule.to_under:
            fits[fits] = _at_most(proposals.targets[fits], self.want - self.load)
        return fits

    def broken_partitions(self) -> Numbers:
        """Return those that may change, and of which a tier holds more or fewer than the plan."""
        partitions = np.flatnonzero(self.open_rows == ANY_ROW)
        held = self.table[:, partitions]
        broken = np.zeros(len(partitions), dtype=bool)
        for tier_of in self._tier_of:
            tiers = tier_of[held]
            for tier in tiers:
                broken |= np.count_nonzero(tiers == tier, axis=0) > self._high[tier]
            for number in np.unique(tier_of):
                if self._low[number] > 0:
                    broken |= np.count_nonzero(tiers == number, axis=0) < self._low[number]
        return partitions[broken]

    def apply(self, moves: Proposals) -> None:
        """Make moves of different partitions."""
        rows, partitions, targets = moves
        self.load -= device_loads(self.table[rows, partitions])
        self.load += np.bincount(targets, minlength=DEVICE_SPACE)
        self.table[rows, partitions] = targets
        self.open_rows[partitions] = rows


def first_of_each(values: Numbers | NDArray[np.uint16]) -> Numbers:
    """Return the index of each value's first occurrence."""
    return np.unique(values, return_index=True)[1]


def _units(counts: Numbers) -> Numbers:
    return np.repeat(np.arange(NO_DEVICE), np.maximum(counts[:NO_DEVICE], 0))


def _at_most(values: Numbers | NDArray[np.uint16], quotas: Numbers) -> Flags:
    """Tell which values to keep, so that each is kept at most as often as its quota."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    ranks = np.arange(len(values)) - np.searchsorted(ranked, ranked)
    keep: Flags = np.empty(len(values), dtype=bool)
    keep[order] = ranks < quotas[ranked]
    return keep

"""Rebalancing: the fewest moves that bring a placed table back to its plan.

A rebalance changes at most one replica of a partition. Within that it works in this order, since
a partition spent on one purpose is lost to the next: new replicas get a device, devices that
leave or are drained are emptied, partitions that lie too close together are spread, and devices
over their share give to devices under it.

Each purpose is pursued in rounds of random proposals (this replica to that device), thousands at
a time, judged and applied together. Near the end proposals may meet no more device that can take
the replica at hand. Then a *detour* is tried: a random replica of another partition steps aside
to the device that is short, and ours takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ring.device import TIER_LEVELS, Device
from ring.limits import NO_DEVICE
from ring.plan import Tier
from ring.shuffle import Shuffler
from ring.table import DEVICE_SPACE, Flags, Numbers, Table

ANY_ROW = -1
"""The partition has not changed: one of its replicas may."""
NO_ROW = -2
"""The partition must stay as it is."""

ROUNDS_MAX = 256
STALE_ROUNDS_MAX = 8
TRIES_MIN = 1_024
TRIES_MAX = 1 << 18
TRIES_PER_MOVE = 4
REROUTE_LOOKS_MAX = 1 << 22
_NO_BOUND = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a proposal acceptable; that no device gets a partition twice always holds.

    Attributes:
        in_plan: no tier gets more or fewer replicas of the partition than the plan says.
        must_repair: some tier had, and no longer has.
        from_over: the source keeps at least its share.
        to_under: the target gets at most its share.
    """

    in_plan: bool = True
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


_NO_PROPOSALS = Proposals(*np.zeros((3, 0), dtype=np.int64))


class Moves:
    """A rebalance under way.

    Args:
        table: device ids, shape (rows, partitions); changed in place.
        vacant: where replicas wait for their first device, of the table's shape.
        open_rows: for each partition `ANY_ROW`, or `NO_ROW`; changed in place to the row that
            changed.
        root: a plan whose slots are counted.
        devices: by id.
        shuffler: decides between equals.
    """

    def __init__(
        self,
        table: Table,
        vacant: Flags,
        open_rows: NDArray[np.int8],
        root: Tier,
        devices: Sequence[Device | None],
        shuffler: Shuffler,
    ) -> None:
        self._table = table
        self._vacant = vacant
        self._open = open_rows
        self._shuffler = shuffler
        self._partitions = table.shape[1]
        self._leaving = [device.id for device in devices if device and device.leaving]
        self._number_tiers(root, [device for device in devices if device])
        self._load = np.bincount(table.ravel(), minlength=DEVICE_SPACE)

    def _number_tiers(self, root: Tier, devices: Iterable[Device]) -> None:
        """Set each device's tiers by number, and how much of a partition a tier may hold."""
        keys = {tier.key: tier.slots for tier in root.walk() if tier.key}
        self._want: Numbers = np.zeros(DEVICE_SPACE, dtype=np.int64)
        numbers: dict[tuple[object, ...], int] = {}
        self._tier_of = np.zeros((TIER_LEVELS, DEVICE_SPACE), dtype=np.int32)
        for device in devices:
            self._want[device.id] = keys.get(device.tiers[-1], 0)
            for level, key in enumerate(device.tiers):
                self._tier_of[level, device.id] = numbers.setdefault(key, len(numbers) + 1)
        slots = np.array([0, *(keys.get(key, 0) for key in numbers)])
        self._low = slots // self._partitions
        self._high = -(-slots // self._partitions)
        self._low[0], self._high[0] = -1, _NO_BOUND  # the tier of "no device"

    def run(self) -> None:
        """Make the moves."""
        self._rehome(*np.nonzero(self._vacant))
        drained = np.flatnonzero((self._want == 0) & (self._load > 0))
        drained = drained[drained != NO_DEVICE]
        leaving = np.isin(drained, self._leaving)
        for ids in (drained[leaving], drained[~leaving]):
            if len(ids):
                self._rehome(*np.nonzero(np.isin(self._table, ids)))
        self._spread()
        self._level()
        self._reroute()

    def _rehome(self, rows: Numbers, partitions: Numbers) -> None:
        """Find a device for replicas that cannot stay; at worst one that the plan did not mean."""
        origin = self._table[rows, partitions]

        def draw(targets: Callable[[], Numbers]) -> Callable[[], Proposals | None]:
            def drawn() -> Proposals | None:
                waiting = (self._table[rows, partitions] == origin) & self._may_change(
                    rows, partitions
                )
                return self._draw(rows[waiting], partitions[waiting], targets())

            return drawn

        def takers() -> Numbers:
            return np.flatnonzero(self._want)

        self._rounds(draw(self._units_under), Rule())
        self._rounds(draw(takers), Rule(to_under=False))
        self._rounds(draw(takers), Rule(in_plan=False, to_under=False))

    def _spread(self) -> None:
        """Repair partitions of which a tier holds more or fewer replicas than the plan says."""
        undispersed = self._undispersed()

        def to_under() -> Proposals | None:
            return self._draw_rows(undispersed, self._units_under())

        def to_any() -> Proposals | None:
            return self._draw_rows(undispersed, np.flatnonzero(self._want))

        def swap() -> Proposals | None:
            return self._draw_rows(undispersed, None)

        self._rounds(to_under, Rule(must_repair=True, from_over=True))
        self._rounds(to_under, Rule(must_repair=True))
        self._rounds(swap, Rule(must_repair=True, to_under=False))
        self._rounds(to_any, Rule(must_repair=True, to_under=False))

    def _level(self) -> None:
        """Let devices over their share give to those under it."""
        slots = np.argsort(self._table.ravel(), kind="stable")
        counts = np.bincount(self._table.ravel(), minlength=DEVICE_SPACE)
        starts = np.cumsum(counts) - counts

        def draw() -> Proposals | None:
            over = self._units(self._load - self._want)
            under = self._units_under()
            if not len(over) or not len(under):
                return None
            tries = _tries(len(over))
            sources = over[self._shuffler.below(len(over), tries)]
            chosen = slots[starts[sources] + self._shuffler.below(counts[sources], tries)]
            rows, partitions = np.divmod(chosen, self._partitions)
            return Proposals(rows, partitions, under[self._shuffler.below(len(under), tries)])

        self._rounds(draw, Rule(from_over=True))

    def _reroute(self) -> None:
        """Bring what is left from over to under by chains in which each replica makes room.

        A chain is an augmenting path, searched breadth-first from the devices under their share.
        Each device on the way costs a look at all replicas, so looks are limited: enough for every
        device of a small ring, where luck may find no chain, and for some of a large one.
        """
        rows, partitions = np.nonzero(self._table != NO_DEVICE)
        order = self._shuffler.permutation(len(rows))
        replicas = rows[order], partitions[order]
        looks = REROUTE_LOOKS_MAX // len(rows) + 1
        while looks > 0:
            chain, used = self._find_chain(*replicas, looks)
            if chain is None:
                return
            self._apply(chain)
            looks -= used

    def _find_chain(
        self, rows: Numbers, partitions: Numbers, looks: int
    ) -> tuple[Proposals | None, int]:
        """Return moves that bring one replica from a device over to one under; and the looks."""
        is_over = self._load > self._want
        to_visit = np.flatnonzero(self._load < self._want).tolist()
        chains = dict.fromkeys(to_visit, _NO_PROPOSALS)
        if not is_over[:NO_DEVICE].any():
            return None, 0
        for used, target in enumerate(to_visit):  # grows as it goes
            if used == looks:
                return None, used
            moves = Proposals(rows, partitions, np.full(len(rows), target))
            free = self._may_change(rows, partitions) & ~np.isin(
                partitions, chains[target].partitions
            )
            moves = moves.only(free).only(self._accepts(moves.only(free), Rule()))
            sources = self._table[moves.rows, moves.partitions]
            for first in np.sort(_first(sources)):
                source = int(sources[first])
                if source not in chains:
                    chains[source] = moves.only(np.array([first])).then(chains[target])
                    to_visit.append(source)
                    if is_over[source]:
                        return chains[source], used + 1
        return None, len(to_visit)

    def _rounds(self, draw: Callable[[], Proposals | None], rule: Rule) -> None:
        """Draw and apply proposals until there are none, or none has worked for a while."""
        stale = 0
        for _ in range(ROUNDS_MAX):
            proposals = draw()
            if proposals is None or stale == STALE_ROUNDS_MAX:
                return
            proposals = proposals.only(self._may_change(proposals.rows, proposals.partitions))
            moved = self._direct(proposals, rule)
            if stale and not moved:
                moved = self._detour(proposals, rule, only_changed=stale < STALE_ROUNDS_MAX // 2)
            stale = 0 if moved else stale + 1

    def _direct(self, proposals: Proposals, rule: Rule) -> int:
        """Apply the acceptable proposals; return how many."""
        chosen = proposals.only(self._accepts(proposals, rule))
        chosen = chosen.only(_first(chosen.partitions))
        chosen = chosen.only(self._fits_shares(chosen, rule))
        self._apply(chosen)
        return len(chosen.rows)

    def _detour(self, proposals: Proposals, rule: Rule, *, only_changed: bool) -> int:
        """Apply proposals for which another replica steps aside; return how many.

        The replica that steps aside goes to the target, and ours to where that one was. It costs
        one more move, unless the other replica is one that this rebalance moved already.
        """
        tries = len(proposals.rows)
        if only_changed:
            changed = np.flatnonzero(self._open >= 0)
            if not len(changed):
                return 0
            partitions = changed[self._shuffler.below(len(changed), tries)]
            rows = self._open[partitions].astype(np.int64)
        else:
            partitions = self._shuffler.below(self._partitions, tries)
            rows = self._shuffler.below(len(self._table), tries)
        between = self._table[rows, partitions]
        aside = Proposals(rows, partitions, proposals.targets)
        ours = Proposals(proposals.rows, proposals.partitions, between.astype(np.int64))
        works = (self._want[between] > 0) & self._may_change(rows, partitions)
        works &= self._accepts(ours, rule)
        works &= self._accepts(aside, Rule())
        aside, ours, proposals = aside.only(works), ours.only(works), proposals.only(works)
        pairs = np.column_stack((ours.partitions, aside.partitions))
        is_first = np.zeros(pairs.size, dtype=bool)
        is_first[_first(pairs.ravel())] = True
        both = np.logical_and.reduce(is_first.reshape(pairs.shape), axis=1)
        aside, ours, proposals = aside.only(both), ours.only(both), proposals.only(both)
        fits = self._fits_shares(proposals, rule)
        self._apply(aside.only(fits))
        self._apply(ours.only(fits))
        return int(np.count_nonzero(fits))

    def _accepts(self, proposals: Proposals, rule: Rule) -> Flags:
        """Tell which proposals the rule allows, whatever the shares of devices."""
        held = self._table[:, proposals.partitions]
        sources = self._table[proposals.rows, proposals.partitions]
        accepted: Flags = (held != proposals.targets).all(axis=0)
        if not rule.in_plan:
            return accepted
        repairs = np.zeros(len(sources), dtype=bool)
        for tier_of in self._tier_of:
            tiers, left, entered = tier_of[held], tier_of[sources], tier_of[proposals.targets]
            in_left = np.count_nonzero(tiers == left, axis=0)
            in_entered = np.count_nonzero(tiers == entered, axis=0)
            stays = left == entered
            keeps = (in_left > self._low[left]) & (in_entered < self._high[entered])
            accepted &= stays | keeps
            broken = (in_left > self._high[left]) | (in_entered < self._low[entered])
            repairs |= ~stays & broken
        return accepted & repairs if rule.must_repair else accepted

    def _undispersed(self) -> Numbers:
        """Return the partitions of which some tier holds too many or too few."""
        partitions = np.flatnonzero(self._open == ANY_ROW)
        held = self._table[:, partitions]
        wrong = np.zeros(len(partitions), dtype=bool)
        for tier_of in self._tier_of:
            tiers = tier_of[held]
            for row in tiers:
                wrong |= np.count_nonzero(tiers == row, axis=0) > self._high[row]
            for tier in np.unique(tier_of):
                if self._low[tier] > 0:
                    wrong |= np.count_nonzero(tiers == tier, axis=0) < self._low[tier]
        return partitions[wrong]

    def _fits_shares(self, proposals: Proposals, rule: Rule) -> Flags:
        """Tell which proposals the shares of sources and targets have room for, all together."""
        fits = np.ones(len(proposals.rows), dtype=bool)
        if rule.from_over:
            sources = self._table[proposals.rows, proposals.partitions]
            fits[fits] = _at_most(sources, self._load - self._want)
        if rule.to_under:
            fits[fits] = _at_most(proposals.targets[fits], self._want - self._load)
        return fits

    def _apply(self, moves: Proposals) -> None:
        rows, partitions, targets = moves
        self._load -= np.bincount(self._table[rows, partitions], minlength=DEVICE_SPACE)
        self._load += np.bincount(targets, minlength=DEVICE_SPACE)
        self._table[rows, partitions] = targets
        self._open[partitions] = rows

    def _may_change(self, rows: Numbers, partitions: Numbers) -> Flags:
        """Tell which replicas may change: one of each partition, but that one again."""
        row = self._open[partitions]
        may: Flags = (row == ANY_ROW) | (row == rows)
        return may

    def _units(self, counts: Numbers) -> Numbers:
        """Return device ids, each as often as its count; negative is none."""
        counts = np.maximum(counts[:NO_DEVICE], 0)
        return np.repeat(np.arange(NO_DEVICE), counts)

    def _units_under(self) -> Numbers:
        return self._units(self._want - self._load)

    def _draw(self, rows: Numbers, partitions: Numbers, targets: Numbers) -> Proposals | None:
        """Pair replicas and targets at random."""
        if not len(rows) or not len(targets):
            return None
        tries = _tries(len(rows))
        slots = self._shuffler.below(len(rows), tries)
        drawn = targets[self._shuffler.below(len(targets), tries)]
        return Proposals(rows[slots], partitions[slots], drawn)

    def _draw_rows(self, partitions: Numbers, targets: Numbers | None) -> Proposals | None:
        """Pair any replicas of partitions with targets; None pairs each with its own device."""
        partitions = partitions[self._open[partitions] == ANY_ROW]
        tries = _tries(len(partitions))
        if not len(partitions) or (targets is not None and not len(targets)):
            return None
        partitions = partitions[self._shuffler.below(len(partitions), tries)]
        rows = self._shuffler.below(len(self._table), tries)
        sources = self._table[rows, partitions].astype(np.int64)
        exists = sources != NO_DEVICE
        if targets is None:
            return Proposals(rows, partitions, sources).only(exists)
        drawn = targets[self._shuffler.below(len(targets), tries)]
        return Proposals(rows, partitions, drawn).only(exists)


def _tries(moves: int) -> int:
    return min(max(TRIES_PER_MOVE * moves, TRIES_MIN), TRIES_MAX)


def _first(values: Numbers | NDArray[np.uint16]) -> Numbers:
    """Return the index of each value's first occurrence."""
    return np.unique(values, return_index=True)[1]


def _at_most(values: Numbers | NDArray[np.uint16], quotas: Numbers) -> Flags:
    """Tell which values to keep, so that each is kept at most as often as its quota."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    ranks = np.arange(len(values)) - np.searchsorted(ranked, ranked)
    keep: Flags = np.empty(len(values), dtype=bool)
    keep[order] = ranks < quotas[ranked]
    return keep

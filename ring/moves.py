"""Rebalancing: the fewest moves that bring a placed table back to its plan.

A rebalance changes at most one replica of a partition. Within that it works in this order, since
a partition spent on one purpose is lost to the next: new replicas get a device, devices that
leave or are drained are emptied, partitions that lie too close together are spread, and devices
over their share give to devices under it.

Each purpose is pursued in rounds of random proposals (this replica to that device), thousands at
a time, judged and applied together. Near the end no proposal may work. Then a *detour* is tried:
another replica steps aside to the device that is short, and ours takes its place. At the very end
a search finds *chains* of replicas that step aside one for the next.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from atoll.invariant import invariant
from ring.board import ANY_ROW, NO_PROPOSALS, Board, Proposals, Rule, first_of_each
from ring.limits import NO_DEVICE
from ring.shuffle import Shuffler
from ring.table import DEVICE_SPACE, Flags, Numbers

ROUNDS_MAX = 256
STALE_ROUNDS_MAX = 8
TRIES_MIN = 1_024
TRIES_MAX = 1 << 18
TRIES_PER_MOVE = 4
CHAIN_LOOKS_MAX = 1 << 22
"""Replicas that the search for chains may look at."""

_AS_PLANNED = Rule()


class Moves:
    """A rebalance under way.

    Args:
        board: what to change.
        shuffler: decides between equals.
    """

    def __init__(self, board: Board, shuffler: Shuffler) -> None:
        self._board = board
        self._table = board.table
        self._partitions = board.table.shape[1]
        self._takers = np.flatnonzero(board.want)
        self._shuffler = shuffler

    def run(self, vacant: Flags) -> None:
        """Make the moves.

        Args:
            vacant: where replicas wait for their first device, of the table's shape.
        """
        board = self._board
        idle = (board.want == 0) & (board.load > 0)
        self._rehome(vacant)
        self._rehome((idle & board.leaving)[self._table])
        self._rehome((idle & ~board.leaving)[self._table])
        self._spread()
        self._level()
        self._chain()

    def _rehome(self, replicas: Flags) -> None:
        """Find a device for replicas that cannot stay, even one that has its share already."""
        rows, partitions = np.nonzero(replicas)
        origins = self._table[rows, partitions]

        def waiting() -> tuple[Numbers, Numbers]:
            stays = self._table[rows, partitions] == origins
            stays &= self._board.may_change(rows, partitions)
            return rows[stays], partitions[stays]

        def to_under() -> Proposals | None:
            return self._pair(*waiting(), self._board.units_under())

        def to_any() -> Proposals | None:
            return self._pair(*waiting(), self._takers)

        self._rounds(to_under, _AS_PLANNED)
        self._rounds(to_any, Rule(to_under=False))
        for row, partition in zip(*waiting(), strict=True):
            if self._board.open_rows[partition] in (ANY_ROW, row):
                self._board.apply(self._search(row, partition))

    def _search(self, row: int, partition: int) -> Proposals:
        """Return the move of a replica to the emptiest device that may take it.

        There is one. If a tier cannot spare the replica, it has room for it; else some region has,
        since one replica less than all is placed. And a tier with room has a child with room.
        """
        count = len(self._takers)
        moves = Proposals(np.full(count, row), np.full(count, partition), self._takers)
        moves = moves.only(self._board.accepts(moves, _AS_PLANNED))
        invariant(len(moves.targets), "some device may take a replica", partition=partition)
        room = (self._board.want - self._board.load)[moves.targets]
        return moves.only(np.array([room.argmax()]))

    def _spread(self) -> None:
        """Repair partitions of which a tier holds more or fewer replicas than the plan says."""
        broken = self._board.broken_partitions()

        def to_under() -> Proposals | None:
            return self._pair_any_row(broken, self._board.units_under())

        def to_any() -> Proposals | None:
            return self._pair_any_row(broken, self._takers)

        self._rounds(to_under, Rule(must_repair=True, from_over=True))
        self._rounds(to_under, Rule(must_repair=True))
        self._rounds(to_any, Rule(must_repair=True, to_under=False))

    def _level(self) -> None:
        """Let devices over their share give to those under it."""
        slots = np.argsort(self._table.ravel(), kind="stable")
        counts = np.bincount(self._table.ravel(), minlength=DEVICE_SPACE)
        starts = np.cumsum(counts) - counts

        def over_to_under() -> Proposals | None:
            over, under = self._board.units_over(), self._board.units_under()
            if not len(over) or not len(under):
                return None
            tries = _tries(len(over))
            sources = self._draw(over, tries)
            drawn = slots[starts[sources] + self._shuffler.below(counts[sources], tries)]
            rows, partitions = np.divmod(drawn, self._partitions)
            return Proposals(rows, partitions, self._draw(under, tries))

        self._rounds(over_to_under, Rule(from_over=True))

    def _rounds(self, draw: Callable[[], Proposals | None], rule: Rule) -> None:
        """Draw and apply proposals until there are none, or none has worked for a while."""
        stale = 0
        for _ in range(ROUNDS_MAX):
            proposals = draw()
            if proposals is None or stale == STALE_ROUNDS_MAX:
                return
            proposals = proposals.only(self._board.may_change(proposals.rows, proposals.partitions))
            moved = self._direct(proposals, rule)
            if stale and not moved:
                moved = self._detour(proposals, rule, only_changed=stale < STALE_ROUNDS_MAX // 2)
            stale = 0 if moved else stale + 1

    def _direct(self, proposals: Proposals, rule: Rule) -> int:
        """Apply the acceptable proposals; return how many."""
        chosen = proposals.only(self._board.accepts(proposals, rule))
        chosen = chosen.only(first_of_each(chosen.partitions))
        chosen = chosen.only(self._board.fits(chosen, rule))
        self._board.apply(chosen)
        return len(chosen.rows)

    def _detour(self, proposals: Proposals, rule: Rule, *, only_changed: bool) -> int:
        """Apply proposals for which another replica steps aside; return how many.

        The replica that steps aside goes to the target, and ours to where that one was. It costs
        one more move, unless the other replica is one that this rebalance moved already.
        """
        tries = len(proposals.rows)
        changed = np.flatnonzero(self._board.open_rows >= 0)
        if only_changed and not len(changed):
            return 0
        if only_changed:
            partitions = self._draw(changed, tries)
            rows = self._board.open_rows[partitions].astype(np.int64)
        else:
            partitions = self._shuffler.below(self._partitions, tries)
            rows = self._shuffler.below(len(self._table), tries)
        between = self._table[rows, partitions].astype(np.int64)
        aside = Proposals(rows, partitions, proposals.targets)
        ours = Proposals(proposals.rows, proposals.partitions, between)
        works = (self._board.want[between] > 0) & self._board.may_change(rows, partitions)
        works &= self._board.accepts(ours, rule) & self._board.accepts(aside, _AS_PLANNED)
        aside, ours, proposals = aside.only(works), ours.only(works), proposals.only(works)
        pairs = np.column_stack((ours.partitions, aside.partitions))
        is_first = np.zeros(pairs.size, dtype=bool)
        is_first[first_of_each(pairs.ravel())] = True
        both = np.logical_and.reduce(is_first.reshape(pairs.shape), axis=1)
        aside, ours, proposals = aside.only(both), ours.only(both), proposals.only(both)
        fits = self._board.fits(proposals, rule)
        self._board.apply(aside.only(fits))
        self._board.apply(ours.only(fits))
        return int(np.count_nonzero(fits))

    def _chain(self) -> None:
        """Bring what is left from over to under by chains in which each replica makes room.

        A chain is an augmenting path, searched breadth-first from the devices under their share.
        Each device on the way costs a look at all replicas, so looks are limited: enough for every
        device of a small ring, where luck may find no chain, and for some of a large one.
        """
        rows, partitions = np.nonzero(self._table != NO_DEVICE)
        order = self._shuffler.permutation(len(rows))
        rows, partitions = rows[order], partitions[order]
        looks = CHAIN_LOOKS_MAX // len(rows) + 1
        while looks > 0:
            chain, used = self._find_chain(rows, partitions, looks)
            if chain is None:
                return
            self._board.apply(chain)
            looks -= used

    def _find_chain(
        self, rows: Numbers, partitions: Numbers, looks: int
    ) -> tuple[Proposals | None, int]:
        """Return moves that bring one replica from a device over to one under; and the looks."""
        board = self._board
        is_over = board.load > board.want
        to_visit = np.flatnonzero(board.load < board.want).tolist()
        chains = dict.fromkeys(to_visit, NO_PROPOSALS)
        if not is_over.any():
            return None, 0
        for used, target in enumerate(to_visit, start=1):  # grows as it goes
            tail = chains[target]
            moves = Proposals(rows, partitions, np.full(len(rows), target))
            free = board.may_change(rows, partitions) & ~np.isin(partitions, tail.partitions)
            moves = moves.only(free)
            moves = moves.only(board.accepts(moves, _AS_PLANNED))
            sources = self._table[moves.rows, moves.partitions]
            for head in np.sort(first_of_each(sources)):
                source = int(sources[head])
                if source not in chains:
                    chains[source] = moves.only(np.array([head])).then(tail)
                    to_visit.append(source)
                    if is_over[source]:
                        return chains[source], used
            if used == looks:
                break
        return None, looks

    def _draw(self, numbers: Numbers, tries: int) -> Numbers:
        """Return so many of the numbers at random, any of them several times."""
        return numbers[self._shuffler.below(len(numbers), tries)]

    def _pair(self, rows: Numbers, partitions: Numbers, targets: Numbers) -> Proposals | None:
        """Pair replicas and targets at random."""
        if not len(rows) or not len(targets):
            return None
        tries = _tries(len(rows))
        chosen = self._shuffler.below(len(rows), tries)
        return Proposals(rows[chosen], partitions[chosen], self._draw(targets, tries))

    def _pair_any_row(self, partitions: Numbers, targets: Numbers) -> Proposals | None:
        """Pair any replica of partitions that have not changed with targets, at random."""
        partitions = partitions[self._board.open_rows[partitions] == ANY_ROW]
        if not len(partitions) or not len(targets):
            return None
        tries = _tries(len(partitions))
        drawn = self._draw(partitions, tries)
        rows = self._shuffler.below(len(self._table), tries)
        exists = self._table[rows, drawn] != NO_DEVICE
        return Proposals(rows, drawn, self._draw(targets, tries)).only(exists)


def _tries(moves: int) -> int:
    return min(max(TRIES_PER_MOVE * moves, TRIES_MIN), TRIES_MAX)

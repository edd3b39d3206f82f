"""The first placement: nested systematic sampling. Exact in one pass.

Lay the replicas of all partitions on a line: first one of each partition in random order, then
once more each in the same order, and so on. Cut the line into pieces, one for each child of a
tier, as long as the number of replicas the child should hold. Equal partitions lie one round
apart, so a piece of 1.4 rounds holds each partition once or twice, and 40 % of them twice: just
what its target says. Then do the same with each piece and the child's own children.

So every tier at once gets its exact number of replicas, and no partition has more or fewer of
them in it than the target rounded up or down. Nothing has to be searched or repaired.

A cut alone would pair each child only with those that lie a round away from it. So a tier that
holds a partition more than once is first split in two halves of random children, these again in
two, and so on, with the line reshuffled each time: any two devices then share partitions, and a
lost device is refilled from many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from atoll.invariant import invariant
from ring.limits import NO_DEVICE
from ring.plan import Tier
from ring.shuffle import Shuffler
from ring.table import Numbers, Table, existing_replicas


def place(root: Tier, partitions: int, shuffler: Shuffler) -> Table:
    """Return a table that fulfils the plan exactly.

    Args:
        root: a plan whose slots are counted.
        partitions: how many there are.
        shuffler: decides all that the plan leaves open.

    Returns:
        Device ids, shape (replicas rounded up, partitions); `NO_DEVICE` where a partition has no
        such replica, which is only in the last row, behind those that have.
    """
    rounds, rest = divmod(root.slots, partitions)
    pieces = list(_cut([root], rounds, np.arange(rest), partitions, shuffler))
    held = np.concatenate([piece for _, piece in pieces])
    ids = np.repeat(
        np.array([device_id for device_id, _ in pieces], dtype=np.uint16),
        [len(piece) for _, piece in pieces],
    )
    invariant(len(held) == root.slots, "every replica is placed", placed=len(held))
    by_partition = ids[shuffler.permutation_by(held)]  # a device is any of its partition's rows
    exists = existing_replicas(root.slots, partitions)
    columns = np.full((partitions, len(exists)), NO_DEVICE, dtype=np.uint16)
    columns[exists.T] = by_partition
    return np.ascontiguousarray(columns.T)


def _cut(
    tiers: Sequence[Tier], rounds: int, extras: Numbers, partitions: int, shuffler: Shuffler
) -> Iterator[tuple[int, Numbers]]:
    """Share partitions among tiers.

    Args:
        tiers: their slots together are as many as there are replicas to share.
        rounds: how often each partition is there.
        extras: the partitions that are there once more.
        partitions: how many there are.
        shuffler: where to cut.

    Yields:
        The id of each device within the tiers, and the partitions that it holds.
    """
    if len(tiers) == 1:
        tier = tiers[0]
        if tier.children:
            yield from _cut(tier.children, rounds, extras, partitions, shuffler)
        else:
            yield int(tier.key[-1]), np.arange(partitions) if rounds else extras  # type: ignore[call-overload]
        return
    line = extras[shuffler.permutation(len(extras))]
    if rounds:
        others = np.ones(partitions, dtype=bool)
        others[extras] = False
        rest = np.flatnonzero(others)
        line = np.concatenate((line, rest[shuffler.permutation(len(rest))]))
    more_than_once = rounds > 1 or (rounds and len(extras))
    groups = _halves(tiers, shuffler) if more_than_once else [[tier] for tier in tiers]
    start = 0
    for group in groups:
        slots = sum(tier.slots for tier in group)
        group_rounds, group_rest = divmod(slots, partitions)
        picked = line.take(np.arange(start, start + group_rest), mode="wrap")
        yield from _cut(group, group_rounds, picked, partitions, shuffler)
        start += slots


def _halves(tiers: Sequence[Tier], shuffler: Shuffler) -> list[list[Tier]]:
    order = [tiers[i] for i in shuffler.permutation(len(tiers))]
    middle = len(order) // 2
    return [order[:middle], order[middle:]]

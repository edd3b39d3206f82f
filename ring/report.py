"""How well a table honours weights and spreads replicas: balance and dispersion, as Swift's.

Both are computed from the table and the devices alone, whoever built them, so that two builders
can be compared.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ring.device import TIER_LEVELS, Device
from ring.plan import TIER_NAMES
from ring.table import DEVICE_SPACE, Numbers, Table, count_replicas, device_loads

BALANCE_MAX = 999.99
"""Shown for a device that should hold nothing and does."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How many replicas lie closer together than the topology demands.

    Attributes:
        percent: of all replicas, counted at the level where it is worst for each partition.
        worst_level: "region", "zone", "node" or "device" with the most of them; "" if there are
            none.
        replicas_by_level: how many at each level.
    """

    percent: float
    worst_level: str
    replicas_by_level: dict[str, int]


def device_balances(table: Table, devices: Sequence[Device | None]) -> dict[int, float]:
    """Return by device id how far its load is from its share by weight, in percent of the share."""
    loads = device_loads(table)
    present = [device for device in devices if device is not None]
    weights = sum(device.weight for device in present)
    total = int(loads.sum())
    balances = {}
    for device in present:
        load = int(loads[device.id])
        share = device.weight / weights * total if weights else 0.0
        idle = BALANCE_MAX if load else 0.0
        balances[device.id] = 100.0 * load / share - 100.0 if share else idle
    return balances


def balance(table: Table, devices: Sequence[Device | None]) -> float:
    """Return the worst device's distance from its share, in percent (Swift's ``get_balance``)."""
    return max((abs(one) for one in device_balances(table, devices).values()), default=0.0)


def dispersion(table: Table, devices: Sequence[Device | None]) -> Dispersion:
    """Return how far replicas are from lying as widely apart as the topology alone allows.

    A tier may hold its parent's replicas divided by the number of siblings, rounded up, whatever
    the weights. A replica beyond that counts (Swift's ``RingBuilder.dispersion``, which for a
    fractional number of replicas leaves out the partitions with fewer).
    """
    total = count_replicas(table)
    present = [device for device in devices if device is not None]
    allowed = _allowed_replicas(present, total / table.shape[1])
    worst = np.zeros(table.shape[1], dtype=np.int64)
    by_level = {}
    for level in range(TIER_LEVELS):
        excess = _excess(table, level, present, allowed)
        by_level[TIER_NAMES[level + 1]] = int(excess.sum())
        worst = np.maximum(worst, excess)
    worst_level = max(by_level, key=lambda name: by_level[name]) if worst.any() else ""
    return Dispersion(100.0 * int(worst.sum()) / total, worst_level, by_level)


def _allowed_replicas(devices: Sequence[Device], replicas: float) -> dict[tuple[object, ...], int]:
    """Return by tier how many replicas of a partition the topology makes it hold at most."""
    children: dict[tuple[object, ...], set[tuple[object, ...]]] = defaultdict(set)
    for device in devices:
        if device.weight:
            for key in device.tiers:
                children[key[:-1]].add(key)
    allowed: dict[tuple[object, ...], int] = {}

    def walk(parent: tuple[object, ...], count: float) -> None:
        for key in children.get(parent, ()):
            allowed[key] = math.ceil(count / len(children[parent]))
            walk(key, allowed[key])

    walk((), replicas)
    return allowed


def _excess(
    table: Table,
    level: int,
    devices: Sequence[Device],
    allowed: dict[tuple[object, ...], int],
) -> Numbers:
    """Return for each partition how many replicas are beyond what the tiers of a level may hold."""
    keys = sorted({device.tiers[level] for device in devices}, key=repr)
    numbers = {key: number for number, key in enumerate(keys)}
    tier_of = np.full(DEVICE_SPACE, len(keys))
    for device in devices:
        tier_of[device.id] = numbers[device.tiers[level]]
    limits = np.array([*(allowed.get(key, 0) for key in keys), len(table)])
    tiers = tier_of[table]
    excess = np.zeros(table.shape[1], dtype=np.int64)
    for row, here in enumerate(tiers):
        counted = (tiers[:row] == here).any(axis=0)  # the tier met an earlier row already
        beyond = np.count_nonzero(tiers == here, axis=0) - limits[here]
        excess += np.where(counted, 0, np.maximum(beyond, 0))
    return excess

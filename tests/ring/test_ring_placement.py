"""The first placement is exact: weights within one partition, replicas as far apart as can be."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_topologies import (
    Spot,
    assert_in_plan,
    assert_sound,
    build,
    builders,
    counts_by_tier,
    grid,
    present,
)

from ring.builder import Builder
from ring.device import Device
from ring.limits import NO_DEVICE
from ring.report import device_loads

PROPERTY = settings(max_examples=120, deadline=None, derandomize=True)
SEEDS = st.integers(-(2**40), 2**40)


@pytest.mark.slow
@PROPERTY
@given(builders(), SEEDS)
def test_every_tier_holds_just_what_the_plan_says(builder: Builder, seed: int) -> None:
    builder.rebalance(seed, 0)
    assert_sound(builder)
    assert_in_plan(builder)


def fewest_together(devices: list[Device], level: int, replicas: int) -> int:
    """Deal replicas out one by one, always to the tier with fewest that has a device left."""
    tiers: dict[tuple[object, ...], int] = {}
    for device in devices:
        tiers[device.tiers[level]] = tiers.get(device.tiers[level], 0) + 1
    dealt = dict.fromkeys(tiers, 0)
    for _ in range(replicas):
        dealt[min((key for key in tiers if dealt[key] < tiers[key]), key=dealt.__getitem__)] += 1
    return max(dealt.values())


@pytest.mark.slow
@PROPERTY
@given(builders(overloads=st.just(1000.0)), SEEDS)
def test_with_overload_replicas_are_as_far_apart_as_the_topology_allows(
    builder: Builder, seed: int
) -> None:
    builder.rebalance(seed, 0)
    devices = present(builder)
    for partition in range(builder.partitions):
        held = [devices[i] for i in builder.table[:, partition] if i != NO_DEVICE]
        for level in range(4):
            parents = {device.tiers[level][:-1] for device in held}
            for parent in parents:
                inside = [d for d in held if d.tiers[level][:-1] == parent]
                together = Counter(device.tiers[level] for device in inside)
                within = [d for d in devices if d.tiers[level][:-1] == parent]
                assert max(together.values()) == fewest_together(within, level, len(inside))


@pytest.mark.parametrize("replicas", [1, 2, 2.25, 3, 3.9])
def test_weights_are_honoured_within_one_partition(replicas: float) -> None:
    builder = build(grid(3, 2, 2, 3, weights=(1000, 1500, 3100)), 9, replicas)
    builder.rebalance(1, 0)
    loads = device_loads(builder.table)
    total = math.floor(replicas * builder.partitions)
    weights = sum(device.weight for device in present(builder))
    for device in present(builder):
        assert abs(loads[device.id] - device.weight / weights * total) < 1


def test_a_device_takes_each_partition_at_most_once_whatever_its_weight() -> None:
    builder = build([Spot(1, 1, node, weight) for node, weight in enumerate((1e9, 1, 1, 1))], 6, 2)
    builder.rebalance(1, 0)
    assert_sound(builder)
    assert device_loads(builder.table)[0] == builder.partitions


def test_any_two_devices_of_different_nodes_share_partitions() -> None:
    """So that a lost device is refilled from many, not from the few that lie next to it."""
    builder = build(grid(1, 1, 24, 1), 12, 3)
    builder.rebalance(3, 0)
    shared = np.zeros((24, 24), dtype=int)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        np.add.at(shared, (builder.table[first], builder.table[second]), 1)
    shared += shared.T
    lost_with = [(shared[device] > 0).sum() for device in range(24)]
    assert min(lost_with) >= 12
    assert shared.max() < 4 * builder.partitions * 3 / (24 * 12)


def test_a_region_is_no_favourite_row() -> None:
    builder = build(grid(3, 1, 2, 2), 10, 3)
    builder.rebalance(3, 0)
    for counts in counts_by_tier(builder, 0).values():
        assert counts.tolist() == [1] * builder.partitions
    first = builder.table[0] // 4  # region of row 0
    assert np.bincount(first).min() > builder.partitions / 4


def test_the_seed_alone_decides() -> None:
    def table(seed: int) -> bytes:
        builder = build(grid(2, 2, 2, 2))
        builder.rebalance(seed, 0)
        return builder.table.tobytes()

    assert table(1) == table(1)
    assert table(1) != table(2)

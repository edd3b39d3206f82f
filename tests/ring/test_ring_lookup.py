"""Lookups: primaries, handoffs, and what a process that only looks up need not load."""

from __future__ import annotations

import subprocess
import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_topologies import Spot, build, builders, grid

from ring import Device, Ring, RingInputError
from ring.builder import Builder
from ring.limits import NO_DEVICE

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


def test_the_partition_is_the_leading_bits_of_the_hash() -> None:
    builder = build(grid(1, 1, 3, 1), 12)
    builder.rebalance(1, 0)
    ring = builder.ring()
    assert ring.partition(bytes.fromhex("00000000000000000000000000000000")) == 0
    assert ring.partition(bytes.fromhex("000fffffffffffffffffffffffffffff")) == 0
    assert ring.partition(bytes.fromhex("00100000000000000000000000000000")) == 1
    assert ring.partition(bytes.fromhex("abcdef00000000000000000000000000")) == 0xABC
    assert ring.partition(bytes.fromhex("ffffffffffffffffffffffffffffffff")) == 0xFFF


@pytest.mark.slow
@PROPERTY
@given(builders(), st.integers(0, 2**32))
def test_primaries_are_the_column_of_the_table(builder: Builder, seed: int) -> None:
    builder.rebalance(seed, 0)
    ring = Ring.load(builder.dump())
    assert ring.replicas == builder.placed_replicas
    assert ring.devices == builder.devices
    for partition in range(ring.partitions):
        column = [int(held) for held in builder.table[:, partition] if held != NO_DEVICE]
        assert [device.id for device in ring.primaries(partition)] == column


@pytest.mark.slow
@PROPERTY
@given(builders())
def test_handoffs_are_all_other_devices_with_partitions_once(builder: Builder) -> None:
    builder.rebalance(1, 0)
    ring = builder.ring()
    placed = {int(held) for held in builder.table.ravel() if held != NO_DEVICE}
    for partition in range(ring.partitions):
        order = [device.id for device in ring.primaries(partition)]
        order += [device.id for device in ring.handoffs(partition)]
        assert len(order) == len(set(order))
        assert set(order) == placed


def first_uses(devices: list[Device], level: int) -> list[int]:
    """Positions at which a tier of the level turns up for the first time."""
    seen: set[object] = set()
    positions = []
    for position, device in enumerate(devices):
        if device.tiers[level] not in seen:
            seen.add(device.tiers[level])
            positions.append(position)
    return positions


def test_handoffs_go_to_unused_regions_then_zones_then_nodes() -> None:
    builder = build(grid(4, 2, 2, 2), 8, 2)
    builder.rebalance(1, 0)
    ring = builder.ring()
    for partition in range(ring.partitions):
        order = [*ring.primaries(partition), *ring.handoffs(partition)]
        assert first_uses(order, 0) == list(range(4))
        assert first_uses(order, 1) == list(range(8))
        assert first_uses(order, 2) == list(range(16))


def test_handoffs_differ_between_partitions_and_follow_weights() -> None:
    builder = build([Spot(1, 1, node, 400.0 if node < 2 else 100.0) for node in range(12)], 10, 1)
    builder.rebalance(1, 0)
    ring = builder.ring()
    first = [next(ring.handoffs(partition)).id for partition in range(ring.partitions)]
    assert len(set(first)) == 12
    assert first.count(0) > 2 * max(first.count(node) for node in range(2, 12))


def test_handoffs_hardly_change_when_the_ring_does() -> None:
    builder = build(grid(1, 4, 3, 2), 10)
    builder.rebalance(1, 0)
    before = builder.ring()
    builder.add_device(region=0, zone=0, node="new", port=1, device="d", weight=100)
    builder.rebalance(1, 0)
    after = builder.ring()
    same = sum([next(before.handoffs(p)).id] == [next(after.handoffs(p)).id] for p in range(1024))
    assert same > 850  # three of 25 devices' partitions have another first choice


def test_a_device_that_leaves_stands_in_for_no_other() -> None:
    builder = build(grid(1, 6, 1, 1), 6)
    builder.rebalance(1, 0)
    builder.remove_device(2)
    ring = builder.ring()
    for partition in range(ring.partitions):
        held_by = [device.id for device in ring.primaries(partition)]
        handoffs = [device.id for device in ring.handoffs(partition)]
        assert sorted(held_by + handoffs) == [i for i in range(6) if i != 2 or i in held_by]


def test_a_device_that_the_walk_never_meets_comes_last() -> None:
    """Swift's walk over two partitions leaves out the first of them."""
    devices = [
        Device(id=i, region=i, zone=1, node="n", port=1, device=f"d{i}", weight=1) for i in range(2)
    ]
    ring = Ring(power=1, devices=devices, rows=[memoryview(array("H", [0, 1]))])
    assert [device.id for device in ring.handoffs(1)] == [0]
    assert [device.id for device in ring.handoffs(0)] == [1]


@pytest.mark.parametrize("partition", [-1, 256, 2**32])
def test_a_partition_that_is_not_there(partition: int) -> None:
    builder = build(grid(1, 1, 3, 1))
    builder.rebalance(1, 0)
    with pytest.raises(RingInputError, match="no partition"):
        builder.ring().primaries(partition)
    with pytest.raises(RingInputError, match="no partition"):
        next(builder.ring().handoffs(partition))


def test_a_lookup_loads_neither_numpy_nor_the_builder() -> None:
    script = (
        "import sys, ring, ring.lookup, ring.swift_format, ring.cli\n"
        "print([m for m in ('numpy', 'ring.builder', 'ring.moves') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

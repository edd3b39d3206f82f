"""Topologies for the ring's tests, and a slow, plain account of what a table holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from ring.builder import Builder
from ring.device import Device
from ring.limits import NO_DEVICE
from ring.plan import make_plan

LEVELS = range(4)


@dataclass(frozen=True)
class Spot:
    region: int
    zone: int
    node: int
    weight: float


def add(builder: Builder, spot: Spot) -> int:
    return builder.add_device(
        region=spot.region,
        zone=spot.zone,
        node=f"10.{spot.region}.{spot.zone}.{spot.node}",
        port=6200,
        device=f"d{builder.version}",
        weight=spot.weight,
    )


def build(
    spots: Sequence[Spot], power: int = 8, replicas: float = 3, *, overload: float = 0.0
) -> Builder:
    builder = Builder(power, replicas, overload=overload)
    for spot in spots:
        add(builder, spot)
    return builder


def grid(
    regions: int, zones: int, nodes: int, devices: int, weights: Sequence[float] = (100.0,)
) -> list[Spot]:
    """So many of each in each of the ones above, with weights in turn."""
    places = [
        (region, zone, node)
        for region in range(regions)
        for zone in range(zones)
        for node in range(nodes)
        for _ in range(devices)
    ]
    return [Spot(*place, weights[i % len(weights)]) for i, place in enumerate(places)]


def spots(weights: Sequence[float]) -> st.SearchStrategy[Spot]:
    return st.builds(
        Spot,
        region=st.integers(0, 2),
        zone=st.integers(0, 2),
        node=st.integers(0, 3),
        weight=st.sampled_from(weights),
    )


WEIGHTS = st.sampled_from([(100.0,), (100.0, 200.0), (1.0, 50.0, 100.0, 400.0)])
REPLICAS = st.sampled_from([1.0, 1.25, 2.0, 2.5, 3.0, 3.75, 4.0])
OVERLOADS = st.sampled_from([0.0, 0.1, 1000.0])


@st.composite
def builders(draw: st.DrawFn, overloads: st.SearchStrategy[float] = OVERLOADS) -> Builder:
    """A ring that was not rebalanced yet, with enough devices."""
    replicas = draw(REPLICAS)
    weights = draw(WEIGHTS)
    devices = draw(st.lists(spots(weights), min_size=math.ceil(replicas), max_size=20))
    return build(devices, draw(st.integers(3, 8)), replicas, overload=draw(overloads))


def present(builder: Builder) -> list[Device]:
    return [device for device in builder.devices if device is not None]


def counts_by_tier(builder: Builder, level: int) -> dict[tuple[object, ...], np.ndarray]:
    """For each tier of a level how many replicas of each partition it holds."""
    ids: dict[tuple[object, ...], list[int]] = {}
    for device in present(builder):
        ids.setdefault(device.tiers[level], []).append(device.id)
    return {key: np.isin(builder.table, held).sum(axis=0) for key, held in ids.items()}


def target_shares(builder: Builder) -> dict[tuple[object, ...], Fraction]:
    """For each tier the replicas of a partition that it should hold on average."""
    root = make_plan(builder.devices, builder.placed_replicas, builder.overload)
    return {
        tier.key: Fraction(tier.target).limit_denominator(10**9) for tier in root.walk() if tier.key
    }


def assert_sound(builder: Builder) -> None:
    """Every replica is on a device of the ring, and no two of a partition on one."""
    builder.validate()
    slots = math.floor(builder.placed_replicas * builder.partitions)
    assert np.count_nonzero(builder.table != NO_DEVICE) == slots


def assert_in_plan(builder: Builder) -> None:
    """Each tier holds the targeted replicas of each partition, and each device of all, ±1."""
    shares = target_shares(builder)
    for level in LEVELS:
        for key, counts in counts_by_tier(builder, level).items():
            share = shares.get(key, Fraction(0))
            assert counts.min() >= math.floor(share), (key, share)
            assert counts.max() <= math.ceil(share), (key, share)
            total = share * builder.partitions
            assert math.floor(total) <= counts.sum() <= math.ceil(total), (key, total)

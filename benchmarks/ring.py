"""Rings against Swift's own builder and lookup, in one run: time, balance, dispersion.

Both builders get the same devices. Balance and dispersion of both results are computed by the
same function, from the tables alone. Each builder runs once, from adding the first device to the
end of the first rebalance.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from swift.common.ring import RingBuilder

from benchmarks.report import Comparison, Row, ratio_row, row, value_row
from ring import Device, Ring
from ring.builder import Builder
from ring.report import balance, dispersion
from ring.table import Table, table_from_rows

REPLICAS = 3
REGIONS, ZONES, NODES, DEVICES = 5, 4, 5, 10
WEIGHTS = (4_000.0, 6_000.0, 8_000.0)
BUILD_RATIO_MAX = 0.05
LOOKUP_US_MAX = 2.0
LOOKUPS = 200_000
LOOKUP_RUNS = 3
Result = TypeVar("Result")


def devices() -> list[Device]:
    """Return 1,000 devices of three sizes in 5 regions."""
    places = [
        (region, zone, node, number)
        for region in range(REGIONS)
        for zone in range(ZONES)
        for node in range(NODES)
        for number in range(DEVICES)
    ]
    return [
        Device(
            id=device_id,
            region=region,
            zone=zone,
            node=f"10.{region}.{zone}.{node}",
            port=6200,
            device=f"sd{number}",
            weight=WEIGHTS[device_id % len(WEIGHTS)],
        )
        for device_id, (region, zone, node, number) in enumerate(places)
    ]


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the time in seconds, and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def build_ours(power: int) -> Builder:
    """Add all devices and rebalance, as `build_swifts` does."""
    builder = Builder(power, REPLICAS)
    for device in devices():
        builder.add_device(
            region=device.region,
            zone=device.zone,
            node=device.node,
            port=device.port,
            device=device.device,
            weight=device.weight,
        )
    builder.rebalance(1, now_hours=0)
    return builder


def build_swifts(power: int) -> RingBuilder:
    """Add all devices to Swift's builder and rebalance."""
    builder = RingBuilder(power, REPLICAS, 1)
    for device in devices():
        builder.add_dev(
            {
                "region": device.region,
                "zone": device.zone,
                "ip": device.node,
                "port": device.port,
                "device": device.device,
                "weight": device.weight,
            }
        )
    builder.rebalance(seed=1)
    return builder


def lookup_us(ring: Ring) -> float:
    """Return the time of a lookup, name hash to devices, in microseconds; the best of some runs."""
    hashes = [os.urandom(16) for _ in range(LOOKUPS)]

    def look_up() -> None:
        for name_hash in hashes:
            ring.primaries(ring.partition(name_hash))

    return min(timed(look_up)[0] for _ in range(LOOKUP_RUNS)) / LOOKUPS * 1e6


def run(quick: bool) -> list[Row]:
    """Measure; quick takes 2^14 partitions instead of 2^18."""
    power = 14 if quick else 18
    our_s, ours = timed(lambda: build_ours(power))
    swift_s, swifts = timed(lambda: build_swifts(power))
    table_rows = [memoryview(row) for row in swifts.get_ring()._replica2part2dev_id]
    theirs: Table = table_from_rows(table_rows, 1 << power)
    placed = devices()
    label = f"ring 2^{power} x {REPLICAS} over {len(placed)} devices"
    build = Comparison(our_s, swift_s, our_s / swift_s)
    return [
        ratio_row(
            f"{label}: build, s, against Swift",
            build,
            at_most=None if quick else BUILD_RATIO_MAX,
        ),
        no_worse(f"{label}: balance, %", balance(ours.table, placed), balance(theirs, placed)),
        no_worse(
            f"{label}: dispersion, %",
            dispersion(ours.table, placed).percent,
            dispersion(theirs, placed).percent,
        ),
        value_row(f"{label}: lookup, us", lookup_us(ours.ring()), at_most=LOOKUP_US_MAX),
    ]


def no_worse(name: str, ours: float, swifts: float) -> Row:
    """Return the row of what is best at 0."""
    return row(f"{name}, against Swift", ours, swifts, target="no worse", ok=ours <= swifts)

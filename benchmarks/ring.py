"""Rings against Swift's own builder and lookup, in one run: time, balance, dispersion.

Both builders get the same devices. Balance and dispersion of both results are computed by the
same function, from the tables alone. Each builder runs once, from adding the first device to the
end of the first rebalance.

Run as `python -m benchmarks.ring [--quick]`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypedDict, TypeVar

from swift.common.ring import RingBuilder

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


class Row(TypedDict):
    """One measured line; the ratio is value / reference, if that is not 0."""

    name: str
    value: float
    reference: float
    ratio: float | None
    target: str
    ok: bool


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


def compared(name: str, value: float, reference: float, target: str, *, ok: bool) -> Row:
    """Return a row."""
    ratio = value / reference if reference else None
    return Row(name=name, value=value, reference=reference, ratio=ratio, target=target, ok=ok)


def run(quick: bool) -> list[Row]:
    """Measure and print; quick takes 2^14 partitions instead of 2^18."""
    power = 14 if quick else 18
    our_s, ours = timed(lambda: build_ours(power))
    swift_s, swifts = timed(lambda: build_swifts(power))
    rows = [memoryview(row) for row in swifts.get_ring()._replica2part2dev_id]
    theirs: Table = table_from_rows(rows, 1 << power)
    placed = devices()
    our_balance, swift_balance = balance(ours.table, placed), balance(theirs, placed)
    our_spread = dispersion(ours.table, placed).percent
    swift_spread = dispersion(theirs, placed).percent
    our_us = lookup_us(ours.ring())
    label = f"ring 2^{power}x{REPLICAS} over {len(placed)} devices"
    fast = our_s <= BUILD_RATIO_MAX * swift_s
    no_worse = "no worse than swift"
    found = [
        compared(f"{label}: build s", our_s, swift_s, f"ratio <= {BUILD_RATIO_MAX}", ok=fast),
        compared(
            f"{label}: balance %", our_balance, swift_balance, no_worse,
            ok=our_balance <= swift_balance,
        ),
        compared(
            f"{label}: dispersion %", our_spread, swift_spread, no_worse,
            ok=our_spread <= swift_spread,
        ),
        compared(
            f"{label}: lookup us", our_us, LOOKUP_US_MAX, f"<= {LOOKUP_US_MAX}",
            ok=our_us <= LOOKUP_US_MAX,
        ),
    ]  # fmt: skip
    print(
        f"ring build 2^{power}x{REPLICAS} over {len(placed)} devices: atoll {our_s:.2f} s, "
        f"swift {swift_s:.2f} s, ratio {our_s / swift_s:.3f} (target <= {BUILD_RATIO_MAX})"
    )
    print(f"ring balance: atoll {our_balance:.3f} %, swift {swift_balance:.3f} %")
    print(f"ring dispersion: atoll {our_spread:.3f} %, swift {swift_spread:.3f} %")
    print(f"ring lookup: {our_us:.2f} us (target <= {LOOKUP_US_MAX})")
    return found


def main() -> None:
    """Measure; fail if a target was missed."""
    rows = run(quick="--quick" in sys.argv[1:])
    sys.exit(not all(row["ok"] for row in rows))


if __name__ == "__main__":
    main()

"""PUTs into the store against what the disk does by itself.

A PUT is answered when it is durable. The reference for up to 1 MiB is one thread that writes as
many bytes in place and calls fdatasync, again and again: the fastest form there is. (At the end
of a growing file, which is what new objects need, the file system's journal has its share; that
form is shown beside it and not judged.) The store may beat both, since requests that wait
together share a sync. The reference for 64 MiB is the slower of MD5 on one core, which
the API demands, and the disk writing a new file.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from benchmarks.cloud import Cloud
from benchmarks.disk import RawDisk, md5_bytes_per_s
from benchmarks.load import KIB, MIB, Load
from benchmarks.plan import Plan, load
from benchmarks.report import (
    Row,
    Turn,
    compare,
    comparison,
    ratio_row,
    take_turns,
    value_row,
)

RATIO_MIN = {("4 KiB", 32): 0.6, ("64 MiB", 1): 0.85}
BESIDE_READS_RATIO_MIN = 0.4
CPU_US_MAX = 200
LOAD_BYTES = {1: 128 * MIB, 32: 512 * MIB}
UPLOAD_BYTES = {1: 64 * MIB, 32: 2048 * MIB}
SMALL_BYTES = 4 * KIB
CONNECTIONS = 32


class Rates(NamedTuple):
    """A rate and both forms of its reference; what is compared has the same in both places.

    Attributes:
        in_place: writes/s over bytes that were there before.
        growing: writes/s at the end of a file.
    """

    in_place: float
    growing: float


def rows_of_rates(name: str, turns: Sequence[Turn[Rates]], at_least: float | None) -> list[Row]:
    """Return the row against fdatasync in place, and the one against that of a growing file."""
    in_place = comparison(turns, lambda rates: rates.in_place)
    growing = comparison(turns, lambda rates: rates.growing)
    return [
        ratio_row(f"{name}, requests/s against fdatasync", in_place, at_least=at_least),
        ratio_row("    the same against fdatasync of a growing file", growing),
    ]


class Writes:
    """Measures PUTs; no name is written twice.

    Args:
        cloud: that takes them.
        disk: the reference, on the same file system.
        plan: how thoroughly.
    """

    def __init__(self, cloud: Cloud, disk: RawDisk, plan: Plan) -> None:
        self._cloud = cloud
        self._disk = disk
        self._plan = plan
        self._container = cloud.create("write")
        self._turns = itertools.count()

    def rows(self, read_prefix: str, names: int) -> list[Row]:
        """Measure all sizes and numbers of connections.

        Args:
            read_prefix: of objects to read while others are written.
            names: how many there are.
        """
        rows: list[Row] = []
        for size, size_bytes in self._plan.sizes.items():
            for connections in self._plan.connections:
                if size_bytes < 64 * MIB:
                    rows += self._synced(size, connections)
                else:
                    rows.append(self._streamed(size, connections))
            if size == "4 KiB":
                rows += self._cpu()
                rows += self._beside_reads(read_prefix, names)
        if 1 not in self._plan.connections:
            rows.append(self._streamed("64 MiB", 1))
        return rows

    def _put(self, connections: int, size_bytes: int, total_bytes: int = 0) -> Load:
        return load(
            self._plan,
            self._cloud.worker,
            "PUT",
            f"{self._container}{next(self._turns)}-",
            connections,
            size_bytes,
            total_bytes=total_bytes or LOAD_BYTES[connections],
        )

    def _syncs(self, size_bytes: int) -> Rates:
        """Measure both references of a synced write."""
        return Rates(
            self._disk.overwrites_per_s(size_bytes, self._plan.sync_s),
            self._disk.appends_per_s(size_bytes, self._plan.sync_s),
        )

    def _synced(self, size: str, connections: int) -> list[Row]:
        size_bytes = self._plan.sizes[size]

        def put() -> Rates:
            rate = self._put(connections, size_bytes).requests_per_s
            return Rates(rate, rate)

        turns = take_turns(self._plan.rounds, put, partial(self._syncs, size_bytes))
        at_least = RATIO_MIN.get((size, connections))
        return rows_of_rates(f"PUT {size}, {connections} connections", turns, at_least)

    def _cpu(self) -> list[Row]:
        """What a PUT costs the worker and the disk process, their threads included."""
        disk = self._cloud.disk
        before_s = disk.cpu_s()
        done = self._put(CONNECTIONS, SMALL_BYTES)
        disk_us = (disk.cpu_s() - before_s) / done.requests * 1e6
        name = f"PUT 4 KiB, {CONNECTIONS} connections, CPU us/request"
        return [
            value_row(f"{name} of the worker", done.cpu_us),
            value_row(f"{name} of the disk process", disk_us),
            value_row(f"{name} of both", done.cpu_us + disk_us, at_most=CPU_US_MAX),
        ]

    def _beside_reads(self, read_prefix: str, names: int) -> list[Row]:
        """PUTs and as many GETs at once, through the same worker."""
        plan, worker = self._plan, self._cloud.worker
        reads: list[float] = []

        def both() -> Rates:
            with ThreadPoolExecutor(1) as beside:
                done = beside.submit(
                    worker.many, "GET", read_prefix, CONNECTIONS, plan.duration_s, names=names
                )
                rate = self._put(CONNECTIONS, SMALL_BYTES).requests_per_s
                reads.append(done.result().requests_per_s)
            return Rates(rate, rate)

        turns = take_turns(plan.rounds, both, partial(self._syncs, SMALL_BYTES))
        name = f"PUT 4 KiB, {CONNECTIONS} connections, beside {CONNECTIONS} of GET"
        return [
            *rows_of_rates(name, turns, BESIDE_READS_RATIO_MIN),
            value_row("    the GETs beside it, requests/s", statistics.median(reads)),
        ]

    def _streamed(self, size: str, connections: int) -> Row:
        size_bytes = 64 * MIB

        def put() -> float:
            done = self._put(connections, size_bytes, UPLOAD_BYTES[connections])
            return done.requests_per_s * size_bytes / 1e6

        def reference() -> float:
            disk = self._disk.fresh_file_bytes_per_s(size_bytes)
            return min(disk, md5_bytes_per_s(size_bytes)) / 1e6

        rounds = self._plan.files if connections == 1 else 1
        name = f"PUT {size}, {connections} connections, MB/s against the slower of MD5 and disk"
        at_least = RATIO_MIN.get((size, connections))
        return ratio_row(name, compare(rounds, put, reference), at_least=at_least)

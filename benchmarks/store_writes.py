"""PUTs into the store against what the disk does by itself.

A PUT is answered when it is durable. The reference for up to 1 MiB is one thread that writes as
many bytes in place and calls fdatasync, again and again; the store may beat it, since requests
that wait together share a sync. The reference for 64 MiB is the slower of MD5 on one core, which
the API demands, and the disk writing a new file.
"""

from __future__ import annotations

import itertools
import statistics
from concurrent.futures import ThreadPoolExecutor

from benchmarks.cloud import Cloud
from benchmarks.disk import RawDisk, md5_bytes_per_s
from benchmarks.load import KIB, MIB, Load
from benchmarks.plan import Plan, load
from benchmarks.report import Row, compare, ratio_row, value_row

RATIO_MIN = {("4 KiB", 32): 0.6, ("64 MiB", 1): 0.85}
BESIDE_READS_RATIO_MIN = 0.4
CPU_US_MAX = 200
LOAD_BYTES = {1: 128 * MIB, 32: 512 * MIB}
UPLOAD_BYTES = {1: 64 * MIB, 32: 2048 * MIB}
CONNECTIONS = 32


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
        rows = [self._appends()]
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

    def _appends(self) -> Row:
        """What a sync costs when the file grows with each write: not the reference, but told."""
        comparison = compare(
            self._plan.rounds,
            lambda: self._disk.appends_per_s(4 * KIB, self._plan.sync_s),
            lambda: self._disk.overwrites_per_s(4 * KIB, self._plan.sync_s),
        )
        return ratio_row("the disk itself: 4 KiB appended/s against overwritten", comparison)

    def _synced(self, size: str, connections: int) -> list[Row]:
        size_bytes = self._plan.sizes[size]
        comparison = compare(
            self._plan.rounds,
            lambda: self._put(connections, size_bytes).requests_per_s,
            lambda: self._disk.overwrites_per_s(size_bytes, self._plan.sync_s),
        )
        name = f"PUT {size}, {connections} connections, requests/s against fdatasync"
        return [ratio_row(name, comparison, at_least=RATIO_MIN.get((size, connections)))]

    def _cpu(self) -> list[Row]:
        """What a PUT costs the worker and the disk process, their threads included."""
        disk = self._cloud.disk
        before_s = disk.cpu_s()
        done = self._put(CONNECTIONS, 4 * KIB)
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

        def both() -> float:
            with ThreadPoolExecutor(1) as beside:
                done = beside.submit(
                    worker.many, "GET", read_prefix, CONNECTIONS, plan.duration_s, names=names
                )
                written = self._put(CONNECTIONS, 4 * KIB)
                reads.append(done.result().requests_per_s)
            return written.requests_per_s

        comparison = compare(
            plan.rounds, both, lambda: self._disk.overwrites_per_s(4 * KIB, plan.sync_s)
        )
        name = f"PUT 4 KiB, {CONNECTIONS} connections, beside {CONNECTIONS} of GET"
        return [
            ratio_row(
                f"{name}, requests/s against fdatasync",
                comparison,
                at_least=BESIDE_READS_RATIO_MIN,
            ),
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

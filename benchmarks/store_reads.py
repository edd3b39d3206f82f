"""GETs from the store against one nginx process that serves the same files."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.cloud import Cloud
from benchmarks.load import KIB, MIB, Load, Server, body_of
from benchmarks.plan import Plan, load
from benchmarks.report import Comparison, Row, compare, ratio_row, value_row

NAMES_MAX = 1000
SET_BYTES = 256 * MIB
LOAD_BYTES = {1: 512 * MIB, 32: 2048 * MIB}
RATIO_MIN = {("4 KiB", 32): 0.12, ("64 MiB", 1): 0.7, ("64 MiB", 32): 0.7}
CPU_US_MAX = 80


def names_of(size_bytes: int) -> int:
    """Return over how many objects of a size the reads go."""
    return min(NAMES_MAX, SET_BYTES // size_bytes)


def prepare(cloud: Cloud, static: Path, size: str, size_bytes: int) -> str:
    """Store objects, and files for nginx; return the path of the objects."""
    names = names_of(size_bytes)
    files = static / str(size_bytes)
    files.mkdir()
    for number in range(names):
        (files / str(number)).write_bytes(body_of(size_bytes))
    prefix = cloud.create(f"read-{size_bytes // KIB}")
    cloud.worker.large("PUT", prefix, 8, names, size_bytes=size_bytes)
    return prefix


def read_rows(cloud: Cloud, nginx: Server, static: Path, plan: Plan) -> list[Row]:
    """Measure all sizes and numbers of connections."""
    rows = []
    for size, size_bytes in plan.sizes.items():
        prefix = prepare(cloud, static, size, size_bytes)
        for connections in plan.connections:
            rows += _rows_of(cloud, nginx, plan, size, prefix, connections)
    return rows


def _rows_of(
    cloud: Cloud, nginx: Server, plan: Plan, size: str, prefix: str, connections: int
) -> list[Row]:
    size_bytes = plan.sizes[size]
    loads: dict[int, list[Load]] = {cloud.worker.pid: [], nginx.pid: []}

    def get(server: Server, path: str) -> float:
        names = names_of(size_bytes)
        total_bytes = LOAD_BYTES[connections]
        result = load(
            plan,
            server,
            "GET",
            path,
            connections,
            size_bytes,
            names=names,
            total_bytes=total_bytes,
        )
        loads[server.pid].append(result)
        return result.requests_per_s

    comparison = compare(
        plan.rounds,
        lambda: get(cloud.worker, prefix),
        lambda: get(nginx, f"/{size_bytes}/"),
    )
    name = f"GET {size}, {connections} connections"
    at_least = RATIO_MIN.get((size, connections))
    rows = [ratio_row(f"{name}, requests/s against nginx", comparison, at_least=at_least)]
    if size == "4 KiB":
        ours, theirs = (
            statistics.median(load.cpu_us for load in loads[pid])
            for pid in (cloud.worker.pid, nginx.pid)
        )
        against = Comparison(ours, theirs, ours / theirs)
        rows.append(ratio_row(f"{name}, CPU us/request against nginx", against))
        if connections > 1:
            rows.append(value_row(f"{name}, CPU us/request", ours, at_most=CPU_US_MAX))
    return rows

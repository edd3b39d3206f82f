"""GETs from the store against one nginx process that serves the same files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cloud import Cloud
from benchmarks.load import KIB, MIB, Load, Server, body_of
from benchmarks.plan import Plan, load
from benchmarks.report import Row, comparison, ratio_row, take_turns, value_row

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

    def get(server: Server, path: str) -> Load:
        return load(
            plan,
            server,
            "GET",
            path,
            connections,
            size_bytes,
            names=names_of(size_bytes),
            total_bytes=LOAD_BYTES[connections],
        )

    turns = take_turns(
        plan.rounds, lambda: get(cloud.worker, prefix), lambda: get(nginx, f"/{size_bytes}/")
    )
    rates = comparison(turns, lambda load: load.requests_per_s)
    cpu = comparison(turns, lambda load: load.cpu_us)
    name = f"GET {size}, {connections} connections"
    at_least = RATIO_MIN.get((size, connections))
    rows = [ratio_row(f"{name}, requests/s against nginx", rates, at_least=at_least)]
    rows.append(ratio_row("    CPU us of each", cpu))
    if size == "4 KiB" and connections > 1:
        rows.append(value_row("    the same against its budget", cpu.value, at_most=CPU_US_MAX))
    return rows

"""The store, whole: `atoll up` with one worker and one device, asked over HTTP.

Run as `python -m benchmarks store [--quick]`. The data folder and the references' files lie below
`build/`, on the file system of the project.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cloud import Cloud, MemoryPeak, watched
from benchmarks.disk import RawDisk
from benchmarks.load import KIB, MIB, nginx, program
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.report import Row, value_row
from benchmarks.store_listings import PAGE_ROWS, fill, listing_rows
from benchmarks.store_reads import names_of, read_rows
from benchmarks.store_writes import Writes

BUILD = Path(__file__).resolve().parents[1] / "build"
START_S_MAX = 2
MEMORY_MIB_MAX = 150
MANY_CONNECTIONS = 256
ROOM_BYTES = 16 * 1024 * MIB


class NoRoomError(Exception):
    """The disk is too full for what will be written."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder beside the project's files, and remove it with all that is in it.

    Raises:
        NoRoomError: the file system has too little room.
    """
    BUILD.mkdir(exist_ok=True)
    if shutil.disk_usage(BUILD).free < ROOM_BYTES:
        raise NoRoomError(f"{BUILD} needs {ROOM_BYTES / 2**30:.0f} GiB of free space")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as name:
        yield Path(name)


def run(quick: bool) -> list[Row]:
    """Measure everything.

    Raises:
        NotInstalledError: nginx or wrk is missing.
        NoRoomError: the disk is too full.
        RefusedRequestError: the store, or nginx, answered with an error.
    """
    program("wrk", "wrk")
    program("nginx", "nginx")
    plan = QUICK if quick else FULL
    with scratch_folder() as folder:
        cloud = Cloud(folder / "data")
        try:
            return _measure(cloud, folder, plan)
        finally:
            cloud.stop()


def _measure(cloud: Cloud, folder: Path, plan: Plan) -> list[Row]:
    start_s = cloud.start()
    rows = [
        value_row(
            "start on an empty folder until the first answer, s", start_s, at_most=START_S_MAX
        )
    ]
    with watched(cloud.worker) as peak:
        rows += _objects(cloud, folder, plan)
    memory = _memory(peak)
    for container in ("short", "long"):
        cloud.create(container)
    cloud.stop()
    fill(cloud, "short", PAGE_ROWS)
    fill(cloud, "long", plan.rows)
    start_s = cloud.start()
    rows.append(
        value_row(f"start on a folder with {plan.rows:,} names, s", start_s, at_most=START_S_MAX)
    )
    return [*rows, *listing_rows(cloud, plan), *memory]


def _objects(cloud: Cloud, folder: Path, plan: Plan) -> list[Row]:
    static = folder / "static"
    static.mkdir()
    with nginx(static) as server:
        rows = read_rows(cloud, server, static, plan)
    prefix, names = f"{cloud.account}read-4/", names_of(4 * KIB)
    cloud.worker.many("GET", prefix, MANY_CONNECTIONS, plan.duration_s, names=names)
    return rows + Writes(cloud, RawDisk(folder), plan).rows(prefix, names)


def _memory(peak: MemoryPeak) -> list[Row]:
    own = peak.private_bytes / MIB
    name = "worker memory at its highest, MiB"
    return [
        value_row(f"{name}: its own", own, at_most=MEMORY_MIB_MAX),
        value_row(f"{name}: with mapped files", peak.resident_bytes / MIB),
    ]

"""Pages of a long listing against the same pages of a short one.

The long container is filled through its device's writer while the cloud is down, with rows alone:
a listing reads nothing else. Both have names of one form, a thousand folders in each.
"""

from __future__ import annotations

import http.client
import time
from functools import partial
from urllib.parse import urlencode

from atoll.invariant import invariant
from atoll.world import real_world
from benchmarks.cloud import Cloud
from benchmarks.load import HOST, RefusedRequestError
from benchmarks.plan import Plan
from benchmarks.report import Row, compare, ratio_row, value_row
from storage.cluster import read_cluster
from storage.container.record import read_container
from storage.container.row import Row as ListingRow
from storage.data_folder import StorageFolder
from storage.device.folder import DeviceFolder
from storage.device.writer import Writer
from storage.mutation import Mutation, PutRow, Status
from storage.path import PathHasher
from storage.timestamp import HybridClock, process_id

PAGE_ROWS = 1000
PAGE = {"format": "json", "limit": "1000"}
FOLDERS = 1000
GROUP_ROWS = 10_000
SLOT = 4094
RATIO_MAX = 1.2
CPU_MS_MAX = 4
PAGES = 20


def name_of(number: int, rows: int) -> str:
    """Return the name of a row: a thousand folders share the rows."""
    per_folder = rows // FOLDERS
    return f"tree/{number // per_folder:03d}/{number % per_folder:06d}"


def fill(cloud: Cloud, container: str, rows: int) -> None:
    """Give a container rows; the cloud must be down."""
    world = real_world()
    cluster = read_cluster(world.disk, cloud.data)
    if cluster is None:
        raise RefusedRequestError(f"{cloud.data}: there is no cluster")
    hasher = PathHasher(bytes.fromhex(cluster.hash_salt))
    folder = DeviceFolder(world.disk, StorageFolder(cloud.data).device(0))
    index = folder.open_index(folder.check(cluster.cluster_id, 0), writable=True)
    account = cloud.account.strip("/").rpartition("/")[2]
    account_hash, container_hash = hasher(account), hasher(account, container)
    try:
        with index.snapshot() as snapshot:
            record = read_container(snapshot, container_hash)
        if record is None:
            raise RefusedRequestError(f"{container}: there is no such container")
        clock = HybridClock(
            world.clock, process_id(0, SLOT, 0), drift_ms_max=10_000, floor=record.changed
        )
        writer = Writer(index, folder.payloads, reclaim_age_s=1, reserve_bytes=0)
        for start in range(0, rows, GROUP_ROWS):
            group: list[Mutation] = [
                PutRow(
                    account_hash,
                    container_hash,
                    record.id,
                    name_of(number, rows),
                    ListingRow(clock.now(), False, 1, 4096, "0" * 32, "application/octet-stream"),
                )
                for number in range(start, min(rows, start + GROUP_ROWS))
            ]
            [outcomes] = writer.apply([group])
            invariant(all(one.status == Status.ACCEPTED for one in outcomes), "rows are accepted")
    finally:
        index.close()


class Pages:
    """Asks for one page after the other on one connection."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._connection = http.client.HTTPConnection(HOST, cloud.port, timeout=60)

    def ms(self, container: str, queries: list[dict[str, str]]) -> float:
        """Return the mean time of pages; each must have a thousand entries."""
        spent_s = 0.0
        for query in queries:
            path = f"{self._cloud.account}{container}?{urlencode({**PAGE, **query})}"
            begin_s = time.perf_counter()
            self._connection.request("GET", path, headers=dict(self._cloud.worker.headers))
            response = self._connection.getresponse()
            body = response.read()
            spent_s += time.perf_counter() - begin_s
            invariant(response.status == 200, "a page is served")
            invariant(body.count(b"},") == PAGE_ROWS - 1, "a page is full")
        return spent_s / len(queries) * 1e3

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def listing_rows(cloud: Cloud, plan: Plan) -> list[Row]:
    """Measure pages; the cloud runs, and holds the containers `short` and `long`."""
    first: list[dict[str, str]] = [{}] * PAGES
    step = plan.rows // PAGES
    middle = [{"marker": name_of(at, plan.rows)} for at in range(0, plan.rows - PAGE_ROWS, step)]
    folders = [{"prefix": "tree/", "delimiter": "/"}] * PAGES
    pages = Pages(cloud)
    try:
        rows = []
        for what, queries, short_queries in (
            ("the next 1,000 of", middle, first),
            ("1,000 folders by prefix and delimiter, of", folders, folders),
        ):
            comparison = compare(
                plan.rounds,
                partial(pages.ms, "long", queries),
                partial(pages.ms, "short", short_queries),
            )
            name = f"listing page, {what} {plan.rows:,}, ms against 1,000"
            rows.append(ratio_row(name, comparison, at_most=RATIO_MAX))
            before_s = cloud.worker.cpu_s()
            pages.ms("long", queries)
            cpu_ms = (cloud.worker.cpu_s() - before_s) / len(queries) * 1e3
            rows.append(value_row("    CPU ms of it", cpu_ms, at_most=CPU_MS_MAX))
        return rows
    finally:
        pages.close()

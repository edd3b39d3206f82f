"""Writers of one Delta Lake table, who commit by conditional put.

`deltalake_program.py FEATURE BUCKET` runs them and reads the table.

A commit is a put of the log's next file with `If-None-Match: *`: of two writers one gets the name,
the other reads what was committed and takes the next one.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

WRITERS = 2
COMMITS = 8


def client() -> dict[str, str]:
    """Return what tells the library where the store is."""
    return {
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_ALLOW_HTTP": "true",
        "AWS_CONDITIONAL_PUT": "etag",
    }


def write(store: dict[str, str], uri: str, writer: int) -> None:
    for commit in range(COMMITS):
        rows = pa.table({"writer": [writer] * 3, "commit": [commit] * 3, "row": [0, 1, 2]})
        write_deltalake(uri, rows, mode="append", storage_options=store)


def delta_lake(store: dict[str, str], bucket: str) -> None:
    uri = f"s3://{bucket}/table"
    rows = pa.table({"writer": [-1], "commit": [0], "row": [0]})
    write_deltalake(uri, rows, storage_options=store)
    with ProcessPoolExecutor(WRITERS, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(write, store, uri, writer) for writer in range(WRITERS)]:
            done.result()
    table = DeltaTable(uri, storage_options=store)
    assert table.version() == WRITERS * COMMITS
    stored = QueryBuilder().register("t", table).execute("select writer, commit, row from t")
    found = pa.table(stored.read_all()).to_pylist()
    expected = [(-1, 0, 0)] + [
        (writer, commit, row)
        for writer in range(WRITERS)
        for commit in range(COMMITS)
        for row in range(3)
    ]
    assert sorted((one["writer"], one["commit"], one["row"]) for one in found) == expected


if __name__ == "__main__":
    globals()[sys.argv[1]](client(), sys.argv[2])

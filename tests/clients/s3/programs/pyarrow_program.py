"""What programs do with Arrow's own S3 client; `pyarrow_program.py FEATURE BUCKET`."""

from __future__ import annotations

import os
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

ROWS = 200_000


def client() -> fs.S3FileSystem:
    """Return a file system by what the environment says."""
    return fs.S3FileSystem(
        endpoint_override=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
        scheme="http",
        region=os.environ["AWS_REGION"],
    )


def table() -> pa.Table:
    return pa.table(
        {
            "number": pa.array(range(ROWS), pa.int64()),
            "half": [number / 2 for number in range(ROWS)],
            "name": [f"row {number} ☃" for number in range(ROWS)],
            "kind": [f"kind-{number % 3}" for number in range(ROWS)],
        }
    )


def objects(s3: fs.S3FileSystem, bucket: str) -> None:
    with s3.open_output_stream(f"{bucket}/folder/one") as stream:
        stream.write(b"hello")
    with s3.open_input_file(f"{bucket}/folder/one") as file:
        assert (file.read_at(3, 1), file.size()) == (b"ell", 5)
    s3.move(f"{bucket}/folder/one", f"{bucket}/folder/two")
    s3.copy_file(f"{bucket}/folder/two", f"{bucket}/three")
    found = s3.get_file_info(fs.FileSelector(bucket, recursive=True))
    assert {one.path for one in found if one.is_file} == {f"{bucket}/folder/two", f"{bucket}/three"}
    s3.delete_dir_contents(bucket)
    assert s3.get_file_info(fs.FileSelector(bucket)) == []


def multipart_upload(s3: fs.S3FileSystem, bucket: str) -> None:
    piece = bytes(range(256)) * 4096
    with s3.open_output_stream(f"{bucket}/large") as stream:
        for _ in range(21):
            stream.write(piece)
    with s3.open_input_stream(f"{bucket}/large") as stream:
        assert stream.read() == piece * 21


def parquet(s3: fs.S3FileSystem, bucket: str) -> None:
    pq.write_table(table(), f"{bucket}/one.parquet", filesystem=s3)
    assert pq.read_table(f"{bucket}/one.parquet", filesystem=s3).equals(table())
    ds.write_dataset(
        table(),
        f"{bucket}/parts",
        format="parquet",
        filesystem=s3,
        partitioning=ds.partitioning(pa.schema([("kind", pa.string())]), flavor="hive"),
    )
    parts = ds.dataset(f"{bucket}/parts", filesystem=s3, partitioning="hive")
    assert len(parts.files) == 3
    some = parts.to_table(filter=(ds.field("kind") == "kind-1") & (ds.field("number") < 10))
    assert sorted(some["number"].to_pylist()) == [1, 4, 7]
    assert parts.to_table().sort_by("number").select(table().column_names).equals(table())


if __name__ == "__main__":
    globals()[sys.argv[1]](client(), sys.argv[2])

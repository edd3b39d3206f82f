"""What programs do with fsspec's s3fs; `fsspec_program.py FEATURE BUCKET`."""

from __future__ import annotations

import os
import random
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import s3fs

MIB = 2**20
DATA = random.Random(0).randbytes(12 * MIB + 3)


def client() -> s3fs.S3FileSystem:
    """Return a file system by what the environment says."""
    return s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"], use_listings_cache=False)


def objects(s3: s3fs.S3FileSystem, bucket: str) -> None:
    s3.pipe({f"{bucket}/folder/{name} ☃": name.encode() for name in ("one", "two")})
    assert s3.cat(f"{bucket}/folder/one ☃") == b"one"
    assert s3.cat_file(f"{bucket}/folder/two ☃", start=1, end=3) == b"wo"
    assert s3.glob(f"{bucket}/**/t*") == [f"{bucket}/folder/two ☃"]
    s3.mv(f"{bucket}/folder/one ☃", f"{bucket}/moved")
    assert (s3.exists(f"{bucket}/folder/one ☃"), s3.info(f"{bucket}/moved")["size"]) == (False, 3)
    s3.rm(f"{bucket}/folder", recursive=True)
    assert s3.ls(bucket) == [f"{bucket}/moved"]


def multipart_upload(s3: s3fs.S3FileSystem, bucket: str) -> None:
    with s3.open(f"{bucket}/large", "wb", block_size=5 * MIB) as file:
        file.write(DATA)
    with s3.open(f"{bucket}/large", "ab", block_size=5 * MIB) as file:
        file.write(b"more")
    with s3.open(f"{bucket}/large", "rb", block_size=MIB) as file:
        assert file.read() == DATA + b"more"
        file.seek(7 * MIB)
        assert file.read(10) == DATA[7 * MIB : 7 * MIB + 10]


def parquet(s3: s3fs.S3FileSystem, bucket: str) -> None:
    table = pa.table({"number": range(50_000), "kind": [f"k{one % 3}" for one in range(50_000)]})
    pq.write_table(table, f"{bucket}/one.parquet", filesystem=s3)
    assert pq.read_table(f"{bucket}/one.parquet", filesystem=s3).equals(table)
    pq.write_to_dataset(table, f"{bucket}/parts", partition_cols=["kind"], filesystem=s3)
    parts = ds.dataset(f"{bucket}/parts", filesystem=s3, partitioning="hive")
    some = parts.to_table(filter=ds.field("kind") == "k2", columns=["number"])
    assert sorted(some["number"].to_pylist()) == list(range(2, 50_000, 3))


if __name__ == "__main__":
    globals()[sys.argv[1]](client(), sys.argv[2])

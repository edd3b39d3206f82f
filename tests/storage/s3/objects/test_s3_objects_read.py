"""GetObject and HeadObject."""

from typing import Any

import pytest
from s3_harness import S3, ApiError, Client


async def bucket(client: Client, name: str = "bucket", **more: Any) -> str:
    await client.call("CreateBucket", Bucket=name, **more)
    return name


async def test_what_was_put_is_read(tester: Client) -> None:
    name = await bucket(tester)
    put = await tester.call("PutObject", Bucket=name, Key="a/b c", Body=b"hello")
    got = await tester.call("GetObject", Bucket=name, Key="a/b c")
    assert got["Body"].read() == b"hello"
    assert got["ETag"] == put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert got["ContentLength"] == 5
    assert got["ContentType"] == "binary/octet-stream"
    assert got["AcceptRanges"] == "bytes"
    assert got["Metadata"] == {}
    assert "VersionId" not in got

"""Buckets: create, head, list, delete, location."""

from __future__ import annotations

import pytest
from s3_harness import S3, ApiError, Client


async def test_a_new_bucket_is_there_and_listed(tester: Client) -> None:
    assert await tester.call("CreateBucket", Bucket="photos")
    head = await tester.call("HeadBucket", Bucket="photos")
    assert head["BucketRegion"] == "us-east-1"
    listed = await tester.call("ListBuckets")
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["photos"]


async def test_a_deleted_bucket_is_gone_and_its_name_free(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    other = s3.clients["other:admin"]
    with pytest.raises(ApiError) as refused:
        await other.call("CreateBucket", Bucket="photos")
    assert refused.value.code == "BucketAlreadyExists"
    await tester.call("DeleteBucket", Bucket="photos")
    with pytest.raises(ApiError) as missing:
        await tester.call("GetBucketLocation", Bucket="photos")
    assert missing.value.code == "NoSuchBucket"
    await other.call("CreateBucket", Bucket="photos")

"""GetObjectAttributes and RestoreObject."""

import pytest
from s3_harness import ApiError, Client
from s3_objects import md5_hex

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await tester.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x")
    return tester


async def test_what_is_asked_for_is_told(client: Client) -> None:
    for asked, expected in (
        (["ETag"], {"ETag": md5_hex(b"x")}),
        (["ObjectSize", "StorageClass"], {"ObjectSize": 1, "StorageClass": "STANDARD"}),
        (["ObjectParts"], {}),
    ):
        told = await client.call(
            "GetObjectAttributes", Bucket=BUCKET, Key="key", ObjectAttributes=asked
        )
        head = await client.call("HeadObject", Bucket=BUCKET, Key="key")
        assert told.pop("LastModified") == head["LastModified"]
        del told["ResponseMetadata"]
        assert told == expected


@pytest.mark.parametrize("asked", ["", " , ", "ETag,Unknown", "etag"])
async def test_attributes_that_there_are_not(client: Client, asked: str) -> None:
    headers = {"x-amz-object-attributes": asked}
    answer = await client.request("GET", "/bucket/key", "attributes", headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_attributes_of_nothing(client: Client) -> None:
    headers = {"x-amz-object-attributes": "ETag"}
    answer = await client.request("GET", "/bucket/nothing", "attributes", headers)
    assert (answer.status, answer.code) == (404, "NoSuchKey")


async def test_only_archives_are_restored(client: Client) -> None:
    asked = {"Bucket": BUCKET, "Key": "key", "RestoreRequest": {"Days": 1}}
    with pytest.raises(ApiError) as refused:
        await client.call("RestoreObject", **asked)
    assert (refused.value.status, refused.value.code) == (403, "InvalidObjectState")
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x", StorageClass="GLACIER")
    await client.call("RestoreObject", **asked)
    answer = await client.request("POST", "/bucket/key", "restore", body=b"<Other/>")
    assert (answer.status, answer.code) == (400, "MalformedXML")

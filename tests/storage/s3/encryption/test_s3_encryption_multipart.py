"""Encrypted multipart objects: parts, copies of ranges, and what is refused."""

from typing import Any

import pytest
from s3_encryption import BUCKET, KEY_B, KMS, S3_MANAGED, customer, of_source, pattern, stored_bytes
from s3_harness import S3, ApiError, Client

from storage.s3.encryption.segments import PLAIN_SIZE_BYTES

OBJECT = {"Bucket": BUCKET, "Key": "key"}
MODES = [S3_MANAGED, KMS, customer()]
IDS = ["sse-s3", "sse-kms", "sse-c"]


def keys_of(mode: dict[str, str]) -> dict[str, str]:
    return mode if "SSECustomerKey" in mode else {}


async def send(
    client: Client, upload: str, number: int, data: bytes, **more: Any
) -> dict[str, Any]:
    asked = {**OBJECT, "UploadId": upload, "PartNumber": number, "Body": data}
    put = await client.call("UploadPart", **asked, **more)
    return {"PartNumber": number, "ETag": put["ETag"]}


async def complete(client: Client, upload: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return await client.call(
        "CompleteMultipartUpload", **OBJECT, UploadId=upload, MultipartUpload={"Parts": parts}
    )


@pytest.mark.parametrize("mode", MODES, ids=IDS)
async def test_a_multipart_object(s3: S3, client: Client, mode: dict[str, str]) -> None:
    keys = keys_of(mode)
    begun = await client.call("CreateMultipartUpload", **OBJECT, **mode)
    upload = begun["UploadId"]
    assert begun.get("ServerSideEncryption") == mode.get("ServerSideEncryption")
    data = [pattern(PLAIN_SIZE_BYTES + 3), b"x" * 1500, pattern(2 * PLAIN_SIZE_BYTES)]
    await send(client, upload, 2, b"first try" * 500, **keys)
    parts = [await send(client, upload, n, one, **keys) for n, one in enumerate(data, start=1)]
    done = await complete(client, upload, parts)
    assert done.get("SSEKMSKeyId") == mode.get("SSEKMSKeyId")
    whole = b"".join(data)
    got = await client.call("GetObject", **OBJECT, **keys)
    assert got["Body"].read() == whole
    assert got.get("ServerSideEncryption") == mode.get("ServerSideEncryption")
    assert got["ContentLength"] == len(whole)
    for first in (0, PLAIN_SIZE_BYTES - 1, len(data[0]) - 1, len(data[0]) + 1400):
        asked = await client.call(
            "GetObject", **OBJECT, Range=f"bytes={first}-{first + 200}", **keys
        )
        assert asked["Body"].read() == whole[first : first + 201]
    second = await client.call("GetObject", **OBJECT, PartNumber=2, **keys)
    assert second["Body"].read() == data[1]
    assert whole[:16] not in stored_bytes(s3)
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert [one["Size"] for one in listed["Contents"]] == [len(whole)]


async def test_the_object_of_a_customers_key_needs_it(client: Client) -> None:
    begun = await client.call("CreateMultipartUpload", **OBJECT, **customer())
    part = await send(client, begun["UploadId"], 1, b"data", **customer())
    await complete(client, begun["UploadId"], [part])
    for more, status in (({}, 400), (customer(KEY_B), 403)):
        with pytest.raises(ApiError) as refused:
            await client.call("GetObject", **OBJECT, **more)
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("mode", "part"),
    [(customer(), {}), (customer(), customer(KEY_B)), (KMS, customer()), ({}, customer())],
)
async def test_parts_that_are_refused(
    client: Client, mode: dict[str, str], part: dict[str, str]
) -> None:
    begun = await client.call("CreateMultipartUpload", **OBJECT, **mode)
    with pytest.raises(ApiError) as refused:
        await send(client, begun["UploadId"], 1, b"data", **part)
    assert (refused.value.status, refused.value.code) == (400, "InvalidRequest")


@pytest.mark.parametrize("mode", [{}, *MODES], ids=["plain", *IDS])
async def test_parts_that_are_copied(client: Client, mode: dict[str, str]) -> None:
    data = pattern(3 * PLAIN_SIZE_BYTES)
    await client.call("PutObject", Bucket=BUCKET, Key="source", Body=data, **customer())
    begun = await client.call("CreateMultipartUpload", **OBJECT, **mode)
    copy = await client.call(
        "UploadPartCopy",
        **OBJECT,
        UploadId=begun["UploadId"],
        PartNumber=1,
        CopySource="bucket/source",
        CopySourceRange=f"bytes=100-{PLAIN_SIZE_BYTES + 200}",
        **of_source(),
        **keys_of(mode),
    )
    part = {"PartNumber": 1, "ETag": copy["CopyPartResult"]["ETag"]}
    await complete(client, begun["UploadId"], [part])
    got = await client.call("GetObject", **OBJECT, **keys_of(mode))
    assert got["Body"].read() == data[100 : PLAIN_SIZE_BYTES + 201]


async def test_a_multipart_object_is_copied(client: Client) -> None:
    begun = await client.call("CreateMultipartUpload", **OBJECT, **customer())
    data = [pattern(5000), pattern(100)]
    parts = [
        await send(client, begun["UploadId"], n, one, **customer())
        for n, one in enumerate(data, start=1)
    ]
    await complete(client, begun["UploadId"], parts)
    await client.call(
        "CopyObject", Bucket=BUCKET, Key="copy", CopySource="bucket/key", **of_source()
    )
    got = await client.call("GetObject", Bucket=BUCKET, Key="copy")
    assert got["Body"].read() == b"".join(data)

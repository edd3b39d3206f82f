"""Encrypted objects, as ceph/s3-tests has them: encryption_sse_c_*, sse_s3_*, sse_kms_*."""

from hashlib import md5
from typing import Any

import pytest
from s3_encryption import (
    BUCKET,
    KEY_B,
    KMS,
    S3_MANAGED,
    base64,
    customer,
    of_source,
    pattern,
    stored_bytes,
)
from s3_harness import S3, ApiError, Client, s3_api

from storage.object.record import SEAL
from storage.proxy.errors import PayloadLostError
from storage.s3.encryption.segments import PLAIN_SIZE_BYTES, stored_size
from storage.s3.settings import S3Settings

MODES = [S3_MANAGED, KMS, customer()]
IDS = ["sse-s3", "sse-kms", "sse-c"]
OBJECT = {"Bucket": BUCKET, "Key": "key"}


def to_read(mode: dict[str, str]) -> dict[str, str]:
    """Return the parameters with which an object of a mode is read."""
    return mode if "SSECustomerKey" in mode else {}


async def read(client: Client, key: str = "key", **more: Any) -> bytes:
    got = await client.call("GetObject", Bucket=BUCKET, Key=key, **more)
    data: bytes = got["Body"].read()
    return data


@pytest.mark.parametrize("mode", MODES, ids=IDS)
@pytest.mark.parametrize("size", [0, 1, 1000, 1024 * 1024, 3 * PLAIN_SIZE_BYTES])
async def test_what_is_written_is_read_and_is_not_stored_in_the_clear(
    s3: S3, client: Client, mode: dict[str, str], size: int
) -> None:
    data = pattern(size)
    put = await client.call("PutObject", **OBJECT, Body=data, **mode)
    assert await read(client, **to_read(mode)) == data
    head = await client.call("HeadObject", **OBJECT, **to_read(mode))
    for answer in (put, head):
        for name in ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerKeyMD5"):
            assert answer.get(name) == mode.get(name)
    assert head["ContentLength"] == size
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert [one["Size"] for one in listed["Contents"]] == [size]
    assert listed["Contents"][0]["ETag"] == put["ETag"] == head["ETag"]
    plain_etag = f'"{md5(data, usedforsecurity=False).hexdigest()}"'
    assert (put["ETag"] == plain_etag) == (mode is S3_MANAGED)
    if size >= 16:
        assert data[:16] not in stored_bytes(s3)
    container = await s3.memory.store.container("AUTH_test", BUCKET)
    assert container is not None
    record = await s3.memory.store.object(container, "key")
    assert record is not None
    assert record.stored_size_bytes == stored_size(size)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
async def test_ranges(client: Client, mode: dict[str, str]) -> None:
    data = pattern(3 * PLAIN_SIZE_BYTES + 77)
    await client.call("PutObject", **OBJECT, Body=data, **mode)
    edge = PLAIN_SIZE_BYTES
    for first, last in ((0, 0), (edge - 1, edge), (5, 2 * edge + 5), (3 * edge, 3 * edge + 76)):
        got = await client.call(
            "GetObject", **OBJECT, Range=f"bytes={first}-{last}", **to_read(mode)
        )
        assert got["Body"].read() == data[first : last + 1]
        assert got["ContentRange"] == f"bytes {first}-{last}/{len(data)}"
    assert await read(client, Range="bytes=-10", **to_read(mode)) == data[-10:]


async def test_customers_keys_are_never_kept(s3: S3, client: Client) -> None:
    await client.call("PutObject", **OBJECT, Body=pattern(5000), **customer())
    kept, given = stored_bytes(s3), customer()
    assert b"a" * 32 not in kept
    assert given["SSECustomerKey"].encode() not in kept
    assert given["SSECustomerKeyMD5"].encode() not in kept


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject", "GetObjectAttributes"])
@pytest.mark.parametrize(
    ("mode", "more", "status", "code"),
    [
        (customer(), {}, 400, "InvalidRequest"),
        (customer(), customer(KEY_B), 403, "AccessDenied"),
        (customer(), {"SSECustomerKey": base64(KEY_B)}, 400, "InvalidArgument"),
        ({}, customer(), 400, "InvalidRequest"),
        (S3_MANAGED, customer(), 400, "InvalidRequest"),
        (KMS, customer(), 400, "InvalidRequest"),
    ],
)
async def test_reads_that_are_refused(
    client: Client,
    operation: str,
    mode: dict[str, str],
    more: dict[str, str],
    status: int,
    code: str,
) -> None:
    await client.call("PutObject", **OBJECT, Body=b"x", **mode)
    asked = {"ObjectAttributes": ["ETag"]} if operation == "GetObjectAttributes" else {}
    with pytest.raises(ApiError) as refused:
        await client.call(operation, **OBJECT, **asked, **more)
    assert refused.value.status == status
    assert operation == "HeadObject" or refused.value.code == code


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_names_no_encryption(client: Client, method: str) -> None:
    await client.call("PutObject", **OBJECT, Body=b"x", **KMS)
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "testkey-1",
    }
    answer = await client.request(method, "/bucket/key", headers=headers)
    assert answer.status == 400


SSE = "x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({SSE: "AES128"}, 400, "InvalidArgument"),
        ({SSE: "aws:kms:dsse"}, 501, "NotImplemented"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "none"}, 400, "KMS.NotFoundException"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "disabled"}, 400, "KMS.DisabledException"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k" * 2049}, 400, "InvalidArgument"),
        ({f"{SSE}-aws-kms-key-id": "testkey-1"}, 400, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-aws-kms-key-id": "testkey-1"}, 400, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-context": "e30="}, 400, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": "!"}, 400, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": base64(b'{"a":1}')}, 400, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": base64(b"[" * 5000)}, 400, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-bucket-key-enabled": "no"}, 400, "InvalidArgument"),
        ({f"{SSE}-customer-algorithm": "AES256"}, 400, "InvalidArgument"),
        ({f"{SSE}-customer-key": base64(b"a" * 32)}, 400, "InvalidArgument"),
    ],
)
async def test_writes_that_are_refused(
    client: Client, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.request("PUT", "/bucket/key", headers=headers, body=b"x")
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SSECustomerAlgorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
        ({"SSECustomerKeyMD5": base64(bytes(16))}, "InvalidArgument"),
        ({"SSECustomerKey": base64(b"short")}, "InvalidArgument"),
        ({"SSECustomerKey": "%%%"}, "InvalidArgument"),
        (S3_MANAGED, "InvalidArgument"),
    ],
)
async def test_customers_keys_that_are_refused(
    client: Client, change: dict[str, str], code: str
) -> None:
    for operation in ("PutObject", "CreateMultipartUpload"):
        with pytest.raises(ApiError) as refused:
            await client.call(operation, **OBJECT, **{**customer(), **change})
        assert (refused.value.status, refused.value.code) == (400, code)


async def test_customers_keys_may_need_tls() -> None:
    async with s3_api(S3Settings(sse_c_requires_tls=True)) as s3:
        client = s3.clients["test:tester"]
        await client.call("CreateBucket", Bucket=BUCKET)
        await client.call("PutObject", **OBJECT, Body=b"x", **S3_MANAGED)
        with pytest.raises(ApiError) as refused:
            await client.call("PutObject", **OBJECT, Body=b"x", **customer())
        assert (refused.value.status, refused.value.code) == (400, "InvalidRequest")
        assert "secure connection" in str(refused.value)


async def test_a_kms_object_says_how_it_is_kept(client: Client) -> None:
    context = base64(b'{"project":"one"}')
    more = {"SSEKMSEncryptionContext": context, "BucketKeyEnabled": True}
    put = await client.call("PutObject", **OBJECT, Body=b"x", **KMS, **more)
    assert put["SSEKMSEncryptionContext"] == context
    got = await client.call("GetObject", **OBJECT)
    assert put["BucketKeyEnabled"] is got["BucketKeyEnabled"] is True
    assert got["SSEKMSKeyId"] == "testkey-1"
    default = await client.call(
        "PutObject", Bucket=BUCKET, Key="other", ServerSideEncryption="aws:kms"
    )
    assert default["SSEKMSKeyId"] == "aws/s3"


async def test_the_announced_md5_is_of_the_plain_bytes(client: Client) -> None:
    data = pattern(5000)
    right = base64(md5(data, usedforsecurity=False).digest())
    for mode in MODES:
        await client.call("PutObject", **OBJECT, Body=data, ContentMD5=right, **mode)
        with pytest.raises(ApiError) as refused:
            await client.call(
                "PutObject", **OBJECT, Body=data, ContentMD5=base64(bytes(16)), **mode
            )
        assert refused.value.code == "BadDigest"


@pytest.mark.parametrize("target", [{}, *MODES], ids=["plain", *IDS])
@pytest.mark.parametrize("source", [{}, *MODES], ids=["plain", *IDS])
async def test_copies(
    s3: S3, client: Client, source: dict[str, str], target: dict[str, str]
) -> None:
    data = pattern(2 * PLAIN_SIZE_BYTES + 5)
    await client.call("PutObject", **OBJECT, Body=data, Metadata={"a": "b"}, **source)
    opening = of_source() if to_read(source) else {}
    copied = await client.call(
        "CopyObject", Bucket=BUCKET, Key="copy", CopySource="bucket/key", **target, **opening
    )
    assert copied.get("ServerSideEncryption") == target.get("ServerSideEncryption")
    got = await client.call("GetObject", Bucket=BUCKET, Key="copy", **to_read(target))
    assert got["Body"].read() == data
    assert got["Metadata"] == {"a": "b"}
    if not target:
        container = await s3.memory.store.container("AUTH_test", BUCKET)
        assert container is not None
        record = await s3.memory.store.object(container, "copy")
        assert record is not None
        assert SEAL not in record.system


async def test_copies_that_are_refused(client: Client) -> None:
    await client.call("PutObject", **OBJECT, Body=b"x", **customer())
    copy = {"Bucket": BUCKET, "Key": "copy", "CopySource": "bucket/key"}
    for more, status in (({}, 400), (of_source(KEY_B), 403), (customer(), 400)):
        with pytest.raises(ApiError) as refused:
            await client.call("CopyObject", **copy, **more)
        assert refused.value.status == status
    await client.call("PutObject", **OBJECT, Body=b"x")
    with pytest.raises(ApiError) as refused:
        await client.call("CopyObject", **copy, **of_source())
    assert refused.value.status == 400


async def test_a_copy_onto_itself_may_change_the_encryption(client: Client) -> None:
    await client.call("PutObject", **OBJECT, Body=b"data", **customer())
    await client.call("CopyObject", **OBJECT, CopySource="bucket/key", **of_source(), **KMS)
    assert await read(client) == b"data"


async def test_tags_and_other_changes_leave_the_encryption_alone(client: Client) -> None:
    data = pattern(5000)
    await client.call("PutObject", **OBJECT, Body=data, **S3_MANAGED)
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    await client.call("PutObjectTagging", **OBJECT, Tagging=tags)
    assert await read(client) == data
    await client.call("DeleteObjectTagging", **OBJECT)
    assert await read(client) == data


async def test_versions_have_each_its_own_encryption(client: Client) -> None:
    await client.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    versions = []
    for number, mode in enumerate([{}, *MODES]):
        body = pattern(2000 + number)
        put = await client.call("PutObject", **OBJECT, Body=body, **mode)
        versions.append((put["VersionId"], body, to_read(mode)))
    for version, body, keys in versions:
        assert await read(client, VersionId=version, **keys) == body


async def test_a_damaged_segment_is_never_served(s3: S3, client: Client) -> None:
    data = pattern(900)
    await client.call("PutObject", **OBJECT, Body=data, **S3_MANAGED)
    await client.call("PutObject", Bucket=BUCKET, Key="other", Body=data, **S3_MANAGED)
    store = s3.memory.store
    container = await store.container("AUTH_test", BUCKET)
    assert container is not None
    one, other = await store.object(container, "key"), await store.object(container, "other")
    assert one is not None
    assert other is not None
    swapped = one._replace(system=other.system)  # as if somebody had moved the payload's key
    with pytest.raises(PayloadLostError, match="does not open"):
        async with store.open(container, swapped):
            pass

"""Multipart uploads, as ceph/s3-tests has them: test_multipart_*, test_abort_*, test_list_*."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from s3_harness import PART_SIZE_BYTES_MIN, ApiError, Client
from s3_objects import md5_hex

from native import crc32, crc64nvme

BIG = PART_SIZE_BYTES_MIN


@pytest.fixture
async def bucket(tester: Client) -> str:
    await tester.call("CreateBucket", Bucket="bucket")
    return "bucket"


async def create(client: Client, key: str = "key", **more: Any) -> dict[str, Any]:
    created = await client.call("CreateMultipartUpload", Bucket="bucket", Key=key, **more)
    return {"Bucket": "bucket", "Key": key, "UploadId": created["UploadId"]}


async def send(client: Client, upload: dict[str, Any], *bodies: bytes, **more: Any) -> list[Any]:
    parts = []
    for number, body in enumerate(bodies, 1):
        sent = await client.call("UploadPart", **upload, PartNumber=number, Body=body, **more)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    return parts


async def complete(
    client: Client, upload: dict[str, Any], parts: list[Any], **more: Any
) -> dict[str, Any]:
    return await client.call(
        "CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts}, **more
    )


async def body_of(client: Client, key: str = "key", **more: Any) -> bytes:
    got = await client.call("GetObject", Bucket="bucket", Key=key, **more)
    read: bytes = got["Body"].read()
    return read


async def test_parts_become_an_object(tester: Client, bucket: str) -> None:
    upload = await create(
        tester, ContentType="text/plain", Metadata={"foo": "bar"}, CacheControl="no-store"
    )
    bodies = [bytes([65 + number]) * (BIG + number) for number in range(3)]
    parts = await send(tester, upload, *bodies)
    done = await complete(tester, upload, parts)
    etag = md5_hex(b"".join(bytes.fromhex(md5_hex(one)) for one in bodies)) + "-3"
    assert done["ETag"] == f'"{etag}"'
    assert done["Bucket"] == bucket
    assert done["Key"] == "key"
    assert done["Location"] == "http://s3.localhost/bucket/key"
    assert done["ChecksumType"] == "FULL_OBJECT"
    whole = b"".join(bodies)
    assert done["ChecksumCRC64NVME"] == b64encode(crc64nvme(whole).to_bytes(8)).decode()
    got = await tester.call("GetObject", Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert got["Body"].read() == whole
    assert got["ETag"] == done["ETag"]
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"foo": "bar"}
    assert got["CacheControl"] == "no-store"
    assert got["ChecksumCRC64NVME"] == done["ChecksumCRC64NVME"]
    assert got["ChecksumType"] == "FULL_OBJECT"
    ranged = await body_of(tester, Range=f"bytes={BIG - 2}-{BIG + 1}")
    assert ranged == whole[BIG - 2 : BIG + 2]


async def test_a_completion_can_be_repeated(tester: Client, bucket: str) -> None:
    upload = await create(tester)
    parts = await send(tester, upload, b"a")
    first = await complete(tester, upload, parts)
    again = await complete(tester, upload, parts)
    assert again["ETag"] == first["ETag"]


async def test_a_part_is_replaced(tester: Client, bucket: str) -> None:
    upload = await create(tester)
    await send(tester, upload, b"a" * BIG)
    parts = await send(tester, upload, b"b" * BIG, b"c")
    await complete(tester, upload, parts)
    assert await body_of(tester) == b"b" * BIG + b"c"


async def test_parts_may_be_left_out(tester: Client, bucket: str) -> None:
    upload = await create(tester)
    parts = await send(tester, upload, b"a" * BIG, b"b" * BIG, b"c")
    await complete(tester, upload, [parts[0], parts[2]])
    assert await body_of(tester) == b"a" * BIG + b"c"


async def test_parts_are_read_by_number(tester: Client, bucket: str) -> None:
    upload = await create(tester, ChecksumAlgorithm="SHA256")
    bodies = [b"a" * BIG, b"b" * BIG, b"c"]
    parts = []
    for number, body in enumerate(bodies, 1):
        checksum = b64encode(sha256(body).digest()).decode()
        sent = await tester.call(
            "UploadPart", **upload, PartNumber=number, Body=body, ChecksumSHA256=checksum
        )
        assert sent["ChecksumSHA256"] == checksum
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum})
    done = await complete(tester, upload, parts)
    composite = sha256(b"".join(sha256(body).digest() for body in bodies)).digest()
    assert done["ChecksumSHA256"] == b64encode(composite).decode() + "-3"
    assert done["ChecksumType"] == "COMPOSITE"
    for number, body in enumerate(bodies, 1):
        asked = {"Bucket": bucket, "Key": "key", "PartNumber": number, "ChecksumMode": "ENABLED"}
        got = await tester.call("GetObject", **asked)
        assert got["Body"].read() == body
        assert got["PartsCount"] == 3
        assert got["ETag"] == done["ETag"]
        assert got["ChecksumSHA256"] == parts[number - 1]["ChecksumSHA256"]
        head = await tester.call("HeadObject", **asked)
        assert head["ContentLength"] == len(body)
        assert head["PartsCount"] == 3
    with pytest.raises(ApiError) as refused:
        await tester.call("GetObject", Bucket=bucket, Key="key", PartNumber=4)
    assert (refused.value.status, refused.value.code) == (416, "InvalidPartNumber")
    told = await tester.call(
        "GetObjectAttributes",
        Bucket=bucket,
        Key="key",
        ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"],
        MaxParts=2,
    )
    assert told["ETag"] == done["ETag"].strip('"')
    assert told["ObjectSize"] == 2 * BIG + 1
    assert told["StorageClass"] == "STANDARD"
    assert told["Checksum"] == {
        "ChecksumSHA256": done["ChecksumSHA256"],
        "ChecksumType": "COMPOSITE",
    }
    shown = told["ObjectParts"]
    assert shown["TotalPartsCount"] == 3
    assert shown["IsTruncated"] is True
    assert shown["NextPartNumberMarker"] == 2
    assert [part["Size"] for part in shown["Parts"]] == [BIG, BIG]
    assert shown["Parts"][0]["ChecksumSHA256"] == parts[0]["ChecksumSHA256"]


async def test_a_composite_checksum_needs_those_of_its_parts(tester: Client, bucket: str) -> None:
    upload = await create(tester, ChecksumAlgorithm="CRC32")
    parts = await send(tester, upload, b"a")
    with pytest.raises(ApiError) as refused:
        await complete(tester, upload, parts)
    assert refused.value.code == "InvalidRequest"
    parts[0]["ChecksumCRC32"] = b64encode(crc32(b"b").to_bytes(4)).decode()
    with pytest.raises(ApiError) as refused:
        await complete(tester, upload, parts)
    assert refused.value.code == "InvalidPart"
    parts[0]["ChecksumCRC32"] = b64encode(crc32(b"a").to_bytes(4)).decode()
    await complete(tester, upload, parts)


async def test_a_part_with_another_checksum_than_planned(tester: Client, bucket: str) -> None:
    crc = b64encode(crc32(b"a").to_bytes(4)).decode()
    upload = await create(tester)
    sent = await tester.call("UploadPart", **upload, PartNumber=1, Body=b"a", ChecksumCRC32=crc)
    assert sent["ChecksumCRC32"] == crc
    part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumCRC32": crc}
    done = await complete(tester, upload, [part])
    assert done["ChecksumCRC64NVME"] == b64encode(crc64nvme(b"a").to_bytes(8)).decode()
    upload = await create(tester, ChecksumAlgorithm="SHA256")
    with pytest.raises(ApiError) as refused:
        await tester.call("UploadPart", **upload, PartNumber=1, Body=b"a", ChecksumCRC32=crc)
    assert refused.value.code == "InvalidRequest"


async def test_a_wrong_checksum_of_the_object(tester: Client, bucket: str) -> None:
    upload = await create(tester, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = await send(tester, upload, b"a" * BIG, b"b")
    for wrong, code in (
        ({"ChecksumCRC32": b64encode(bytes(4)).decode()}, "BadDigest"),
        ({"ChecksumCRC32": "bad"}, "InvalidRequest"),
        ({"ChecksumSHA1": b64encode(bytes(20)).decode()}, "InvalidRequest"),
        ({"ChecksumType": "COMPOSITE"}, "InvalidRequest"),
        ({"MpuObjectSize": BIG}, "InvalidRequest"),
    ):
        with pytest.raises(ApiError) as refused:
            await complete(tester, upload, parts, **wrong)
        assert refused.value.code == code
    right = b64encode(crc32(b"a" * BIG + b"b").to_bytes(4)).decode()
    done = await complete(
        tester,
        upload,
        parts,
        ChecksumCRC32=right,
        MpuObjectSize=BIG + 1,
        ChecksumType="FULL_OBJECT",
    )
    assert done["ChecksumCRC32"] == right


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "MalformedXML"),
        ([{"PartNumber": 0}], "InvalidArgument"),
        ([{"PartNumber": 10_001}], "InvalidArgument"),
        ([{"PartNumber": 2}, {"PartNumber": 1}], "InvalidPartOrder"),
        ([{"PartNumber": 9}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": '"ffffffffffffffffffffffffffffffff"'}], "InvalidPart"),
        ([{"PartNumber": 1}, {"PartNumber": 2}, {"PartNumber": 3}], "EntityTooSmall"),
    ],
)
async def test_completions_that_are_refused(
    tester: Client, bucket: str, parts: list[dict[str, Any]], code: str
) -> None:
    upload = await create(tester)
    sent = await send(tester, upload, b"a" * BIG, b"b" * (BIG - 1), b"c")
    etags = {part["PartNumber"]: part["ETag"] for part in sent}
    named = [{"ETag": etags.get(part["PartNumber"], '"0"'), **part} for part in parts]
    with pytest.raises(ApiError) as refused:
        await complete(tester, upload, named)
    assert (refused.value.status, refused.value.code) == (400, code)
    await complete(tester, upload, [sent[0], sent[2]])  # it was not harmed


@pytest.mark.parametrize("number", [0, 10_001, "a", ""])
async def test_part_numbers_that_are_refused(tester: Client, bucket: str, number: object) -> None:
    upload = await create(tester)
    query = f"partNumber={number}&uploadId={upload['UploadId']}"
    answer = await tester.request("PUT", "/bucket/key", query, body=b"a")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


@pytest.mark.parametrize("source", [{}, {"x-amz-copy-source": "bucket/key"}])
async def test_encryption_is_not_passed_over(
    tester: Client, bucket: str, source: dict[str, str]
) -> None:
    await tester.call("PutObject", Bucket=bucket, Key="key", Body=b"x")
    upload = await create(tester)
    headers = {"x-amz-server-side-encryption-customer-algorithm": "AES256", **source}
    for query in (f"partNumber=1&uploadId={upload['UploadId']}", ""):
        answer = await tester.request("PUT", "/bucket/key", query, headers)
        assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_what_is_unknown(tester: Client, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "key", "UploadId": "nothing"}
    for ask in (
        tester.call("UploadPart", **upload, PartNumber=1, Body=b"a"),
        tester.call("ListParts", **upload),
        tester.call("AbortMultipartUpload", **upload),
        complete(tester, upload, [{"PartNumber": 1, "ETag": "a"}]),
    ):
        with pytest.raises(ApiError) as refused:
            await ask
        assert (refused.value.status, refused.value.code) == (404, "NoSuchUpload")


async def test_abort(tester: Client, bucket: str) -> None:
    upload = await create(tester)
    parts = await send(tester, upload, b"a")
    await tester.call("AbortMultipartUpload", **upload)
    with pytest.raises(ApiError) as refused:
        await complete(tester, upload, parts)
    assert refused.value.code == "NoSuchUpload"
    listed = await tester.call("ListMultipartUploads", Bucket=bucket)
    assert "Uploads" not in listed
    with pytest.raises(ApiError) as missing:
        await tester.call("HeadObject", Bucket=bucket, Key="key")
    assert missing.value.status == 404


async def test_parts_are_listed(tester: Client, bucket: str) -> None:
    upload = await create(tester, StorageClass="STANDARD_IA")
    await send(tester, upload, b"a" * 5, b"b" * 6, b"c" * 7)
    page = await tester.call("ListParts", **upload, MaxParts=2)
    assert page["UploadId"] == upload["UploadId"]
    assert page["StorageClass"] == "STANDARD_IA"
    assert page["IsTruncated"] is True
    assert page["NextPartNumberMarker"] == 2
    assert [(one["PartNumber"], one["Size"]) for one in page["Parts"]] == [(1, 5), (2, 6)]
    assert page["Parts"][0]["ETag"] == f'"{md5_hex(b"aaaaa")}"'
    assert page["Owner"]["ID"] == page["Initiator"]["ID"]
    rest = await tester.call("ListParts", **upload, PartNumberMarker=2)
    assert [one["PartNumber"] for one in rest["Parts"]] == [3]
    assert rest["IsTruncated"] is False


async def test_uploads_are_listed(tester: Client, bucket: str) -> None:
    begun = [await create(tester, key) for key in ("a", "a", "b/1", "b/2", "c d")]
    listed = await tester.call("ListMultipartUploads", Bucket=bucket)
    assert [(one["Key"], one["UploadId"]) for one in listed["Uploads"]] == [
        (one["Key"], one["UploadId"]) for one in begun
    ]
    assert listed["IsTruncated"] is False
    assert listed["Uploads"][0]["Initiated"].tzinfo is not None
    rolled = await tester.call(
        "ListMultipartUploads", Bucket=bucket, Delimiter="/", EncodingType="url"
    )
    assert [one["Key"] for one in rolled["Uploads"]] == ["a", "a", "c+d"]
    assert rolled["CommonPrefixes"] == [{"Prefix": "b/"}]
    page = await tester.call("ListMultipartUploads", Bucket=bucket, MaxUploads=1)
    assert page["IsTruncated"] is True
    rest = await tester.call(
        "ListMultipartUploads",
        Bucket=bucket,
        KeyMarker=page["NextKeyMarker"],
        UploadIdMarker=page["NextUploadIdMarker"],
    )
    assert [one["UploadId"] for one in rest["Uploads"]] == [one["UploadId"] for one in begun[1:]]


async def test_completion_on_a_condition(tester: Client, bucket: str) -> None:
    put = await tester.call("PutObject", Bucket=bucket, Key="key", Body=b"old")
    upload = await create(tester)
    parts = await send(tester, upload, b"new")
    with pytest.raises(ApiError) as refused:
        await complete(tester, upload, parts, IfNoneMatch="*")
    assert (refused.value.status, refused.value.code) == (412, "PreconditionFailed")
    with pytest.raises(ApiError):
        await complete(tester, upload, parts, IfMatch='"other"')
    await complete(tester, upload, parts, IfMatch=put["ETag"])
    assert await body_of(tester) == b"new"


async def test_a_part_is_copied(tester: Client, bucket: str) -> None:
    await tester.call("CreateBucket", Bucket="other")
    data = bytes(range(256)) * 8
    await tester.call("PutObject", Bucket="other", Key="a b+?", Body=data)
    source = {"Bucket": "other", "Key": "a b+?"}
    upload = await create(tester)
    whole = await tester.call(
        "UploadPartCopy", **upload, PartNumber=1, CopySource="other/a%20b%2B%3F"
    )
    piece = await tester.call(
        "UploadPartCopy",
        **upload,
        PartNumber=2,
        CopySource=f"{source['Bucket']}/a%20b%2B%3F",
        CopySourceRange="bytes=10-20",
    )
    assert whole["CopyPartResult"]["ETag"] == f'"{md5_hex(data)}"'
    parts = [
        {"PartNumber": number, "ETag": one["CopyPartResult"]["ETag"]}
        for number, one in ((1, whole), (2, piece))
    ]
    await complete(tester, upload, parts)
    assert await body_of(tester) == data + data[10:21]


@pytest.mark.parametrize(
    "asked", ["bytes=0-5", "bytes=5-9", "0-2", "bytes=0", "bytes=-5", "bytes=2-1", "hello-world"]
)
async def test_ranges_of_copied_parts_that_are_refused(
    tester: Client, bucket: str, asked: str
) -> None:
    await tester.call("PutObject", Bucket=bucket, Key="source", Body=b"12345")
    upload = await create(tester)
    with pytest.raises(ApiError) as refused:
        await tester.call(
            "UploadPartCopy",
            **upload,
            PartNumber=1,
            CopySource=f"{bucket}/source",
            CopySourceRange=asked,
        )
    assert (refused.value.status, refused.value.code) == (400, "InvalidArgument")


async def test_a_composite_is_copied(tester: Client, bucket: str) -> None:
    upload = await create(tester, Metadata={"foo": "bar"})
    parts = await send(tester, upload, b"a" * BIG, b"b")
    await complete(tester, upload, parts)
    copied = await tester.call("CopyObject", Bucket=bucket, Key="copy", CopySource=f"{bucket}/key")
    whole = b"a" * BIG + b"b"
    assert copied["CopyObjectResult"]["ETag"] == f'"{md5_hex(whole)}"'
    got = await tester.call("GetObject", Bucket=bucket, Key="copy")
    assert got["Body"].read() == whole
    assert got["Metadata"] == {"foo": "bar"}

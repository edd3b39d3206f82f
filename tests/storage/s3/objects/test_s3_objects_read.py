"""GetObject and HeadObject: ranges, conditions, overrides, and what is told beside the bytes."""

import json
from base64 import b64encode

import pytest
from memory_store import BytesBody
from s3_harness import S3, ApiError, Client
from s3_objects import ACCOUNT, body_of, md5_hex

from native import crc64nvme
from storage.proxy.engine import Attributes

BUCKET = "bucket"
DATA = bytes(range(256)) * 1200  # more than is kept in the index


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    return tester


async def test_what_was_put_is_read(client: Client) -> None:
    put = await client.call("PutObject", Bucket=BUCKET, Key="a/b c", Body=b"hello")
    got = await client.call("GetObject", Bucket=BUCKET, Key="a/b c")
    assert got["Body"].read() == b"hello"
    assert got["ETag"] == put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert got["ContentLength"] == 5
    assert got["ContentType"] == "binary/octet-stream"
    assert got["AcceptRanges"] == "bytes"
    assert got["Metadata"] == {}
    for absent in ("VersionId", "ChecksumCRC64NVME", "TagCount", "PartsCount", "StorageClass"):
        assert absent not in got


@pytest.mark.parametrize("size_bytes", [0, 1, 4096, len(DATA)])
async def test_head_tells_what_get_sends(client: Client, size_bytes: int) -> None:
    data = DATA[:size_bytes]
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=data, ContentType="a/b")
    got = await client.request("GET", "/bucket/key")
    head = await client.request("HEAD", "/bucket/key")
    assert got.body == data
    for answer in (got, head):
        for ours in ("x-amz-request-id", "x-amz-id-2"):
            del answer.headers[ours]
    assert head.headers == got.headers
    assert head["content-length"] == str(size_bytes)
    assert head["etag"] == f'"{md5_hex(data)}"'


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=4-7", 4, 8),
        ("bytes=4-", 4, None),
        ("bytes=-7", len(DATA) - 7, None),
        (f"bytes=-{len(DATA) + 1}", 0, None),
        (f"bytes=70000-{len(DATA) + 9}", 70000, None),
        ("BYTES = 4 - 7", 4, 8),
    ],
)
async def test_a_range(client: Client, asked: str, start: int, stop: int | None) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=DATA)
    stop = len(DATA) if stop is None else stop
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/bucket/key", headers={"range": asked})
        assert answer.status == 206
        assert answer["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
        assert answer["content-length"] == str(stop - start)
        assert answer.get("x-amz-checksum-crc64nvme") is None
        if method == "GET":
            assert answer.body == DATA[start:stop]


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=2-1", "lines=1-2", "bytes=-", "x"])
async def test_a_range_that_is_ignored(client: Client, asked: str) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"hello")
    answer = await client.request("GET", "/bucket/key", headers={"range": asked})
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("body", [b"", b"hello"])
@pytest.mark.parametrize("asked", ["bytes=40-50", "bytes=5-", "bytes=-0"])
async def test_a_range_that_cannot_be_served(client: Client, asked: str, body: bytes) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=body)
    answer = await client.request("GET", "/bucket/key", headers={"range": asked})
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert answer.xml("Error").value("ActualObjectSize") == str(len(body))
    assert answer.xml("Error").value("RangeRequested") == asked
    assert answer["content-range"] == f"bytes */{len(body)}"
    head = await client.request("HEAD", "/bucket/key", headers={"range": asked})
    assert head.status == 416


async def test_the_only_part_of_a_plain_object(client: Client) -> None:
    put = await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"body")
    got = await client.call("GetObject", Bucket=BUCKET, Key="key", PartNumber=1)
    assert got["Body"].read() == b"body"
    assert got["ETag"] == put["ETag"]
    assert "PartsCount" not in got
    for number, code in ((2, "InvalidPartNumber"), (0, "InvalidArgument")):
        with pytest.raises(ApiError) as refused:
            await client.call("GetObject", Bucket=BUCKET, Key="key", PartNumber=number)
        assert refused.value.code == code
    with pytest.raises(ApiError) as refused:
        await client.call("GetObject", Bucket=BUCKET, Key="key", PartNumber=1, Range="bytes=0-1")
    assert (refused.value.status, refused.value.code) == (400, "InvalidRequest")


async def test_conditions(client: Client) -> None:
    """The table of RFC 9110 section 13.2.2, and "Conditional reads" of the S3 User Guide."""
    put = await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"hello")
    head = await client.request("HEAD", "/bucket/key")
    etag, modified = put["ETag"], head["last-modified"]
    past, future = "Sat, 29 Oct 1994 19:43:31 GMT", "Sat, 29 Oct 2094 19:43:31 GMT"
    other = '"ABCORZ"'
    cases = [
        ({"if-match": etag}, 200),
        ({"if-match": etag.strip('"')}, 200),
        ({"if-match": f"{other}, {etag}"}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": other}, 412),
        ({"if-none-match": etag}, 304),
        ({"if-none-match": f"W/{etag}"}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": other}, 200),
        ({"if-modified-since": past}, 200),
        ({"if-modified-since": modified}, 304),
        ({"if-modified-since": future}, 304),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-unmodified-since": past}, 412),
        ({"if-unmodified-since": modified}, 200),
        ({"if-unmodified-since": future}, 200),
        ({"if-match": etag, "if-unmodified-since": past}, 200),
        ({"if-none-match": other, "if-modified-since": future}, 200),
        ({"if-none-match": etag, "if-modified-since": past}, 304),
        ({"if-match": other, "if-none-match": etag}, 412),
    ]
    for headers, status in cases:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, "/bucket/key", headers=headers)
            assert answer.status == status, (method, headers)
            if status == 304:
                assert answer["etag"] == etag
                assert answer["last-modified"] == modified
                assert answer.get("content-length") is None
            elif status == 412 and method == "GET":
                assert answer.code == "PreconditionFailed"
                name = next(iter(headers)).title()
                assert answer.xml("Error").value("Condition") == name


async def test_a_range_on_a_condition(client: Client) -> None:
    put = await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"hello")
    for value, status in ((put["ETag"], 206), ('"other"', 200)):
        headers = {"range": "bytes=0-1", "if-range": value}
        answer = await client.request("GET", "/bucket/key", headers=headers)
        assert answer.status == status


async def test_what_is_not_there(s3: S3, client: Client) -> None:
    answer = await client.request("GET", "/bucket/nothing")
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert answer.xml("Error").value("Key") == "nothing"
    assert (await client.request("HEAD", "/bucket/nothing")).status == 404
    answer = await client.request("GET", "/nothing/key")
    assert (answer.status, answer.code) == (404, "NoSuchBucket")
    other = s3.clients["other:admin"]
    answer = await other.request("GET", "/bucket/nothing")
    assert (answer.status, answer.code) == (403, "AccessDenied")


async def allow_all(client: Client, *actions: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": actions,
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    await client.call("PutBucketPolicy", Bucket=BUCKET, Policy=policy)


async def test_who_may_not_list_is_not_told_what_is_missing(s3: S3, client: Client) -> None:
    for actions, status, code in (
        (("s3:GetObject",), 403, "AccessDenied"),
        (("s3:GetObject", "s3:ListBucket"), 404, "NoSuchKey"),
    ):
        await allow_all(client, *actions)
        answer = await s3.anonymous.request("GET", "/bucket/nothing")
        assert (answer.status, answer.code) == (status, code)


async def test_the_anonymous_may_not_replace_headers(s3: S3, client: Client) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x")
    await allow_all(client, "s3:GetObject")
    assert await body_of(s3.anonymous, BUCKET, "key") == b"x"
    answer = await s3.anonymous.request("GET", "/bucket/key", "response-content-type=a/b")
    assert (answer.status, answer.code) == (400, "InvalidRequest")


@pytest.mark.parametrize("version", ["0" * 24, "null"])
async def test_a_version_that_is_not_there(client: Client, version: str) -> None:
    with pytest.raises(ApiError) as refused:
        await client.call("GetObject", Bucket=BUCKET, Key="key", VersionId=version)
    assert (refused.value.status, refused.value.code) == (404, "NoSuchVersion")


@pytest.mark.parametrize("version", ["", "x", "A" * 24, "0" * 25])
async def test_a_version_that_cannot_be(client: Client, version: str) -> None:
    answer = await client.request("GET", "/bucket/key", f"versionId={version}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_headers_of_the_response_are_replaced(s3: S3, client: Client) -> None:
    put = {"ContentType": "a/b", "CacheControl": "no-store", "ContentEncoding": "gzip"}
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x", **put)
    asked = {
        "ResponseCacheControl": "no-cache",
        "ResponseContentDisposition": 'attachment; filename="ä.txt"',
        "ResponseContentEncoding": "aaa",
        "ResponseContentLanguage": "esperanto",
        "ResponseContentType": "foo/bar",
        "ResponseExpires": "Sat, 29 Oct 2094 19:43:31 GMT",
    }
    query = (
        "response-cache-control=no-cache&response-content-encoding=aaa"
        "&response-content-disposition=attachment%3B%20filename%3D%22%C3%A4.txt%22"
        "&response-content-language=esperanto&response-content-type=foo%2Fbar"
        "&response-expires=Sat%2C%2029%20Oct%202094%2019%3A43%3A31%20GMT"
    )
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/bucket/key", query)
        assert answer.status == 200
        for name, value in asked.items():
            header = "".join(f"-{one}" if one.isupper() else one for one in name)
            assert answer[header.removeprefix("-Response-").lower()] == value
    signed = client.presign("GET", "/bucket/key", "response-content-type=foo%2Fbar")
    answer = await s3.anonymous.request("GET", "/bucket/key", signed)
    assert answer["content-type"] == "foo/bar"
    evil = await client.request("GET", "/bucket/key", "response-content-type=a%0D%0Ab%3Ac")
    assert (evil.status, evil.code) == (400, "InvalidArgument")


async def test_the_checksum_is_told_when_asked_for(client: Client) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=DATA)
    for operation in ("GetObject", "HeadObject"):
        got = await client.call(operation, Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")
        assert got["ChecksumCRC64NVME"] == b64encode(crc64nvme(DATA).to_bytes(8)).decode()
        assert got["ChecksumType"] == "FULL_OBJECT"


async def test_what_swift_put(s3: S3, client: Client) -> None:
    """Metadata that no S3 header can carry is counted, as AWS counts that of SOAP."""
    store = s3.memory.store
    container = await store.container(ACCOUNT, BUCKET)
    assert container is not None
    metadata = {"color": "blue", "größe": "1", "bell": "\x07", "umlaut": "\u00e4"}
    system = {"x-robots-tag": "none", "content-language": "de"}
    attributes = Attributes("text/plain", metadata, system)
    await store.put_object(container, "key", attributes, BytesBody(b"swift"))
    answer = await client.request("GET", "/bucket/key")
    assert answer.body == b"swift"
    assert answer["x-amz-meta-color"] == "blue"
    assert answer["x-amz-meta-umlaut"] == "=?UTF-8?B?w6Q=?="
    assert answer["x-amz-missing-meta"] == "2"
    assert answer["content-language"] == "de"
    assert await body_of(client, BUCKET, "key") == b"swift"

"""PutObject: what is kept, what is checked, and on which conditions."""

from base64 import b64encode

import pytest
from s3_harness import S3, ApiError, Client
from s3_objects import ACCOUNT, body_of, md5_hex, sign_trailing

from native import crc32, crc32c
from storage.s3.checksums import Algorithm

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    return tester


def base64(data: bytes) -> str:
    return b64encode(data).decode()


async def test_everything_that_an_object_carries(client: Client) -> None:
    given = {
        "CacheControl": "public, max-age=14400",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de-DE",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"meta1": "mymeta", "camelcase": "Value", "empty": ""},
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/other",
    }
    expires = {"expires": "Sat, 29 Oct 2094 19:43:31 GMT"}
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x", **given)
    for operation in ("GetObject", "HeadObject"):
        got = await client.call(operation, Bucket=BUCKET, Key="key")
        assert {name: got[name] for name in given} == given
    await client.request("PUT", "/bucket/key", headers=expires, body=b"x")
    answer = await client.request("GET", "/bucket/key")
    assert answer["expires"] == expires["expires"]
    assert answer.get("x-amz-meta-meta1") is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, AWS-chunked", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
    ],
)
async def test_the_coding_of_signed_chunks_is_not_kept(
    client: Client, sent: str, kept: str | None
) -> None:
    await client.request("PUT", "/bucket/key", headers={"content-encoding": sent}, body=b"x")
    answer = await client.request("GET", "/bucket/key")
    assert answer.get("content-encoding") == kept


async def test_swift_sees_the_same(s3: S3, client: Client) -> None:
    await client.call(
        "PutObject", Bucket=BUCKET, Key="key", Body=b"x", ContentType="a/b", Metadata={"Foo": "1"}
    )
    container = await s3.memory.store.container(ACCOUNT, BUCKET)
    assert container is not None
    record = await s3.memory.store.object(container, "key")
    assert record is not None
    assert record.metadata == {"foo": "1"}
    assert record.content_type == "a/b"
    assert record.etag == md5_hex(b"x")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("plain text", "plain text"),
        ("\u00c4M\u00c4Z\u00d5\u00d1 S3", "=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?="),
        ("=?UTF-8?B?w4Q=?=", "=?UTF-8?B?w4Q=?="),
        ("=?utf-8?q?=C3=84?=", "=?UTF-8?B?w4Q=?="),
        ("=?utf-8?q?abc?=", "abc"),
        ("=?nonsense?q?abc?=", "=?nonsense?q?abc?="),
        ("=? is no word", "=? is no word"),
    ],
)
async def test_metadata_that_is_not_ascii(client: Client, sent: str, shown: str) -> None:
    headers = {"x-amz-meta-name": sent}
    answer = await client.request("PUT", "/bucket/key", headers=headers)
    assert answer.status == 200
    got = await client.request("HEAD", "/bucket/key")
    assert got["x-amz-meta-name"] == shown


async def test_too_much_metadata(client: Client) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Metadata={"a": "x" * 2047})
    with pytest.raises(ApiError) as refused:
        await client.call("PutObject", Bucket=BUCKET, Key="key", Metadata={"a": "x" * 2048})
    assert (refused.value.status, refused.value.code) == (400, "MetadataTooLarge")


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_a_checksum(client: Client, algorithm: Algorithm) -> None:
    digest = algorithm.new()
    digest.update(b"hello")
    checksum = base64(digest.digest())
    headers = {algorithm.header: checksum}
    put = await client.request("PUT", "/bucket/key", headers=headers, body=b"hello")
    assert put.status == 200
    assert put[algorithm.header] == checksum
    assert put["x-amz-checksum-type"] == "FULL_OBJECT"
    got = await client.request("GET", "/bucket/key", headers={"x-amz-checksum-mode": "ENABLED"})
    assert got[algorithm.header] == checksum
    told = await client.call(
        "GetObjectAttributes", Bucket=BUCKET, Key="key", ObjectAttributes=["Checksum"]
    )
    assert told["Checksum"] == {algorithm.element: checksum, "ChecksumType": "FULL_OBJECT"}
    answer = await client.request("PUT", "/bucket/bad", headers=headers, body=b"hallo")
    assert (answer.status, answer.code) == (400, "BadDigest")
    answer = await client.request("PUT", "/bucket/bad", headers={algorithm.header: "AA"})
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert (await client.request("HEAD", "/bucket/bad")).status == 404


async def test_md5(client: Client) -> None:
    right = base64(bytes.fromhex(md5_hex(b"hello")))
    for value, status, code in (
        (right, 200, ""),
        (base64(bytes(16)), 400, "BadDigest"),
        ("rL0Y20xC+Fzt72VPzMSk2A=", 400, "InvalidDigest"),
        ("", 400, "InvalidDigest"),
    ):
        headers = {"content-md5": value}
        answer = await client.request("PUT", "/bucket/key", headers=headers, body=b"hello")
        assert answer.status == status
        if code:
            assert answer.code == code


def chunked(body: bytes, trailer: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an unsigned upload whose checksum follows it."""
    encoded = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, trailer.encode())
    headers = {
        "content-encoding": "aws-chunked",
        "content-length": str(len(encoded)),
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": trailer.partition(":")[0],
    }
    return headers, encoded


async def test_a_checksum_that_follows_the_body(s3: S3, client: Client) -> None:
    checksum = base64(crc32c(b"hello").to_bytes(4))
    for trailer, status in ((checksum, 200), (base64(bytes(4)), 400)):
        headers, body = chunked(b"hello", f"x-amz-checksum-crc32c:{trailer}")
        sent = sign_trailing(s3, client, "/bucket/key", headers)
        answer = await s3.send("PUT", "/bucket/key", "", sent, [body[:9], body[9:]])
        assert answer.status == status, answer.body
    got = await client.call("GetObject", Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got["ChecksumCRC32C"] == checksum
    assert "ContentEncoding" not in got


async def test_conditional_writes(client: Client) -> None:
    put = await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"1", IfNoneMatch="*")
    for condition, header in (
        ({"IfNoneMatch": "*"}, "If-None-Match"),
        ({"IfMatch": '"other"'}, "If-Match"),
    ):
        with pytest.raises(ApiError) as refused:
            await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"2", **condition)
        assert (refused.value.status, refused.value.code) == (412, "PreconditionFailed")
        assert refused.value.parsed["Error"]["Condition"] == header
    again = await client.call(
        "PutObject", Bucket=BUCKET, Key="key", Body=b"2", IfMatch=put["ETag"].strip('"')
    )
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"3", IfMatch=again["ETag"])
    await client.call("PutObject", Bucket=BUCKET, Key="key", Body=b"4", IfMatch="*")
    assert await body_of(client, BUCKET, "key") == b"4"
    for value in ("*", '"some"'):
        with pytest.raises(ApiError) as refused:
            await client.call("PutObject", Bucket=BUCKET, Key="none", Body=b"", IfMatch=value)
        assert (refused.value.status, refused.value.code) == (404, "NoSuchKey")
    for condition in ({"IfNoneMatch": '"some"'}, {"IfMatch": "*", "IfNoneMatch": "*"}):
        with pytest.raises(ApiError) as refused:
            await client.call("PutObject", Bucket=BUCKET, Key="none", Body=b"", **condition)
        assert (refused.value.status, refused.value.code) == (501, "NotImplemented")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-amz-storage-class": "COLD"}, 400, "InvalidStorageClass"),
        ({"x-amz-website-redirect-location": "other"}, 400, "InvalidRedirectLocation"),
        ({"x-amz-website-redirect-location": "/" * 2049}, 400, "InvalidRedirectLocation"),
        ({"x-amz-server-side-encryption": "AES128"}, 400, "InvalidArgument"),
        ({"x-amz-write-offset-bytes": "4"}, 501, "NotImplemented"),
        ({"x-amz-tagging": "a=1&a=2"}, 400, "InvalidArgument"),
        ({"x-amz-tagging": "&".join(f"k{n}=v" for n in range(11))}, 400, "BadRequest"),
        ({"x-amz-object-lock-legal-hold": "ON"}, 400, "InvalidRequest"),
        ({"content-length": "5"}, 400, "IncompleteBody"),
        ({"x-amz-content-sha256": "0" * 64}, 400, "XAmzContentSHA256Mismatch"),
    ],
)
async def test_requests_that_are_refused(
    s3: S3, client: Client, headers: dict[str, str], status: int, code: str
) -> None:
    if "x-amz-content-sha256" in headers:
        signed = client.sign("PUT", "/bucket/key", "", {"host": "s3.localhost"}, b"other")
        sent = {"host": "s3.localhost", "content-length": "4", **signed}
        answer = await s3.send("PUT", "/bucket/key", "", sent, [b"body"])
    else:
        answer = await client.request("PUT", "/bucket/key", headers=headers, body=b"body")
    assert (answer.status, answer.code) == (status, code)
    assert (await client.request("HEAD", "/bucket/key")).status == 404


async def test_a_body_without_a_length(s3: S3, client: Client) -> None:
    query = client.presign("PUT", "/bucket/key")
    answer = await s3.send("PUT", "/bucket/key", query, {"host": "s3.localhost"})
    assert (answer.status, answer.code) == (411, "MissingContentLength")


async def test_a_body_that_is_too_large(client: Client) -> None:
    size_bytes = 5 * 2**30 + 1
    answer = await client.request(
        "PUT", "/bucket/key", headers={"content-length": str(size_bytes)}, body=b"x"
    )
    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert answer.xml("Error").value("ProposedSize") == str(size_bytes)


async def test_a_body_that_breaks_off(client: Client) -> None:
    answer = await client.request(
        "PUT", "/bucket/key", headers={"content-length": "9"}, body=b"x", breaks=True
    )
    assert answer.code == "IncompleteBody"
    assert (await client.request("HEAD", "/bucket/key")).status == 404


@pytest.mark.parametrize("key", ["\x01\x1f", "\u00e4\u20ac\U0001f600", "a//b/../c", "+ %&=?#", "/"])
async def test_keys(client: Client, key: str) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key=key, Body=key.encode())
    assert await body_of(client, BUCKET, key) == key.encode()


async def test_tags_in_a_header(client: Client) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", Tagging="foo=bar&b%20c=%C3%A4&d")
    got = await client.call("GetObject", Bucket=BUCKET, Key="key")
    assert got["TagCount"] == 3
    tags = await client.call("GetObjectTagging", Bucket=BUCKET, Key="key")
    assert tags["TagSet"] == [
        {"Key": "foo", "Value": "bar"},
        {"Key": "b c", "Value": "\u00e4"},
        {"Key": "d", "Value": ""},
    ]


async def test_the_default_of_recent_clients(client: Client) -> None:
    """botocore sends CRC32 unasked, and names the algorithm in a header of its own."""
    checksum = base64(crc32(b"x").to_bytes(4))
    put = await client.call(
        "PutObject",
        Bucket=BUCKET,
        Key="key",
        Body=b"x",
        ChecksumAlgorithm="CRC32",
        ChecksumCRC32=checksum,
    )
    assert put["ChecksumCRC32"] == checksum
    with pytest.raises(ApiError) as refused:
        await client.call(
            "PutObject",
            Bucket=BUCKET,
            Key="key",
            Body=b"x",
            ChecksumAlgorithm="SHA256",
            ChecksumCRC32=checksum,
        )
    assert refused.value.code == "InvalidRequest"


async def test_a_large_body_that_is_not_as_signed(s3: S3, client: Client) -> None:
    body = b"x" * 300_000  # is written while it arrives
    signed = client.sign("PUT", "/bucket/key", "", {"host": "s3.localhost"}, b"other")
    sent = {"host": "s3.localhost", "content-length": str(len(body)), **signed}
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    answer = await s3.send("PUT", "/bucket/key", "", sent, pieces)
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")

"""CopyObject."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest
import trio
from s3_harness import HOST, S3, ApiError, Client
from s3_objects import body_of, md5_hex

from native import crc64nvme
from storage.s3.checksums import Algorithm
from storage.s3.objects import keep_alive

BUCKET = "bucket"
DATA = bytes(range(256)) * 1200
GIVEN: dict[str, Any] = {
    "ContentType": "audio/ogg",
    "CacheControl": "no-store",
    "ContentEncoding": "gzip",
    "Metadata": {"key": "value"},
}


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await tester.call(
        "PutObject",
        Bucket=BUCKET,
        Key="source",
        Body=DATA,
        Tagging="a=1",
        WebsiteRedirectLocation="/x",
        **GIVEN,
    )
    return tester


async def copy(client: Client, key: str = "copy", source: str = "source", **more: Any) -> Any:
    return await client.call(
        "CopyObject", Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/{quote(source)}", **more
    )


async def test_a_copy_has_all_but_its_place(client: Client) -> None:
    copied = await copy(client)
    assert copied["CopyObjectResult"]["ETag"] == f'"{md5_hex(DATA)}"'
    got = await client.call("GetObject", Bucket=BUCKET, Key="copy")
    assert got["Body"].read() == DATA
    assert {name: got[name] for name in GIVEN} == GIVEN
    assert copied["CopyObjectResult"]["LastModified"].replace(microsecond=0) == got["LastModified"]
    assert got["TagCount"] == 1
    assert "WebsiteRedirectLocation" not in got
    assert "CopySourceVersionId" not in copied


async def test_what_the_request_puts_in_place(client: Client) -> None:
    new = {"ContentType": "text/plain", "Metadata": {"other": "1"}}
    await copy(
        client,
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        Tagging="b=2&c=3",
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/y",
        **new,
    )
    got = await client.call("GetObject", Bucket=BUCKET, Key="copy")
    assert {name: got[name] for name in new} == new
    assert "CacheControl" not in got
    assert got["TagCount"] == 2
    assert got["StorageClass"] == "STANDARD_IA"
    assert got["WebsiteRedirectLocation"] == "/y"
    await copy(client, Metadata={"ignored": "1"})
    got = await client.call("GetObject", Bucket=BUCKET, Key="copy")
    assert got["Metadata"] == GIVEN["Metadata"]


async def test_onto_itself(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        await copy(client, "source")
    assert (refused.value.status, refused.value.code) == (400, "InvalidRequest")
    await copy(client, "source", MetadataDirective="REPLACE", Metadata={"foo": "bar"})
    got = await client.call("GetObject", Bucket=BUCKET, Key="source")
    assert got["Metadata"] == {"foo": "bar"}
    assert got["Body"].read() == DATA
    for change in ({"StorageClass": "STANDARD"}, {"WebsiteRedirectLocation": "/"}):
        await copy(client, "source", **change)


async def test_checksums(client: Client) -> None:
    copied = await copy(client)
    expected = b64encode(crc64nvme(DATA).to_bytes(8)).decode()
    assert copied["CopyObjectResult"]["ChecksumCRC64NVME"] == expected
    digest = Algorithm.SHA256.new()
    digest.update(DATA)
    copied = await copy(client, ChecksumAlgorithm="SHA256")
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == b64encode(digest.digest()).decode()
    copied = await copy(client, "third", "copy")  # keeps the algorithm
    assert "ChecksumSHA256" in copied["CopyObjectResult"]


async def test_conditions(client: Client) -> None:
    etag = f'"{md5_hex(DATA)}"'
    past, future = "Sat, 29 Oct 1994 19:43:31 GMT", "Sat, 29 Oct 2094 19:43:31 GMT"
    prefix = "x-amz-copy-source-if-"
    cases = (
        ({"match": etag}, 200),
        ({"match": '"other"'}, 412),
        ({"none-match": etag}, 412),
        ({"none-match": '"other"'}, 200),
        ({"modified-since": past}, 200),
        ({"modified-since": future}, 412),
        ({"unmodified-since": past}, 412),
        ({"match": etag, "unmodified-since": past}, 200),
        ({"none-match": etag, "modified-since": past}, 412),
    )
    for conditions, status in cases:
        headers = {prefix + name: value for name, value in conditions.items()}
        headers["x-amz-copy-source"] = "/bucket/source"
        answer = await client.request("PUT", "/bucket/copy", headers=headers)
        assert answer.status == status, conditions
        if status == 412:
            name = prefix + next(iter(conditions))
            assert answer.xml("Error").value("Condition") == name
    with pytest.raises(ApiError) as refused:
        await copy(client, IfNoneMatch="*")
    assert (refused.value.status, refused.value.code) == (412, "PreconditionFailed")


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("bucket/nothing", 404, "NoSuchKey"),
        ("nothing/source", 404, "NoSuchBucket"),
        ("bucket", 400, "InvalidArgument"),
        ("/", 400, "InvalidArgument"),
        ("bucket/", 400, "InvalidArgument"),
        ("bucket/source?versionId=", 400, "InvalidArgument"),
        ("bucket/source?versionId=x", 400, "InvalidArgument"),
        (f"bucket/source?versionId={'0' * 24}", 404, "NoSuchVersion"),
        ("bucket/%FF", 400, "InvalidArgument"),
        ("bucket/%00", 400, "InvalidURI"),
        (f"bucket/{'k' * 1025}", 400, "KeyTooLongError"),
    ],
)
async def test_sources_that_are_refused(
    client: Client, source: str, status: int, code: str
) -> None:
    headers = {"x-amz-copy-source": source}
    answer = await client.request("PUT", "/bucket/copy", headers=headers)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("key", ["a b", "a+b", "\u00e4/?#", "x?versionId", "%41"])
async def test_keys_with_special_characters(client: Client, key: str) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key=key, Body=key.encode())
    await copy(client, source=key)
    assert await body_of(client, BUCKET, "copy") == key.encode()


@pytest.mark.parametrize("name", ["x-amz-metadata-directive", "x-amz-tagging-directive"])
async def test_a_directive_that_is_none(client: Client, name: str) -> None:
    headers = {"x-amz-copy-source": "bucket/source", name: "MERGE"}
    answer = await client.request("PUT", "/bucket/copy", headers=headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_from_another_account_s_bucket(s3: S3, client: Client) -> None:
    other = s3.clients["other:admin"]
    await other.call("CreateBucket", Bucket="theirs")
    with pytest.raises(ApiError) as refused:
        await other.call("CopyObject", Bucket="theirs", Key="copy", CopySource="bucket/source")
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")
    root = s3.clients["ops:root"]
    await root.call("CopyObject", Bucket="theirs", Key="copy", CopySource="bucket/source")
    assert await body_of(root, "theirs", "copy") == DATA


async def test_a_copy_that_takes_long(
    s3: S3, client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    """White space comes first; then the document, which may be an error's."""
    store = s3.memory.store

    class Slow:
        """Waits before it stores."""

        def __init__(self, put: Any) -> None:
            self.put = put

        async def __call__(self, *args: Any, **more: Any) -> Any:
            await trio.sleep(3 * keep_alive.INTERVAL_S)
            return await self.put(*args, **more)

    monkeypatch.setattr(store, "put_object", Slow(store.put_object))
    headers = {"x-amz-copy-source": "bucket/source"}
    answer = await client.request("PUT", "/bucket/copy", headers=headers)
    assert answer.status == 200
    assert answer.get("content-length") is None
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n   <CopyObjectResult')
    assert answer.xml("CopyObjectResult").value("ETag") == f'"{md5_hex(DATA)}"'
    answer = await client.request("PUT", "/bucket/copy", headers={"if-none-match": "*", **headers})
    assert (answer.status, answer.code) == (200, "PreconditionFailed")


async def test_an_error_that_comes_late(
    s3: S3, client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    async def fail(*_args: Any, **_more: Any) -> Any:
        await trio.sleep(2 * keep_alive.INTERVAL_S)
        raise OSError("a fault of ours")

    monkeypatch.setattr(s3.memory.store, "put_object", fail)
    headers = {"x-amz-copy-source": "bucket/source"}
    answer = await client.request("PUT", "/bucket/copy", headers=headers)
    assert (answer.status, answer.code) == (200, "InternalError")
    assert b"a fault of ours" not in answer.body


async def test_a_client_that_does_not_wait(
    s3: S3, client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    """The work is cancelled, and the server sees the error itself."""
    begun: list[str] = []

    async def wait(*_args: Any, **_more: Any) -> Any:
        begun.append("begun")
        await trio.sleep_forever()

    monkeypatch.setattr(s3.memory.store, "put_object", wait)
    headers = {"host": HOST, "x-amz-copy-source": "bucket/source"}
    headers |= client.sign("PUT", "/bucket/copy", "", headers, b"")
    scope = {
        "type": "http",
        "method": "PUT",
        "scheme": "http",
        "raw_path": b"/bucket/copy",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await s3.app(scope, receive, send)
    assert begun == ["begun"]

"""DeleteObject and DeleteObjects, in buckets without versions."""

from base64 import b64encode

import pytest
from s3_harness import S3, Answer, ApiError, Client, read_answer
from s3_objects import md5_hex

from storage.s3.xml import escape

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    return tester


async def put(client: Client, *keys: str) -> None:
    for key in keys:
        await client.call("PutObject", Bucket=BUCKET, Key=key, Body=key.encode())


async def is_there(client: Client, key: str) -> bool:
    answer = await client.request("HEAD", f"/{BUCKET}/{key}")
    return answer.status == 200


async def delete_many(client: Client, document: str | bytes, **headers: str) -> Answer:
    """Send a document DeleteObjects, by default with its MD5."""
    body = document.encode() if isinstance(document, str) else document
    if not headers:
        headers = {"content-md5": b64encode(bytes.fromhex(md5_hex(body))).decode()}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.request("POST", f"/{BUCKET}", "delete", named, body)


def outcome(answer: Answer) -> tuple[list[str], dict[str, str]]:
    """Return the keys that were deleted, and the others with their codes."""
    assert answer.status == 200
    root = answer.xml("DeleteResult")
    gone = [one.value("Key") or "" for one in root.all("Deleted")]
    kept = {one.value("Key") or "": one.value("Code") or "" for one in root.all("Error")}
    return gone, kept


async def test_delete(client: Client) -> None:
    await put(client, "key")
    for _ in range(2):  # that nothing is there is no error
        answer = await client.request("DELETE", "/bucket/key")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.get("x-amz-delete-marker") is None
        assert answer.get("x-amz-version-id") is None
        assert not await is_there(client, "key")
    for version in ("null", "0" * 24):
        answer = await client.request("DELETE", "/bucket/key", f"versionId={version}")
        assert answer.status == 204
    answer = await client.request("DELETE", "/bucket/key", "versionId=nonsense")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_delete_on_a_condition(client: Client) -> None:
    """As measured on AWS: no current object is 404, whatever the condition says."""
    await put(client, "key")
    head = await client.request("HEAD", "/bucket/key")
    past = "Sat, 29 Oct 1994 19:43:31 GMT"
    time, size = "x-amz-if-match-last-modified-time", "x-amz-if-match-size"
    for headers, status, code in (
        ({"if-match": '"other"'}, 412, "PreconditionFailed"),
        ({time: past}, 412, "PreconditionFailed"),
        ({size: "9"}, 412, "PreconditionFailed"),
        ({"if-match": head["etag"], size: "9"}, 412, "PreconditionFailed"),
        ({size: "x"}, 400, "InvalidArgument"),
        ({time: "x"}, 400, "InvalidArgument"),
    ):
        answer = await client.request("DELETE", "/bucket/key", headers=headers)
        assert (answer.status, answer.code) == (status, code)
    good = {"if-match": head["etag"], time: head["last-modified"], size: "3"}
    answer = await client.request("DELETE", "/bucket/key", headers=good)
    assert answer.status == 204
    await put(client, "key")
    answer = await client.request("DELETE", "/bucket/key", headers={"if-match": "*"})
    assert answer.status == 204
    for value in ("*", '"other"'):
        answer = await client.request("DELETE", "/bucket/key", headers={"if-match": value})
        assert (answer.status, answer.code) == (404, "NoSuchKey")


async def test_delete_is_for_those_who_may(s3: S3, client: Client) -> None:
    await put(client, "key")
    for stranger in (s3.clients["other:admin"], s3.anonymous):
        answer = await stranger.request("DELETE", "/bucket/key")
        assert (answer.status, answer.code) == (403, "AccessDenied")
        document = "<Delete><Object><Key>key</Key></Object></Delete>"
        answer = await delete_many(stranger, document)
        assert outcome(answer) == ([], {"key": "AccessDenied"})
    assert await is_there(client, "key")


async def test_many_are_deleted(client: Client) -> None:
    keys = [f"key {number}&<>" for number in range(70)]
    await put(client, *keys)
    objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in [*keys, "none"])
    answer = await delete_many(client, f"<Delete>{objects}</Delete>")
    assert outcome(answer) == ([*keys, "none"], {})
    parsed = read_answer("DeleteObjects", answer)
    assert parsed["Deleted"][0] == {"Key": keys[0]}
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert listed["KeyCount"] == 0


async def test_quietly(client: Client) -> None:
    await put(client, "a", "b")
    document = (
        "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object>"
        "<Object><Key>b</Key><VersionId>nonsense</VersionId></Object></Delete>"
    )
    assert outcome(await delete_many(client, document)) == ([], {"b": "InvalidArgument"})
    assert not await is_there(client, "a")
    assert await is_there(client, "b")


async def test_each_on_its_own_condition(client: Client) -> None:
    await put(client, "a", "b", "c")
    etag = md5_hex(b"a")
    document = (
        f"<Delete><Object><Key>a</Key><ETag>&quot;{etag}&quot;</ETag></Object>"
        f"<Object><Key>b</Key><ETag>{etag}</ETag></Object>"
        "<Object><Key>c</Key><Size>2</Size></Object>"
        "<Object><Key>d</Key><ETag>*</ETag></Object></Delete>"
    )
    gone, kept = outcome(await delete_many(client, document))
    assert gone == ["a"]
    assert kept == {"b": "PreconditionFailed", "c": "PreconditionFailed", "d": "NoSuchKey"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Delete></Delete>", "MalformedXML"),
        ("<Delete><Object></Object></Delete>", "MalformedXML"),
        ("<Delete><Object><Key></Key></Object></Delete>", "MalformedXML"),
        ("<Delete><Object><Key>a</Key></Object>", "MalformedXML"),
        ("<Other/>", "MalformedXML"),
        ("", "MissingRequestBodyError"),
        ("<!DOCTYPE x><Delete><Object><Key>a</Key></Object></Delete>", "MalformedXML"),
        (f"<Delete>{'<Object><Key>a</Key></Object>' * 1001}</Delete>", "MalformedXML"),
    ],
)
async def test_documents_that_are_refused(client: Client, document: str, code: str) -> None:
    await put(client, "a")
    answer = await delete_many(client, document)
    assert (answer.status, answer.code) == (400, code)
    assert await is_there(client, "a")


async def test_a_digest_is_needed(client: Client) -> None:
    await put(client, "a")
    document = "<Delete><Object><Key>a</Key></Object></Delete>"
    for headers, code in (
        ({"x-unrelated": "1"}, "InvalidRequest"),
        ({"content_md5": b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"x_amz_checksum_crc32": b64encode(bytes(4)).decode()}, "BadDigest"),
    ):
        answer = await delete_many(client, document, **headers)
        assert (answer.status, answer.code) == (400, code)
    assert await is_there(client, "a")


async def test_a_key_that_is_too_long(client: Client) -> None:
    document = f"<Delete><Object><Key>{'k' * 1025}</Key></Object></Delete>"
    _, kept = outcome(await delete_many(client, document))
    assert list(kept.values()) == ["KeyTooLongError"]


async def test_with_botocore_s_error(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        await client.call("DeleteObject", Bucket=BUCKET, Key="key", IfMatch="*")
    assert refused.value.code == "NoSuchKey"

"""Objects with versions, as ceph/s3-tests has them: test_versioning_*."""

from typing import Any

import pytest
from s3_harness import ApiError, Client
from s3_objects import body_of, crc32_of

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await switch(tester, "Enabled")
    return tester


async def switch(client: Client, status: str) -> None:
    await client.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": status}
    )


async def put(client: Client, body: bytes, **more: Any) -> str:
    stored = await client.call("PutObject", Bucket=BUCKET, Key="key", Body=body, **more)
    version: str = stored["VersionId"]
    return version


async def delete(client: Client, version: str | None = None) -> dict[str, Any]:
    more = {} if version is None else {"VersionId": version}
    return await client.call("DeleteObject", Bucket=BUCKET, Key="key", **more)


async def refused(ask: Any, status: int, code: str) -> ApiError:
    with pytest.raises(ApiError) as error:
        await ask
    assert (error.value.status, error.value.code) == (status, code)
    return error.value


async def test_each_write_is_a_version(client: Client) -> None:
    versions = [await put(client, body) for body in (b"1", b"2", b"3")]
    assert len(set(versions)) == 3
    assert await body_of(client, BUCKET, "key") == b"3"
    for version, body in zip(versions, (b"1", b"2", b"3"), strict=True):
        got = await client.call("GetObject", Bucket=BUCKET, Key="key", VersionId=version)
        assert got["Body"].read() == body
        assert got["VersionId"] == version
    await delete(client, versions[2])
    assert await body_of(client, BUCKET, "key") == b"2"
    error = await refused(
        client.call("GetObject", Bucket=BUCKET, Key="key", VersionId=versions[2]),
        404,
        "NoSuchVersion",
    )
    assert error.parsed["Error"]["VersionId"] == versions[2]


async def test_a_delete_marker(client: Client) -> None:
    version = await put(client, b"1")
    deleted = await delete(client)
    assert deleted["DeleteMarker"] is True
    marker = deleted["VersionId"]
    error = await refused(client.call("GetObject", Bucket=BUCKET, Key="key"), 404, "NoSuchKey")
    assert error.answer["x-amz-delete-marker"] == "true"
    assert error.answer["x-amz-version-id"] == marker
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/bucket/key", f"versionId={marker}")
        assert answer.status == 405
        assert answer["x-amz-delete-marker"] == "true"
        assert answer["allow"] == "DELETE"
        assert answer["last-modified"]
    for subresource in ("tagging", "attributes"):
        headers = {"x-amz-object-attributes": "ETag"}
        answer = await client.request("GET", "/bucket/key", subresource, headers)
        assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert await body_of(client, BUCKET, "key", VersionId=version) == b"1"
    await refused(
        client.call("DeleteObject", Bucket=BUCKET, Key="key", IfMatch="*"), 404, "NoSuchKey"
    )
    gone = await delete(client, marker)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker)
    assert await body_of(client, BUCKET, "key") == b"1"


async def test_a_marker_is_left_for_nothing(client: Client) -> None:
    first, second = await delete(client), await delete(client)
    assert first["DeleteMarker"] is second["DeleteMarker"] is True
    assert first["VersionId"] != second["VersionId"]


async def test_versions_are_suspended(client: Client) -> None:
    kept = await put(client, b"kept")
    await switch(client, "Suspended")
    assert await put(client, b"null 1") == "null"
    assert await put(client, b"null 2") == "null"
    assert await body_of(client, BUCKET, "key", VersionId="null") == b"null 2"
    assert await body_of(client, BUCKET, "key", VersionId=kept) == b"kept"
    deleted = await delete(client)
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    await refused(client.call("GetObject", Bucket=BUCKET, Key="key"), 404, "NoSuchKey")
    await delete(client, "null")
    assert await body_of(client, BUCKET, "key") == b"kept"


async def test_what_was_there_before(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await tester.call("PutObject", Bucket=BUCKET, Key="key", Body=b"old")
    await switch(tester, "Enabled")
    head = await tester.call("HeadObject", Bucket=BUCKET, Key="key")
    assert head["VersionId"] == "null"
    await put(tester, b"new")
    assert await body_of(tester, BUCKET, "key", VersionId="null") == b"old"


async def test_many_versions_are_deleted(client: Client) -> None:
    versions = [await put(client, b"x") for _ in range(3)]
    named = "".join(
        f"<Object><Key>key</Key><VersionId>{one}</VersionId></Object>" for one in versions[:2]
    )
    document = f"<Delete>{named}<Object><Key>key</Key></Object></Delete>".encode()
    headers = {"x-amz-checksum-crc32": crc32_of(document)}
    answer = await client.request("POST", "/bucket", "delete", headers, document)
    root = answer.xml("DeleteResult")
    shown = [(one.value("VersionId"), one.value("DeleteMarker")) for one in root]
    assert shown == [(versions[0], None), (versions[1], None), (None, "true")]
    marker = root.children[2].value("DeleteMarkerVersionId") or ""
    left = await client.call("ListObjectVersions", Bucket=BUCKET)
    assert [one["VersionId"] for one in left["Versions"]] == [versions[2]]
    assert [one["VersionId"] for one in left["DeleteMarkers"]] == [marker]


async def test_a_version_is_copied(client: Client) -> None:
    first, second = await put(client, b"1"), await put(client, b"2")
    copied = await client.call(
        "CopyObject", Bucket=BUCKET, Key="copy", CopySource=f"bucket/key?versionId={first}"
    )
    assert copied["CopySourceVersionId"] == first
    assert copied["VersionId"] not in (first, second)
    assert await body_of(client, BUCKET, "copy") == b"1"
    restored = await client.call(
        "CopyObject", Bucket=BUCKET, Key="key", CopySource=f"bucket/key?versionId={first}"
    )
    assert restored["VersionId"] != first
    assert await body_of(client, BUCKET, "key") == b"1"
    marker = (await delete(client))["VersionId"]
    source = f"bucket/key?versionId={marker}"
    ask = client.call("CopyObject", Bucket=BUCKET, Key="copy", CopySource=source)
    await refused(ask, 400, "InvalidRequest")
    ask = client.call("CopyObject", Bucket=BUCKET, Key="copy", CopySource="bucket/key")
    await refused(ask, 404, "NoSuchKey")


async def test_tags_of_a_version(client: Client) -> None:
    first, second = await put(client, b"1"), await put(client, b"2")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    changed = await client.call(
        "PutObjectTagging", Bucket=BUCKET, Key="key", VersionId=first, Tagging=tags
    )
    assert changed["VersionId"] == first
    got = await client.call("GetObjectTagging", Bucket=BUCKET, Key="key", VersionId=first)
    assert got["TagSet"] == tags["TagSet"]
    got = await client.call("GetObjectTagging", Bucket=BUCKET, Key="key")
    assert (got["TagSet"], got["VersionId"]) == ([], second)


async def test_conditions_look_at_the_current_version(client: Client) -> None:
    await put(client, b"1", IfNoneMatch="*")
    await refused(put(client, b"2", IfNoneMatch="*"), 412, "PreconditionFailed")
    await delete(client)
    await put(client, b"3", IfNoneMatch="*")


async def test_uploads_in_parts(client: Client) -> None:
    versions = []
    for body in (b"one", b"two"):
        upload = await client.call("CreateMultipartUpload", Bucket=BUCKET, Key="key")
        named = {"Bucket": BUCKET, "Key": "key", "UploadId": upload["UploadId"]}
        part = await client.call("UploadPart", **named, PartNumber=1, Body=body)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        done = await client.call(
            "CompleteMultipartUpload", **named, MultipartUpload={"Parts": parts}
        )
        versions.append(done["VersionId"])
    assert await body_of(client, BUCKET, "key") == b"two"
    assert await body_of(client, BUCKET, "key", VersionId=versions[0]) == b"one"
    await delete(client, versions[1])
    assert await body_of(client, BUCKET, "key") == b"one"

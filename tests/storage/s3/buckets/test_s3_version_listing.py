"""ListObjectVersions: versions and delete markers, by key, the newest of each first."""

from __future__ import annotations

from typing import Any

import pytest
from s3_harness import S3, Client


@pytest.fixture
async def bucket(s3: S3, tester: Client) -> str:
    await tester.call("CreateBucket", Bucket="photos")
    return "photos"


@pytest.fixture
async def versioned(tester: Client, bucket: str) -> str:
    enabled = {"Status": "Enabled"}
    await tester.call("PutBucketVersioning", Bucket=bucket, VersioningConfiguration=enabled)
    return bucket


async def put(tester: Client, bucket: str, key: str, body: bytes = b"x") -> str:
    answer = await tester.call("PutObject", Bucket=bucket, Key=key, Body=body)
    return str(answer.get("VersionId", "null"))


def lines(page: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(one["Key"], one["VersionId"], one["IsLatest"]) for one in page.get("Versions", [])]


async def test_without_versioning_there_are_null_versions(tester: Client, bucket: str) -> None:
    for key in ("b", "a", "a"):
        await put(tester, bucket, key)
    page = await tester.call("ListObjectVersions", Bucket=bucket)
    assert lines(page) == [("a", "null", True), ("b", "null", True)]
    version = page["Versions"][0]
    assert version["ETag"] == '"9dd4e461268c8034f5c8564e155c67a6"'
    assert version["Size"] == 1
    assert version["StorageClass"] == "STANDARD"
    assert version["Owner"]["DisplayName"] == "test"
    assert (page["Name"], page["MaxKeys"], page["IsTruncated"]) == (bucket, 1000, False)
    assert page["KeyMarker"] == page["VersionIdMarker"] == page["Prefix"] == ""


async def test_pages_by_key(tester: Client, bucket: str) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        await put(tester, bucket, key)
    first = await tester.call("ListObjectVersions", Bucket=bucket, MaxKeys=2, Delimiter="/")
    assert lines(first) == [("a", "null", True)]
    assert first["CommonPrefixes"] == [{"Prefix": "b/"}]
    assert first["IsTruncated"] is True
    assert first["NextKeyMarker"] == "b/"
    second = await tester.call(
        "ListObjectVersions",
        Bucket=bucket,
        Delimiter="/",
        KeyMarker=first["NextKeyMarker"],
    )
    assert lines(second) == [("c", "null", True)]
    assert "CommonPrefixes" not in second
    assert "NextKeyMarker" not in second


async def test_no_keys_are_asked_for(tester: Client, bucket: str) -> None:
    await put(tester, bucket, "a")
    page = await tester.call("ListObjectVersions", Bucket=bucket, MaxKeys=0)
    assert "Versions" not in page
    assert page["IsTruncated"] is False


async def test_names_are_encoded_where_that_is_asked(tester: Client, bucket: str) -> None:
    await put(tester, bucket, "a b")
    page = await tester.call("ListObjectVersions", Bucket=bucket, EncodingType="url")
    assert page["Versions"][0]["Key"] == "a+b"
    assert page["EncodingType"] == "url"


async def test_versions_and_markers_stand_newest_first(tester: Client, versioned: str) -> None:
    first, second = [await put(tester, versioned, "a") for _ in range(2)]
    deleted = await tester.call("DeleteObject", Bucket=versioned, Key="a")
    other = await put(tester, versioned, "b")
    page = await tester.call("ListObjectVersions", Bucket=versioned)
    assert lines(page) == [("a", second, False), ("a", first, False), ("b", other, True)]
    (marker,) = page["DeleteMarkers"]
    assert (marker["Key"], marker["VersionId"]) == ("a", deleted["VersionId"])
    assert marker["IsLatest"] is True
    raw = await tester.request("GET", f"/{versioned}", "versions")
    kinds = [one.name for one in raw.xml("ListVersionsResult") if one.find("VersionId")]
    assert kinds == ["DeleteMarker", "Version", "Version", "Version"]


@pytest.mark.parametrize("keys_max", [1, 2, 3])
async def test_pages_go_on_within_a_key(tester: Client, versioned: str, keys_max: int) -> None:
    for key in ("a", "a", "b", "a", "b"):
        await put(tester, versioned, key)
    await tester.call("DeleteObject", Bucket=versioned, Key="a")
    whole = await tester.request("GET", f"/{versioned}", "versions")
    expected = [
        (one.value("Key"), one.value("VersionId"))
        for one in whole.xml("ListVersionsResult")
        if one.find("VersionId")
    ]
    assert len(expected) == 6
    found: list[tuple[str | None, str | None]] = []
    more = ""
    for _ in range(7):
        query = f"max-keys={keys_max}{more}&versions"
        page = (await tester.request("GET", f"/{versioned}", query)).xml("ListVersionsResult")
        found += [
            (one.value("Key"), one.value("VersionId")) for one in page if one.find("VersionId")
        ]
        if page.value("IsTruncated") == "false":
            break
        key, version = page.value("NextKeyMarker"), page.value("NextVersionIdMarker")
        more = f"&key-marker={key}&version-id-marker={version}"
    assert found == expected

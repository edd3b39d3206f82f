"""Listings of objects, both forms, against a model of what AWS answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_store import BytesBody
from s3_harness import S3, ApiError, Client, s3_api

from storage.proxy.engine import Attributes

NAMES = st.lists(
    st.text(st.sampled_from("ab/\u00e9\U0001f600\x01 &<+%"), min_size=1, max_size=5),
    max_size=14,
    unique=True,
)


async def fill(s3: S3, bucket: str, *names: str) -> None:
    container = await s3.memory.store.container("AUTH_test", bucket)
    assert container is not None
    for name in names:
        attributes = Attributes("text/plain", {}, {})
        await s3.memory.store.put_object(container, name, attributes, BytesBody(name.encode()))


@pytest.fixture
async def bucket(s3: S3, tester: Client) -> str:
    await tester.call("CreateBucket", Bucket="photos")
    return "photos"


def keys(page: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


async def test_an_entry_tells_what_the_object_is(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "a")
    page = await tester.call("ListObjects", Bucket=bucket)
    (entry,) = page["Contents"]
    assert entry["ETag"] == '"0cc175b9c0f1b6a831c399e269772661"'
    assert entry["Size"] == 1
    assert entry["StorageClass"] == "STANDARD"
    assert len(entry["Owner"]["ID"]) == 64
    assert entry["LastModified"].timestamp() == pytest.approx(s3.now(False).timestamp(), abs=5)
    assert page["Name"] == bucket
    assert page["MaxKeys"] == 1000
    assert page["IsTruncated"] is False
    assert page["Prefix"] == page["Marker"] == ""
    assert "Delimiter" not in page


async def test_the_second_form_names_owners_only_when_asked(
    s3: S3, tester: Client, bucket: str
) -> None:
    await fill(s3, bucket, "a")
    plain = await tester.call("ListObjectsV2", Bucket=bucket)
    asked = await tester.call("ListObjectsV2", Bucket=bucket, FetchOwner=True)
    assert "Owner" not in plain["Contents"][0]
    assert asked["Contents"][0]["Owner"]["DisplayName"] == "test"


async def test_a_page_counts_keys_and_common_prefixes(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla")
    first = await tester.call("ListObjects", Bucket=bucket, Delimiter="/", MaxKeys=1)
    assert (keys(first), prefixes(first)) == (["asdf"], [])
    assert first["NextMarker"] == "asdf"
    second = await tester.call(
        "ListObjects", Bucket=bucket, Delimiter="/", MaxKeys=1, Marker="asdf"
    )
    assert (keys(second), prefixes(second)) == ([], ["boo/"])
    assert second["NextMarker"] == "boo/"
    assert second["IsTruncated"] is True
    third = await tester.call("ListObjects", Bucket=bucket, Delimiter="/", MaxKeys=1, Marker="boo/")
    assert (keys(third), prefixes(third)) == ([], ["cquux/"])
    assert third["IsTruncated"] is False
    assert "NextMarker" not in third


async def test_without_a_delimiter_the_last_key_is_the_marker(
    s3: S3, tester: Client, bucket: str
) -> None:
    await fill(s3, bucket, "a", "b")
    page = await tester.call("ListObjects", Bucket=bucket, MaxKeys=1)
    assert page["IsTruncated"] is True
    assert "NextMarker" not in page


async def test_no_keys_are_asked_for(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "a")
    page = await tester.call("ListObjectsV2", Bucket=bucket, MaxKeys=0)
    assert page["KeyCount"] == page["MaxKeys"] == 0
    assert page["IsTruncated"] is False


async def test_more_keys_than_a_page_holds_are_asked_for(tester: Client, bucket: str) -> None:
    page = await tester.call("ListObjectsV2", Bucket=bucket, MaxKeys=5000)
    assert page["MaxKeys"] == 1000


async def test_names_are_encoded_where_that_is_asked(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "a b/c+d", "\x01&<")
    query = "encoding-type=url&marker=%2B&prefix=a%20b%2F"
    page = (await tester.request("GET", f"/{bucket}", query)).xml("ListBucketResult")
    assert page.value("Prefix") == "a+b/"
    assert page.value("Marker") == "%2B"
    assert [one.value("Key") for one in page.all("Contents")] == ["a+b/c%2Bd"]
    plain = await tester.request("GET", f"/{bucket}")
    assert b"<Key>&#x1;&amp;&lt;</Key>" in plain.body


@pytest.mark.parametrize(
    "query",
    [
        "max-keys=-1",
        "max-keys=blah",
        "max-keys=99999999999999999999",
        "encoding-type=base64",
        "list-type=2&continuation-token=nonsense",
        "list-type=2&continuation-token=%C3%A9",
        "versions&version-id-marker=null",
        "versions&key-marker=a&version-id-marker=xyz",
    ],
)
async def test_nonsense_is_refused(tester: Client, bucket: str, query: str) -> None:
    answer = await tester.request("GET", f"/{bucket}", query)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_an_empty_token_is_none(tester: Client, bucket: str) -> None:
    page = await tester.call("ListObjectsV2", Bucket=bucket, ContinuationToken="")
    assert page["ContinuationToken"] == ""
    assert page["IsTruncated"] is False


async def test_where_to_start_is_echoed(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "bar", "baz", "foo")
    page = await tester.call("ListObjectsV2", Bucket=bucket, StartAfter="bar")
    assert page["StartAfter"] == "bar"
    assert keys(page) == ["baz", "foo"]


async def test_a_token_wins_over_where_to_start(s3: S3, tester: Client, bucket: str) -> None:
    await fill(s3, bucket, "bar", "baz", "foo")
    first = await tester.call("ListObjectsV2", Bucket=bucket, StartAfter="a", MaxKeys=1)
    page = await tester.call(
        "ListObjectsV2",
        Bucket=bucket,
        StartAfter="a",
        ContinuationToken=first["NextContinuationToken"],
    )
    assert keys(page) == ["baz", "foo"]


async def test_a_bucket_that_is_not_there(tester: Client) -> None:
    with pytest.raises(ApiError) as error:
        await tester.call("ListObjectsV2", Bucket="nothing")
    assert (error.value.status, error.value.code) == (404, "NoSuchBucket")


def model(names: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """Return all keys and common prefixes in their order."""
    found: dict[str, bool] = {}
    for name in names:
        if not name.startswith(prefix):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        found.setdefault(*((name, False) if at < 0 else (name[: at + len(delimiter)], True)))
    return sorted(found.items(), key=lambda one: one[0].encode())


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=NAMES,
    prefix=st.sampled_from(["", "a", "a/", "/", "é"]),
    delimiter=st.sampled_from(["", "/", "ab", "%"]),
    keys_max=st.integers(1, 4),
    is_v2=st.booleans(),
)
async def test_pages_together_are_the_model(
    names: list[str], prefix: str, delimiter: str, keys_max: int, is_v2: bool
) -> None:
    async with s3_api() as s3:
        tester = s3.clients["test:tester"]
        await tester.call("CreateBucket", Bucket="photos")
        await fill(s3, "photos", *names)
        expected = model(names, prefix, delimiter)
        found: list[tuple[str, bool]] = []
        more: dict[str, Any] = {}
        for _ in range(len(expected) + 1):
            page = await tester.call(
                "ListObjectsV2" if is_v2 else "ListObjects",
                Bucket="photos",
                Prefix=prefix,
                Delimiter=delimiter,
                MaxKeys=keys_max,
                EncodingType="url",
                **more,
            )
            entries = [(unquote_plus(key), False) for key in keys(page)]
            entries += [(unquote_plus(one), True) for one in prefixes(page)]
            assert entries == sorted(entries, key=lambda one: one[1])
            found += sorted(entries, key=lambda one: one[0].encode())
            if not page["IsTruncated"]:
                break
            assert len(entries) == keys_max
            if is_v2:
                assert page["KeyCount"] == keys_max
                more = {"ContinuationToken": page["NextContinuationToken"]}
            else:
                more = {"Marker": unquote_plus(page.get("NextMarker") or keys(page)[-1])}
        assert found == expected

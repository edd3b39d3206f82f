"""Tags of objects: GetObjectTagging, PutObjectTagging, DeleteObjectTagging, and their forms."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_harness import ApiError, Client
from s3_objects import body_of

from storage.s3.objects.tags import format_stored, parse_stored

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await tester.call("PutObject", Bucket=BUCKET, Key="key", Body=b"x", Metadata={"a": "b"})
    return tester


def tag_set(count: int, key: str = "", value: str = "") -> list[dict[str, str]]:
    return [{"Key": f"{number}{key}", "Value": f"{number}{value}"} for number in range(count)]


async def tag(client: Client, tags: list[dict[str, str]]) -> None:
    await client.call("PutObjectTagging", Bucket=BUCKET, Key="key", Tagging={"TagSet": tags})


async def tags_of(client: Client) -> Any:
    got = await client.call("GetObjectTagging", Bucket=BUCKET, Key="key")
    return got["TagSet"]


async def test_tags_come_and_go(client: Client) -> None:
    before = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert await tags_of(client) == []
    for tags in (tag_set(10, "k" * 127, "v" * 255), [{"Key": "a +-=._:/@", "Value": "\u00e4 "}]):
        await tag(client, tags)
        assert await tags_of(client) == tags
    after = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert after.pop("TagCount") == 1
    for response in (before, after):
        del response["ResponseMetadata"]
    assert after == before  # Last-Modified too
    assert await body_of(client, BUCKET, "key") == b"x"
    answer = await client.request("DELETE", "/bucket/key", "tagging")
    assert answer.status == 204
    assert await tags_of(client) == []


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (tag_set(11), "BadRequest"),
        ([{"Key": "k" * 129, "Value": ""}], "InvalidTag"),
        ([{"Key": "k", "Value": "v" * 257}], "InvalidTag"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "InvalidTag"),
        ([{"Key": "aws:a", "Value": "1"}], "InvalidTag"),
        ([{"Key": "<", "Value": "1"}], "InvalidTag"),
        ([{"Key": "a", "Value": "\n;"}], "InvalidTag"),
    ],
)
async def test_tags_that_are_refused(client: Client, tags: list[dict[str, str]], code: str) -> None:
    with pytest.raises(ApiError) as refused:
        await tag(client, tags)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert await tags_of(client) == []


@pytest.mark.parametrize(
    "document",
    [
        b"<Tagging/>",
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Other/></TagSet></Tagging>",
        b"<Tagging><TagSet></TagSet><More/></Tagging>",
        b"nonsense",
    ],
)
async def test_documents_that_are_refused(client: Client, document: bytes) -> None:
    answer = await client.request("PUT", "/bucket/key", "tagging", body=document)
    assert (answer.status, answer.code) == (400, "MalformedXML")


async def test_tags_of_nothing(client: Client) -> None:
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/bucket/nothing", "tagging")
        assert (answer.status, answer.code) == (404, "NoSuchKey")
    answer = await client.request("GET", "/bucket/key", f"tagging&versionId={'0' * 24}")
    assert (answer.status, answer.code) == (404, "NoSuchVersion")


@settings(max_examples=40)
@given(st.dictionaries(st.text(), st.text(), max_size=10))
def test_what_is_stored_is_what_was_given(tags: dict[str, str]) -> None:
    assert parse_stored(format_stored(tags)) == tags

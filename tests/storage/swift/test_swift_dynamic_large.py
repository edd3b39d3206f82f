"""Dynamic large objects: one that stands for many."""

import hashlib

import pytest
from swift_harness import Client, Swift

SEGMENTS = {"big/1": b"a" * 2000, "big/2": b"b", "big/3": b"", "big/4": b"c" * 10}
WHOLE = b"".join(SEGMENTS.values())


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def etag_of(segments: dict[str, bytes]) -> str:
    digests = "".join(md5(body) for body in segments.values())
    return md5(digests.encode())


@pytest.fixture
async def owner(tester: Client) -> Client:
    """The owner of a manifest in one container and its segments in another."""
    await tester("PUT", "c")
    await tester("PUT", "s %")
    for name, body in SEGMENTS.items():
        await tester("PUT", "s %", name, body=body)
    await tester("PUT", "s %", "bigger", body=b"no")
    await tester(
        "PUT", "c", "o", body=b"itself", x_object_manifest="s %25/big/", x_object_meta_a="1"
    )
    return tester


async def test_a_manifest_reads_as_its_segments(owner: Client) -> None:
    answer = await owner("GET", "c", "o")
    assert (answer.status, answer.body) == (200, WHOLE)
    assert answer["etag"] == f'"{etag_of(SEGMENTS)}"'
    assert (answer["x-object-manifest"], answer["x-object-meta-a"]) == ("s %25/big/", "1")
    head = await owner("HEAD", "c", "o")
    assert (head["content-length"], head["etag"]) == (str(len(WHOLE)), answer["etag"])
    await owner("PUT", "s %", "big/5", body=b"new")
    assert (await owner("GET", "c", "o")).body == WHOLE + b"new"


async def test_the_manifest_itself(owner: Client) -> None:
    answer = await owner("GET", "c", "o", query="multipart-manifest=get")
    assert (answer.body, answer["x-object-manifest"]) == (b"itself", "s %25/big/")
    listing = await owner("GET", "c", query="format=json")
    assert listing.json[0]["bytes"] == 6


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=1999-2001", 206, WHOLE[1999:2002]),
        ("bytes=-5", 206, WHOLE[-5:]),
        ("bytes=2001-", 206, WHOLE[2001:]),
        ("bytes=0-1,5-6", 200, WHOLE),
    ],
)
async def test_ranges(owner: Client, asked: str, status: int, body: bytes) -> None:
    answer = await owner("GET", "c", "o", range=asked)
    assert (answer.status, answer.body) == (status, body)
    beyond = await owner("GET", "c", "o", range="bytes=5000-")
    assert (beyond.status, beyond["content-range"]) == (416, f"bytes */{len(WHOLE)}")


async def test_conditions_are_about_the_whole(owner: Client) -> None:
    tag = (await owner("HEAD", "c", "o"))["etag"]
    assert (await owner("GET", "c", "o", if_none_match=tag)).status == 304
    assert (await owner("GET", "c", "o", if_match=tag)).status == 200
    assert (await owner("GET", "c", "o", if_match=md5(b"itself"))).status == 412


async def test_copies_are_whole_unless_the_manifest_is_asked_for(owner: Client) -> None:
    assert (await owner("COPY", "c", "o", destination="c/whole")).status == 201
    whole = await owner("GET", "c", "whole")
    assert (whole.body, whole.get("x-object-manifest")) == (WHOLE, None)
    assert whole["x-object-meta-a"] == "1"
    copied = await owner("COPY", "c", "o", query="multipart-manifest=get", destination="c/manifest")
    assert copied.status == 201
    assert (await owner("GET", "c", "manifest")).body == WHOLE
    part = await owner("PUT", "c", "part", x_copy_from="c/o", range="bytes=1999-2000")
    assert part.status == 201
    assert (await owner("GET", "c", "part")).body == b"ab"


async def test_a_post_makes_changes_and_ends_a_manifest(owner: Client) -> None:
    await owner("PUT", "c", "plain", body=b"plain")
    await owner("POST", "c", "plain", x_object_manifest="s %25/big/4")
    assert (await owner("GET", "c", "plain")).body == b"c" * 10
    await owner("POST", "c", "plain")
    assert (await owner("GET", "c", "plain")).body == b"plain"


@pytest.mark.parametrize("value", ["", "c", "c/", "/p", "c//p", "c/p?x", "c/p&x"])
async def test_what_is_no_manifest(owner: Client, value: str) -> None:
    for method in ("PUT", "POST"):
        answer = await owner(method, "c", "o", x_object_manifest=value)
        assert answer.status == 400
        assert answer.body == b"X-Object-Manifest must be in the format container/prefix"
    assert (await owner("GET", "c", "o")).body == WHOLE


async def test_readers_need_the_right_to_the_segments(swift: Swift, owner: Client) -> None:
    await owner("POST", "c", x_container_read=".r:*")
    assert (await swift.anonymous.request("GET", owner.path("c", "o"))).status == 401
    assert (await swift.client("test2:tester2")("GET", "c", "o")).status == 403
    await owner("POST", "s %", x_container_read=".r:*,.rlistings")
    assert (await swift.anonymous.request("GET", owner.path("c", "o"))).body == WHOLE


async def test_missing_segments(owner: Client) -> None:
    await owner("PUT", "c", "none", x_object_manifest="c/none-such")
    answer = await owner("GET", "c", "none")
    assert (answer.status, answer.body) == (200, b"")
    assert answer["etag"] == f'"{md5(b"")}"'
    await owner("PUT", "c", "lost", x_object_manifest="gone/x")
    assert (await owner("GET", "c", "lost")).status == 404


async def test_a_manifest_that_names_itself_does_not_loop(owner: Client) -> None:
    await owner("PUT", "c", "self", body=b"me", x_object_manifest="c/self")
    assert (await owner("GET", "c", "self")).body == b"me"


async def test_segments_beyond_one_page(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.swift.dynamic_large.PAGE_ENTRIES", 2)
    assert (await owner("GET", "c", "o")).body == WHOLE

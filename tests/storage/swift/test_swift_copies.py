"""Copies inside the store."""

import hashlib

import pytest
from swift_harness import Client, Swift, swift_api

from storage.swift.settings import SwiftSettings

DATA = bytes(range(256)) * 40
SMALL = b"hello world"


@pytest.fixture
async def c(tester: Client) -> Client:
    """The administrator, with containers "c" and "d" and an object."""
    for container in ("c", "d"):
        await tester("PUT", container)
    await tester(
        "PUT",
        "c",
        "o",
        body=DATA,
        content_type="a/b",
        content_encoding="gzip",
        x_object_meta_a="1",
        x_object_meta_b="é",
        x_delete_at="4000000000",
    )
    return tester


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("method", ["COPY", "PUT"])
async def test_copy_has_everything(c: Client, method: str, slash: str) -> None:
    if method == "COPY":
        answer = await c("COPY", "c", "o", destination=f"{slash}d/x%20/y", x_object_meta_a="2")
    else:
        answer = await c("PUT", "d", "x /y", x_copy_from=f"{slash}c/o", x_object_meta_a="2")
    assert (answer.status, answer.body) == (201, b"")
    source, copy = await c("GET", "c", "o"), await c("GET", "d", "x /y")
    assert copy.body == DATA
    for name in ("etag", "content-type", "content-encoding", "x-delete-at"):
        assert copy[name] == source[name]
    assert copy.meta("x-object-meta-") == {"a": "2", "b": "é"}
    assert answer["etag"] == source["etag"]
    assert answer["last-modified"] == copy["last-modified"]
    assert answer["x-copied-from"] == "c/o"
    assert answer["x-copied-from-account"] == "AUTH_test"
    assert answer["x-copied-from-last-modified"] == source["last-modified"]
    assert answer.meta("x-object-meta-") == {"a": "2", "b": "é"}
    assert answer["x-delete-at"] == "4000000000"


async def test_headers_of_the_request_win(c: Client) -> None:
    await c(
        "COPY",
        "c",
        "o",
        destination="d/o",
        content_type="new/type",
        content_encoding="br",
        x_delete_at="4000000001",
    )
    copy = await c("HEAD", "d", "o")
    assert copy["content-type"] == "new/type"
    assert copy["content-encoding"] == "br"
    assert copy["x-delete-at"] == "4000000001"


async def test_fresh_metadata_leaves_the_old_behind(c: Client) -> None:
    await c("COPY", "c", "o", destination="d/o", x_fresh_metadata="true", x_object_meta_new="1")
    copy = await c("HEAD", "d", "o")
    assert copy.meta("x-object-meta-") == {"new": "1"}
    assert copy["content-type"] == "a/b"
    assert copy.get("content-encoding") is None
    assert copy.get("x-delete-at") is None


async def test_copy_onto_itself_changes_metadata(c: Client) -> None:
    assert (await c("COPY", "c", "o", destination="c/o", content_type="x/y")).status == 201
    got = await c("GET", "c", "o")
    assert (got.body, got["content-type"]) == (DATA, "x/y")


@pytest.mark.parametrize(("asked", "expected"), [("100-199", DATA[100:200]), ("-5", DATA[-5:])])
async def test_copy_of_a_range(c: Client, asked: str, expected: bytes) -> None:
    answer = await c("COPY", "c", "o", destination="d/o", range=f"bytes={asked}")
    assert answer.status == 201
    copy = await c("GET", "d", "o")
    assert copy.body == expected
    assert copy["etag"] == hashlib.md5(expected, usedforsecurity=False).hexdigest()
    assert copy["content-type"] == "a/b"
    assert copy.meta("x-object-meta-") == {"a": "1", "b": "é"}


async def test_copy_of_a_range_is_checked_against_the_given_etag(c: Client) -> None:
    headers = {"destination": "d/o", "range": "bytes=0-1", "etag": "x"}
    assert (await c.request("COPY", c.path("c", "o"), headers)).status == 422
    assert (await c("HEAD", "d", "o")).status == 404
    assert (await c("COPY", "c", "o", destination="d/o", range="bytes=99999-")).status == 416


async def test_conditions_are_about_the_source(c: Client) -> None:
    tag = (await c("HEAD", "c", "o"))["etag"]
    assert (await c("COPY", "c", "o", destination="d/o", if_match="x")).status == 412
    assert (await c("COPY", "c", "o", destination="d/o", if_none_match=tag)).status == 304
    assert (await c("HEAD", "d", "o")).status == 404
    assert (await c("COPY", "c", "o", destination="d/o", if_match=tag)).status == 201


async def test_create_once_is_about_the_copy(c: Client) -> None:
    assert (await c("COPY", "c", "o", destination="d/o", if_none_match="*")).status == 201
    assert (await c("COPY", "c", "o", destination="d/o", if_none_match="*")).status == 412
    assert (await c("PUT", "d", "o", x_copy_from="c/o", if_none_match="*")).status == 412


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({}, 412, b"Destination header required"),
        ({"destination": "d"}, 412, b"Destination header must be of the form"),
        ({"destination": "d/"}, 412, b"Destination header must be of the form"),
        ({"destination": "//o"}, 412, b"Destination header must be of the form"),
        ({"destination": "d/%ff"}, 412, b"Invalid UTF8"),
        ({"destination": "none/o"}, 404, b""),
        ({"destination": "d/" + "o" * 1025}, 400, b"Object name length of 1025"),
        ({"destination": "d/o", "destination-account": ""}, 412, b"Account name cannot be"),
        ({"destination": "d/o", "destination-account": "a/b"}, 412, b"Account name cannot"),
        ({"destination": "d/o", "destination-account": "AUTH_test2"}, 403, b""),
        ({"destination": "d/o", "x-object-meta-": "1"}, 400, b"Metadata name cannot be empty"),
    ],
)
async def test_bad_copies_change_nothing(
    c: Client, headers: dict[str, str], status: int, text: bytes
) -> None:
    answer = await c.request("COPY", c.path("c", "o"), headers)
    assert answer.status == status
    assert answer.body.startswith(text)
    assert (await c("GET", "d")).status == 204


async def test_copies_of_nothing(c: Client) -> None:
    for names in (("c", "none"), ("none", "o")):
        assert (await c("COPY", *names, destination="d/o")).status == 404
        assert (await c("PUT", "d", "o", x_copy_from="/".join(names))).status == 404
    assert (await c("PUT", "d", "o", x_copy_from="none")).status == 412
    assert (await c("PUT", "none", "o", x_copy_from="c/o")).status == 404
    assert (await c("GET", "d")).status == 204


async def test_metadata_limits_hold_for_the_sum(c: Client) -> None:
    for name, start in (("one", 0), ("two", 60)):
        headers = {f"x-object-meta-{number}": "v" for number in range(start, start + 60)}
        await c.request("PUT", c.path("c", name), headers, b"")
    sixty = {f"x-object-meta-{number}": "v" for number in range(60, 120)}
    refused = await c.request("COPY", c.path("c", "one"), {"destination": "d/o", **sixty})
    assert (refused.status, refused.body) == (400, b"Too many metadata items; max 90")
    fresh = {"destination": "d/o", "x-fresh-metadata": "yes", **sixty}
    assert (await c.request("COPY", c.path("c", "one"), fresh)).status == 201


async def test_copies_between_accounts(swift: Swift, c: Client) -> None:
    other = swift.clients["test2:tester2"]
    await other("PUT", "e")
    to_other = {"destination": "e/o", "destination-account": "AUTH_test2"}
    assert (await c.request("COPY", c.path("c", "o"), to_other)).status == 403
    await other("POST", "e", x_container_write="test:tester")
    answer = await c.request("COPY", c.path("c", "o"), to_other)
    assert answer.status == 201
    assert (await other("GET", "e", "o")).body == DATA

    from_c = {"x-copy-from": "c/o", "x-copy-from-account": "AUTH_test"}
    assert (await other.request("PUT", other.path("e", "p"), from_c, b"")).status == 403
    await c("POST", "c", x_container_read="test2:tester2")
    answer = await other.request("PUT", other.path("e", "p"), from_c, b"")
    assert answer.status == 201
    assert answer["x-copied-from-account"] == "AUTH_test"


async def test_missing_source_is_told_before_forbidden_place(c: Client) -> None:
    headers = {"destination": "e/o", "destination-account": "AUTH_test2"}
    assert (await c.request("COPY", c.path("c", "none"), headers)).status == 404


async def test_copy_over_the_limit() -> None:
    async with swift_api(SwiftSettings(object_size_bytes_max=100)) as swift:
        tester = swift.clients["test:tester"]
        await tester("PUT", "c")
        assert (await tester("PUT", "c", "o", body=b"x" * 101)).status == 413
        assert (await tester("PUT", "c", "o", body=b"x" * 100)).status == 201
        parts = await tester("COPY", "c", "o", destination="c/p", range="bytes=0-40,50-90")
        assert parts.status == 413, "the frames of the parts count"
        assert (await tester("GET", "c")).lines == ["o"]


async def test_copy_of_several_ranges_is_what_a_get_would_send(c: Client) -> None:
    asked = "bytes=0-1,100-101"
    assert (await c("COPY", "c", "o", destination="d/o", range=asked)).status == 201
    got, copy = await c("GET", "c", "o", range=asked), await c("GET", "d", "o")
    assert copy["content-type"].startswith("multipart/byteranges;boundary=")
    boundaries = [answer["content-type"][-32:].encode() for answer in (got, copy)]
    assert copy.body.replace(boundaries[1], b"-") == got.body.replace(boundaries[0], b"-")

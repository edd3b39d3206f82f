"""Static large objects: manifests, what they stand for, who may read that, and how it ends."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from swift_harness import Answer, Client, Swift

SEGMENTS = {"a": b"a" * 1000, "b": b"b" * 500, "c": b"c"}
WHOLE = b"".join(SEGMENTS.values())
PUT = "multipart-manifest=put"
GET = "multipart-manifest=get"
DELETE = "multipart-manifest=delete"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def etag_of(*segments: bytes) -> str:
    return md5("".join(md5(body) for body in segments).encode())


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"path": f"/s %/{name}", **more}


async def put(client: Client, name: str, entries: Any, query: str = PUT, **headers: str) -> Answer:
    body = json.dumps(entries).encode()
    return await client("PUT", "c", name, query=query, body=body, **headers)


@pytest.fixture
async def owner(tester: Client) -> Client:
    """The owner of "c/o", which stands for all segments."""
    await tester("PUT", "c")
    await tester("PUT", "s %")
    for name, body in SEGMENTS.items():
        await tester("PUT", "s %", name, body=body)
    answer = await put(tester, "o", [entry(name) for name in SEGMENTS], x_object_meta_a="1")
    assert answer.status == 201
    assert answer["etag"] == f'"{etag_of(*SEGMENTS.values())}"'
    return tester


async def test_it_reads_as_its_segments(owner: Client) -> None:
    answer = await owner("GET", "c", "o")
    assert (answer.status, answer.body) == (200, WHOLE)
    assert answer["etag"] == f'"{etag_of(*SEGMENTS.values())}"'
    assert (answer["x-static-large-object"], answer["x-object-meta-a"]) == ("True", "1")
    head = await owner("HEAD", "c", "o")
    assert (head["content-length"], head["etag"]) == (str(len(WHOLE)), answer["etag"])
    manifest = await owner("GET", "c", "o", query=GET)
    assert manifest["x-static-large-object"] == "True"
    assert manifest["etag"] == md5(manifest.body) == answer["x-manifest-etag"]
    assert manifest["content-type"] == "application/json; charset=utf-8"
    first = manifest.json[0]
    assert (first["name"], first["bytes"], first["hash"]) == ("/s %/a", 1000, md5(SEGMENTS["a"]))


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=999-1000", 206, b"ab"),
        ("bytes=-2", 206, b"bc"),
        ("bytes=1500-", 206, b"c"),
        ("bytes=9000-", 416, None),
    ],
)
async def test_ranges(owner: Client, asked: str, status: int, body: bytes | None) -> None:
    answer = await owner("GET", "c", "o", range=asked)
    assert answer.status == status
    if body is not None:
        assert answer.body == body
    several = await owner("GET", "c", "o", range="bytes=0-0,1500-1500")
    assert (several.status, several.body.count(b"Content-Range")) == (206, 2)


async def test_parts_by_number(owner: Client) -> None:
    answer = await owner("GET", "c", "o", query="part-number=2")
    assert (answer.status, answer.body) == (206, SEGMENTS["b"])
    assert (answer["content-range"], answer["x-parts-count"]) == ("bytes 1000-1499/1501", "3")
    head = await owner("HEAD", "c", "o", query="part-number=2")
    assert (head.status, head["content-length"]) == (206, "500")
    assert (await owner("GET", "c", "o", query="part-number=4")).status == 416
    for wrong in ("0", "x", "-1", ""):
        assert (await owner("GET", "c", "o", query=f"part-number={wrong}")).status == 400
    both = await owner("GET", "c", "o", query="part-number=1", range="bytes=0-1")
    assert both.status == 400


async def test_ranges_data_and_manifests_within_manifests(owner: Client) -> None:
    data = base64.b64encode(b"data").decode()
    inner = [entry("a", range="-3"), {"data": data}, entry("b", range="0-1")]
    assert (await put(owner, "inner", inner)).status == 201
    assert (await owner("GET", "c", "inner")).body == b"aaadatabb"
    outer = [{"data": data}, {"path": "c/inner", "range": "2-7"}, entry("c")]
    answer = await put(owner, "outer", outer)
    assert answer.status == 201
    told = md5(f"{md5(b'data')}{(await owner('HEAD', 'c', 'inner'))['etag'][1:-1]}:2-7;"
               f"{md5(b'c')}".encode())  # fmt: skip
    assert answer["etag"] == f'"{told}"'
    assert (await owner("GET", "c", "outer")).body == b"dataadatabc"
    assert (await owner("GET", "c", "outer", range="bytes=3-5")).body == b"aad"
    shown = (await owner("GET", "c", "outer", query=GET)).json
    assert shown[0] == {"data": data}
    assert (shown[1]["sub_slo"], shown[1]["range"], shown[1]["bytes"]) == (True, "2-7", 9)
    raw = await owner("GET", "c", "outer", query=f"{GET}&format=raw")
    assert raw["etag"] == md5(raw.body)
    assert set(raw.json[1]) == {"path", "size_bytes", "etag", "range"}
    again = await owner("PUT", "c", "again", query=PUT, body=raw.body)
    assert again["etag"] == answer["etag"]


async def test_an_empty_manifest_and_an_empty_end(owner: Client) -> None:
    assert (await put(owner, "none", [])).status == 201
    assert (await owner("GET", "c", "none")).body == b""
    assert (await owner("GET", "c", "none", query=GET)).json == []
    await owner("PUT", "s %", "empty", body=b"")
    assert (await put(owner, "end", [entry("c"), entry("empty")])).status == 201
    assert (await owner("GET", "c", "end")).body == b"c"
    answer = await put(owner, "middle", [entry("empty"), entry("c")])
    assert (answer.status, b"Too small" in answer.body) == (400, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Manifest must be valid JSON.\n"),
        (b"[" * 100_000, "Manifest must be valid JSON.\n"),
        (b"{}", "Manifest must be a list.\n"),
        (b"[1]", "Index 0: not a JSON object\n"),
        (b"[{}]", "Index 0: expected keys to include one of 'data' or 'path'\n"),
        (b'[{"path": "c/x", "teag": 1}]', 'Index 0: extraneous keys "teag"\n'),
        (b'[{"path": 1}]', 'Index 0: "path" must be a string\n'),
        (b'[{"path": "c/x", "size_bytes": "x"}]', "Index 0: invalid size_bytes\n"),
        (b'[{"path": "c/x", "size_bytes": 1e999}]', "Index 0: invalid size_bytes\n"),
        (b'[{"path": "c/x", "range": "x"}]', "Index 0: invalid range\n"),
        (
            b'[{"path": "c/x", "range": "0-1,3-4"}]',
            "Index 0: multiple ranges (only one allowed)\n",
        ),
        (
            b'[{"path": "c/x", "range": "9-", "size_bytes": 5}]',
            "Index 0: unsatisfiable range\n",
        ),
        (b'[{"path": "c/o"}]', "Index 0: manifest must not include itself as a segment\n"),
        (b'[{"path": "c/x"}, {"data": "!"}]', "Index 1: data must be valid base64\n"),
        (
            b'[{"data": "YQ"}]',
            "Inline data segments require at least one object-backed segment.\n",
        ),
    ],
)
async def test_what_is_no_manifest(owner: Client, body: bytes, text: str) -> None:
    answer = await owner("PUT", "c", "o", query=PUT, body=body)
    assert (answer.status, answer.body.decode()) == (400, text)
    assert (await owner("GET", "c", "o")).body == WHOLE


@pytest.mark.parametrize(
    ("path", "more", "text"),
    [
        ("s %/a", {"etag": md5(b"x")}, "Etag Mismatch"),
        ("s %/a", {"size_bytes": 999}, "Size Mismatch"),
        ("s %/a", {"range": "1000-"}, "Unsatisfiable Range"),
        ("s %/none", {}, "404 Not Found"),
        ("none/none", {}, "404 Not Found"),
        ("\0parts\0c/x", {}, "412 Precondition Failed"),
        ("c/\ud800", {}, "412 Precondition Failed"),
        ("c/dynamic", {}, "Dynamic large objects cannot be segments"),
    ],
)
async def test_segments_that_are_not_as_told(
    owner: Client, path: str, more: Mapping[str, Any], text: str
) -> None:
    await owner("PUT", "c", "dynamic", x_object_manifest="s %25/x")
    entries = [entry("b"), {"path": path, **more}]
    answer = await put(owner, "new", entries, accept="application/json")
    assert answer.status == 400
    assert [problem for _, problem in answer.json["Errors"]] == [text]
    assert (await owner("GET", "c", "new")).status == 404


async def test_limits(swift: Swift, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift.app._objects.static, "_segments_max", 2)
    many = await put(owner, "new", [entry("a")] * 3)
    assert (many.status, many.body) == (413, b"Number of object-backed segments must be <= 2")
    monkeypatch.setattr(swift.app._manifest_uploads, "_bytes_max", 20)
    for body in (b" " * 21, [b" " * 10, b" " * 11]):
        large = await owner("PUT", "c", "new", query=PUT, body=body)
        assert (large.status, large.body) == (413, b"Manifest File > 20 bytes")


async def test_the_announced_etag_and_conditions(owner: Client) -> None:
    assert (await put(owner, "new", [entry("a")], etag=md5(b"x"))).status == 422
    good = await put(owner, "new", [entry("a")], etag=etag_of(SEGMENTS["a"]), if_none_match="*")
    assert good.status == 201
    assert (await put(owner, "new", [entry("a")], if_none_match="*")).status == 412
    tag = (await owner("HEAD", "c", "o"))["etag"]
    assert (await owner("GET", "c", "o", if_none_match=tag)).status == 304
    assert (await owner("GET", "c", "o", if_match=md5(b"x"))).status == 412
    reserved = await owner("PUT", "c", "plain", x_static_large_object="True")
    assert reserved.status == 400


async def test_a_slow_put_is_answered_while_it_is_checked(owner: Client) -> None:
    query = f"{PUT}&heartbeat=on"
    good = await put(owner, "new", [entry("a")], query, accept="application/json")
    assert good.status == 202
    white, _, report = good.body.partition(b"\r\n\r\n")
    assert not white.strip()
    told = json.loads(report)
    assert (told["Response Status"], told["Errors"]) == ("201 Created", [])
    assert told["Etag"] == f'"{etag_of(SEGMENTS["a"])}"'
    bad = await put(owner, "new", [entry("none")], query, accept="application/json")
    told = json.loads(bad.body)
    assert (bad.status, told["Response Status"]) == (202, "400 Bad Request")
    assert told["Errors"] == [["/s%20%25/none", "404 Not Found"]]


async def test_a_segment_may_be_uploaded_again_but_not_changed(owner: Client) -> None:
    await owner("PUT", "s %", "a", body=SEGMENTS["a"])
    assert (await owner("GET", "c", "o")).body == WHOLE
    await owner("PUT", "s %", "a", body=b"x" * 1000)
    assert (await owner("GET", "c", "o")).status == 409
    assert (await owner("GET", "c", "o", range="bytes=1000-1001")).body == b"bb"


async def test_readers_need_the_right_to_the_segments(swift: Swift, owner: Client) -> None:
    await put(owner, "outer", [{"path": "c/o"}])
    for name in ("o", "outer"):
        path = owner.path("c", name)
        await owner("POST", "c", x_container_read=".r:*")
        await owner("POST", "s %", x_container_read="nobody")
        assert (await swift.anonymous.request("GET", path)).status == 409
        await owner("POST", "s %", x_container_read=".r:*")
        assert (await swift.anonymous.request("GET", path)).body == WHOLE


async def test_makers_need_the_right_to_the_segments(swift: Swift, owner: Client) -> None:
    await owner("POST", "c", x_container_write="test:tester3")
    colleague = swift.clients["test:tester3"]
    answer = await put(colleague, "theirs", [entry("a")], accept="application/json")
    assert answer.json["Errors"] == [["/s%20%25/a", "403 Forbidden"]]
    await owner("POST", "s %", x_container_read="test:tester3")
    assert (await put(colleague, "theirs", [entry("a")])).status == 201


async def test_listings_tell_both_etags(owner: Client) -> None:
    manifest = await owner("GET", "c", "o", query=GET)
    listed = (await owner("GET", "c", query="format=json")).json[0]
    assert (listed["bytes"], listed["hash"]) == (len(WHOLE), md5(manifest.body))
    assert listed["slo_etag"] == f'"{etag_of(*SEGMENTS.values())}"'
    await owner("POST", "c", "o", x_object_meta_b="2")
    assert (await owner("GET", "c", query="format=json")).json[0]["hash"] == md5(manifest.body)
    assert (await owner("GET", "c", "o")).body == WHOLE


async def test_copies_are_whole_unless_the_manifest_is_asked_for(owner: Client) -> None:
    assert (await owner("COPY", "c", "o", destination="c/whole")).status == 201
    whole = await owner("GET", "c", "whole")
    assert (whole.body, whole.get("x-static-large-object")) == (WHOLE, None)
    assert whole["x-object-meta-a"] == "1"
    copied = await owner("COPY", "c", "o", query=GET, destination="c/manifest")
    assert copied.status == 201
    found = await owner("GET", "c", "manifest")
    assert (found.body, found["x-object-meta-a"]) == (WHOLE, "1")
    assert found["x-static-large-object"] == "True"


async def test_deletion_takes_segments_and_inner_manifests_along(owner: Client) -> None:
    await put(owner, "inner", [entry("a"), entry("b")])
    await put(owner, "outer", [{"path": "c/inner"}, entry("c"), entry("c")])
    answer = await owner("DELETE", "c", "outer", query=DELETE, accept="application/json")
    assert (answer.json["Number Deleted"], answer.json["Errors"]) == (5, [])
    assert (await owner("GET", "s %")).lines == []
    assert (await owner("GET", "c")).lines == ["o"]


async def test_deletion_of_what_is_no_manifest(owner: Client) -> None:
    answer = await owner("DELETE", "s %", "a", query=DELETE, accept="application/json")
    assert answer.json["Errors"] == [["s%20%25/a", "Not an SLO manifest"]]
    none = await owner("DELETE", "c", "none", query=DELETE, accept="application/json")
    assert (none.json["Number Not Found"], none.json["Errors"]) == (1, [])
    assert (await owner("GET", "s %", "a")).status == 200


async def test_deletion_that_leaves_the_segments_to_expire(owner: Client) -> None:
    query = f"{DELETE}&async=yes"
    await put(owner, "two", [entry("a"), {"path": "c/o"}])
    assert (await owner("DELETE", "c", "two", query=query)).status == 400
    await put(owner, "nested", [{"path": "c/o"}])
    assert (await owner("DELETE", "c", "nested", query=query)).status == 400
    assert (await owner("DELETE", "c", "o", query=query)).status == 204
    assert (await owner("GET", "c", "o")).status == 404
    for name in SEGMENTS:
        assert (await owner("GET", "s %", name)).status == 404

"""Containers."""

from urllib.parse import quote

import pytest
from swift_harness import Client, Swift, swift_api

from storage.swift.settings import SwiftSettings


async def test_life_of_a_container(tester: Client) -> None:
    assert (await tester("GET", "c")).status == 404
    created = await tester("PUT", "c")
    assert (created.status, created.body) == (201, b"")
    again = await tester("PUT", "c")
    assert again.status == 202
    assert again.body == (
        b"<html><h1>Accepted</h1><p>The request is accepted for processing.</p></html>"
    )
    assert (await tester("HEAD", "c")).status == 204
    assert (await tester("DELETE", "c")).status == 204
    for method in ("GET", "HEAD", "POST", "DELETE"):
        assert (await tester(method, "c")).status == 404
    assert (await tester("PUT", "c")).status == 201


async def test_container_with_objects_is_not_deleted(tester: Client) -> None:
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=b"1")
    refused = await tester("DELETE", "c")
    assert refused.status == 409
    assert refused.body.startswith(b"<html><h1>Conflict</h1>")
    assert (await tester("GET", "c", "o")).body == b"1"
    await tester("DELETE", "c", "o")
    assert (await tester("DELETE", "c")).status == 204


async def test_headers_of_a_container(tester: Client) -> None:
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=b"12345")
    for method in ("GET", "HEAD"):
        answer = await tester(method, "c")
        assert answer["x-container-object-count"] == "1"
        assert answer["x-container-bytes-used"] == "5"
        assert answer["x-storage-policy"] == "Policy-0"
        assert answer["accept-ranges"] == "bytes"
        assert answer["last-modified"].endswith(" GMT")
        assert float(answer["x-timestamp"]) > 1e9


async def test_counters_are_exact_after_each_write(tester: Client) -> None:
    await tester("PUT", "c")
    sizes: dict[str, int] = {}
    for step in range(30):
        name = f"o{step * 7 % 5}"
        if name in sizes and step % 3 == 0:
            await tester("DELETE", "c", name)
            del sizes[name]
        else:
            await tester("PUT", "c", name, body=b"x" * step)
            sizes[name] = step
        answer = await tester("HEAD", "c")
        assert answer["x-container-object-count"] == str(len(sizes))
        assert answer["x-container-bytes-used"] == str(sum(sizes.values()))
        whole = await tester("HEAD")
        assert whole["x-account-object-count"] == str(len(sizes))
        assert whole["x-account-bytes-used"] == str(sum(sizes.values()))


async def test_metadata_is_merged_by_put_and_post(tester: Client) -> None:
    await tester("PUT", "c", x_container_meta_one="1", x_container_meta_gone="")
    await tester("POST", "c", x_container_meta_two="2")
    await tester("PUT", "c", x_container_meta_three="3")
    expected = {"one": "1", "two": "2", "three": "3"}
    assert (await tester("HEAD", "c")).meta("x-container-meta-") == expected
    await tester("POST", "c", x_remove_container_meta_one="x", x_container_meta_two="")
    assert (await tester("GET", "c")).meta("x-container-meta-") == {"three": "3"}
    both = {"x-remove-container-meta-three": "x", "x-container-meta-three": "new"}
    await tester.request("POST", tester.path("c"), both)
    assert (await tester("GET", "c")).meta("x-container-meta-") == {"three": "new"}


async def test_metadata_does_not_outlive_its_container(tester: Client) -> None:
    await tester("PUT", "c", x_container_meta_color="red", x_container_read=".r:*")
    await tester("DELETE", "c")
    await tester("PUT", "c")
    answer = await tester("HEAD", "c")
    assert answer.meta("x-container-meta-") == {}
    assert answer.get("x-container-read") is None


async def test_last_modified_is_that_of_the_configuration(swift: Swift, tester: Client) -> None:
    clock = swift.memory.world.clock
    seen = []
    for ask in (
        tester("PUT", "c"),
        tester("POST", "c", x_container_meta_a="1"),
        tester("PUT", "c"),
        tester("PUT", "c", "o", body=b"x"),
        tester("POST", "c", "o"),
    ):
        clock.offset_ns += 2 * 10**9  # type: ignore[attr-defined]
        await ask
        seen.append((await tester("HEAD", "c"))["last-modified"])
    assert len(set(seen[:3])) == 3
    assert seen[2] == seen[3] == seen[4]


async def test_x_timestamp_is_the_creation(swift: Swift, tester: Client) -> None:
    clock = swift.memory.world.clock
    started_s = clock.wall_ns() / 1e9
    await tester("PUT", "c")
    created = [(await tester("HEAD", *names))["x-timestamp"] for names in ((), ("c",))]
    clock.offset_ns += 60 * 10**9  # type: ignore[attr-defined]
    await tester("POST", x_account_meta_a="1")
    await tester("POST", "c", x_container_meta_a="1")
    assert [(await tester("HEAD", *names))["x-timestamp"] for names in ((), ("c",))] == created
    for stamp in created:
        assert started_s - 1 < float(stamp) < started_s + 30


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_bad_headers_change_nothing(tester: Client, method: str) -> None:
    await tester("PUT", "c", x_container_meta_good="1")
    for headers, text in (
        ({"x-container-meta-": "1"}, b"Metadata name cannot be empty"),
        ({"x-container-meta-bad": b"\xff"}, b"Metadata must be valid UTF-8"),
        ({"x-container-meta-" + "k" * 129: "v"}, b"Metadata name too long: x-container-meta-kk"),
        ({"x-container-meta-k": "v" * 257}, b"Metadata value longer than 256: x-container-meta-k"),
        ({f"x-container-meta-{n}": "v" for n in range(90)}, b"Too many metadata items; max 90"),
        (
            {f"x-container-meta-{n}": "v" * 256 for n in range(17)},
            b"Total metadata too large; max 4096",
        ),
        ({"x-container-write": ".r:*"}, b"Referrers not allowed in write ACL: '.r:*'"),
        ({"x-container-read": ".x:y"}, b"Unknown designator '.x' in ACL: '.x:y'"),
        ({"x-container-read": b"\xff"}, b"Metadata must be valid UTF-8"),
    ):
        answer = await tester.request(
            method, tester.path("c"), {"x-container-meta-new": "1", **headers}
        )
        assert answer.status == 400, headers
        assert answer.body.startswith(text)
    answer = await tester("HEAD", "c")
    assert answer.meta("x-container-meta-") == {"good": "1"}
    refused = await tester("PUT", "d", x_container_read=".r:")
    assert refused.status == 400
    assert (await tester("HEAD", "d")).status == 404


async def test_names(tester: Client) -> None:
    for name in ("a" * 256, "é" * 128, "a b", "%", "..", "日本", "a?b", "a\nb"):
        assert (await tester("PUT", name)).status == 201, name
        assert (await tester("HEAD", name)).status == 204
    assert len((await tester("GET", query="format=json")).json) == 8
    for name in ("a" * 257, "é" * 129):
        refused = await tester("PUT", name)
        assert refused.status == 400
        assert refused.body.startswith(b"Container name length of 25")
        assert refused["content-type"] == "text/html; charset=UTF-8"
        for method in ("GET", "HEAD", "POST", "DELETE"):
            assert (await tester(method, name)).status == 404


async def test_storage_policies() -> None:
    async with swift_api(SwiftSettings(policies=("gold", "silver"))) as swift:
        tester = swift.clients["test:tester"]
        assert (await tester("PUT", "c", x_storage_policy="GOLD")).status == 201
        assert (await tester("PUT", "c", x_storage_policy="gold")).status == 202
        assert (await tester("PUT", "c", x_storage_policy="silver")).status == 409
        assert (await tester("PUT", "c", x_storage_policy="")).status == 202
        refused = await tester("PUT", "c", x_storage_policy="lead")
        assert (refused.status, refused.body) == (400, b"Invalid X-Storage-Policy 'lead'")
        assert (await tester("HEAD", "c"))["x-storage-policy"] == "gold"
        assert (await tester("HEAD")).meta("x-account-storage-policy-") == {}


LISTED = ["a", "a-x", "b/", "b/c", "b/d/e", "b/d/f", "é", "日"]


@pytest.fixture
async def filled(tester: Client) -> Client:
    await tester("PUT", "c")
    for number, name in enumerate(LISTED):
        await tester("PUT", "c", name, body=b"x" * number, content_type=f"text/{number}")
    return tester


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", LISTED),
        ("limit=0", []),
        ("limit=2", ["a", "a-x"]),
        ("limit=2.5", LISTED),
        ("marker=b/c", ["b/d/e", "b/d/f", "é", "日"]),
        ("end_marker=b/", ["a", "a-x"]),
        ("prefix=b/d/", ["b/d/e", "b/d/f"]),
        ("delimiter=/", ["a", "a-x", "b/", "é", "日"]),
        ("delimiter=/&prefix=b/", ["b/", "b/c", "b/d/"]),
        ("delimiter=-", ["a", "a-", "b/", "b/c", "b/d/e", "b/d/f", "é", "日"]),
        ("path=", ["a", "a-x", "b/", "é", "日"]),
        ("path=b", ["b/c"]),
        ("path=b/d", ["b/d/e", "b/d/f"]),
        ("reverse=true&limit=2", ["日", "é"]),
        ("reverse=yes&marker=b/d/e&end_marker=a", ["b/c", "b/", "a-x"]),
        ("reverse=no&limit=1", ["a"]),
        ("marker=%C3%A9", ["日"]),
        ("prefix=nothing", []),
    ],
)
async def test_listings(filled: Client, query: str, expected: list[str]) -> None:
    plain = await filled("GET", "c", query=query)
    assert plain.status == (200 if expected else 204)
    assert plain.lines == expected
    listed = await filled("GET", "c", query=query + "&format=json")
    assert listed.status == 200
    assert [one.get("name", one.get("subdir")) for one in listed.json] == expected


async def test_fields_of_a_listing(filled: Client) -> None:
    entry = (await filled("GET", "c", query="format=json&prefix=b/c")).json[0]
    object_ = await filled("HEAD", "c", "b/c")
    assert entry["name"] == "b/c"
    assert entry["bytes"] == 3
    assert entry["hash"] == object_["etag"]
    assert entry["content_type"] == "text/3"
    seconds = float(object_["x-timestamp"])
    assert entry["last_modified"].endswith(f"{seconds % 1:.5f}0"[1:])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=10001", 412),
        ("marker=%ff", 400),
        ("prefix=%ff", 400),
        ("delimiter=%ff", 400),
        ("path=%ff", 400),
        ("format=%ff", 400),
    ],
)
async def test_bad_listing_parameters(filled: Client, query: str, status: int) -> None:
    assert (await filled("GET", "c", query=query)).status == status


async def test_last_of_a_repeated_parameter_counts(filled: Client) -> None:
    assert (await filled("GET", "c", query="limit=1&limit=2")).lines == ["a", "a-x"]


async def test_pages_join_to_the_whole(filled: Client) -> None:
    for query in ("limit=3", "limit=3&reverse=on"):
        seen: list[str] = []
        while True:
            marker = quote(seen[-1]) if seen else ""
            page = await filled("GET", "c", query=f"{query}&marker={marker}")
            if page.status == 204:
                break
            seen += page.lines
        assert seen == (LISTED[::-1] if "reverse" in query else LISTED)

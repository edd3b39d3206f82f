"""Accounts, and the requests that need none."""

import re

import pytest
from swift_harness import Client, Swift, swift_api

from storage.swift.settings import SwiftSettings


async def test_account_that_nobody_wrote_to_looks_empty(tester: Client) -> None:
    answer = await tester("GET")
    assert (answer.status, answer.body) == (204, b"")
    assert answer["content-type"] == "text/plain; charset=utf-8"
    for name in ("container-count", "object-count", "bytes-used"):
        assert answer[f"x-account-{name}"] == "0"
    assert re.fullmatch(r"\d{10}\.\d{5}", answer["x-timestamp"])
    assert (await tester("HEAD")).status == 204


@pytest.mark.parametrize(
    ("query", "empty", "content_type"),
    [
        ("", 204, "text/plain; charset=utf-8"),
        ("format=plain", 204, "text/plain; charset=utf-8"),
        ("format=json", 200, "application/json; charset=utf-8"),
        ("format=xml", 200, "application/xml; charset=utf-8"),
    ],
)
async def test_formats(tester: Client, query: str, empty: int, content_type: str) -> None:
    for names in ((), ("c",)):
        if names:
            await tester("PUT", "c")
        listed = await tester("GET", *names, query=query)
        asked = await tester("HEAD", *names, query=query)
        if not names or query:
            assert listed.status == empty
        assert asked.status == 204
        assert asked["content-length"] == "0"
        assert listed["content-type"] == asked["content-type"] == content_type
        assert listed.get("vary") == (None if query else "Accept")


async def test_accept_header_chooses_the_format(tester: Client) -> None:
    for accept, expected in (
        ("application/json", "application/json; charset=utf-8"),
        ("text/xml", "text/xml; charset=utf-8"),
        ("text/plain;q=0.2, application/xml;q=0.5", "application/xml; charset=utf-8"),
    ):
        answer = await tester("GET", accept=accept)
        assert answer["content-type"] == expected
    assert (await tester("GET", accept="image/png")).status == 406
    assert (await tester("HEAD", accept="image/png")).status == 406
    assert (await tester("GET", accept="image")).status == 400


async def test_containers_are_listed_and_counted(tester: Client) -> None:
    for container, sizes in {"b": (3, 4), "a": (), "c é": (5,)}.items():
        assert (await tester("PUT", container)).status == 201
        for number, size in enumerate(sizes):
            await tester("PUT", container, f"o{number}", body=b"x" * size)
    answer = await tester("GET", query="format=json")
    shown = [(one["name"], one["count"], one["bytes"]) for one in answer.json]
    assert shown == [("a", 0, 0), ("b", 2, 7), ("c é", 1, 5)]
    assert {one["storage_policy"] for one in answer.json} == {"Policy-0"}
    assert answer["x-account-container-count"] == "3"
    assert answer["x-account-object-count"] == "3"
    assert answer["x-account-bytes-used"] == "12"
    assert answer["x-account-storage-policy-policy-0-object-count"] == "3"
    assert (await tester("GET")).lines == ["a", "b", "c é"]
    assert (await tester("GET", query="limit=1&marker=a")).lines == ["b"]
    assert (await tester("GET", query="reverse=true&end_marker=a")).lines == ["c é", "b"]
    assert (await tester("GET", query="prefix=c%20")).lines == ["c é"]
    assert (await tester("GET", query="delimiter=%20")).lines == ["a", "b", "c "]
    assert (await tester("GET", query="marker=d")).status == 204
    assert (await tester("GET", query="limit=10001")).body == b"Maximum limit is 10000"


async def test_metadata_is_merged_and_removed(tester: Client) -> None:
    assert (await tester("POST", x_account_meta_one="1", x_account_meta_two="é")).status == 204
    assert (await tester("POST", x_account_meta_one="uno")).status == 204
    assert (await tester("HEAD")).meta("x-account-meta-") == {"one": "uno", "two": "é"}
    assert (await tester("POST", x_remove_account_meta_one="x")).status == 204
    assert (await tester("POST", x_account_meta_two="")).status == 204
    assert (await tester("GET")).meta("x-account-meta-") == {}


async def test_names_have_capitals_on_the_wire(tester: Client) -> None:
    await tester("POST", x_account_meta_color_of_sky="blue")
    names = [name for name, _ in (await tester("HEAD")).header_list]
    assert b"X-Account-Meta-Color-Of-Sky" in names
    assert b"X-Trans-Id" in names


async def test_bad_metadata_changes_nothing(tester: Client) -> None:
    await tester("POST", x_account_meta_good="1")
    path = tester.path()
    for headers in (
        {"x-account-meta-": "1"},
        {"x-account-meta-bad": b"\xff"},
        {"x-account-meta-" + "k" * 129: "v"},
        {"x-account-meta-k": "v" * 257},
        {f"x-account-meta-{number}": "v" for number in range(90)},
        {"x-account-access-control": "nonsense"},
        {"referer": "x" * 8193},
    ):
        answer = await tester.request("POST", path, {"x-account-meta-new": "1", **headers})
        assert answer.status == 400, headers
        assert answer["content-type"].startswith("text/plain")
    assert (await tester("HEAD")).meta("x-account-meta-") == {"good": "1"}


async def test_only_resellers_make_and_delete_accounts(swift: Swift, tester: Client) -> None:
    root = swift.client("ops:root", "AUTH_new")
    for method in ("PUT", "DELETE"):
        assert (await tester(method)).status == 403
    assert (await root("PUT", x_account_meta_a="1")).status == 201
    assert (await root("PUT")).status == 202
    assert (await root("HEAD")).meta("x-account-meta-") == {"a": "1"}
    assert (await root("DELETE", query="bulk=1")).status == 400
    assert (await root("DELETE")).status == 204
    assert (await root("DELETE")).status == 404
    assert (await root("HEAD")).meta("x-account-meta-") == {}


async def test_longest_account_name(swift: Swift) -> None:
    client = swift.client("ops:root", "AUTH_" + "a" * 251)
    assert (await client("PUT", "c")).status == 201
    assert (await client("GET")).lines == ["c"]
    assert (await client("GET", "c")).status == 204


async def test_too_long_account_name(swift: Swift) -> None:
    client = swift.client("ops:root", "AUTH_" + "a" * 252)
    for method in ("GET", "HEAD", "POST", "PUT"):
        answer = await client(method)
        assert answer.status == 400
        if method != "HEAD":
            assert answer.body == b"Account name length of 257 longer than 256"
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert (await client(method, "c")).status == 404


async def test_info_names_what_is_there(swift: Swift, tester: Client) -> None:
    answer = await swift.anonymous.request("GET", "/info")
    assert answer.status == 200
    assert answer["content-type"] == "application/json; charset=UTF-8"
    assert set(answer.json) == {
        "swift",
        "tempauth",
        "tempurl",
        "formpost",
        "staticweb",
        "bulk_upload",
        "bulk_delete",
        "slo",
        "object_versioning",
        "crossdomain",
    }
    about = answer.json["swift"]
    assert about["max_file_size"] == 5368709122
    assert about["policies"] == [{"name": "Policy-0", "aliases": "Policy-0", "default": True}]
    assert (await swift.anonymous.request("HEAD", "/info")).status == 200
    assert (await swift.anonymous.request("OPTIONS", "/info"))["allow"] == "GET, HEAD, OPTIONS"
    assert (await tester.request("POST", "/info")).status == 405


async def test_info_tells_the_limits_that_hold() -> None:
    settings = SwiftSettings(listing_entries_max=3, metadata_count_max=1, object_name_bytes_max=4)
    async with swift_api(settings) as swift:
        tester = swift.clients["test:tester"]
        about = (await tester.request("GET", "/info")).json["swift"]
        assert about["container_listing_limit"] == about["account_listing_limit"] == 3
        assert (await tester("GET", query="limit=4")).status == 412
        assert about["max_meta_count"] == 1
        assert (await tester("POST", x_account_meta_a="1", x_account_meta_b="1")).status == 400
        assert about["max_object_name_length"] == 4
        await tester("PUT", "c")
        assert (await tester("PUT", "c", "12345")).status == 400


async def test_healthcheck(swift: Swift) -> None:
    answer = await swift.anonymous.request("GET", "/healthcheck")
    assert (answer.status, answer.body) == (200, b"OK")


async def test_transaction_ids(swift: Swift, tester: Client) -> None:
    ids = {(await tester("HEAD"))["x-trans-id"] for _ in range(3)}
    assert len(ids) == 3
    for one in ids:
        assert re.fullmatch(r"tx[0-9a-f]{21}-[0-9a-f]{10}", one)
    extra = await tester("HEAD", x_trans_id_extra="my id" + "é" * 20)
    assert re.fullmatch(r"tx[0-9a-f]{21}-[0-9a-f]{10}-my%20id.*", extra["x-trans-id"])
    assert extra["x-trans-id"].isascii()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/v1", 412, b"Bad URL"),
        ("/v1/", 412, b"Bad URL"),
        ("/other", 412, b"Bad URL"),
        ("/v2/AUTH_test", 400, b""),
        ("/", 404, b""),
        ("/v1//c", 404, b""),
        ("/v1/AUTH_test//o", 404, b""),
        ("//v1/AUTH_test", 404, b""),
        ("*", 404, b""),
        ("/v1/AUTH_test/%ff", 412, b"Invalid UTF8 or contains NULL"),
        ("/v1/AUTH_test/c/a%00b", 412, b"Invalid UTF8 or contains NULL"),
        ("/v1/AUTH_test/%ed%a0%80", 412, b"Invalid UTF8 or contains NULL"),
        ("/auth/v3", 400, b""),
        ("/auth/v1/a/b/c", 400, b""),
    ],
)
async def test_paths_that_lead_nowhere(tester: Client, path: str, status: int, body: bytes) -> None:
    answer = await tester.request("GET", path)
    assert answer.status == status
    assert not body or answer.body == body


async def test_unknown_methods(tester: Client) -> None:
    for names, allow in (
        ((), "GET, HEAD, PUT, POST, DELETE, OPTIONS"),
        (("c",), "GET, HEAD, PUT, POST, DELETE, OPTIONS"),
        (("c", "o"), "GET, HEAD, PUT, POST, DELETE, COPY, OPTIONS"),
    ):
        for method in ("PATCH", "LICK", "get"):
            answer = await tester(method, *names)
            assert answer.status == 405
            assert answer["allow"] == allow
    assert (await tester("COPY", "c")).status == 405

"""What an operator can switch on: hosts, forbidden names, read-only accounts, a policy file."""

from typing import Any

import pytest
from swift_harness import Swift, swift_api

from storage.swift.domains import Domains
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings

DOMAINS = Domains(SwiftSettings(storage_domains=("example.com", ".foo.bar")))


@pytest.mark.parametrize(
    ("host", "path", "full"),
    [
        ("example.com", "/", "/"),
        ("AUTH_a.example.com", "/", "/v1/AUTH_a/"),
        ("AUTH_a.example.com:8080", "/c/o", "/v1/AUTH_a/c/o"),
        ("auth-uuid.foo.bar", "/c", "/v1/AUTH_uuid/c"),
        ("c.AUTH_a.example.com", "/", "/v1/AUTH_a/c/"),
        ("c.AUTH_a.example.com", "/v1/obj", "/v1/AUTH_a/c/v1/obj"),
        ("c.AUTH_a.example.com", "//v1", "/v1/AUTH_a/c//v1"),
        ("c.AUTH_a.example.com", "/obj/", "/v1/AUTH_a/c/obj/"),
        ("c.aexample.com", "/same", "/same"),
        ("www.example.com", "/same", "/same"),
        ("é.AUTH_a.example.com", "/o", "/v1/AUTH_a/%C3%A9/o"),
    ],
)
def test_a_host_stands_for_account_and_container(host: str, path: str, full: str) -> None:
    assert DOMAINS.full_path(host.encode(), path.encode()) == full.encode()


def test_a_host_with_too_many_parts() -> None:
    with pytest.raises(SwiftError) as caught:
        DOMAINS.full_path(b"x.c.AUTH_a.example.com", b"/")
    assert caught.value.response.body == b"Bad domain in host header"


def test_a_default_prefix_and_no_version() -> None:
    settings = SwiftSettings(
        storage_domains=("x.org",), storage_domain_prefix="AUTH", storage_domain_drops_version=True
    )
    domains = Domains(settings)
    assert domains.full_path(b"c.mine.x.org", b"/v1/o") == b"/v1/AUTH_mine/c/o"
    assert domains.full_path(b"mine.x.org", b"/v1") == b"/v1/AUTH_mine/"


async def test_domains_are_served() -> None:
    async with swift_api(SwiftSettings(storage_domains=("example.com",))) as swift:
        tester = swift.clients["test:tester"]
        host = "c.auth-test.example.com"
        assert (await tester("PUT", "c")).status == 201
        assert (await tester.request("PUT", "/o", body=b"x", host=host)).status == 201
        assert (await tester("GET", "c", "o")).body == b"x"
        assert swift.app.claims({"raw_path": b"/o", "headers": [(b"host", host.encode())]})
        assert not swift.app.claims({"raw_path": b"/o", "headers": [(b"host", b"a.b")]})


async def test_what_else_is_swifts(swift: Swift) -> None:
    def claims(path: bytes, *headers: tuple[bytes, bytes]) -> bool:
        return swift.app.claims({"raw_path": path, "headers": list(headers)})

    assert claims(b"/crossdomain.xml")
    assert claims(b"/any", (b"x-auth-token", b"t"))
    assert claims(b"/auth", (b"x-auth-user", b"u"))
    assert not claims(b"/bucket/key", (b"host", b"c.AUTH_a.example.com"))


async def info(swift: Swift) -> Any:
    return (await swift.anonymous.request("GET", "/info")).json


async def test_the_policy_file(swift: Swift) -> None:
    answer = await swift.anonymous.request("GET", "/crossdomain.xml")
    assert answer["content-type"] == "application/xml; charset=UTF-8"
    assert answer.body.decode().splitlines()[-2:] == [
        '<allow-access-from domain="*" secure="false" />',
        "</cross-domain-policy>",
    ]
    async with swift_api(SwiftSettings(cross_domain_policy="")) as without:
        assert (await without.anonymous.request("GET", "/crossdomain.xml")).status == 412
        assert "crossdomain" not in await info(without)


async def test_forbidden_names() -> None:
    settings = SwiftSettings(
        forbidden_characters="'\"`<>",
        forbidden_pattern=r"/\./|/\.\./|/\.$|/\.\.$",
        path_length_max=100,
    )
    async with swift_api(settings) as swift:
        tester = swift.clients["test:tester"]
        assert (await tester("PUT", "fine")).status == 201
        answer = await tester("PUT", "a<b")
        assert answer.status == 400
        expected = "Object/Container/Account name contains forbidden chars from '\"`<>"
        assert answer.body == expected.encode()
        assert b"substring from regular expression" in (await tester("PUT", "fine", "..")).body
        assert b"longer than the allowed maximum 100" in (await tester("PUT", "n" * 90)).body
        assert (await info(swift))["name_check"] == {
            "forbidden_chars": "'\"`<>",
            "maximum_length": 100,
            "forbidden_regexp": r"/\./|/\.\./|/\.$|/\.\.$",
        }


async def test_read_only_accounts() -> None:
    async with swift_api(SwiftSettings(read_only_accounts=("AUTH_test",))) as swift:
        tester = swift.clients["test:tester"]
        answer = await tester("PUT", "c")
        assert (answer.status, answer.body) == (405, b"Writes are disabled for this account.")
        for method in ("POST", "DELETE"):
            assert (await tester(method)).status == 405
        assert (await tester("GET")).status == 204
        other = swift.clients["test2:tester2"]
        assert (await other("PUT", "c")).status == 201
        await other("PUT", "c", "o", body=b"")
        copy = await other("COPY", "c", "o", destination="c/p", destination_account="AUTH_test")
        assert copy.status == 405
        for query in ("extract-archive=tar", "bulk-delete"):
            method = "PUT" if "archive" in query else "POST"
            assert (await tester(method, query=query, body=b"")).status == 405
        assert "read_only" not in await info(swift)


async def test_a_read_only_cloud_with_an_exception() -> None:
    settings = SwiftSettings(
        read_only=True, writable_accounts=("AUTH_test2",), read_only_allows_deletes=True
    )
    async with swift_api(settings) as swift:
        assert (await swift.clients["test:tester"]("PUT", "c")).status == 405
        assert (await swift.clients["test:tester"]("DELETE", "c")).status == 404
        assert (await swift.clients["test2:tester2"]("PUT", "c")).status == 201
        assert (await info(swift))["read_only"] == {}


async def test_newest_and_other_headers_of_swift_are_fine(swift: Swift) -> None:
    tester = swift.clients["test:tester"]
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=b"x")
    assert (await tester("GET", "c", "o", x_newest="true")).body == b"x"
    assert (await tester("HEAD", "c", x_newest="true")).status == 204


async def test_what_the_other_front_door_keeps_is_not_shown(swift: Swift) -> None:
    tester = swift.clients["test:tester"]
    await swift.memory.store.create_container("AUTH_test", "c", {"x-s3-owner": "test:tester"})
    for client in (tester, swift.clients["ops:root"]):
        answer = await client.request("HEAD", "/v1/AUTH_test/c")
        assert answer.status == 204
        assert not answer.meta("x-s3-")
    await tester("POST", "c", x_s3_owner="mine")
    record = await swift.memory.store.container("AUTH_test", "c")
    assert record is not None
    assert record.values["x-s3-owner"] == "test:tester"

"""Who may do what: tokens, roles, access rules, and other sites' pages."""

import json

import pytest
from swift_harness import Client, Swift, swift_api

from storage.auth.static_users import TOKEN_LIFETIME_S
from storage.swift.app import Route
from storage.swift.authorization import Permission
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level

USER = {"x-auth-user": "test:tester", "x-auth-key": "testing"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/auth/v1.0", USER),
        ("/auth/v1.0/", USER),
        ("/auth/v1", USER),
        ("/auth", USER),
        ("/auth/", USER),
        ("/auth/auth", USER),
        ("/auth/v1.0", {"x-storage-user": "test:tester", "x-storage-pass": "testing"}),
        ("/auth/v1/test/auth", {"x-storage-user": "tester", "x-storage-pass": "testing"}),
        ("/auth/v1/test/auth", USER),
    ],
)
async def test_login(swift: Swift, path: str, headers: dict[str, str]) -> None:
    answer = await swift.anonymous.request("GET", path, headers)
    assert (answer.status, answer.body) == (200, b"")
    assert answer["x-storage-url"] == "http://store.example:8080/v1/AUTH_test"
    assert answer["x-auth-token"] == answer["x-storage-token"]
    assert answer["x-auth-token-expires"] == str(TOKEN_LIFETIME_S)
    for header in ("x-auth-token", "x-storage-token"):
        used = await swift.anonymous.request(
            "GET", "/v1/AUTH_test", {header: answer["x-auth-token"]}
        )
        assert used.status == 204


@pytest.mark.parametrize(
    ("path", "headers", "realm"),
    [
        ("/auth/v1.0", {}, "unknown"),
        ("/auth/v1.0", {"x-auth-user": "test:tester"}, "test"),
        ("/auth/v1.0", {**USER, "x-auth-key": "wrong"}, "test"),
        ("/auth/v1.0", {**USER, "x-auth-key": b"\xff"}, "test"),
        ("/auth/v1.0", {**USER, "x-auth-user": 'no"body:x'}, "no%22body"),
        ("/auth/v1.0", {**USER, "x-auth-user": b"\xff"}, "%FF"),
        ("/auth/v1/test2/auth", USER, "test2"),
        ("/auth/v1/test2/auth", {"x-storage-user": "tester", "x-storage-pass": "testing"}, "test2"),
    ],
)
async def test_refused_login(
    swift: Swift, path: str, headers: dict[str, str | bytes], realm: str
) -> None:
    answer = await swift.anonymous.request("GET", path, headers)
    assert answer.status == 401
    assert answer["www-authenticate"] == f'Swift realm="{realm}"'
    assert answer.body.startswith(b"<html><h1>Unauthorized</h1>")
    assert answer.get("x-auth-token") is None


async def test_login_is_a_get(swift: Swift) -> None:
    for method in ("POST", "HEAD", "PUT", "OPTIONS"):
        answer = await swift.anonymous.request(method, "/auth/v1.0", USER)
        assert (answer.status, answer["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("host", "scheme", "url"),
    [
        ("a.example", "http", "http://a.example"),
        ("a.example:80", "http", "http://a.example"),
        ("a.example:443", "https", "https://a.example"),
        ("a.example:80", "https", "https://a.example:80"),
        ("[::1]:8080", "http", "http://[::1]:8080"),
        ("", "http", "http://127.0.0.1:8080"),
    ],
)
async def test_storage_url_is_where_the_client_is(
    swift: Swift, host: str, scheme: str, url: str
) -> None:
    answer = await swift.anonymous.request("GET", "/auth/v1.0", USER, host=host, scheme=scheme)
    assert answer["x-storage-url"] == f"{url}/v1/AUTH_test"


async def test_storage_url_can_be_set() -> None:
    async with swift_api(SwiftSettings(storage_url="https://store.example/")) as swift:
        answer = await swift.anonymous.request("GET", "/auth/v1.0", USER)
        assert answer["x-storage-url"] == "https://store.example/v1/AUTH_test"


def target_of(route: Route, client: Client) -> str:
    return client.path(*("c", "o")[: route.level - Level.ACCOUNT])


async def test_every_route_refuses_strangers(swift: Swift, tester: Client) -> None:
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=b"1")
    other = swift.client("test2:tester2", "AUTH_test")
    member = swift.client("test:tester3", "AUTH_test")
    wrong = Client(swift.app, tester.token[:-2] + "xx")
    foreign = Client(swift.app, "not-one-of-ours")
    assert len(swift.app.routes) == 19
    for route in swift.app.routes:
        path = target_of(route, tester)
        open_to_all = route.permission is Permission.ANYONE
        for client, status in (
            (swift.anonymous, 401),
            (foreign, 401),
            (other, 403),
            (member, 403),
        ):
            answer = await client.request(route.method, path, {"destination": "c/p"})
            assert answer.status == (200 if open_to_all else status), route
            assert (answer.get("www-authenticate") is not None) == (answer.status == 401)
        answer = await wrong.request(route.method, path)
        assert answer.status == 401, route
        assert answer["www-authenticate"] == 'Swift realm="AUTH_test"'
        if route.permission is Permission.MANAGE:
            assert (await tester.request(route.method, path)).status == 403
    assert (await tester("GET", "c", "o")).body == b"1"
    assert (await tester("GET")).lines == ["c"]


async def test_token_ends(swift: Swift, tester: Client) -> None:
    swift.memory.world.clock.offset_ns += TOKEN_LIFETIME_S * 10**9  # type: ignore[attr-defined]
    assert (await tester("GET")).status == 401


async def test_realm_is_quoted(swift: Swift) -> None:
    answer = await swift.anonymous.request("GET", '/v1/AUTH_x"%0d%0aSet-Cookie:%20a')
    assert answer["www-authenticate"] == 'Swift realm="AUTH_x%22%0D%0ASet-Cookie%3A%20a"'


async def test_bad_token_is_refused_even_where_none_is_needed(swift: Swift) -> None:
    bad = Client(swift.app, "AUTH_tkbad")
    assert (await bad.request("GET", "/info")).status == 401
    assert (await bad.request("GET", "/healthcheck")).status == 200
    assert (await bad.request("GET", "/v1/AUTH_test/%ff")).status == 401


async def test_other_accounts_of_nobody(swift: Swift, tester: Client) -> None:
    for account in ("test", "OTHER_x", ".internal"):
        assert (await Client(swift.app, tester.token, account)("GET")).status == 403
        assert (await Client(swift.app, "", account)("GET")).status == 401
    root = swift.client("ops:root", "AUTH_.internal")
    assert (await root("GET")).status == 403


async def test_resellers(swift: Swift, tester: Client) -> None:
    root, reader = swift.client("ops:root"), swift.client("ops:reader")
    assert (await root("PUT", "c", x_container_read="bob")).status == 201
    assert (await root("PUT", "c", "o", body=b"1")).status == 201
    assert (await root("HEAD", "c"))["x-container-read"] == "bob"
    assert (await reader("GET", "c", "o")).body == b"1"
    assert (await reader("HEAD", "c")).get("x-container-read") is None
    for method in ("PUT", "POST", "DELETE"):
        assert (await reader(method, "c", "o")).status == 403
        assert (await reader(method, "c")).status == 403


# container rules


@pytest.fixture
async def c(tester: Client) -> Client:
    """The administrator, with a container and an object."""
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=b"1")
    return tester


@pytest.mark.parametrize("rule", ["test2", "test2:tester2", "bob, test2:tester2"])
async def test_read_rule(swift: Swift, c: Client, rule: str) -> None:
    other = swift.client("test2:tester2")
    await c("POST", "c", x_container_read=rule)
    for method in ("GET", "HEAD"):
        assert (await other(method, "c")).status in (200, 204)
        assert (await other(method, "c", "o")).status == 200
    for method in ("PUT", "POST", "DELETE"):
        assert (await other(method, "c", "o")).status == 403
        assert (await other(method, "c")).status == 403
    assert (await other("GET")).status == 403
    assert (await other("GET", "none")).status == 403
    shown = await other("HEAD", "c")
    assert shown.get("x-container-read") is None
    assert (await c("HEAD", "c"))["x-container-read"] == rule.replace(" ", "")
    await c("POST", "c", x_remove_container_read="x")
    assert (await other("GET", "c", "o")).status == 403


async def test_write_rule(swift: Swift, c: Client) -> None:
    other = swift.client("test2:tester2")
    await c("POST", "c", x_container_write="test2:tester2")
    assert (await other("PUT", "c", "p", body=b"2")).status == 201
    assert (await other("POST", "c", "p", x_object_meta_a="1")).status == 202
    assert (await other("DELETE", "c", "p")).status == 204
    for method in ("GET", "HEAD"):
        assert (await other(method, "c", "o")).status == 403
        assert (await other(method, "c")).status == 403
    assert (await other("POST", "c")).status == 403
    assert (await other("DELETE", "c")).status == 403


async def test_public_rules(swift: Swift, c: Client) -> None:
    anyone = swift.anonymous
    await c("POST", "c", x_container_read=".r:*")
    assert (await anyone("GET", "c", "o")).body == b"1"
    assert (await anyone("GET", "c")).status == 401
    assert (await anyone("GET", "c", "none")).status == 404
    await c("POST", "c", x_container_read=".r:*,.rlistings")
    assert (await anyone("GET", "c")).lines == ["o"]
    await c("POST", "c", x_container_read=".r:.example.com,.r:-bad.example.com")
    for referrer, status in (
        ("http://www.example.com/x", 200),
        ("http://bad.example.com/x", 401),
        ("http://example.org/", 401),
        ("http://[", 401),
    ):
        assert (await anyone("GET", "c", "o", referer=referrer)).status == status
    assert (await anyone("GET", "c", "o")).status == 401
    await c("POST", "c", x_container_read="")
    assert (await anyone("GET", "c", "o")).status == 401


# account rules


async def test_account_rules(swift: Swift, c: Client) -> None:
    other = swift.client("test2:tester2")
    for right, may_read, may_write, is_owner in (
        ("read-only", True, False, False),
        ("read-write", True, True, False),
        ("admin", True, True, True),
    ):
        rule = json.dumps({right: ["test2:tester2"]})
        assert (await c("POST", x_account_access_control=rule)).status == 204
        assert json.loads((await c("HEAD"))["x-account-access-control"]) == json.loads(rule)
        assert (await other("GET")).status == 200
        assert (await other("GET", "c", "o")).status == 200
        assert (await other("GET", "none")).status == 404
        written = 201 if may_write else 403
        assert (await other("PUT", "d")).status == written
        assert (await other("DELETE", "d")).status == (204 if may_write else 403)
        assert (await other("PUT", "c", "p", body=b"2")).status == written
        assert (await other("POST")).status == (204 if is_owner else 403)
        shown = (await other("HEAD")).get("x-account-access-control")
        assert (shown is not None) == is_owner
        for method in ("PUT", "DELETE"):
            assert (await other(method)).status == 403
        assert may_read
    assert (await c("POST", x_account_access_control="")).status == 204
    assert (await other("GET")).status == 403
    assert (await c("HEAD")).get("x-account-access-control") is None


async def test_owners_headers_are_not_for_others(swift: Swift, c: Client) -> None:
    other = swift.client("test2:tester2")
    await c("POST", "c", x_container_read="bob", x_container_sync_key="secret")
    await c("POST", x_account_access_control='{"read-write": ["test2:tester2"]}')
    answer = await other(
        "POST", "c", x_container_read="eve", x_remove_container_sync_key="x", x_container_meta_a="1"
    )
    assert answer.status == 204
    assert (await other("HEAD", "c")).get("x-container-read") is None
    seen = await c("HEAD", "c")
    assert seen["x-container-read"] == "bob"
    assert seen["x-container-sync-key"] == "secret"
    assert seen["x-container-meta-a"] == "1"


# pages of other sites

ALLOW = "x-container-meta-access-control-allow-origin"


async def test_options_without_origin(c: Client, swift: Swift) -> None:
    answer = await swift.anonymous("OPTIONS", "c", "o")
    assert answer.status == 200
    assert answer["allow"] == "GET, HEAD, PUT, POST, DELETE, COPY, OPTIONS"
    assert (await swift.anonymous("OPTIONS", "none")).status == 200


async def test_preflight(c: Client, swift: Swift) -> None:
    path, anyone = c.path("c", "o"), swift.anonymous
    asks = {"origin": "http://a.example", "access-control-request-method": "GET"}
    assert (await anyone.request("OPTIONS", path, asks)).status == 401
    await c.request(
        "POST",
        c.path("c"),
        {ALLOW: "http://b.example http://a.example", ALLOW[:-12] + "max-age": "60"},
    )
    answer = await anyone.request(
        "OPTIONS", path, {**asks, "access-control-request-headers": "x-auth-token"}
    )
    assert answer.status == 200
    assert answer["access-control-allow-origin"] == "http://a.example"
    assert "PUT" in answer["access-control-allow-methods"]
    assert answer["access-control-allow-headers"] == "x-auth-token"
    assert answer["access-control-max-age"] == "60"
    assert answer["vary"] == "Access-Control-Request-Headers, Origin"
    for headers in (
        {"origin": "http://a.example"},
        {**asks, "access-control-request-method": "LICK"},
        {**asks, "origin": "http://c.example"},
    ):
        refused = await anyone.request("OPTIONS", path, headers)
        assert refused.status == 401
        assert refused.get("access-control-allow-origin") is None


async def test_answers_to_pages(c: Client) -> None:
    path = c.path("c", "o")
    await c("PUT", "c", "o", body=b"1", x_object_meta_color="red")
    origin = {"origin": "http://a.example"}
    assert (await c.request("GET", path, origin)).get("access-control-allow-origin") is None
    await c.request("POST", c.path("c"), {ALLOW: "*", ALLOW[:-12] + "expose-headers": "X-Own"})
    answer = await c.request("GET", path, origin)
    assert answer["access-control-allow-origin"] == "*"
    exposed = answer["access-control-expose-headers"].split(", ")
    assert {"etag", "x-object-meta-color", "x-own", "x-trans-id"} <= set(exposed)
    assert answer.get("vary") is None
    await c.request("POST", c.path("c"), {ALLOW: "http://a.example"})
    answer = await c.request("GET", c.path("c"), origin)
    assert answer["access-control-allow-origin"] == "http://a.example"
    assert answer["vary"] == "Accept, Origin"
    missing = await c.request("GET", c.path("c", "none"), origin)
    assert (missing.status, missing["vary"]) == (404, "Origin")

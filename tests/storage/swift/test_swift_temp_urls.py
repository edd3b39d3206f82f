"""Temporary URLs, as Swift's own tests know them."""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from swift_harness import Client, Swift
from swift_keys import KEY, OTHER_KEY, now_s, sign_url

BODY = b"0123456789"


@pytest.fixture
async def web(swift: Swift, tester: Client) -> Client:
    """Whoever has no token, in an account with keys and an object."""
    await tester("POST", x_account_meta_temp_url_key=KEY, x_account_meta_temp_url_key_2=OTHER_KEY)
    await tester("PUT", "c")
    await tester(
        "PUT", "c", "a/o.txt", body=BODY, x_object_meta_secret="1", x_object_meta_public_x="2"
    )
    return swift.anonymous


def url_query(swift: Swift, method: str = "GET", path: str = "c/a/o.txt", **how: object) -> str:
    return sign_url(now_s(swift), method, f"/v1/AUTH_test/{path}", **how)  # type: ignore[arg-type]


async def get(web: Client, query: str, method: str = "GET", path: str = "c/a/o.txt"):  # type: ignore[no-untyped-def]
    body = b"new" if method in ("PUT", "POST") else None
    return await web.request(method, f"/v1/AUTH_test/{path}", body=body, query=query)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
async def test_a_signed_url_reads(swift: Swift, web: Client, algorithm: str, key: str) -> None:
    answer = await get(web, url_query(swift, algorithm=algorithm, key=key))
    assert (answer.status, answer.body) == (200, BODY)
    assert answer["content-disposition"] == "attachment; filename=\"o.txt\"; filename*=UTF-8''o.txt"
    assert answer["expires"].endswith(" GMT")
    assert answer.meta("x-object-meta-") == {"public-x": "2"}


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
async def test_a_signature_may_be_base64(swift: Swift, web: Client, encode) -> None:  # type: ignore[no-untyped-def]
    expires = now_s(swift) + 60
    message = f"GET\n{expires}\n/v1/AUTH_test/c/a/o.txt".encode()
    digest = encode(hmac.digest(KEY.encode(), message, "sha256")).decode()
    for text in (digest, digest.rstrip("=")):
        query = f"temp_url_sig={quote('sha256:' + text)}&temp_url_expires={expires}"
        assert (await get(web, query)).status == 200


async def test_an_expiry_may_be_a_date(swift: Swift, web: Client) -> None:
    expires = 4102444800
    message = f"GET\n{expires}\n/v1/AUTH_test/c/a/o.txt".encode()
    digest = hmac.new(KEY.encode(), message, hashlib.sha512).hexdigest()
    query = f"temp_url_sig={digest}&temp_url_expires=2100-01-01T00:00:00Z"
    assert (await get(web, query)).status == 200


async def test_head_comes_with_any_method(swift: Swift, web: Client) -> None:
    for method in ("GET", "PUT", "POST", "HEAD"):
        answer = await get(web, url_query(swift, method), "HEAD")
        assert (answer.status, answer["content-length"]) == (200, "10")
    assert (await get(web, url_query(swift, "DELETE"), "HEAD")).status == 401


async def test_a_url_is_for_its_method(swift: Swift, web: Client) -> None:
    for method in ("PUT", "POST", "DELETE", "COPY", "OPTIONX"):
        assert (await get(web, url_query(swift, "GET"), method)).status == 401
    assert (await get(web, url_query(swift, "PUT", "c/new"), "PUT", "c/new")).status == 201
    assert (await get(web, url_query(swift, "POST", "c/new"), "POST", "c/new")).status == 202
    assert (await get(web, url_query(swift, "DELETE", "c/new"), "DELETE", "c/new")).status == 204
    assert (await get(web, url_query(swift, "COPY"), "COPY")).status == 401


async def test_what_is_wrong_is_401(swift: Swift, web: Client, tester: Client) -> None:
    good = url_query(swift)
    wrong = [
        good.replace("temp_url_sig=", "temp_url_sig=0"),
        good[:-3] + ("000" if good[-3:] != "000" else "111"),
        good.replace("temp_url_expires=", "temp_url_expires=1"),
        url_query(swift, lifetime_s=-1),
        url_query(swift, key="other"),
        good.partition("&")[0],
        good.partition("&")[2],
        "temp_url_sig=&temp_url_expires=",
        good + "&temp_url_prefix=a",
        good + "&temp_url_ip_range=127.0.0.1",
        "temp_url_sig=zz&temp_url_expires=99999999999",
        "temp_url_sig=md5:abcd&temp_url_expires=99999999999",
        "temp_url_sig=sha1:%25&temp_url_expires=" + "9" * 400,
    ]
    for query in wrong:
        answer = await get(web, query)
        assert (answer.status, answer.body) == (401, b"401 Unauthorized: Temp URL invalid\n"), query
        assert answer["www-authenticate"] == 'Swift realm="AUTH_test"'
    for path in ("c/other", "c", "d/a/o.txt"):
        assert (await get(web, good, path=path)).status == 401
    with_token = await tester.request("GET", "/v1/AUTH_test/c/a/o.txt", query=wrong[0])
    assert with_token.status == 401
    assert (await web.request("GET", "/v1.0/AUTH_test/c/a/o.txt", query=good)).status == 401


async def test_a_key_that_is_taken_away_ends_its_urls(
    swift: Swift, web: Client, tester: Client
) -> None:
    query = url_query(swift)
    await tester("POST", x_remove_account_meta_temp_url_key="x")
    assert (await get(web, query)).status == 401
    assert (await get(web, url_query(swift, key=OTHER_KEY))).status == 200


async def test_a_containers_key_is_for_that_container(
    swift: Swift, web: Client, tester: Client
) -> None:
    await tester("POST", "c", x_container_meta_temp_url_key_2="inner")
    await tester("PUT", "d")
    await tester("PUT", "d", "o", body=BODY)
    assert (await get(web, url_query(swift, key="inner"))).status == 200
    assert (await get(web, url_query(swift, path="d/o", key="inner"), path="d/o")).status == 401


async def test_a_prefix_is_for_all_below(swift: Swift, web: Client, tester: Client) -> None:
    await tester("PUT", "c", "b", body=BODY)
    query = url_query(swift, prefix="a/", path="c/")
    assert (await get(web, query)).status == 200
    assert (await get(web, query, path="c/b")).status == 401
    everything = url_query(swift, prefix="", path="c/")
    assert (await get(web, everything, path="c/b")).status == 200
    assert (await get(web, everything, path="c")).status == 401, "it is no web site"


async def test_a_range_of_addresses(swift: Swift, web: Client) -> None:
    assert (await get(web, url_query(swift, ip_range="127.0.0.0/8"))).status == 200
    assert (await get(web, url_query(swift, ip_range="127.0.0.1"))).status == 200
    assert (await get(web, url_query(swift, ip_range="10.0.0.0/8"))).status == 401
    assert (await get(web, url_query(swift, ip_range="what"))).status == 401


@pytest.mark.parametrize(
    ("more", "disposition"),
    [
        ("inline", "inline"),
        ("filename=a%20b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
        ("inline&filename=x", "inline; filename=\"x\"; filename*=UTF-8''x"),
        ("filename=%0A%22", "attachment; filename=\"%0A%22\"; filename*=UTF-8''%0A%22"),
    ],
)
async def test_what_a_download_is_called(
    swift: Swift, web: Client, more: str, disposition: str
) -> None:
    answer = await get(web, f"{url_query(swift)}&{more}")
    assert answer["content-disposition"] == disposition
    partial = await web.request(
        "GET", "/v1/AUTH_test/c/a/o.txt", {"range": "bytes=0-1"}, query=f"{url_query(swift)}&{more}"
    )
    assert (partial.status, partial["content-disposition"]) == (206, disposition)


async def test_an_objects_own_disposition_counts(swift: Swift, web: Client, tester: Client) -> None:
    await tester("PUT", "c", "d", body=BODY, content_disposition="inline; filename=mine")
    answer = await get(web, url_query(swift, path="c/d"), path="c/d")
    assert answer["content-disposition"] == "inline; filename=mine"
    missing = await get(web, url_query(swift, path="c/x"), path="c/x")
    assert missing.status == 404
    assert missing.get("content-disposition") is None


@pytest.mark.parametrize("header", ["X-Object-Manifest", "X-Symlink-Target", "X-Copy-From"])
async def test_no_pointer_can_be_made(swift: Swift, web: Client, header: str) -> None:
    query = url_query(swift, "PUT", "c/p")
    answer = await web.request("PUT", "/v1/AUTH_test/c/p", {header: "c/o"}, b"", query=query)
    assert answer.status == 400
    assert answer.body == f"The header '{header}' is not allowed in this tempurl".encode()


async def test_options_needs_no_signature(web: Client) -> None:
    answer = await web.request(
        "OPTIONS", "/v1/AUTH_test/c/a/o.txt", query="temp_url_sig=x&temp_url_expires=1"
    )
    assert answer.status == 200

"""Containers as web sites; the oracle is Swift's own middleware, read line by line."""

import pytest
from swift_harness import Client, Swift
from swift_keys import KEY, now_s, sign_url

from storage.swift.web_listing import human_readable

ROOT = "/v1/AUTH_test/site"
OBJECTS = {
    "index.html": b"front",
    "404error.html": b"not here",
    "401error.html": b"not you",
    "sub/index.html": b"below",
    "pics/a <b>.png": b"png",
    "pics/deep/x": b"x",
    "style.css": b"css",
}


@pytest.fixture
async def owner(tester: Client) -> Client:
    """The owner of a container with the pages of a site, that everybody may read and list."""
    await tester("PUT", "site", x_container_read=".r:*,.rlistings")
    for name, body in OBJECTS.items():
        await tester("PUT", "site", name, body=body)
    await tester("PUT", "site", "marker", body=b"", content_type="application/directory")
    return tester


async def settings(owner: Client, **values: str) -> None:
    """Set the site's settings: index, error, listings, listings_css, listings_label."""
    headers = {f"x_container_meta_web_{name}": value for name, value in values.items()}
    assert (await owner("POST", "site", **headers)).status == 204


@pytest.fixture
def web(swift: Swift) -> Client:
    return swift.anonymous


async def test_a_container_without_settings_is_a_listing(owner: Client, web: Client) -> None:
    answer = await web.request("GET", ROOT)
    assert answer.lines[0] == "401error.html"
    assert (await web.request("GET", f"{ROOT}/none")).status == 404
    assert (await owner.request("GET", ROOT, {"x-web-mode": "true"})).status == 404


async def test_the_index_stands_for_a_directory(owner: Client, web: Client) -> None:
    await settings(owner, index="index.html")
    assert (await web.request("GET", f"{ROOT}/")).body == b"front"
    assert (await web.request("HEAD", f"{ROOT}/"))["content-length"] == "5"
    assert (await web.request("GET", f"{ROOT}/sub/")).body == b"below"
    for path in (ROOT, f"{ROOT}/sub"):
        answer = await web.request("GET", path)
        assert (answer.status, answer["location"]) == (301, f"http://store.example:8080{path}/")
    assert (await web.request("GET", f"{ROOT}/style.css")).body == b"css"


async def test_the_owner_sees_objects_unless_asking_for_pages(owner: Client) -> None:
    await settings(owner, index="index.html")
    assert (await owner.request("GET", f"{ROOT}/")).lines[0] == "401error.html"
    assert (await owner.request("GET", f"{ROOT}/", {"x-web-mode": "yes"})).body == b"front"


async def test_error_pages(owner: Client, web: Client) -> None:
    await settings(owner, index="index.html", error="error.html")
    answer = await web.request("GET", f"{ROOT}/none")
    assert (answer.status, answer.body) == (404, b"not here")
    head = await web.request("HEAD", f"{ROOT}/none")
    assert (head.status, head["content-length"]) == (404, "8")
    await owner("POST", "site", x_container_read=".r:*")
    refused = await web.request("GET", f"{ROOT}/")
    assert (refused.status, refused.body) == (401, b"not you")
    assert refused["www-authenticate"]
    await owner("DELETE", "site", "404error.html")
    assert b"could not be found" in (await web.request("GET", f"{ROOT}/none")).body


async def test_error_pages_are_no_way_around_the_rules(owner: Client, web: Client) -> None:
    await settings(owner, index="index.html", error="error.html")
    await owner("POST", "site", x_remove_container_read="x")
    answer = await web.request("GET", f"{ROOT}/")
    assert answer.status == 401
    assert b"not you" not in answer.body
    assert (await web.request("GET", f"{ROOT}/style.css")).status == 401


async def test_listings(owner: Client, web: Client) -> None:
    await settings(owner, listings="true", listings_css="style.css")
    answer = await web.request("GET", f"{ROOT}/")
    assert answer["content-type"] == "text/html; charset=UTF-8"
    page = answer.body.decode()
    assert "<title>Listing of /v1/AUTH_test/site/</title>" in page
    assert 'href="style.css" />' in page
    assert '<a href="./pics/">pics/</a>' in page
    assert '<a href="./index%2Ehtml">index.html</a>' in page
    assert '<tr class="item type-text type-css">' in page
    assert "../</a>" not in page
    below = (await web.request("GET", f"{ROOT}/pics/")).body.decode()
    assert 'href="../style.css" />' in below
    assert '<a href="./a%20%3Cb%3E%2Epng">a &lt;b&gt;.png</a>' in below
    assert '<a href="./deep/">deep/</a>' in below
    assert '<a href="../">../</a>' in below
    assert (await web.request("GET", f"{ROOT}/nothing/")).status == 404
    redirect = await web.request("GET", f"{ROOT}/pics")
    assert (redirect.status, redirect["location"]) == (
        301,
        f"http://store.example:8080{ROOT}/pics/",
    )


async def test_a_label_and_an_absolute_style_sheet(owner: Client, web: Client) -> None:
    await settings(owner, listings="on", listings_label="My Site", listings_css="https://x/a b.css")
    page = (await web.request("GET", f"{ROOT}/pics/")).body.decode()
    assert "<title>Listing of My Site/pics/</title>" in page
    assert 'href="https://x/a%20b.css" />' in page


async def test_a_site_without_listings_says_so(owner: Client, web: Client) -> None:
    await settings(owner, index="none<.html")
    answer = await web.request("GET", f"{ROOT}/")
    assert answer.status == 404
    assert b"Web Listing Disabled" in answer.body
    assert b"X-Container-Meta-Web-Index: none&lt;.html" in answer.body


async def test_what_may_not_be_listed_is_not(owner: Client, web: Client) -> None:
    await settings(owner, listings="true")
    await owner("POST", "site", x_container_read=".r:*")
    for path in ("", "/", "/pics/", "/pics"):
        answer = await web.request("GET", f"{ROOT}{path}")
        assert answer.status in (401, 404)
        assert b"a%20" not in answer.body
    assert (await web.request("GET", f"{ROOT}/style.css")).status == 200


async def test_directory_markers_are_no_pages(owner: Client, web: Client) -> None:
    await settings(owner, listings="true")
    assert (await web.request("GET", f"{ROOT}/marker")).status == 404
    await settings(owner, directory_type="text/directory")
    assert (await web.request("GET", f"{ROOT}/marker")).status == 200


async def test_a_temporary_url_for_a_prefix_browses(
    swift: Swift, owner: Client, web: Client
) -> None:
    await owner("POST", "site", x_remove_container_read="x")
    await owner("POST", x_account_meta_temp_url_key=KEY)
    query = sign_url(now_s(swift), "GET", f"{ROOT}/", prefix="")
    assert (await web.request("GET", f"{ROOT}/", query=query)).status == 401
    await settings(owner, listings="true")
    answer = await web.request("GET", f"{ROOT}/", query=query)
    assert answer["content-disposition"] == "inline"
    assert b'<a href="./pics/?temp_url_prefix=&amp;temp_url_expires=' in answer.body
    below = await web.request(
        "GET", f"{ROOT}/pics/", query=sign_url(now_s(swift), "GET", f"{ROOT}/", prefix="pics/")
    )
    assert below.status == 200
    assert b"../</a>" not in below.body, "no link leads above what the URL is for"


async def test_conditions_and_writes_are_as_ever(owner: Client, web: Client) -> None:
    await settings(owner, index="index.html")
    first = await web.request("GET", f"{ROOT}/")
    again = await web.request("GET", f"{ROOT}/", {"if-none-match": first["etag"]})
    assert again.status == 304
    assert (await web.request("PUT", f"{ROOT}/x", body=b"")).status == 401


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0"), (1023, "1023"), (1024, "1Ki"), (1536, "2Ki"), (1048576, "1Mi"), (10**25, "8Yi")],
)
def test_sizes(size_bytes: int, shown: str) -> None:
    assert human_readable(size_bytes) == shown

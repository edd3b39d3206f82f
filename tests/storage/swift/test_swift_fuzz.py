"""Whatever is sent: an answer that is no 5xx, and a store that stays consistent."""

from __future__ import annotations

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from swift_harness import Client, swift_api

BYTES = st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\0").strip())
TOKEN = st.sampled_from(
    ["c", "o", "d", "c/o", "/c/p", "d/", "", "*", "bytes=0-1", "1", "true"]
    + ["multipart/form-data; boundary=b", "text/plain", "c/"]
)
VALUE = st.one_of(TOKEN.map(str.encode), BYTES, st.sampled_from([b"x" * 300, b"9" * 5000]))
HEADERS = """
    accept content-length content-type destination destination-account etag expect host
    if-match if-modified-since if-none-match if-range if-unmodified-since origin range referer
    transfer-encoding x-account-access-control x-account-meta-a x-account-meta- x-auth-token
    x-container-meta-a x-container-read x-container-write x-copy-from x-copy-from-account
    x-delete-after x-delete-at x-detect-content-type x-fresh-metadata x-if-delete-at
    x-object-meta- x-object-meta-a x-remove-account-meta-a x-remove-container-meta-a
    x-remove-container-read x-service-token x-storage-policy x-storage-token x-timestamp
    x-object-manifest x-web-mode x-container-meta-web-index x-container-meta-web-listings
    x-container-meta-web-error x-account-meta-temp-url-key
    x-trans-id-extra access-control-request-method access-control-request-headers
"""
HEADER = st.sampled_from(HEADERS.split()) | st.text("x-objectmacuntr", min_size=1, max_size=20)
SEGMENT = st.sampled_from(
    ["c", "o", "d", "", "%2F", "%00", "%ff", "%", "..", "a" * 1100, "%E2%82%AC"]
)
PATH = st.one_of(
    st.sampled_from(
        ["/v1/AUTH_test", "/v1/AUTH_test/c", "/v1/AUTH_test/c/o", "/info", "/auth/v1.0"]
    ),
    st.lists(SEGMENT, max_size=3).map(lambda parts: "/".join(["/v1/AUTH_test", *parts])),
    st.lists(SEGMENT, max_size=3).map(lambda parts: "/".join(["/v1/AUTH_test2", *parts])),
    st.lists(SEGMENT, max_size=3).map(lambda parts: "/".join(["/auth", *parts])),
    st.text(max_size=10).map(lambda text: "/" + text),
)
QUERY = st.one_of(
    st.just(""),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["limit", "marker", "prefix", "delimiter", "path", "reverse", "format", "x", ""]
                + ["extract-archive", "bulk-delete", "multipart-manifest"]
                + ["temp_url_sig", "temp_url_expires", "temp_url_prefix", "temp_url_ip_range"]
            ),
            st.sampled_from(
                ["", "1", "99999", "a", "/", "%ff", "json", "xml", "on", "%"]
                + ["tar", "tar.gz", "tar.bz2", "get", "sha1:YQ==", "0" * 40, "9" * 20, "::1/8"]
            ),
        ).map("=".join),
        max_size=3,
    ).map("&".join),
    st.text(st.characters(max_codepoint=0x2FF, exclude_characters="#\r\n"), max_size=12),
)
METHOD = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "COPY", "OPTIONS", "PATCH", "x"])
FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="g"\r\n\r\nx\r\n--b--'
BODY = st.one_of(
    st.none(),
    st.sampled_from([FORM, b"c/o\nc\n%FF"]),
    st.binary(max_size=2000),
    st.lists(st.binary(max_size=900), max_size=3),
)
REQUEST = st.tuples(
    METHOD, PATH, QUERY, st.lists(st.tuples(HEADER, VALUE), max_size=4), BODY, st.booleans()
)
USERS = st.sampled_from(["test:tester", "test2:tester2", "test:tester3", "ops:root", ""])
REFUSED_AS_ABSENT = b"This server does not have "


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(REQUEST, USERS), min_size=1, max_size=8), st.integers(0, 2**16))
@example(
    [(("PUT", "/v1/AUTH_test/c/o", "", [("x-copy-from", b"c/o")], None, False), "ops:root")], 0
)
def test_anything_may_be_asked(
    requests: list[tuple[tuple[str, str, str, list[tuple[str, bytes]], object, bool], str]],
    seed: int,
) -> None:
    trio.run(_ask_all, requests, seed)


async def _ask_all(requests: list[tuple[object, str]], seed: int) -> None:
    async with swift_api(seed=seed) as swift:
        tester = swift.clients["test:tester"]
        await tester("PUT", "c", x_container_read=".r:*", x_container_write="test2")
        await tester("PUT", "c", "o", body=b"0123456789" * 200)
        for asked, user in requests:
            method, path, query, headers, body, breaks = asked  # type: ignore[misc]
            client = swift.clients[user] if user else swift.anonymous
            answer = await client.request(method, path, headers, body, query=query, breaks=breaks)
            is_absent = answer.status == 501
            assert answer.status < 500 or is_absent, (answer.status, answer.body)
            assert b"Traceback" not in answer.body
            if answer.status >= 400 and method != "HEAD":
                assert answer.body or answer.status == 412
        await _check_consistency(tester)


async def _check_consistency(tester: Client) -> None:
    """Counters equal a full scan, and every listed object has the bytes that its row tells."""
    root = await tester("GET", query="format=json")
    objects = size_bytes = 0
    for container in root.json:
        listing = await tester("GET", container["name"], query="format=json")
        assert int(listing["x-container-object-count"]) == len(listing.json)
        for entry in listing.json:
            names = container["name"], entry["name"]
            got = await tester("GET", *names, query="multipart-manifest=get")
            if got.status == 404:
                continue  # it expires at this very second
            assert (got.status, len(got.body)) == (200, entry["bytes"])
            assert got["etag"] == entry["hash"]
        objects += len(listing.json)
        size_bytes += sum(entry["bytes"] for entry in listing.json)
    assert int(root["x-account-object-count"]) == objects
    assert int(root["x-account-bytes-used"]) == size_bytes

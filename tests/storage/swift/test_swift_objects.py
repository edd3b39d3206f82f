"""Objects."""

import hashlib
from email.parser import BytesParser

import pytest
from swift_harness import Answer, Client, Swift

DATA = bytes(range(256)) * 40  # more than is kept in the index
SMALL = b"hello world"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture
async def c(tester: Client) -> Client:
    """The administrator, with a container "c"."""
    await tester("PUT", "c")
    return tester


@pytest.mark.parametrize("data", [b"", SMALL, DATA])
async def test_what_is_put_is_got(c: Client, data: bytes) -> None:
    put = await c("PUT", "c", "o", body=data, content_type="text/x; charset=utf-8")
    assert (put.status, put.body) == (201, b"")
    assert put["etag"] == md5(data)
    got = await c("GET", "c", "o")
    asked = await c("HEAD", "c", "o")
    assert (got.status, got.body, asked.status) == (200, data, 200)
    for answer in (got, asked):
        assert answer["etag"] == md5(data)
        assert answer["content-length"] == str(len(data))
        assert answer["content-type"] == "text/x; charset=utf-8"
        assert answer["accept-ranges"] == "bytes"
        assert answer["last-modified"] == put["last-modified"]
        assert answer["x-timestamp"] == got["x-timestamp"]


async def test_small_object_leaves_in_one_piece(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL)
    assert (await c("GET", "c", "o")).pieces == 1


async def test_large_object_whose_last_piece_is_one_byte(c: Client) -> None:
    data = bytes(256) * 1024 + b"x"
    await c("PUT", "c", "o", body=data)
    assert (await c("GET", "c", "o")).body == data


async def test_upload_of_unknown_length(c: Client) -> None:
    pieces = [DATA[at : at + 999] for at in range(0, len(DATA), 999)]
    put = await c.request("PUT", c.path("c", "o"), {"etag": md5(DATA)}, pieces)
    assert (put.status, put["etag"]) == (201, md5(DATA))
    assert (await c("GET", "c", "o")).body == DATA


async def test_overwrite_replaces_everything(c: Client) -> None:
    await c("PUT", "c", "o", body=DATA, x_object_meta_a="1", content_encoding="gzip")
    await c("PUT", "c", "o", body=b"new")
    got = await c("GET", "c", "o")
    assert got.body == b"new"
    assert got.meta("x-object-meta-") == {}
    assert got.get("content-encoding") is None


async def test_missing_things(c: Client) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        for names in (("c", "o"), ("none", "o"), ("c", "o" * 1025)):
            answer = await c(method, *names)
            assert answer.status == 404
            if method != "HEAD":
                expected = b"<html><h1>Not Found</h1><p>The resource could not be found.</p></html>"
                assert answer.body == expected
                assert answer["content-type"] == "text/html; charset=UTF-8"
    assert (await c("PUT", "none", "o")).status == 404
    assert (await c("GET", "c", "o", if_match="*")).status == 412


async def test_delete(c: Client) -> None:
    await c("PUT", "c", "o", body=DATA)
    gone = await c("DELETE", "c", "o")
    assert (gone.status, gone["content-length"]) == (204, "0")
    assert gone["content-type"] == "text/html; charset=UTF-8"
    assert (await c("GET", "c", "o")).status == 404
    assert (await c("GET", "c")).status == 204


async def test_names(c: Client) -> None:
    names = [
        "a" * 1024,
        "é" * 512,
        "a/b//c/",
        "/a",
        "..",
        "../x",
        "%41",
        "a?b",
        "a b",
        "a\nb",
        "&;",
    ]
    for name in names:
        assert (await c("PUT", "c", name, body=name.encode())).status == 201, name
        assert (await c("GET", "c", name)).body == name.encode()
    listed = (await c("GET", "c", query="format=json")).json
    assert [one["name"] for one in listed] == sorted(names, key=str.encode)
    for name in ("a" * 1025, "é" * 513):
        refused = await c("PUT", "c", name)
        assert refused.status == 400
        assert refused.body.startswith(b"Object name length of 102")
    assert len((await c("GET", "c", query="format=json")).json) == len(names)


async def test_encoded_slash_is_a_slash(c: Client) -> None:
    await c.request("PUT", c.path() + "/c%2Fx%2Fy", body=b"1")
    assert (await c("GET", "c", "x/y")).body == b"1"


# lengths and checksums


@pytest.mark.parametrize(
    ("headers", "body", "status", "text"),
    [
        ({}, None, 411, b"Missing Content-Length header."),
        ({"content-length": "x"}, None, 400, b"Invalid Content-Length header value"),
        ({"content-length": "5368709123"}, b"", 413, b"Your request is too large."),
        ({"transfer-encoding": "gzip,chunked"}, None, 501, b"Unsupported Transfer-Coding"),
        ({"transfer-encoding": "gzip"}, None, 400, b"Invalid Transfer-Encoding"),
        ({"etag": "x" * 50}, SMALL, 422, b"<html><h1>Unprocessable Entity</h1>"),
        ({"etag": md5(b"other")}, SMALL, 422, b"<html><h1>Unprocessable Entity</h1>"),
        ({"etag": md5(b"other")}, DATA, 422, b"<html><h1>Unprocessable Entity</h1>"),
        ({"content-type": b"\xff"}, SMALL, 400, b"Invalid Content-Type"),
        ({"content-type": "a/b; swift_bytes=5"}, SMALL, 400, b"Invalid Content-Type, swift_*"),
        ({"x-object-meta-": "1"}, SMALL, 400, b"Metadata name cannot be empty"),
        ({"x-object-meta-k": "v" * 257}, SMALL, 400, b"Metadata value longer than 256"),
        ({"x-delete-at": "0"}, SMALL, 400, b"X-Delete-At in past"),
        ({"x-delete-after": "soon"}, SMALL, 400, b"Non-integer X-Delete-After"),
        ({"if-none-match": "abc"}, SMALL, 400, b"If-None-Match only supports *"),
        ({"x-copy-from": "c/o"}, SMALL, 400, b"Copy requests require a zero byte body"),
    ],
)
async def test_bad_uploads_change_nothing(
    c: Client, headers: dict[str, str | bytes], body: bytes | None, status: int, text: bytes
) -> None:
    await c("PUT", "c", "o", body=b"before")
    refused = await c.request("PUT", c.path("c", "o"), headers, body)
    assert refused.status == status
    assert refused.body.startswith(text)
    assert (await c("GET", "c", "o")).body == b"before"
    assert (await c("HEAD", "c"))["x-container-bytes-used"] == "6"


async def test_right_checksum_in_any_dress(c: Client) -> None:
    for tag in (md5(SMALL), f'"{md5(SMALL)}"', md5(SMALL).upper()):
        assert (await c("PUT", "c", "o", body=SMALL, etag=tag)).status == 201


# metadata


async def test_metadata_of_put_and_post(c: Client) -> None:
    await c(
        "PUT", "c", "o", body=SMALL, x_object_meta_a="1", x_object_meta_b="", content_type="t/a"
    )
    assert (await c("HEAD", "c", "o")).meta("x-object-meta-") == {"a": "1", "b": ""}
    posted = await c("POST", "c", "o", x_object_meta_c="3")
    assert (posted.status, posted.body[:27]) == (202, b"<html><h1>Accepted</h1><p>T")
    got = await c("GET", "c", "o")
    assert got.meta("x-object-meta-") == {"c": "3"}
    assert (got.body, got["content-type"], got["etag"]) == (SMALL, "t/a", md5(SMALL))
    await c("POST", "c", "o", content_type="t/b")
    got = await c("GET", "c", "o")
    assert got.meta("x-object-meta-") == {}
    assert got["content-type"] == "t/b"
    listed = (await c("GET", "c", query="format=json")).json
    assert [(one["content_type"], one["bytes"]) for one in listed] == [("t/b", len(SMALL))]


async def test_metadata_comes_back_as_the_bytes_that_went_in(c: Client) -> None:
    values = {
        "utf8": "Ångström".encode(),
        "latin1": "Ångström".encode("latin-1"),
        "raw": b"\xff\xfe",
    }
    headers = {f"x-object-meta-{name}": value for name, value in values.items()}
    await c.request("PUT", c.path("c", "o"), headers, b"")
    shown = dict((await c("HEAD", "c", "o")).header_list)
    for name, value in values.items():
        assert shown[f"X-Object-Meta-{name.title()}".encode()] == value


async def test_system_headers(c: Client) -> None:
    given = {
        "content-encoding": "gzip",
        "content-disposition": 'attachment; filename="é"',
        "content-language": "de",
        "cache-control": "no-store",
        "expires": "never",
        "x-robots-tag": "none",
    }
    await c.request("PUT", c.path("c", "o"), given, SMALL)
    got = await c("GET", "c", "o")
    assert {name: got[name] for name in given} == given
    await c("POST", "c", "o", content_encoding="br")
    got = await c("GET", "c", "o")
    assert got["content-encoding"] == "br"
    assert not set(given) - {"content-encoding"} & set(got.headers)


async def test_what_only_swift_sets_is_ignored(c: Client) -> None:
    await c(
        "PUT", "c", "o", body=SMALL, x_timestamp="1", x_object_sysmeta_a="1", x_backend_a="1",
        x_object_transient_sysmeta_a="1",
    )  # fmt: skip
    got = await c("GET", "c", "o")
    assert float(got["x-timestamp"]) > 1e9
    assert not [name for name in got.headers if "sysmeta" in name or "backend" in name]


async def test_bad_posts_change_nothing(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL, x_object_meta_good="1")
    for headers in (
        {"x-object-meta-": "1"},
        {"x-object-meta-k": "v" * 257},
        {f"x-object-meta-{n}": "v" for n in range(91)},
        {"x-delete-at": "1"},
        {"content-type": b"\xff"},
    ):
        assert (await c.request("POST", c.path("c", "o"), headers)).status == 400
    assert (await c("HEAD", "c", "o")).meta("x-object-meta-") == {"good": "1"}


async def test_guessed_content_types(c: Client) -> None:
    await c("PUT", "c", "a.txt", body=b"")
    await c("PUT", "c", "b.txt", body=b"", content_type="a/b")
    await c("PUT", "c", "c.txt", body=b"", content_type="a/b", x_detect_content_type="true")
    await c("PUT", "c", "d", body=b"", content_type="")
    listed = (await c("GET", "c", query="format=json")).json
    types = [one["content_type"] for one in listed]
    assert types == ["text/plain", "a/b", "text/plain", "application/octet-stream"]


# expiry


async def test_expiry(swift: Swift, c: Client) -> None:
    clock = swift.memory.world.clock
    now_s = clock.wall_ns() // 10**9
    await c("PUT", "c", "at", body=SMALL, x_delete_at=str(now_s + 100))
    await c("PUT", "c", "after", body=SMALL, x_delete_after="100")
    await c("PUT", "c", "never", body=SMALL, x_delete_after="100")
    assert (await c("HEAD", "c", "at"))["x-delete-at"] == str(now_s + 100)
    assert int((await c("HEAD", "c", "after"))["x-delete-at"]) in (now_s + 100, now_s + 101)
    assert (await c("HEAD", "c", "after")).get("x-delete-after") is None
    await c("POST", "c", "never")
    clock.offset_ns += 102 * 10**9  # type: ignore[attr-defined]
    for name, status in (("at", 404), ("after", 404), ("never", 200)):
        for method in ("GET", "HEAD"):
            assert (await c(method, "c", name)).status == status
    assert (await c("POST", "c", "at")).status == 404
    assert (await c("PUT", "c", "at", body=b"again", if_none_match="*")).status == 201
    assert (await c("GET", "c", "at")).body == b"again"


async def test_delete_only_what_expires_then(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL, x_delete_at="4000000000")
    assert (await c("DELETE", "c", "o", x_if_delete_at="bad")).status == 400
    assert (await c("DELETE", "c", "o", x_if_delete_at="4000000001")).status == 412
    assert (await c("DELETE", "c", "none", x_if_delete_at="4000000000")).status == 404
    assert (await c("DELETE", "c", "o", x_if_delete_at="4000000000")).status == 204


# conditions


async def test_conditional_reads(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL, x_object_meta_a="1")
    tag, modified = md5(SMALL), (await c("HEAD", "c", "o"))["last-modified"]
    old, new = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT"
    for headers, status in (
        ({"if-match": tag}, 200),
        ({"if-match": f'"x", "{tag}"'}, 200),
        ({"if-match": "x"}, 412),
        ({"if-none-match": "x"}, 200),
        ({"if-none-match": tag}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-modified-since": old}, 200),
        ({"if-modified-since": modified}, 304),
        ({"if-modified-since": "nonsense"}, 200),
        ({"if-unmodified-since": modified}, 200),
        ({"if-unmodified-since": old}, 412),
        ({"if-match": tag, "if-unmodified-since": new}, 200),
    ):
        for method in ("GET", "HEAD"):
            answer = await c.request(method, c.path("c", "o"), headers)
            assert answer.status == status, headers
            assert answer["etag"] == tag
            assert answer["accept-ranges"] == "bytes"
            if status != 200:
                assert answer.body == b""


async def test_create_once(c: Client) -> None:
    assert (await c("PUT", "c", "o", body=b"1", if_none_match="*")).status == 201
    assert (await c("PUT", "c", "o", body=b"2", if_none_match="*")).status == 412
    assert (await c("GET", "c", "o")).body == b"1"
    await c("DELETE", "c", "o")
    assert (await c("PUT", "c", "o", body=b"3", if_none_match="*")).status == 201


async def test_compare_and_swap(c: Client) -> None:
    first = (await c("PUT", "c", "o", body=b"1"))["etag"]
    second = (await c("PUT", "c", "o", body=b"2", if_match=first))["etag"]
    for method, body in (("PUT", b"3"), ("POST", None), ("DELETE", None)):
        answer = await c(method, "c", "o", body=body, if_match=first, x_object_meta_a="1")
        assert answer.status == 412
    assert (await c("PUT", "c", "none", body=b"1", if_match="*")).status == 412
    got = await c("GET", "c", "o")
    assert (got.body, got.meta("x-object-meta-")) == (b"2", {})
    assert (await c("POST", "c", "o", if_match=second, x_object_meta_a="1")).status == 202
    assert (await c("DELETE", "c", "none", if_match=second)).status == 404
    assert (await c("DELETE", "c", "o", if_match=second)).status == 204


# ranges


@pytest.mark.parametrize("data", [SMALL, DATA])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("3-6", 3, 7), ("5-", 5, None), ("-4", -4, None), ("2-99999", 2, None)],
)
async def test_one_range(c: Client, data: bytes, asked: str, start: int, stop: int | None) -> None:
    await c("PUT", "c", "o", body=data, content_type="a/b")
    got = await c("GET", "c", "o", range=f"bytes={asked}")
    first = range(len(data))[start]
    last = len(data) if stop is None else stop
    assert (got.status, got.body) == (206, data[start:stop])
    assert got["content-range"] == f"bytes {first}-{last - 1}/{len(data)}"
    assert (got["etag"], got["content-type"]) == (md5(data), "a/b")


@pytest.mark.parametrize("data", [SMALL, DATA])
async def test_several_ranges(c: Client, data: bytes) -> None:
    await c("PUT", "c", "o", body=data, content_type="a/b; c=d")
    got = await c("GET", "c", "o", range="bytes=0-1,4-6,-3,99999-")
    assert got.status == 206
    assert got.get("content-range") is None
    head = f"Content-Type: {got['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + got.body).get_payload()
    assert [part["content-type"] for part in parts] == ["a/b; c=d"] * 3  # type: ignore[union-attr, index]
    spans = [(0, 2), (4, 7), (len(data) - 3, len(data))]
    for part, (start, stop) in zip(parts, spans, strict=True):
        assert part["content-range"] == f"bytes {start}-{stop - 1}/{len(data)}"  # type: ignore[union-attr, index]
        assert part.get_payload(decode=True) == data[start:stop]  # type: ignore[union-attr]


async def test_ranges_that_cannot_be(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL)
    for asked in ("11-", "99-100", "-0", "11-12,13-14"):
        got = await c("GET", "c", "o", range=f"bytes={asked}")
        assert got.status == 416
        assert got["content-range"] == "bytes */11"
        assert (got["etag"], got["accept-ranges"]) == (md5(SMALL), "bytes")
        assert got.body.startswith(b"<html><h1>Requested Range Not Satisfiable</h1>")
    for ignored in ("bytes=5-3", "bytes=-", "lines=0-1", "bytes=a-b", "0-4"):
        got = await c("GET", "c", "o", range=ignored)
        assert (got.status, got.body) == (200, SMALL)
    assert (await c("HEAD", "c", "o", range="bytes=0-1"))["content-length"] == "11"


async def test_range_of_nothing(c: Client) -> None:
    await c("PUT", "c", "o", body=b"")
    assert (await c("GET", "c", "o", range="bytes=-5")).status == 200
    assert (await c("GET", "c", "o", range="bytes=0-")).status == 416


async def test_range_only_of_what_is_known(c: Client) -> None:
    await c("PUT", "c", "o", body=SMALL)
    same = await c("GET", "c", "o", range="bytes=0-1", if_range=md5(SMALL))
    other = await c("GET", "c", "o", range="bytes=0-1", if_range='"other"')
    assert (same.status, other.status, other.body) == (206, 200, SMALL)


# what is not there yet


@pytest.mark.parametrize(
    ("method", "names", "query", "headers"),
    [
        ("PUT", ("c", "o"), "", {"x_symlink_target": "c/o"}),
        ("PUT", ("c",), "", {"x_versions_location": "d"}),
        ("POST", ("c",), "", {"x_container_sync_to": "//r/c/a/b"}),
        ("POST", ("c",), "", {"x_container_meta_quota_bytes": "1"}),
        ("POST", (), "", {"x_account_meta_quota_bytes": "1"}),
    ],
)
async def test_what_is_not_there_is_not_pretended(
    c: Client, method: str, names: tuple[str, ...], query: str, headers: dict[str, str]
) -> None:
    await c("PUT", "c", "o", body=SMALL)
    answer: Answer = await c(method, *names, query=query, **headers)
    assert answer.status == 501
    assert answer.body.startswith(b"This server does not have ")
    assert (await c("GET", "c", "o")).body == SMALL
    assert (await c("GET", "c", "o", query="multipart-manifest=get")).body == SMALL
    empty = dict.fromkeys(headers, "")
    if empty:
        assert (await c(method, *names, **empty)).status < 300, (
            "to remove what is not there is fine"
        )

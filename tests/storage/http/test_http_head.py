"""What a head means, and what is refused with which status."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.http import Limits
from storage.http.errors import ProtocolError
from storage.http.head import Request, parse_head

PROPERTY = settings(max_examples=300, deadline=None, derandomize=True)
LIMITS = Limits()


def head(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def read(*lines: bytes) -> Request:
    return parse_head(head(*lines), LIMITS)


def refusal(data: bytes, limits: Limits = LIMITS) -> int:
    with pytest.raises(ProtocolError) as caught:
        parse_head(data, limits)
    assert caught.value.reason.isprintable()
    return caught.value.status


def test_a_head_is_taken_apart() -> None:
    request = read(
        b"PUT /v1/a%20b?x=%31&y HTTP/1.1",
        b"Host: store.example:8080",
        b"Content-Length: 12",
        b"X-Object-Meta-Color:  dark \t blue \t",
        b"X-Empty:",
        b"Expect: 100-Continue",
    )
    assert request.method == "PUT"
    assert request.raw_path == b"/v1/a%20b"
    assert request.path == "/v1/a b"
    assert request.query_string == b"x=%31&y"
    assert request.http_version == "1.1"
    assert request.content_length == 12
    assert request.keep_alive
    assert request.expects_continue
    assert request.headers == [
        (b"host", b"store.example:8080"),
        (b"content-length", b"12"),
        (b"x-object-meta-color", b"dark \t blue"),
        (b"x-empty", b""),
        (b"expect", b"100-Continue"),
    ]


@pytest.mark.parametrize("method", ["FROB", "get", "LICK", "M", "GETorHEAD_base", "M-SEARCH", "X1"])
def test_which_methods_there_are_is_the_applications_affair(method: str) -> None:
    assert read(f"{method} /a HTTP/1.1".encode(), b"Host: x").method == method


@pytest.mark.parametrize("raw", ["/é?é=ü".encode(), b"/\xff?\x80"])
def test_raw_bytes_in_a_target_are_percent_encoded(raw: bytes) -> None:
    request = read(b"GET " + raw + b" HTTP/1.1", b"Host: x")
    target = request.raw_path + b"?" + request.query_string
    assert target.isascii()
    assert unquote_to_bytes(target) == raw


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/", "/"),
        (b"/%C3%A9t%c3%a9", "/été"),
        (b"/%ff", "/\udcff"),  # not UTF-8: the raw path tells
        (b"/a/../b//c", "/a/../b//c"),  # names are opaque: nothing is normalized
        (b"/100%", "/100%"),
        (b"/%zz%4", "/%zz%4"),
        (b"/%00", "/\0"),
    ],
)
def test_the_path_is_decoded_once_and_kept_raw(raw: bytes, path: str) -> None:
    request = read(b"GET " + raw + b" HTTP/1.1", b"Host: x")
    assert (request.raw_path, request.path) == (raw, path)


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"Keep-Alive", True),
        (b"1.1", b"x, CLOSE ,y", False),
        (b"1.1", b"closed", True),
        (b"1.0", None, False),
        (b"1.0", b"keep-alive", True),
        (b"1.0", b"keep-alive, close", False),
    ],
)
def test_keep_alive(version: bytes, connection: bytes | None, expected: bool) -> None:
    lines = [b"GET / HTTP/" + version, b"Host: x"]
    if connection is not None:
        lines.append(b"Connection: " + connection)
    assert read(*lines).keep_alive is expected


def test_repeated_connection_headers_are_one_list() -> None:
    request = read(b"GET / HTTP/1.1", b"Host: x", b"Connection: x", b"Connection: close")
    assert not request.keep_alive


def test_a_host_may_have_bytes_that_are_not_ascii() -> None:
    request = read(b"GET / HTTP/1.1", "Host: Größe.AUTH_a.example.com:80".encode())
    assert request.headers == [(b"host", "Größe.AUTH_a.example.com:80".encode())]


def test_http_1_0_needs_no_host() -> None:
    assert read(b"GET / HTTP/1.0").http_version == "1.0"


def test_an_absolute_target_names_the_host() -> None:
    request = read(b"GET http://other:81/p?q HTTP/1.1", b"X: 1", b"Host: x")
    assert (request.raw_path, request.query_string) == (b"/p", b"q")
    assert request.headers == [(b"host", b"other:81"), (b"x", b"1")]
    assert read(b"GET HTTPS://o HTTP/1.1", b"Host: x").raw_path == b"/"
    assert read(b"GET http://o?q HTTP/1.1", b"Host: x").query_string == b"q"


def test_options_may_ask_about_the_whole_server() -> None:
    assert read(b"OPTIONS * HTTP/1.1", b"Host: x").raw_path == b"*"


def test_an_upgrade_is_ignored() -> None:
    request = read(
        b"PUT / HTTP/1.1",
        b"Host: x",
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"Content-Length: 3",
    )
    assert request.keep_alive
    assert request.content_length == 3


def test_expectations_count_only_with_a_body_in_http_1_1() -> None:
    expect = b"Expect: 100-continue"
    assert not read(b"GET / HTTP/1.1", b"Host: x", expect).expects_continue
    assert not read(b"PUT / HTTP/1.0", b"Content-Length: 1", expect).expects_continue
    empty = (b"PUT / HTTP/1.1", b"Host: x", b"Content-Length: 0")
    assert read(*empty, expect).expects_continue
    assert not read(*empty, b"Expect: 200").expects_continue
    chunked = b"Transfer-Encoding: Chunked"
    request = read(b"PUT / HTTP/1.1", b"Host: x", chunked, expect)
    assert request.expects_continue
    assert request.content_length is None


HOST = b"Host: x"
MALFORMED = {
    # the request line
    "empty method": (400, [b" / HTTP/1.1", HOST]),
    "no target": (400, [b"GET HTTP/1.1", HOST]),
    "no version": (400, [b"GET /", HOST]),
    "two spaces": (400, [b"GET  / HTTP/1.1", HOST]),
    "space in target": (400, [b"GET /a b HTTP/1.1", HOST]),
    "space at end": (400, [b"GET / HTTP/1.1 ", HOST]),
    "tab": (400, [b"GET\t/ HTTP/1.1", HOST]),
    "bad method": (400, [b"G@T / HTTP/1.1", HOST]),
    "connect": (501, [b"CONNECT x:80 HTTP/1.1", HOST]),
    "HTTP/2 preface": (505, [b"PRI * HTTP/2.0"]),
    "HTTP/2": (505, [b"GET / HTTP/2", HOST]),
    "HTTP/1.2": (505, [b"GET / HTTP/1.2", HOST]),
    "HTTP/0.9": (505, [b"GET / HTTP/0.9", HOST]),
    "not HTTP": (400, [b"GET / ICE/1.0", HOST]),
    "small http": (400, [b"GET / http/1.1", HOST]),
    "version too long": (400, [b"GET / HTTP/1.11", HOST]),
    "relative target": (400, [b"GET a HTTP/1.1", HOST]),
    "star target": (400, [b"GET * HTTP/1.1", HOST]),
    "fragment": (400, [b"GET /a#b HTTP/1.1", HOST]),
    "fragment of absolute target": (400, [b"GET http://h/a#b HTTP/1.1", HOST]),
    "other scheme": (400, [b"GET ftp://h/a HTTP/1.1", HOST]),
    "user in target": (400, [b"GET http://u@h/ HTTP/1.1", HOST]),
    "NUL in target": (400, [b"GET /\0 HTTP/1.1", HOST]),
    # headers
    "no host": (400, [b"GET / HTTP/1.1"]),
    "two hosts": (400, [b"GET / HTTP/1.1", HOST, b"Host: y"]),
    "same host twice": (400, [b"GET / HTTP/1.1", HOST, HOST]),
    "bad host": (400, [b"GET / HTTP/1.1", b"Host: a/b"]),
    "host with user": (400, [b"GET / HTTP/1.1", b"Host: u@h"]),
    "no colon": (400, [b"GET / HTTP/1.1", HOST, b"X"]),
    "no name": (400, [b"GET / HTTP/1.1", HOST, b": x"]),
    "space before colon": (400, [b"GET / HTTP/1.1", HOST, b"X : x"]),
    "space before name": (400, [b"GET / HTTP/1.1", b" X: x", HOST]),
    "folded": (400, [b"GET / HTTP/1.1", HOST, b"X: x", b" y"]),
    "folded by tab": (400, [b"GET / HTTP/1.1", HOST, b"X: x", b"\ty"]),
    "NUL in value": (400, [b"GET / HTTP/1.1", HOST, b"X: a\0b"]),
    "control in value": (400, [b"GET / HTTP/1.1", HOST, b"X: a\x01b"]),
    "CR in value": (400, [b"GET / HTTP/1.1", HOST, b"X: a\rb"]),
    "LF in value": (400, [b"GET / HTTP/1.1", HOST, b"X: a\nY: b"]),
    "high byte in name": (400, [b"GET / HTTP/1.1", HOST, b"\xff: b"]),
    # framing
    "length not a number": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: x"]),
    "length empty": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length:"]),
    "length negative": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: -1"]),
    "length with plus": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: +1"]),
    "length list": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: 1, 1"]),
    "length hexadecimal": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: 0x1"]),
    "lengths that differ": (
        400,
        [b"PUT / HTTP/1.1", HOST, b"Content-Length: 1", b"Content-Length: 2"],
    ),
    "length twice": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: 1", b"Content-Length: 1"]),
    "length over 64 bits": (400, [b"PUT / HTTP/1.1", HOST, b"Content-Length: " + b"9" * 30]),
    "length over the limit": (413, [b"PUT / HTTP/1.1", HOST, b"Content-Length: " + b"9" * 15]),
    "length and chunked": (
        400,
        [b"PUT / HTTP/1.1", HOST, b"Content-Length: 1", b"Transfer-Encoding: chunked"],
    ),
    "chunked and length": (
        400,
        [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: chunked", b"Content-Length: 1"],
    ),
    "chunked in HTTP/1.0": (400, [b"PUT / HTTP/1.0", b"Transfer-Encoding: chunked"]),
    "unknown coding": (501, [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: gzip"]),
    "identity coding": (501, [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: identity"]),
    "stacked codings": (501, [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: gzip, chunked"]),
    "nearly chunked": (501, [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding: xchunked"]),
    "empty coding": (400, [b"PUT / HTTP/1.1", HOST, b"Transfer-Encoding:"]),
    "unknown expectation": (417, [b"PUT / HTTP/1.1", HOST, b"Content-Length: 1", b"Expect: x"]),
}


@pytest.mark.parametrize(("status", "lines"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_heads_are_refused(status: int, lines: list[bytes]) -> None:
    assert refusal(head(*lines)) == status


def test_chunked_twice_is_refused() -> None:
    data = head(b"PUT / HTTP/1.1", HOST, *[b"Transfer-Encoding: chunked"] * 2)
    assert refusal(data) in (400, 501)


def test_bare_line_feeds_are_refused() -> None:
    assert refusal(b"GET / HTTP/1.1\nHost: x\r\n\r\n") == 400
    assert refusal(b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n") == 400
    assert refusal(b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n") == 400


def padded(line_bytes: int) -> bytes:
    line = b"GET / HTTP/1.1"
    return line.replace(b"/", b"/" + b"a" * (line_bytes - len(line)), 1)


def test_the_request_line_has_a_limit() -> None:
    limits = Limits(request_line_bytes_max=100)
    assert parse_head(head(padded(100), HOST), limits)
    assert refusal(head(padded(101), HOST), limits) == 414


def test_the_header_has_limits() -> None:
    get = b"GET / HTTP/1.1"
    size = len(head(get, HOST))
    assert parse_head(head(get, HOST), Limits(header_bytes_max=size))
    assert refusal(head(get, HOST), Limits(header_bytes_max=size - 1)) == 431

    two = head(get, HOST, b"A: b")
    assert parse_head(two, Limits(header_count_max=2))
    assert refusal(two, Limits(header_count_max=1)) == 431

    line = b"X: " + b"a" * 47
    assert parse_head(head(get, HOST, line), Limits(header_line_bytes_max=50))
    assert refusal(head(get, HOST, line), Limits(header_line_bytes_max=49)) == 431


@PROPERTY
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ProtocolError):
        assert parse_head(data + b"\r\n\r\n", LIMITS).method


TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=20).map(
    lambda raw: bytes(b for b in raw if b == 9 or 32 <= b != 127).strip(b" \t")
)


@pytest.mark.slow
@PROPERTY
@given(st.lists(st.tuples(TOKEN.map(lambda name: b"x-" + name), VALUE), max_size=8))
def test_all_headers_arrive_as_sent(pairs: list[tuple[bytes, bytes]]) -> None:
    lines = [name + b": " + value for name, value in pairs]
    request = read(b"GET / HTTP/1.1", HOST, *lines)
    assert request.headers[1:] == [(name.lower(), value) for name, value in pairs]

"""A stream of requests: bodies, pipelining, and that no cut in the bytes matters."""

from __future__ import annotations

from typing import Any

import pytest
from http_harness import GET, parse
from httptools import HttpParserError, HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.http import Limits
from storage.http.errors import ProtocolError
from storage.http.head import Request
from storage.http.parser import RequestParser

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\n"
SIZED = PUT + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = CHUNKED + b"5\r\nhello\r\n1;a=b\r\n!\r\n00\r\nTrailer: t\r\n\r\n"


def shape(data: bytes, cuts: list[int] | None = None, limits: Limits | None = None) -> list[Any]:
    """The outcome with requests reduced to method and path."""
    return [
        (entry[0].method, entry[0].raw_path, entry[1])
        if len(entry) == 2 and not isinstance(entry[0], str)
        else entry
        for entry in parse(data, cuts, limits)
    ]


def test_requests_come_one_after_the_other() -> None:
    assert shape(GET + SIZED + CHUNKS + b"\r\n" + GET) == [
        ("GET", b"/a", b""),
        ("PUT", b"/b", b"hello"),
        ("PUT", b"/b", b"hello!"),
        ("GET", b"/a", b""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        GET,
        SIZED + GET,
        CHUNKS + SIZED,
        b"\r\n\r\n" + GET,
        b"GET http://h/a HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n",
        PUT + b"Content-Length: 5\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello" + GET,
    ],
)
def test_valid_requests_split_at_any_byte_are_the_same(data: bytes) -> None:
    whole = shape(data)
    assert whole[-1] != ("incomplete",)
    for cut in range(1, len(data)):
        assert shape(data, [cut]) == whole
    assert shape(data, list(range(1, len(data)))) == whole


@pytest.mark.parametrize("data", [GET, SIZED, CHUNKS])
def test_every_prefix_is_incomplete(data: bytes) -> None:
    for end in range(1, len(data)):
        assert shape(data[:end]) == [("incomplete",)]


def test_a_large_body_is_handed_through_without_a_copy() -> None:
    parser = RequestParser(Limits())
    parser.feed(PUT + b"Content-Length: 300\r\n\r\n")
    assert parser.next_request()
    piece = bytes(200)
    parser.feed(piece)
    assert parser.next_body() is piece
    assert (parser.body_bytes, parser.body_bytes_left) == (200, 100)
    assert parser.next_body() == b""
    assert not parser.body_done


def test_what_is_pipelined_waits_as_bytes() -> None:
    parser = RequestParser(Limits())
    parser.feed(GET + b"no request at all")
    assert parser.next_request()
    assert parser.buffered_bytes == 17


BAD_CHUNKS = {
    "no size": b"\r\n",
    "not hexadecimal": b"5g\r\nhello\r\n",
    "prefixed": b"0x5\r\nhello\r\n",
    "negative": b"-5\r\nhello\r\n",
    "signed": b"+5\r\nhello\r\n",
    "space before": b" 5\r\nhello\r\n",
    "space behind": b"5 \r\nhello\r\n",
    "too many digits": b"1" + b"0" * 15 + b"\r\n",
    "longer than its size": b"5\r\nhello!\r\n",
    "shorter than its size": b"5\r\nhel\r\n0\r\n\r\n",
    "bare LF after size": b"5\nhello\r\n",
    "LF in extension": b"5;a\nb\r\nhello\r\n",
    "NUL in extension": b"5;\0\r\nhello\r\n",
    "size without end": b"5" * 300,
    "extension without end": b"5;" + b"a" * 300,
    "trailer without colon": b"0\r\nx\r\n\r\n",
    "trailer folded": b"0\r\nx: y\r\n z\r\n\r\n",
    "trailer without end": b"0\r\n" + b"x" * 300,
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks_are_refused(body: bytes) -> None:
    data = CHUNKED + body + b"\r\n" * 150
    assert shape(data)[-1] == ("refused", 400)
    assert shape(data, list(range(1, len(data))))[-1] == ("refused", 400)


def test_chunks_have_limits() -> None:
    limits = Limits(body_bytes_max=5, trailer_bytes_max=20)
    assert shape(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", limits=limits)[0][2] == b"hello"
    assert shape(CHUNKED + b"6\r\nhello", limits=limits) == [("refused", 413)]
    assert shape(CHUNKED + b"4\r\nhell\r\n2\r\no", limits=limits) == [("refused", 413)]
    line = b"5;" + b"a" * 254 + b"\r\nhello\r\n0\r\n\r\n"
    assert shape(CHUNKED + line)[0][2] == b"hello"
    assert shape(CHUNKED + line.replace(b";", b";a")) == [("refused", 400)]
    trailers = b"0\r\n" + b"a: 34567890\r\n" * 2 + b"\r\n"
    assert shape(CHUNKED + trailers, limits=limits) == [("refused", 431)]
    assert shape(CHUNKED + trailers)[0][2] == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00", 400),  # TLS spoken to a plain port
        (b" GET / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70000, 431),
    ],
)
def test_what_cannot_become_a_request_is_refused_early(data: bytes, status: int) -> None:
    assert shape(data) == [("refused", status)]
    assert shape(data, list(range(1, len(data), 7))) == [("refused", status)]


SMALL_LIMITS = Limits(
    request_line_bytes_max=40,
    header_bytes_max=120,
    header_line_bytes_max=60,
    header_count_max=4,
    chunk_line_bytes_max=12,
    trailer_bytes_max=20,
    body_bytes_max=100,
)
FRAGMENTS = st.sampled_from(
    [
        GET,
        SIZED,
        CHUNKS,
        CHUNKED,
        PUT,
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\n",
        b"FROB / HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"a" * 50,
        b" ",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"x: y\r\n",
    ]
)
MESSES = st.lists(FRAGMENTS | st.binary(max_size=6), max_size=8).map(b"".join)


@PROPERTY
@given(MESSES, st.lists(st.integers(0, 400), max_size=6), st.booleans())
def test_any_mess_has_one_outcome_wherever_it_is_cut(
    data: bytes, cuts: list[int], tight: bool
) -> None:
    limits = SMALL_LIMITS if tight else Limits()
    whole = shape(data, limits=limits)
    assert shape(data, [cut for cut in cuts if cut < len(data)], limits) == whole
    assert shape(data, list(range(1, len(data))), limits) == whole


@PROPERTY
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_are_parsed_or_refused(data: bytes, cuts: list[int]) -> None:
    shape(data, [cut for cut in cuts if cut < len(data)])


class Oracle:
    """llhttp's own idea of a chunked body."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.complete = False
        self.refused = False
        try:
            HttpRequestParser(self).feed_data(data)
        except HttpParserError:
            self.refused = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


@PROPERTY
@given(st.lists(st.binary(max_size=40), max_size=6), st.binary(max_size=3), st.integers(0, 200))
def test_chunks_mean_what_llhttp_says(pieces: list[bytes], noise: bytes, place: int) -> None:
    coded = b"".join(b"%X\r\n%b\r\n" % (len(p), p) for p in pieces if p) + b"0\r\n\r\n"
    coded = coded[:place] + noise + coded[place:]
    [*_, outcome] = shape(CHUNKED + coded)
    oracle = Oracle(CHUNKED + coded)
    if outcome[0] == "PUT":  # what we take, llhttp takes alike
        assert oracle.complete
        assert oracle.body == outcome[2]
    if not noise:
        assert outcome == ("PUT", b"/b", b"".join(pieces))


REQUEST_LINES = st.one_of(
    st.builds(
        lambda method, target, version: f"{method} {target} {version}".encode("latin-1"),
        st.sampled_from(["GET", "PUT", "HEAD", "OPTIONS", "COPY", "get", "G\x00T", "CONNECT"]),
        st.one_of(
            st.sampled_from(["/", "*", "/a?b", "/a#b", "/?", "/a?b?c", "http://h/x", "//", "h:1"]),
            st.text(st.characters(max_codepoint=255), max_size=12).map("/".__add__),
        ),
        st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1"]),
    ),
    st.binary(max_size=40).filter(lambda line: b"\r" not in line),
)
HEADER_LINES = st.sampled_from(
    [
        b"\r\nHost: x\r\n\r\n",
        b"\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\r\nA: b\r\n\r\n",
    ]
)


def one_request(parser: RequestParser, data: bytes) -> object:
    parser.feed(data)
    try:
        request = parser.next_request()
        if request is not None and not parser.body_done:
            parser.feed(b"abc")
            parser.next_body()
    except ProtocolError as fault:
        return fault.status, fault.reason
    return request


@PROPERTY
@given(REQUEST_LINES, REQUEST_LINES, HEADER_LINES)
def test_header_lines_that_come_again_change_nothing(
    first: bytes, second: bytes, lines: bytes
) -> None:
    parser = RequestParser(Limits())
    if isinstance(one_request(parser, first + lines), Request):
        again = one_request(parser, second + lines)
        assert again == one_request(RequestParser(Limits()), second + lines)

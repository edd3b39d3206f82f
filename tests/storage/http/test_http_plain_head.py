"""Plain heads: what is read without llhttp is what llhttp would have found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.http import Limits
from storage.http.head import parse_head, parse_plain

PROPERTY = settings(max_examples=1000, deadline=None, derandomize=True)
LIMITS = Limits()
PIECES = [
    b"Host: store.example",
    b"host:x:8080",
    b"Host: a b",
    b"Host:",
    b"Content-Length: 5",
    b"content-length: 5",
    b"Content-Length: +5",
    b"Content-Length: 5 5",
    b"Content-Length: 5, 5",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 18446744073709551617",
    b"Content-Length:",
    b"Transfer-Encoding: chunked",
    b"Connection: close",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"X-Auth-Token:  AUTH_tk \t",
    b"X-Empty:",
    b"X-Empty: \t ",
    b"X-Tab: a\tb",
    b"X-High: \xff",
    b"X Space: a",
    b"X-Space : a",
    b" folded: a",
    b"no colon",
    b": no name",
    b"Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=c",
    b"X-NUL: \0",
    b"X-DEL: \x7f",
    b"X-CR: a\rb",
]
LINES = st.one_of(
    st.sampled_from(PIECES),
    st.binary(max_size=12).filter(lambda line: b"\r\n" not in line),
    st.tuples(st.sampled_from(PIECES), st.integers(0, 40), st.binary(max_size=1)).map(
        lambda made: made[0][: made[1]] + made[2] + made[0][made[1] + 1 :]
    ),
)
REQUEST_LINES = st.sampled_from(
    [b"GET / HTTP/1.1", b"PUT /a%20b?c=d HTTP/1.1", b"GET /a HTTP/1.0", b"get / HTTP/1.1"]
)


@PROPERTY
@given(REQUEST_LINES, st.lists(LINES, max_size=5), st.booleans())
def test_what_is_plain_means_what_llhttp_says(
    line: bytes, pieces: list[bytes], has_host: bool
) -> None:
    lines = b"".join(b"\r\n" + piece for piece in [b"Host: x"] * has_host + pieces)
    if b"\r\n\r\n" in lines:
        return
    lines += b"\r\n\r\n"
    plain = parse_plain(line, lines, LIMITS)
    if plain is not None:
        assert plain == parse_head(line + lines, LIMITS)


def test_what_clients_send_is_plain() -> None:
    lines = b"\r\n".join([b"", *PIECES[0:1], *PIECES[4:5], *PIECES[16:18], PIECES[26], b"", b""])
    request = parse_plain(b"PUT /v1/a/c/o HTTP/1.1", lines, LIMITS)
    assert request is not None
    assert request.content_length == 5
    assert len(request.headers) == 5


@pytest.mark.parametrize("place", range(12, 16))
def test_what_frames_otherwise_is_not(place: int) -> None:
    lines = b"\r\n".join([b"", PIECES[0], PIECES[place], b"", b""])
    assert parse_plain(b"PUT / HTTP/1.1", lines, LIMITS) is None


@pytest.mark.parametrize(
    "limits",
    [
        Limits(request_line_bytes_max=10),
        Limits(header_bytes_max=40),
        Limits(header_count_max=2),
        Limits(header_line_bytes_max=20),
        Limits(body_bytes_max=4),
    ],
)
def test_what_is_over_a_limit_is_not(limits: Limits) -> None:
    lines = b"\r\nHost: x\r\nX-Name: a longer value of it\r\nContent-Length: 5\r\n\r\n"
    assert parse_plain(b"GET /some/path HTTP/1.1", lines, LIMITS) is not None
    assert parse_plain(b"GET /some/path HTTP/1.1", lines, limits) is None

"""What responses look like on the wire, and which ones an application cannot send."""

from __future__ import annotations

from typing import Any

import pytest
from http_harness import FixedClock, Response, ResponseReader
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.http.errors import ApplicationError, ProtocolError
from storage.http.response import DateLine, ResponseFramer

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


def framer(method: str = "GET", version: str = "1.1") -> ResponseFramer:
    return ResponseFramer(method, version, DateLine(FixedClock()))


def wire(
    pieces: list[Any],
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    status: int = 200,
    method: str = "GET",
    version: str = "1.1",
    keep_alive: bool = True,
) -> tuple[bytes, ResponseFramer]:
    response = framer(method, version)
    response.start(status, headers or [])
    sent = b""
    for index, piece in enumerate(pieces):
        more = index < len(pieces) - 1
        sent += b"".join(response.body(piece, more=more, keep_alive=keep_alive))
    assert response.complete
    return sent, response


def read(data: bytes) -> Response:
    reader = ResponseReader()
    reader.feed(data)
    [response] = reader.finished
    return response


def test_the_whole_of_a_small_response() -> None:
    sent, response = wire([b"hello"], [(b"content-length", b"5"), (b"etag", b'"x"')])
    assert sent == (
        b"HTTP/1.1 200 OK\r\n"
        b'etag: "x"\r\n'
        b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"content-length: 5\r\n"
        b"\r\n"
        b"hello"
    )
    assert response.keep_alive
    assert response.body_bytes == 5


def test_the_body_is_not_copied() -> None:
    response = framer()
    response.start(200, [])
    body = bytes(100)
    assert response.body(body, more=False, keep_alive=True)[1] is body
    response = framer()
    response.start(200, [])
    buffer = bytearray(b"ab")
    [_, size, part, _] = response.body(buffer, more=True, keep_alive=True)
    buffer[:] = b"cd"
    assert (size, part) == (b"2\r\n", b"cd")


def test_a_body_in_one_piece_gets_its_length() -> None:
    answer = read(wire([b"hello"])[0])
    assert answer.header(b"content-length") == b"5"
    assert read(wire([b""])[0]).header(b"content-length") == b"0"


def test_a_body_of_unknown_length_is_chunked() -> None:
    sent, response = wire([b"", b"hel", b"", b"lo", b""])
    assert sent.endswith(b"\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    assert read(sent).body == b"hello"
    assert response.keep_alive
    assert read(wire([b"hel", b"lo"])[0]).body == b"hello"


def test_towards_http_1_0_an_unknown_length_ends_with_the_connection() -> None:
    sent, response = wire([b"hel", b"lo"], version="1.0")
    assert not response.keep_alive
    assert sent.endswith(b"connection: close\r\n\r\nhello")
    assert b"transfer-encoding" not in sent


def test_http_1_0_is_told_that_its_connection_is_kept() -> None:
    answer = read(wire([b"x"], version="1.0")[0])
    assert answer.header(b"connection") == b"keep-alive"


def test_close_is_announced() -> None:
    sent, response = wire([b"x"], keep_alive=False)
    assert read(sent).header(b"connection") == b"close"
    sent, response = wire([b"x"], [(b"Connection", b"Close")])
    assert read(sent).header(b"connection") == b"close"
    assert not response.keep_alive


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)]
)
def test_some_responses_have_no_body(method: str, status: int) -> None:
    for pieces in ([b"hello"], [b"hel", b"lo"], [b""]):
        sent, response = wire(pieces, method=method, status=status)
        assert sent.endswith(b"\r\n\r\n")
        assert b"transfer-encoding" not in sent
        assert response.keep_alive
        assert response.body_bytes == 0


def test_head_says_the_length_of_get() -> None:
    sent, _ = wire([b""], [(b"content-length", b"1234")], method="HEAD")
    assert b"\r\ncontent-length: 1234\r\n" in sent


def test_framing_belongs_to_the_server() -> None:
    ours = [(b"Transfer-Encoding", b"gzip"), (b"Connection", b"x"), (b"Content-Length", b"1")]
    answer = read(wire([b"x"], ours)[0])
    assert answer.header(b"transfer-encoding") is None
    assert answer.header(b"connection") is None
    assert answer.header(b"content-length") == b"1"


def test_a_date_of_the_application_stays() -> None:
    assert read(wire([b""], [(b"Date", b"now")])[0]).header(b"date") == b"now"
    assert read(wire([b""])[0]).header(b"date") == DATE


def test_an_unusual_status_has_no_phrase() -> None:
    assert wire([b""], status=299)[0].startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("bad", [b"\r\nX: y", b"\n", b"\r", b"\0"])
def test_headers_cannot_be_injected(bad: bytes) -> None:
    for header in ((b"x-a", b"b" + bad), (b"x" + bad, b"b"), (b"date", bad)):
        response = framer()
        response.start(200, [header])
        with pytest.raises(ApplicationError, match="CR, LF or NUL"):
            response.body(b"", more=False, keep_alive=True)
        assert not response.head_sent


@pytest.mark.parametrize("values", [[b"1", b"1"], [b"-1"], [b"x"], [b""], [b"1, 1"]])
def test_a_length_must_be_one_number(values: list[bytes]) -> None:
    response = framer()
    response.start(200, [(b"content-length", value) for value in values])
    with pytest.raises(ApplicationError, match="Content-Length"):
        response.body(b"x", more=False, keep_alive=True)


@pytest.mark.parametrize(
    "pieces", [[b"123456"], [b"1234"], [b"123", b"456"], [b"123", b"4"], [b"", b""]]
)
def test_the_body_must_be_as_long_as_declared(pieces: list[bytes]) -> None:
    with pytest.raises(ApplicationError, match="its 5 bytes"):
        wire(pieces, [(b"content-length", b"5")])


@pytest.mark.parametrize("status", [0, 100, 101, 199, 1000])
def test_the_status_must_be_a_final_one(status: int) -> None:
    with pytest.raises(ApplicationError, match="status"):
        framer().start(status, [])


def test_messages_have_an_order() -> None:
    response = framer()
    with pytest.raises(ApplicationError, match="without a response"):
        response.body(b"", more=False, keep_alive=True)
    response.start(200, [])
    with pytest.raises(ApplicationError, match="twice"):
        response.start(200, [])
    response.body(b"", more=False, keep_alive=True)
    with pytest.raises(ApplicationError, match="without a response"):
        response.body(b"", more=False, keep_alive=True)


def test_a_refusal_replaces_a_response_that_has_not_begun() -> None:
    response = framer()
    response.start(304, [(b"content-length", b"7"), (b"x", b"\n")])
    with pytest.raises(ApplicationError):
        response.body(b"", more=True, keep_alive=True)
    answer = read(b"".join(response.refuse(ProtocolError(500, "Internal Error"))))
    assert (answer.status, answer.body) == (500, b"Internal Error\n")
    assert answer.header(b"connection") == b"close"
    assert answer.header(b"content-type") == b"text/plain; charset=utf-8"


def test_the_date_is_written_once_a_second() -> None:
    class Clock(FixedClock):
        now_ns = 999_999_999

        def wall_ns(self) -> int:
            return self.now_ns

    clock = Clock()
    date = DateLine(clock)
    first = date.line()
    assert first == b"date: Thu, 01 Jan 1970 00:00:00 GMT"
    assert date.line() is first
    clock.now_ns = 1_000_000_000
    assert date.line() == b"date: Thu, 01 Jan 1970 00:00:01 GMT"
    clock.now_ns = 0  # the wall may jump back
    assert date.line() == first


@PROPERTY
@given(
    st.lists(st.binary(max_size=30), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_any_body_arrives(pieces: list[bytes], declared: bool, old: bool) -> None:
    body = b"".join(pieces)
    headers = [(b"content-length", b"%d" % len(body))] if declared else []
    sent, response = wire(pieces, headers, version="1.0" if old else "1.1")
    assert response.body_bytes == len(body)
    if response.keep_alive:
        assert read(sent).body == body
    else:
        assert sent.partition(b"\r\n\r\n")[2] == body


def test_who_asks_in_words_to_keep_the_connection_is_told_in_words() -> None:
    for says, expected in ((True, 1), (False, 0)):
        framer = ResponseFramer("GET", "1.1", DateLine(FixedClock()), says_keep_alive=says)
        framer.start(200, [])
        head = framer.body(b"", more=False, keep_alive=True)[0]
        assert bytes(head).count(b"connection: keep-alive\r\n") == expected

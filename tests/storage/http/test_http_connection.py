"""One connection in memory: what client and application may do to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from http_harness import GET, connected, echo, ignore_body

from storage.http import (
    ApplicationError,
    ClientDisconnectedError,
    Limits,
    Message,
    Receive,
    Scope,
    Send,
)

PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\n"
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b""}


# --- the usual ---


async def test_requests_on_one_connection() -> None:
    async with connected(echo) as client:
        for _ in range(3):
            client.send(GET)
            assert (await client.response()).body == b"GET /a "
            client.send(PUT + b"Content-Length: 5\r\n\r\nhello")
            assert (await client.response()).body == b"PUT /b hello"
            client.send(PUT + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
            assert (await client.response()).body == b"PUT /b hello"
    assert not client.errors
    assert not client.transport.aborted


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with connected(echo) as client:
        client.send(GET + PUT + b"Content-Length: 5\r\n\r\nhello" + GET)
        bodies = [response.body for response in await client.responses(3)]
    assert bodies == [b"GET /a ", b"PUT /b hello", b"GET /a "]


async def test_the_scope() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await ignore_body(scope, receive, send)

    async with connected(app) as client:
        client.send(b"GET /%C3%A9?q HTTP/1.0\r\nA: b\r\n\r\n")
        await client.response()
    assert seen == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.0",
            "method": "GET",
            "scheme": "http",
            "path": "/é",
            "raw_path": b"/%C3%A9",
            "query_string": b"q",
            "root_path": "",
            "headers": [(b"a", b"b")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
    ]


async def test_every_request_is_reported(autojump_clock: trio.testing.MockClock) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await trio.sleep(2)
        await echo(scope, receive, send)

    async with connected(app) as client:
        client.send(PUT + b"Content-Length: 5\r\n\r\nhello")
        await client.response()
        client.send(b"nonsense\r\n\r\n")
        await client.response()
    [(scope, *first), (nothing, *second)] = client.reports
    assert scope["method"] == "PUT"
    assert first == [200, len(b"PUT /b hello"), 5, 2.0]
    assert (nothing["method"], nothing["client"]) == ("", ("127.0.0.1", 1))
    assert second[:1] == [400]


async def test_the_connection_closes_when_asked_to() -> None:
    async with connected(echo) as client:
        client.send(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await client.response()).header(b"connection") == b"close"
        await client.ended.wait()
    assert not client.transport.aborted


async def test_http_1_0_closes_unless_asked_not_to() -> None:
    async with connected(echo) as client:
        client.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await client.response()).header(b"connection") == b"keep-alive"
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert (await client.response()).header(b"connection") == b"close"
        await client.ended.wait()


async def test_a_client_may_end_its_side_after_the_request() -> None:
    async with connected(echo) as client:
        client.send(GET)
        client.send_eof()
        assert (await client.response()).body == b"GET /a "
        await client.ended.wait()
    assert not client.errors


async def test_buffers_are_free_again_after_send() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        buffer = bytearray(70_000)
        for value in range(5):
            buffer[:] = bytes([value]) * len(buffer)
            body = memoryview(buffer)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        buffer[:] = b"x" * len(buffer)
        await send(END)

    async with connected(app) as client:
        client.send(GET)
        response = await client.response()
    assert response.body == b"".join(bytes([value]) * 70_000 for value in range(5))


async def test_a_large_body_arrives_in_pieces_of_bounded_size() -> None:
    sizes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            sizes.append(len(message["body"]))
            if not message["more_body"]:
                break
        await ignore_body(scope, receive, send)

    async with connected(app, Limits(receive_bytes=1000)) as client:
        client.send(PUT + b"Content-Length: 100000\r\n\r\n" + bytes(100_000) + GET)
        await client.responses(2)
    assert sum(sizes) == 100_000
    assert max(sizes[1:]) <= 1000


# --- 100 Continue ---

EXPECT = PUT + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"


async def test_continue_is_sent_when_the_body_is_first_wanted() -> None:
    async with connected(echo) as client:
        client.send(EXPECT)
        assert await client.receive_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"hello")
        assert (await client.response()).body == b"PUT /b hello"
        client.send(GET)
        assert (await client.response()).body == b"GET /a "


async def test_continue_is_not_sent_to_who_did_not_wait() -> None:
    async with connected(echo) as client:
        client.send(EXPECT + b"he")
        await trio.testing.wait_all_tasks_blocked()
        assert not client.transport.outgoing
        client.send(b"llo")
        assert (await client.response()).body == b"PUT /b hello"


async def test_a_client_that_leaves_before_it_is_told_to_continue() -> None:
    types: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        client.transport.outgoing_ended = True
        types.extend([(await receive())["type"], (await receive())["type"]])

    async with connected(app) as client:
        client.send(EXPECT)
        await client.ended.wait()
    assert types == ["http.disconnect"] * 2
    assert not client.errors


async def test_continue_is_sent_for_an_empty_body_too() -> None:
    async with connected(echo) as client:
        client.send(EXPECT.replace(b"5", b"0"))
        assert await client.receive_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.response()).body == b"PUT /b "
        client.send(GET)
        assert (await client.response()).body == b"GET /a "


@pytest.mark.parametrize("length", [b"5", b"0"])
async def test_an_unwanted_body_gets_the_final_status_alone(length: bytes) -> None:
    async with connected(ignore_body) as client:
        client.send(EXPECT.replace(b"5", length))
        answer = await client.receive_all()
        client.send_eof()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"100 Continue" not in answer
    assert b"\r\nconnection: close\r\n" in answer


# --- bodies that the application leaves ---


async def test_a_small_unread_body_is_drained() -> None:
    async with connected(ignore_body) as client:
        client.send(PUT + b"Content-Length: 65536\r\n\r\n")
        assert (await client.response()).header(b"connection") is None
        client.send(bytes(65_536) + GET)
        assert (await client.response()).body == b"fine"


@pytest.mark.parametrize("framing", [b"Content-Length: 65537", b"Transfer-Encoding: chunked"])
async def test_a_large_unread_body_ends_the_connection(
    framing: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with connected(ignore_body) as client:
        client.send(PUT + framing + b"\r\n\r\n")
        assert (await client.response()).header(b"connection") == b"close"
        await trio.testing.wait_all_tasks_blocked()
        assert client.transport.outgoing_ended  # half closed,
        client.send(bytes(100_000))
        await trio.testing.wait_all_tasks_blocked()
        assert not client.transport.incoming  # but still read, so that the client is not reset
        before_s = trio.current_time()
        await client.ended.wait()
        assert trio.current_time() - before_s == 2
    assert not client.transport.aborted


async def test_a_drained_body_that_is_cut_off_ends_the_connection() -> None:
    async with connected(ignore_body) as client:
        client.send(PUT + b"Content-Length: 5\r\n\r\nhe")
        client.send_eof()
        assert (await client.response()).body == b"fine"
        await client.ended.wait()


# --- clients that misbehave ---


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000, 414),
        (GET[:-2] + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (PUT + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (PUT + b"Content-Length: 9999999999999999\r\n\r\n", 413),
    ],
)
async def test_a_bad_head_is_refused(data: bytes, status: int) -> None:
    async with connected(echo) as client:
        client.send(GET + data)
        good, refusal = await client.responses(2)
        assert good.status == 200
        assert refusal.status == status
        assert refusal.header(b"connection") == b"close"
        client.send_eof()
        await client.ended.wait()
    assert not client.errors
    assert not client.transport.aborted


async def test_a_request_cut_off_in_its_head_is_refused() -> None:
    async with connected(echo) as client:
        client.send(b"GET / HT")
        client.send_eof()
        assert (await client.response()).status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: 5\r\n\r\nhe",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
async def test_a_body_cut_off_is_a_disconnect_and_refused(data: bytes) -> None:
    types: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not types or types[-1] == "http.request":
            types.append((await receive())["type"])
        assert (await receive())["type"] == "http.disconnect"
        with pytest.raises(ClientDisconnectedError):
            await send(START)

    async with connected(app) as client:
        client.send(PUT + data)
        client.send_eof()
        assert (await client.response()).status == 400
    assert types[-1] == "http.disconnect"
    assert not client.errors


@pytest.mark.parametrize(
    ("data", "status"), [(b"zz\r\n", 400), (b"5\r\nhello!\r\n", 400), (b"7\r\nhello", 413)]
)
async def test_bad_chunks_are_refused_whatever_the_application_does(
    data: bytes, status: int
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "http.request":
            pass
        raise RuntimeError("the application did not expect this")

    async with connected(app, Limits(body_bytes_max=6)) as client:
        client.send(PUT + b"Transfer-Encoding: chunked\r\n\r\n" + data)
        response = await client.response()
        assert response.status == status
        assert b"RuntimeError" not in response.body
    [error] = client.errors
    assert isinstance(error, RuntimeError)


async def test_a_client_that_resets_in_its_upload() -> None:
    async with connected(echo) as client:
        client.send(PUT + b"Content-Length: 5\r\n\r\nhe")
        await trio.testing.wait_all_tasks_blocked()
        client.reset()
        await client.ended.wait()
    assert not client.errors
    assert client.transport.aborted


async def test_a_client_that_leaves_in_the_response() -> None:
    stopped_by: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        try:
            while True:
                await send({"type": "http.response.body", "body": bytes(1000), "more_body": True})
        except ClientDisconnectedError as error:
            stopped_by.append(error)
            raise

    async with connected(app, capacity_bytes=10_000) as client:
        client.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        client.reset()
        await client.ended.wait()
    assert stopped_by
    assert not client.errors
    assert client.transport.aborted


async def test_a_disconnect_in_a_nursery_of_the_application_is_no_error() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:
            await send(START)
            nursery.start_soon(send, {"type": "http.response.body", "body": bytes(100_000)})

    async with connected(app, capacity_bytes=10) as client:
        client.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        client.reset()
        await client.ended.wait()
    assert not client.errors


# --- waiting for the disconnect ---


async def test_the_application_can_wait_for_the_disconnect() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b""
        assert (await receive())["type"] == "http.disconnect"

    async with connected(app) as client:
        client.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        client.send_eof()
        await client.ended.wait()
    [error] = client.errors  # it owes an answer all the same: the client may only have half closed
    assert isinstance(error, ApplicationError)


async def test_a_wait_for_the_disconnect_ends_with_the_response_and_loses_nothing() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            await receive()
            assert (await receive())["type"] == "http.disconnect"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.testing.wait_all_tasks_blocked()
            await ignore_body(scope, receive, send)

    async with connected(app) as client:
        client.send(GET)
        await trio.lowlevel.checkpoint()
        client.send(GET)  # arrives while the first waits for a disconnect
        assert len(await client.responses(2)) == 2
    assert not client.errors


async def test_pipelining_while_a_disconnect_is_awaited_is_bounded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with trio.move_on_after(5):
            await receive()
        await send({**START, "headers": [(b"connection", b"close")]})
        await send(END)

    async with connected(app) as client:
        client.send(GET + bytes(1_000_000))
        await trio.sleep(1)
        assert len(client.transport.incoming) > 800_000
        assert (await client.response()).status == 200


# --- stopping ---


async def test_a_stop_lets_an_upload_finish() -> None:
    async with connected(echo) as client:
        client.send(PUT + b"Content-Length: 10\r\n\r\nhello")
        await trio.testing.wait_all_tasks_blocked()
        client.service.stop()
        await trio.testing.wait_all_tasks_blocked()
        client.send(b"world")
        response = await client.response()
        assert response.body == b"PUT /b helloworld"
        assert response.header(b"connection") == b"close"
        await client.ended.wait()


@pytest.mark.parametrize("pipelined", [b"", GET])
async def test_a_stop_ends_the_connection_after_a_response_that_announced_nothing(
    pipelined: bytes,
) -> None:
    finish = trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await finish.wait()
        await send(END)

    async with connected(app) as client:
        client.send(GET + pipelined)
        await trio.testing.wait_all_tasks_blocked()
        client.service.stop()
        finish.set()
        assert (await client.response()).header(b"connection") is None
        await trio.testing.wait_all_tasks_blocked()
        assert client.transport.outgoing_ended
        # What cannot be answered is read all the same, lest the kernel reset the connection.
        assert client.ended.is_set() is not bool(pipelined)
    assert not client.transport.aborted


# --- applications that misbehave ---


async def expect_500(app: Callable[..., Any]) -> Exception:
    async with connected(app) as client:
        client.send(GET)
        response = await client.response()
        assert response.status == 500
        assert response.body == b"Internal Error\n"
        assert response.header(b"connection") == b"close"
    [error] = client.errors
    [report] = client.reports
    assert report[1] == 500
    return error


async def test_an_error_before_the_response_is_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)  # held back until the body comes
        raise ValueError("secret")

    assert isinstance(await expect_500(app), ValueError)


async def test_no_response_is_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    assert isinstance(await expect_500(app), ApplicationError)


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.response.push"}],
        [END],
        [START, START],
        [{"type": "http.response.start", "status": 100}],
        [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}, END],
        [{"type": "http.response.start", "status": 200, "headers": [("a", "b")]}, END],
        [
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]},
            END,
        ],
        [START, {"type": "http.response.body", "body": "text"}],
    ],
)
async def test_a_malformed_response_is_a_500(messages: list[Message]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    await expect_500(app)


LENGTH_5: Message = {**START, "headers": [(b"content-length", b"5")]}


@pytest.mark.parametrize("start", [START, LENGTH_5])
@pytest.mark.parametrize("ending", ["raise", "return", "too long"])
async def test_a_response_that_breaks_off_is_never_well_formed(start: Message, ending: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        if ending == "raise":
            raise ValueError
        if ending == "too long" and start is LENGTH_5:
            await send({"type": "http.response.body", "body": b"def"})

    async with connected(app) as client:
        client.send(GET + GET)
        data = await client.receive_all()
        await client.ended.wait()
    assert client.transport.aborted
    assert data.endswith((b"\r\n\r\nabc", b"\r\n\r\n3\r\nabc\r\n"))
    assert len(client.errors) == 1


async def test_an_error_after_the_response_is_only_reported() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ignore_body(scope, receive, send)
        raise ValueError

    async with connected(app) as client:
        client.send(GET + GET)
        assert len(await client.responses(2)) == 2
    assert len(client.errors) == 2


async def test_a_send_that_the_application_cancels_breaks_the_response() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        with trio.CancelScope() as scope_:
            scope_.cancel()
            await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        with pytest.raises(ClientDisconnectedError):
            await send(END)

    async with connected(app) as client:
        client.send(GET)
        await client.ended.wait()
    assert client.transport.aborted

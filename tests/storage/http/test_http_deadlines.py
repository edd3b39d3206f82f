"""Slow clients, on a clock that jumps."""

from __future__ import annotations

import pytest
import trio
from http_harness import GET, Client, connected, echo, ignore_body
from trio.testing import MockClock

from storage.http import Limits, Receive, Scope, Send
from storage.http.deadlines import SWEEP_INTERVAL_S, Patience

PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\n"
LIMITS = Limits(
    idle_timeout_s=60,
    head_timeout_s=10,
    stall_timeout_s=20,
    transfer_bytes_per_s_min=1000,
    linger_timeout_s=2,
)


async def seconds_until_ended(client: Client) -> float:
    began_s = trio.current_time()
    await client.ended.wait()
    return trio.current_time() - began_s


def about(seconds: float) -> object:
    return pytest.approx(seconds, abs=2 * SWEEP_INTERVAL_S)


async def test_a_new_connection_must_say_something(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        assert await seconds_until_ended(client) == about(10)
        assert not client.transport.outgoing
    assert not client.reports


async def test_an_idle_connection_is_closed_quietly(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        for _ in range(3):
            await trio.sleep(5)
            client.send(GET)
            await client.response()
        assert await seconds_until_ended(client) == about(60)
        assert not client.transport.outgoing
        assert not client.transport.aborted


async def test_a_slow_head_is_408(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        client.send(GET)
        await client.response()
        await trio.sleep(30)
        began_s = trio.current_time()
        for byte in GET[:-1]:  # a byte a second buys no time
            client.send(bytes([byte]))
            await trio.sleep(1)
            if client.transport.outgoing:
                break
        assert trio.current_time() - began_s == about(10)
        assert (await client.response()).status == 408
        assert await seconds_until_ended(client) == about(2)
    assert [report[1] for report in client.reports] == [200, 408]


@pytest.mark.parametrize("framing", [b"Content-Length: 100000", b"Transfer-Encoding: chunked"])
async def test_a_body_that_stalls_is_408(framing: bytes, autojump_clock: MockClock) -> None:
    cancelled = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        except trio.Cancelled:
            cancelled.append(True)
            raise

    async with connected(app, LIMITS) as client:
        client.send(PUT + framing + b"\r\n\r\n5\r\nhello\r\n")
        began_s = trio.current_time()
        assert (await client.response()).status == 408
        assert trio.current_time() - began_s == about(20)
    assert cancelled
    assert not client.errors
    assert [report[1] for report in client.reports] == [408]


async def test_a_stalled_body_that_nobody_wants_spares_the_response(
    autojump_clock: MockClock,
) -> None:
    async with connected(ignore_body, LIMITS) as client:
        client.send(PUT + b"Content-Length: 10\r\n\r\nhello")
        assert (await client.response()).status == 200
        assert await seconds_until_ended(client) == about(20)
        assert not client.transport.aborted


async def upload(client: Client, bytes_per_s: int, size_bytes: int) -> None:
    client.send(PUT + b"Content-Length: %d\r\n\r\n" % size_bytes)
    for _ in range(size_bytes // bytes_per_s):
        await trio.sleep(1)
        client.send(bytes(bytes_per_s))


async def test_a_slow_upload_may_take_as_long_as_it_needs(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        await upload(client, 1100, 110_000)
        assert (await client.response()).status == 200


async def test_a_trickling_upload_is_408(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        await upload(client, 500, 50_000)
        assert (await client.response()).status == 408


async def test_a_pause_within_patience_is_granted(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        client.send(PUT + b"Content-Length: 10\r\n\r\nhello")
        await trio.sleep(15)
        client.send(b"hello")
        assert (await client.response()).status == 200


async def test_patience_is_renewed_with_each_request(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        for _ in range(3):
            client.send(PUT + b"Content-Length: 10\r\n\r\nhello")
            await trio.sleep(15)
            client.send(b"hello")
            assert (await client.response()).status == 200


async def test_a_slow_application_is_not_the_clients_fault(autojump_clock: MockClock) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await trio.sleep(1000)
        await receive()
        await trio.sleep(1000)
        await ignore_body(scope, receive, send)

    async with connected(app, LIMITS) as client:
        client.send(PUT + b"Content-Length: 5\r\n\r\nhello")
        assert (await client.response()).status == 200


async def big_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(10):
        await send({"type": "http.response.body", "body": bytes(10_000), "more_body": True})
    await send({"type": "http.response.body"})


async def test_a_client_that_does_not_read_is_cut_off(autojump_clock: MockClock) -> None:
    async with connected(big_answer, LIMITS, capacity_bytes=1000) as client:
        client.send(GET)
        assert await seconds_until_ended(client) == about(20)
        assert client.transport.aborted
    assert not client.errors


@pytest.mark.parametrize(("bytes_per_s", "arrives"), [(1100, True), (500, False)])
async def test_a_client_must_read_at_a_rate(
    bytes_per_s: int, arrives: bool, autojump_clock: MockClock
) -> None:
    async with connected(big_answer, LIMITS, capacity_bytes=1000) as client:
        client.send(GET)
        received = 0
        while not (client.transport.outgoing_ended or received > 100_000):
            await trio.sleep(1)
            taken = 0
            while taken < bytes_per_s and client.transport.outgoing:
                step = min(len(client.transport.outgoing), bytes_per_s - taken)
                del client.transport.outgoing[:step]
                taken += step
                client.transport.changed()
                await trio.testing.wait_all_tasks_blocked()
            received += taken
        assert (received > 100_000) is arrives


async def test_lingering_ends(autojump_clock: MockClock) -> None:
    async with connected(echo, LIMITS) as client:
        client.send(b"nonsense\r\n\r\n")
        await client.response()
        assert await seconds_until_ended(client) == about(2)
    assert not client.transport.aborted


def test_patience_is_a_leaky_bucket() -> None:
    patience = Patience(10, 100)
    assert patience.wait(9, 0)
    assert patience.wait(5, 500)  # moved 5 s worth
    assert not patience.wait(1, 0)
    patience.renew()
    assert patience.wait(0, 100_000)  # there is never more than the most
    assert not patience.wait(10, 0)

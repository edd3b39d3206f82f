"""Responses that wait for a burst: in order, whole, also when the socket takes only a part."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from storage.http.burst import Burst
from storage.http.poller import Poller
from storage.http.transport import SocketTransport


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.setblocking(False)
    return ours, theirs


async def received(sock: socket.socket) -> bytes:
    data = b""
    while True:
        await trio.lowlevel.wait_readable(sock)
        piece = sock.recv(1000)
        if not piece:
            return data
        data += piece


async def test_what_the_socket_does_not_take_follows_in_order(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    burst = Burst()
    transport = SocketTransport(ours, burst)
    bodies = [bytes([65 + n]) * 30_000 for n in range(4)]
    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst.run)

            async def send() -> None:
                await transport.send_last([bodies[0][:10], bodies[0][10:]])
                await transport.send_last([bodies[1]])
                await trio.testing.wait_all_tasks_blocked()
                await transport.send([memoryview(bodies[2])])
                await transport.send_last([bodies[3]])
                await transport.aclose()

            nursery.start_soon(send)
            assert await received(theirs) == b"".join(bodies)
            assert transport.moved_bytes == 120_000
            nursery.cancel_scope.cancel()


async def test_a_client_that_left_is_no_error_of_the_burst(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    burst = Burst()
    transport = SocketTransport(ours, burst)
    theirs.close()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(burst.run)
        await transport.send_last([b"x"])
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(OSError):
            await transport.send([b"y"])
        transport.abort()
        nursery.cancel_scope.cancel()


async def test_a_connection_that_is_cut_off_ends_its_rest(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    burst = Burst()
    transport = SocketTransport(ours, burst)
    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst.run)
            await transport.send_last([bytes(60_000)])
            await trio.testing.wait_all_tasks_blocked()
            transport.abort()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()


async def test_a_poller_misses_neither_bytes_nor_the_end(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    poller = Poller()
    transport = SocketTransport(ours, None, poller)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poller.run)
        theirs.send(b"ab")  # before anybody waits
        await trio.testing.wait_all_tasks_blocked()
        assert await transport.receive(1) == b"a"
        assert await transport.receive(10) == b"b"
        theirs.send(b"last")
        theirs.close()  # the end arrives with the bytes: one edge for both
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(5):
            assert await transport.receive(10) == b"last"
            assert await transport.receive(10) == b""
            assert await transport.receive(10) == b""
        transport.abort()
        nursery.cancel_scope.cancel()


async def test_who_waits_for_a_socket_that_is_closed_is_told(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    poller = Poller()
    transport = SocketTransport(ours, None, poller)
    told = trio.Event()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await transport.receive(1)
        told.set()

    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poller.run)
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            transport.abort()
            with trio.fail_after(5):
                await told.wait()
            nursery.cancel_scope.cancel()


async def test_a_cancelled_wait_can_be_made_again(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    poller = Poller()
    transport = SocketTransport(ours, None, poller)
    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poller.run)
            with trio.move_on_after(0.01):
                await transport.receive(1)
            theirs.send(b"x")
            with trio.fail_after(5):
                assert await transport.receive(1) == b"x"
            transport.abort()
            nursery.cancel_scope.cancel()

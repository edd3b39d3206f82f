"""What every network promises, run on Unix sockets, on TCP, and on memory."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from atoll.world import Network, Stream, real_world
from atoll.world.simulated import MemoryNetwork


@dataclass
class Net:
    network: Network
    address: Callable[[], str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(params=["unix", "unix, long path", "tcp", "memory"])
def net(request: pytest.FixtureRequest, tmp_path: Path) -> Net:
    if request.param == "memory":
        return Net(MemoryNetwork(), lambda: "/run/memory.sock")
    if request.param == "tcp":
        port = free_port()
        return Net(real_world().network, lambda: f"127.0.0.1:{port}")
    folder = tmp_path
    if request.param != "unix":
        folder = tmp_path / ("long" * 20) / ("path" * 20)
        folder.mkdir(parents=True)
    return Net(real_world().network, lambda: str(folder / "s.sock"))


async def read_exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.receive()
        assert piece, "the stream ended early"
        data += piece
    return data


async def pair(net: Net, nursery: trio.Nursery) -> tuple[Stream, Stream]:
    """Return the client's and the server's end of one connection."""
    listener = await net.network.listen(net.address())
    accepted: list[Stream] = []

    async def accept() -> None:
        accepted.append(await listener.accept())
        await listener.aclose()

    async with trio.open_nursery() as inner:
        inner.start_soon(accept)
        client = await net.network.connect(net.address())
    return client, accepted[0]


async def test_bytes_arrive_in_order_both_ways(net: Net) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            client, server = await pair(net, nursery)
            sent = [bytes([number]) * (number * 700) for number in range(1, 60)]
            whole = b"".join(sent)

            async def echo() -> None:
                while data := await server.receive():
                    await server.send(data)
                await server.aclose()

            async def send() -> None:
                for piece in sent:
                    await client.send(piece)

            nursery.start_soon(echo)
            nursery.start_soon(send)
            assert await read_exactly(client, len(whole)) == whole
            await client.aclose()


async def test_any_buffer_can_be_sent_and_reused(net: Net) -> None:
    async with trio.open_nursery() as nursery:
        client, server = await pair(net, nursery)
        buffer = bytearray(b"abcdef")
        await client.send(memoryview(buffer)[2:4])
        buffer[:] = b"------"
        assert await read_exactly(server, 2) == b"cd"
        await client.aclose()
        await server.aclose()


async def test_the_end_of_a_stream_is_seen(net: Net) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            client, server = await pair(net, nursery)
            await client.send(b"last")
            await client.aclose()
            assert await read_exactly(server, 4) == b"last"
            assert await server.receive() == b""

            async def send_forever() -> None:
                while True:
                    await server.send(bytes(1 << 20))
                    await trio.lowlevel.checkpoint()

            with pytest.raises(ConnectionError):
                await send_forever()
            await server.aclose()
            await client.aclose()


async def test_a_cancelled_receive_loses_nothing(net: Net) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            client, server = await pair(net, nursery)
            for _ in range(3):
                with trio.move_on_after(0.01) as scope:
                    await server.receive()
                assert scope.cancelled_caught
            await client.send(b"still there")
            assert await read_exactly(server, 11) == b"still there"
            await client.aclose()
            await server.aclose()


async def test_nobody_listens(net: Net) -> None:
    with pytest.raises(ConnectionError):
        await net.network.connect(net.address())


async def test_a_closed_listener_refuses_and_can_be_replaced(net: Net) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                client, server = await pair(net, nursery)
                await client.send(b"x")
                assert await read_exactly(server, 1) == b"x"
                await client.aclose()
                await server.aclose()
                with pytest.raises(ConnectionError):
                    await net.network.connect(net.address())


async def test_a_connection_that_was_never_accepted_ends_with_its_listener(net: Net) -> None:
    with trio.fail_after(10):
        listener = await net.network.listen(net.address())
        client = await net.network.connect(net.address())
        await listener.aclose()
        try:
            assert await client.receive() == b""
        except ConnectionError:
            pass
        await client.aclose()


async def test_streams_are_closed_twice_without_harm(net: Net) -> None:
    async with trio.open_nursery() as nursery:
        client, server = await pair(net, nursery)
        for stream in (client, server, client, server):
            await stream.aclose()


async def test_a_dead_process_s_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    listener = await real_world().network.listen(str(path))
    client = await real_world().network.connect(str(path))
    await client.aclose()
    await listener.aclose()

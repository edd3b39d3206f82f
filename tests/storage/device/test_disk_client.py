"""How a process waits for a disk process, and what it says when none is there."""

import pytest
import trio
import trio.testing

from atoll.world import Stream, World
from atoll.world.simulated import simulated_world
from storage.device.client import (
    EXPIRY_INTERVAL_S,
    RECONNECT_PATIENCE_S,
    DeviceUnavailableError,
    DiskClient,
    OutcomeUnknownError,
)
from storage.mutation import ACCEPTED, ClearDue, Outcome, pack_outcomes, unpack_group
from storage.rpc.frame import FrameDecoder, frame

ADDRESS = "/run/disk-0.sock"
GROUP = [ClearDue(b"key")]
DEADLINE_S = 30.0


async def commit(client: DiskClient, deadline_s: float = DEADLINE_S) -> list[Outcome] | type:
    """Return the outcomes, or what was raised instead."""
    try:
        return await client.commit(GROUP, deadline_s)
    except (DeviceUnavailableError, OutcomeUnknownError) as error:
        return type(error)


async def answer_one(stream: Stream) -> None:
    decoder = FrameDecoder()
    while True:
        for body in decoder.feed(await stream.receive()):
            number, _ = unpack_group(body)
            await stream.send(frame(pack_outcomes(number, [ACCEPTED])))
            return


@pytest.fixture
def world() -> World:
    return simulated_world(1)


async def test_waits_for_one_that_is_being_replaced(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    client = DiskClient(world, ADDRESS)
    nursery.start_soon(client.run)

    async def come() -> None:
        await trio.sleep(RECONNECT_PATIENCE_S / 2)
        listener = await world.network.listen(ADDRESS)
        await answer_one(await listener.accept())

    nursery.start_soon(come)
    assert await commit(client) == [ACCEPTED]


async def test_fails_at_once_where_none_has_come_for_long(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    client = DiskClient(world, ADDRESS)
    nursery.start_soon(client.run)
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    assert await commit(client) is DeviceUnavailableError
    assert trio.current_time() - began == pytest.approx(RECONNECT_PATIENCE_S)
    assert await commit(client) is DeviceUnavailableError
    assert trio.current_time() - began == pytest.approx(RECONNECT_PATIENCE_S)


async def test_patience_begins_anew_when_a_connection_is_lost(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    client = DiskClient(world, ADDRESS)
    listener = await world.network.listen(ADDRESS)
    nursery.start_soon(client.run)
    stream = await listener.accept()
    await trio.sleep(10 * RECONNECT_PATIENCE_S)
    await stream.aclose()
    await listener.aclose()
    await trio.sleep(RECONNECT_PATIENCE_S / 2)
    began = trio.current_time()
    assert await commit(client) is DeviceUnavailableError
    assert trio.current_time() - began == pytest.approx(RECONNECT_PATIENCE_S / 2)


@pytest.mark.parametrize("breaks", [False, True])
async def test_what_was_sent_and_not_answered_is_unknown(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, breaks: bool
) -> None:
    client = DiskClient(world, ADDRESS)
    listener = await world.network.listen(ADDRESS)
    nursery.start_soon(client.run)

    async def hear() -> None:
        stream = await listener.accept()
        await stream.receive()
        await trio.sleep(1.0)  # the same instant as the deadline
        if breaks:
            await listener.aclose()
            await stream.aclose()

    nursery.start_soon(hear)
    assert await commit(client, 1.0) is OutcomeUnknownError


async def test_each_call_ends_at_its_own_deadline(
    world: World, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    client = DiskClient(world, ADDRESS)
    listener = await world.network.listen(ADDRESS)
    nursery.start_soon(client.run)
    await listener.accept()
    began = trio.current_time()
    ended: dict[float, float] = {}

    async def call(delay_s: float, deadline_s: float) -> None:
        await trio.sleep(delay_s)
        assert await commit(client, deadline_s) is OutcomeUnknownError
        ended[deadline_s] = trio.current_time() - began - delay_s

    async with trio.open_nursery() as calls:
        for delay_s, deadline_s in ((0.0, 30.0), (0.1, 1.0), (5.0, 2.0)):
            calls.start_soon(call, delay_s, deadline_s)
    for deadline_s, took_s in ended.items():
        assert deadline_s <= took_s <= deadline_s + EXPIRY_INTERVAL_S

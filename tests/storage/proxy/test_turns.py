"""Turns: one task after the other for each name, and nothing left behind."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from storage.proxy.errors import UnavailableError
from storage.proxy.turns import Turns

PATIENCE_S = 5.0


async def test_tasks_of_one_name_go_one_after_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turns = Turns(patience_s=100.0)
    inside: list[int] = []
    most = 0

    async def change(number: int) -> None:
        nonlocal most
        async with turns.of(b"a"):
            inside.append(number)
            most = max(most, len(inside))
            await trio.sleep(1)
            inside.remove(number)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(change, number)
    assert most == 1
    assert turns._queues == {}


async def test_names_do_not_wait_for_each_other(autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns(PATIENCE_S)
    began = trio.current_time()

    async def change(name: bytes) -> None:
        async with turns.of(name):
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(change, bytes([number]))
    assert trio.current_time() - began == pytest.approx(1)


async def hold(turns: Turns, *, task_status: trio.TaskStatus[None]) -> None:
    async with turns.of(b"a"):
        task_status.started()
        await trio.sleep_forever()


async def test_patience_ends(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    turns = Turns(PATIENCE_S)
    await nursery.start(hold, turns)
    with pytest.raises(UnavailableError):
        async with turns.of(b"a"):
            pytest.fail("it is not its turn")
    assert [queue.length for queue in turns._queues.values()] == [1]


async def test_who_is_cancelled_leaves_the_queue(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    turns = Turns(PATIENCE_S)
    await nursery.start(hold, turns)
    with trio.move_on_after(1):
        async with turns.of(b"a"):
            pytest.fail("it is not its turn")
    assert [queue.length for queue in turns._queues.values()] == [1]

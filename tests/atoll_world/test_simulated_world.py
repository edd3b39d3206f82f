"""The simulated world's clock, randomness and threads."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from atoll.world.simulated import EPOCH_NS, SimulatedClock, simulated_world


async def test_the_clock_stands_where_trio_s_stands(autojump_clock: MockClock) -> None:
    clock = SimulatedClock()
    before = clock.wall_ns(), clock.monotonic_s()
    await trio.sleep(5)
    assert clock.wall_ns() - before[0] == 5_000_000_000
    assert clock.monotonic_s() - before[1] == 5
    clock.offset_ns = -60_000_000_000
    assert clock.wall_ns() - before[0] == -55_000_000_000
    assert clock.monotonic_s() - before[1] == 5


def test_the_clock_stands_still_outside_of_trio() -> None:
    assert SimulatedClock().wall_ns() == EPOCH_NS


def test_one_seed_one_randomness() -> None:
    one, same, other = (simulated_world(seed).random for seed in (1, 1, 2))
    draws = [(rng.randbytes(8), rng.random(), rng.randrange(1000)) for rng in (one, same, other)]
    assert draws[0] == draws[1] != draws[2]


async def test_work_is_done_on_the_spot() -> None:
    assert await simulated_world(0).threads.run(lambda a, b: a + b, 1, 2) == 3

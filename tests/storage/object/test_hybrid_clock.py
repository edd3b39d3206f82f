"""Hybrid clocks: timestamps never repeat, always grow, and follow what was seen, whatever jumps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atoll.invariant import InvariantError
from storage.timestamp import (
    ZERO,
    ClockDriftError,
    HybridClock,
    Timestamp,
    at_milliseconds,
    inverse,
    milliseconds,
    process_id,
    seconds,
)

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
TIMESTAMPS = st.binary(min_size=12, max_size=12)
START_MS = 1_750_000_000_000


@dataclass
class HandClock:
    wall_ms: int = START_MS

    def wall_ns(self) -> int:
        return self.wall_ms * 1_000_000 + 999_999

    def monotonic_s(self) -> float:
        return 0.0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("jump"), st.integers(-20_000, 20_000)),
        st.tuples(st.just("draw"), st.integers(0, 2)),
        st.tuples(st.just("tell"), st.tuples(st.integers(0, 2), st.integers(0, 2))),
    ),
    max_size=60,
)


@PROPERTY
@given(steps=STEPS)
def test_unique_and_growing(steps: list[tuple[str, object]]) -> None:
    walls = [HandClock() for _ in range(3)]
    clocks = [
        HybridClock(wall, process_id(0, slot, 7), drift_ms_max=10**9)
        for slot, wall in enumerate(walls)
    ]
    drawn: list[list[Timestamp]] = [[], [], []]
    for what, how in steps:
        if what == "jump":
            walls[how % 3].wall_ms += how  # type: ignore[operator]
        elif what == "draw":
            drawn[how].append(clocks[how].now())  # type: ignore[call-overload]
        else:
            teller, hearer = how  # type: ignore[misc]
            if drawn[teller]:
                seen = drawn[teller][-1]
                clocks[hearer].observe(seen)
                drawn[hearer].append(clocks[hearer].now())
                assert drawn[hearer][-1] > seen
    everything = [timestamp for one in drawn for timestamp in one]
    assert len(set(everything)) == len(everything)
    for one in drawn:
        assert all(before < after for before, after in pairwise(one))


def test_time_passes_into_timestamps() -> None:
    wall = HandClock()
    clock = HybridClock(wall, process_id(1, 2, 3))
    first = clock.now()
    assert milliseconds(first) == START_MS
    assert first.hex() == "019774" + first.hex()[6:12] + "0000" + "00100203"
    second = clock.now()
    assert second[6:8] == b"\0\1"
    wall.wall_ms += 5
    assert milliseconds(clock.now()) == START_MS + 5
    assert clock.now()[8:] == first[8:]


def test_the_counter_runs_over_into_the_milliseconds() -> None:
    clock = HybridClock(HandClock(), 1)
    clock.observe(Timestamp(START_MS.to_bytes(6) + b"\xff\xff" + bytes(4)))
    assert clock.now() == (START_MS + 1).to_bytes(6) + b"\0\0" + b"\0\0\0\1"


def test_the_floor() -> None:
    floor = at_milliseconds(START_MS + 3_600_000)
    clock = HybridClock(HandClock(), 1, floor=floor)
    assert clock.now() > floor


def test_a_clock_that_is_off_is_not_followed() -> None:
    wall = HandClock()
    clock = HybridClock(wall, 1, drift_ms_max=10)
    clock.observe(at_milliseconds(START_MS + 10))
    with pytest.raises(ClockDriftError) as caught:
        clock.observe(at_milliseconds(START_MS + 11))
    assert caught.value.ahead_ms == 11
    assert milliseconds(clock.now()) == START_MS + 10
    wall.wall_ms -= 3_600_000  # what was passed already is believed
    clock.observe(at_milliseconds(START_MS + 10))


@PROPERTY
@given(one=TIMESTAMPS, other=TIMESTAMPS)
def test_inverse_turns_the_order(one: bytes, other: bytes) -> None:
    assert inverse(inverse(one)) == one
    assert (one < other) == (inverse(one) > inverse(other))


def test_seconds() -> None:
    assert seconds(at_milliseconds(1_500)) == 1.5
    assert seconds(Timestamp((1_500).to_bytes(6) + b"\0\7" + bytes(4))) == 1.50007
    assert seconds(Timestamp((1_500).to_bytes(6) + b"\xff\xff" + bytes(4))) == 1.50099
    assert at_milliseconds(0) == ZERO


def test_processes_have_names_of_their_own() -> None:
    names = {
        process_id(node, slot, incarnation)
        for node in (0, 1, 4095)
        for slot in (0, 1, 4095)
        for incarnation in (0, 255)
    }
    assert len(names) == 18
    assert max(names) < 1 << 32
    assert process_id(1, 2, 256 + 3) == process_id(1, 2, 3)
    for node, slot in ((4096, 0), (0, 4096), (-1, 0)):
        with pytest.raises(InvariantError):
            process_id(node, slot, 0)

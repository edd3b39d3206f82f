"""The life of a role instance, over every short sequence of events."""

import itertools
import math

import pytest

from atoll.config import SupervisorSettings
from atoll.invariant import InvariantError
from atoll.roles import EXIT_REFUSED
from atoll.supervisor.policy import ALIVE, OVER, Life, Phase, Signs, restart_delay_s

SETTINGS = SupervisorSettings(
    restart_delay_s_min=1.0, restart_delay_s_max=5.0, stable_s=10.0, silence_s_max=30.0
)
EVENTS = ("time", "start", "ready", "crash", "return", "refuse", "stop", "end")


def step(life: Life, event: str, now_s: float) -> Life | None:
    """Return the life after an event, or None where the event cannot happen."""
    match event:
        case "time":
            return life
        case "start":
            return life.started(now_s) if life.phase is Phase.WAITING else None
        case "ready":
            return life.became_ready(now_s)
        case "end":
            return life.stopped(now_s) if life.phase not in ALIVE else None
    if life.phase not in ALIVE:
        return None
    code = {"crash": -9, "return": 0, "refuse": EXIT_REFUSED, "stop": 0}[event]
    return life.exited(now_s, code, stopping=event == "stop", settings=SETTINGS)


def check_step(before: Life, event: str, now_s: float, after: Life) -> None:
    assert after.deaths == before.deaths + (event in ("crash", "return"))
    assert after.deaths_in_row <= after.deaths
    assert after.tried or not before.tried
    if before.phase in OVER:
        assert after.phase is before.phase
    if event in ("crash", "return"):
        wait_s = after.due_s - now_s
        assert after.phase is Phase.WAITING
        assert 1.0 <= wait_s <= 5.0
        stable = before.phase is Phase.RUNNING and now_s - before.since_s >= 10.0
        assert after.deaths_in_row == (1 if stable else before.deaths_in_row + 1)
        assert wait_s == min(5.0, 2.0 ** (after.deaths_in_row - 1))
    if event == "refuse":
        assert after.phase is Phase.REFUSED
    if event == "stop":
        assert after.phase is Phase.STOPPED
    if after.phase is not before.phase and event != "time":
        assert after.since_s == now_s


@pytest.mark.slow
def test_every_sequence_of_seven_events() -> None:
    reached = set()
    frontier = [(Life.begin(0.0), 0.0)]
    for _ in range(7):
        grown = {}
        for (life, now_s), event in itertools.product(frontier, EVENTS):
            later_s = now_s + (10.0 if event == "time" else 1.0)
            after = step(life, event, later_s)
            if after is not None:
                check_step(life, event, later_s, after)
                grown[(after, later_s)] = None
                reached.add(after.phase)
        frontier = list(grown)
    assert reached == set(Phase)
    assert len(frontier) > 500


@pytest.mark.parametrize(
    ("deaths", "delay_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (100, 5.0), (10**6, 5.0)]
)
def test_delay_doubles_up_to_the_cap(deaths: int, delay_s: float) -> None:
    assert restart_delay_s(deaths, SETTINGS) == delay_s


def test_cap_below_the_first_delay_is_the_first_delay() -> None:
    settings = SupervisorSettings(restart_delay_s_min=2.0, restart_delay_s_max=1.0)
    assert restart_delay_s(3, settings) == 2.0


def test_only_a_waiting_life_is_started() -> None:
    with pytest.raises(InvariantError):
        Life.begin(0.0).started(0.0).started(1.0)
    with pytest.raises(InvariantError):
        Life.begin(0.0).exited(1.0, 0, stopping=False, settings=SETTINGS)


def test_signs_of_life() -> None:
    signs = Signs(started_s=0.0, heard_s=0.0)
    assert signs.complaint(29.9, SETTINGS) is None
    assert signs.complaint(30.0, SETTINGS) == "said nothing for 30 s"
    signs = signs.heard(25.0)
    assert signs.complaint(54.9, SETTINGS) is None
    assert signs.complaint(55.0, SETTINGS) == "said nothing for 30 s"


def test_ready_deadline_counts_from_being_let_in() -> None:
    settings = SupervisorSettings(ready_deadline_s=5.0, silence_s_max=3600)
    waiting = Signs(started_s=0.0, heard_s=0.0)
    assert waiting.complaint(1000.0, settings) is None
    inside = waiting.let_in(100.0)
    assert inside.complaint(104.9, settings) is None
    assert inside.complaint(105.0, settings) == "not ready after 5 s"
    assert inside.became_ready().complaint(math.nextafter(3600, 0), settings) is None

"""Who may start, who may stop, and when the cloud is up."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll.config import SupervisorSettings
from atoll.invariant import InvariantError
from atoll.roles import EXIT_REFUSED, RoleInstance
from atoll.supervisor.order import (
    START_DEATHS_MAX,
    check_instances,
    hopeless_role,
    is_up,
    lost_role,
    may_enter,
    may_stop,
)
from atoll.supervisor.policy import OVER, Life, Phase

SETTINGS = SupervisorSettings()
CLOUD = [
    RoleInstance("disk", "disk-0"),
    RoleInstance("disk", "disk-1"),
    RoleInstance("keeper", "keeper-0", after=("disk-0", "disk-1")),
    RoleInstance("worker", "worker-0", after=("disk-0", "disk-1", "keeper-0")),
]


def life_in(phase: Phase, *, tried: bool = True) -> Life:
    life = Life.begin(0.0)
    if phase is Phase.WAITING:
        if tried:
            life = life.started(0.0).exited(0.0, 1, stopping=False, settings=SETTINGS)
        return life
    life = life.started(0.0)
    match phase:
        case Phase.RUNNING:
            return life.became_ready(0.0)
        case Phase.REFUSED:
            return life.exited(0.0, EXIT_REFUSED, stopping=False, settings=SETTINGS)
        case Phase.STOPPED:
            return life.exited(0.0, 0, stopping=True, settings=SETTINGS)
    return life


def lives(phases: tuple[Phase, ...]) -> dict[str, Life]:
    return {one.name: life_in(phase) for one, phase in zip(CLOUD, phases, strict=True)}


def test_every_state_of_a_small_cloud() -> None:
    for phases in itertools.product(Phase, repeat=4):
        check_state(phases)


def check_state(phases: tuple[Phase, ...]) -> None:
    now = lives(phases)
    disks, keeper, worker = phases[:2], phases[2], phases[3]
    tried = {phase: phase is not Phase.STARTING for phase in Phase}
    assert may_enter(CLOUD[0], now)
    assert may_enter(CLOUD[2], now) == all(tried[phase] for phase in disks)
    assert may_enter(CLOUD[3], now) == all(tried[phase] for phase in (*disks, keeper))
    assert may_stop(CLOUD[3], CLOUD, now)
    assert may_stop(CLOUD[2], CLOUD, now) == (worker in OVER)
    assert may_stop(CLOUD[0], CLOUD, now) == (worker in OVER and keeper in OVER)
    assert is_up(CLOUD, now) == (
        all(tried[phase] for phase in phases)
        and Phase.RUNNING in disks
        and keeper is worker is Phase.RUNNING
    )
    lost = lost_role(CLOUD, now)
    assert (lost == "disk") == (set(disks) == {Phase.REFUSED})
    assert (lost is None) == (
        set(disks) != {Phase.REFUSED} and Phase.REFUSED not in (keeper, worker)
    )


def test_one_waits_for_a_first_try_only() -> None:
    now = lives((Phase.RUNNING,) * 4)
    now["disk-1"] = life_in(Phase.WAITING, tried=False)
    assert not may_enter(CLOUD[3], now)
    now["disk-1"] = life_in(Phase.WAITING, tried=True)
    assert may_enter(CLOUD[3], now)


def test_a_role_is_hopeless_when_all_of_it_keep_dying() -> None:
    now = lives((Phase.RUNNING,) * 4)
    for name in ("disk-0", "disk-1"):
        assert hopeless_role(CLOUD, now) is None
        life = Life.begin(0.0)
        for _ in range(START_DEATHS_MAX):
            assert hopeless_role(CLOUD, {**now, name: life}) is None
            life = life.started(0.0).exited(0.0, 1, stopping=False, settings=SETTINGS)
        now[name] = life
    assert hopeless_role(CLOUD, now) == "disk"


@given(st.permutations(CLOUD))
def test_whatever_the_order_everything_stops(shuffled: list[RoleInstance]) -> None:
    now: Mapping[str, Life] = lives((Phase.RUNNING,) * 4)
    stopped: list[str] = []
    while len(stopped) < len(CLOUD):
        ready = [
            one for one in shuffled if one.name not in stopped and may_stop(one, shuffled, now)
        ]
        assert ready, "a circle"
        now = {**now, ready[0].name: life_in(Phase.STOPPED)}
        stopped.append(ready[0].name)
    assert stopped[:2] == ["worker-0", "keeper-0"]


def test_contradictions_are_refused() -> None:
    check_instances(CLOUD)
    with pytest.raises(InvariantError, match="used once"):
        check_instances([CLOUD[0], CLOUD[0]])
    with pytest.raises(InvariantError, match="after listed ones"):
        check_instances(CLOUD[::-1])

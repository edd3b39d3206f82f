"""What a rebalance may do, and that it gets there."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_topologies import (
    REPLICAS,
    Spot,
    add,
    assert_in_plan,
    assert_sound,
    build,
    builders,
    counts_by_tier,
    grid,
    present,
    spots,
    target_shares,
)

from ring import Ring, moves
from ring.builder import Builder
from ring.change import RebalanceReport
from ring.errors import RingInputError
from ring.report import device_loads
from ring.table import with_rows

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)
START_HOURS = 1_000


def change(builder: Builder, data: st.DataObject) -> None:
    """Do one thing that an operator does."""
    staying = [device.id for device in present(builder) if not device.leaving]
    kind = data.draw(st.sampled_from(["add", "remove", "weight", "replicas", "overload"]))
    if kind == "add" or not staying:
        for spot in data.draw(st.lists(spots((50.0, 100.0)), min_size=1, max_size=4)):
            add(builder, spot)
    elif kind == "remove":
        builder.remove_device(data.draw(st.sampled_from(staying)))
    elif kind == "weight":
        weight = data.draw(st.sampled_from([0.0, 30.0, 100.0, 300.0]))
        builder.set_weight(data.draw(st.sampled_from(staying)), weight)
    elif kind == "replicas":
        builder.set_replicas(data.draw(REPLICAS))
    else:
        builder.set_overload(data.draw(st.sampled_from([0.0, 0.2, 1000.0])))


def changed_replicas(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """For each partition how many replicas moved, came or went."""
    rows = max(len(before), len(after))
    return (with_rows(before, rows) != with_rows(after, rows)).sum(axis=0)


@pytest.mark.slow
@PROPERTY
@given(builders(), st.data())
def test_one_replica_of_a_partition_changes_and_then_rests(
    builder: Builder, data: st.DataObject
) -> None:
    builder.set_min_part_hours(10)
    builder.rebalance(0, START_HOURS)
    now_hours = START_HOURS
    last_changed = np.full(builder.partitions, -1_000)
    for seed in range(6):
        change(builder, data)
        now_hours += data.draw(st.sampled_from([0, 1, 5, 10, 30]))
        before, version = builder.table.copy(), builder.version
        try:
            report = builder.rebalance(seed, now_hours)
        except RingInputError:
            assert builder.version == version
            assert np.array_equal(builder.table, before)
            continue
        assert_sound(builder)
        assert builder.version > version
        changed = changed_replicas(before, builder.table)
        assert changed.max() <= 1
        assert (now_hours - last_changed[changed > 0] >= 10).all()
        last_changed[changed > 0] = now_hours
        assert report.partitions_moved + report.replicas_dropped == (changed > 0).sum()


@pytest.mark.slow
@PROPERTY
@given(builders(), st.data())
def test_it_ends_where_a_new_ring_would_be(builder: Builder, data: st.DataObject) -> None:
    """Whatever was changed, a few rebalances bring every tier to its plan."""
    builder.rebalance(0, START_HOURS)
    for _ in range(data.draw(st.integers(1, 3))):
        change(builder, data)
    now_hours = START_HOURS
    try:
        for seed in range(12):
            now_hours += 24
            report = builder.rebalance(seed, now_hours)
            if not report.partitions_moved and not report.replicas_dropped:
                break
    except RingInputError:
        return  # too few devices are left
    assert report.replicas_waiting == 0
    assert builder.placed_replicas == math.floor(builder.replicas * builder.partitions) / (
        builder.partitions
    )
    assert_sound(builder)
    assert_in_plan(builder)


def moves_that_must_be(builder: Builder) -> int:
    """Replicas that devices over their share must give, or those under it must get."""
    loads = device_loads(builder.table)
    shares = target_shares(builder)
    give = take = 0
    for device in present(builder):
        share = shares.get(device.tiers[-1], 0) * builder.partitions
        give += max(0, int(loads[device.id]) - math.ceil(share))
        take += max(0, math.floor(share) - int(loads[device.id]))
    return max(give, take)


def partitions_that_must_change(builder: Builder) -> int:
    """Partitions of which a tier holds more or fewer replicas than its share, rounded."""
    shares = target_shares(builder)
    wrong = np.zeros(builder.partitions, dtype=bool)
    for level in range(4):
        for key, counts in counts_by_tier(builder, level).items():
            share = shares.get(key, 0)
            wrong |= (counts < math.floor(share)) | (counts > math.ceil(share))
    return int(wrong.sum())


ONE_CHANGE = ["add", "remove", "more weight", "less weight"]


def change_one(builder: Builder, kind: str, spot: Spot) -> None:
    if kind == "add":
        add(builder, spot)
    elif kind == "remove":
        builder.remove_device(3)
    else:
        builder.set_weight(3, 150.0 if kind == "more weight" else 50.0)


@pytest.mark.parametrize("kind", ONE_CHANGE)
@pytest.mark.parametrize(
    "places", [grid(1, 1, 12, 1), grid(1, 5, 2, 3), grid(5, 2, 2, 2)], ids=["flat", "zones", "deep"]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_change_of_one_device_moves_just_what_it_must(
    kind: str, places: list[Spot], seed: int
) -> None:
    builder = build(places, 9)
    builder.rebalance(seed, START_HOURS)
    change_one(builder, kind, places[0])
    must = moves_that_must_be(builder)
    report = builder.rebalance(seed, START_HOURS)
    assert report.replicas_moved == must > 0
    assert_in_plan(builder)
    again = builder.rebalance(seed, START_HOURS + 24)
    assert again.replicas_moved == 0


@pytest.mark.slow
@PROPERTY
@given(builders(), st.sampled_from(ONE_CHANGE), spots((100.0,)))
def test_where_room_is_tight_it_moves_little_more(builder: Builder, kind: str, spot: Spot) -> None:
    """Where tiers are full, replicas of other partitions must make room."""
    while len(present(builder)) < 6:
        add(builder, spot)
    builder.rebalance(0, START_HOURS)
    change_one(builder, kind, spot)
    must = max(moves_that_must_be(builder), partitions_that_must_change(builder))
    report = builder.rebalance(0, START_HOURS + 24)
    assert report.replicas_moved <= 2 * must + 4


def test_nothing_moves_without_a_reason() -> None:
    builder = build(grid(3, 2, 2, 2, weights=(100, 150, 175)), 8, 2.5)
    builder.rebalance(1, START_HOURS)
    before = builder.table.copy()
    report = builder.rebalance(2, START_HOURS + 24)
    assert report.partitions_moved == 0
    assert np.array_equal(builder.table, before)


def test_a_third_zone_takes_one_replica_of_each_partition() -> None:
    builder = build(grid(1, 2, 3, 2), 9)
    builder.rebalance(1, START_HOURS)
    for spot in grid(1, 3, 3, 2)[12:]:
        add(builder, spot)
    report = builder.rebalance(1, START_HOURS)
    assert report.replicas_moved == builder.partitions
    for counts in counts_by_tier(builder, 1).values():
        assert counts.tolist() == [1] * builder.partitions


def test_overload_spreads_replicas_against_the_weights() -> None:
    places = grid(1, 2, 1, 4) + [Spot(0, 2, 0, 50.0)] * 4
    builder = build(places, 8)
    report = builder.rebalance(1, START_HOURS)
    assert report.dispersion > 10
    assert report.balance < 2
    assert report.required_overload == pytest.approx(2 / 3)
    builder.set_overload(report.required_overload)
    report = builder.rebalance(1, START_HOURS)
    assert report.dispersion == 0
    assert report.balance == pytest.approx(200 / 3, abs=2)


def rebalance_after_removal(builder: Builder, *device_ids: int) -> RebalanceReport:
    for device_id in device_ids:
        builder.remove_device(device_id)
    return builder.rebalance(1, START_HOURS)


def test_two_lost_devices_leave_one_replica_of_a_partition_at_a_time() -> None:
    builder = build(grid(1, 6, 1, 1), 8)
    builder.rebalance(1, START_HOURS)
    both = (np.isin(builder.table, (0, 1)).sum(axis=0) == 2).sum()
    assert both > 0
    report = rebalance_after_removal(builder, 0, 1)
    assert report.replicas_waiting == both
    assert report.devices_removed != (0, 1)
    assert [device.leaving for device in present(builder)].count(True) >= 1
    waiting = builder.rebalance(1, START_HOURS + 0.5)
    assert waiting.replicas_waiting == both
    report = builder.rebalance(1, START_HOURS + 1)
    assert report.replicas_waiting == 0
    assert builder.devices[:2] == (None, None)


def test_min_part_hours_can_be_ignored() -> None:
    builder = build(grid(1, 6, 1, 1), 8)
    builder.rebalance(1, START_HOURS)
    rebalance_after_removal(builder, 0, 1)
    report = builder.rebalance(1, START_HOURS, ignore_min_part_hours=True)
    assert report.replicas_waiting == 0


def test_a_clock_that_went_back_moves_nothing_that_moved() -> None:
    builder = build(grid(1, 6, 1, 1), 8)
    builder.rebalance(1, START_HOURS)
    rebalance_after_removal(builder, 0, 1)
    report = builder.rebalance(1, START_HOURS - 500)
    assert report.replicas_moved == 0


def test_part_of_an_hour_is_not_an_hour() -> None:
    builder = build(grid(1, 6, 1, 1), 8)
    builder.rebalance(1, START_HOURS)
    builder.remove_device(0)
    builder.remove_device(1)
    waiting = builder.rebalance(1, START_HOURS + 0.9).replicas_waiting
    assert builder.rebalance(1, START_HOURS + 1.1).replicas_waiting == waiting
    assert builder.rebalance(1, START_HOURS + 2).replicas_waiting == 0


def test_replicas_come_and_go_one_by_one() -> None:
    builder = build(grid(2, 2, 2, 2), 7, 1)
    builder.rebalance(1, START_HOURS)
    builder.set_replicas(3.5)
    replicas = [builder.rebalance(1, START_HOURS + day * 24).replicas for day in range(4)]
    assert replicas == [2, 3, 3.5, 3.5]
    builder.set_replicas(1.25)
    replicas = [builder.rebalance(1, START_HOURS + day * 24).replicas for day in range(5, 9)]
    assert replicas == [2.5, 1.5, 1.25, 1.25]
    assert_in_plan(builder)


def test_a_replica_that_moves_stays_in_its_row() -> None:
    """The row is the index of the fragment, where a policy is erasure coded."""
    builder = build(grid(1, 1, 14, 1), 7, 11)
    builder.rebalance(1, START_HOURS)
    before = builder.table.copy()
    builder.remove_device(5)
    builder.rebalance(1, START_HOURS)
    moved = builder.table != before
    assert moved.sum() == (before == 5).sum()
    assert (before[moved] == 5).all()


@pytest.mark.parametrize("replicas", [1, 2.5, 4])
def test_a_search_finds_what_luck_does_not(
    replicas: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a single random proposal, a lost device is emptied and nothing leaves the plan."""
    monkeypatch.setattr(moves, "ROUNDS_MAX", 0)
    builder = build(grid(2, 2, 2, 2), 6, replicas)
    builder.rebalance(1, START_HOURS)
    lost = int((builder.table == 3).sum())
    report = rebalance_after_removal(builder, 3)
    assert report.replicas_waiting == 0
    assert report.devices_removed == (3,)
    assert lost <= report.replicas_moved <= 2 * lost
    assert_in_plan(builder)


def test_chains_alone_bring_devices_to_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "ROUNDS_MAX", 0)
    builder = build(grid(2, 2, 2, 2), 6)
    builder.rebalance(1, START_HOURS)
    builder.set_weight(3, 150.0)
    must = moves_that_must_be(builder)
    assert builder.rebalance(1, START_HOURS).replicas_moved == must > 0
    assert_in_plan(builder)


def test_a_chain_is_found_where_only_a_chain_is_left() -> None:
    """A tight ring in which neither a move nor a detour helps the last replica."""
    builder = build(grid(1, 2, 2, 2, weights=(100, 50)), 5)
    builder.rebalance(4, START_HOURS)
    builder.set_weight(0, 190.0)
    builder.add_device(region=1, zone=0, node="x", port=1, device="x", weight=120)
    builder.rebalance(4, START_HOURS)
    assert_in_plan(builder)


def test_a_search_spends_a_partition_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "ROUNDS_MAX", 0)
    builder = build(grid(1, 6, 1, 1), 8)
    builder.rebalance(1, START_HOURS)
    both = (np.isin(builder.table, (0, 1)).sum(axis=0) == 2).sum()
    assert rebalance_after_removal(builder, 0, 1).replicas_waiting == both > 0


def placed_by_hand(weights_by_zone: list[list[float]], *rows: list[int]) -> Builder:
    """A builder that goes on from a table; devices are numbered through the zones."""
    builder = Builder(6, 1)
    for zone, weights in enumerate(weights_by_zone):
        for node, weight in enumerate(weights):
            add(builder, Spot(1, zone, node, weight))
    held = [memoryview(array("H", row)) for row in rows]
    return Builder.from_ring(Ring(power=6, devices=builder.devices, rows=held))


def test_replicas_are_spread_though_every_device_has_its_share() -> None:
    """Half of the partitions lie in one zone, half in the other; nothing is over or under."""
    builder = placed_by_hand([[1, 1], [1, 1]], [0] * 32 + [2] * 32, [1] * 32 + [3] * 32)
    report = builder.rebalance(1, START_HOURS)
    assert report.dispersion == 0
    assert report.replicas_moved == 64
    assert_in_plan(builder)


def test_spreading_takes_from_devices_over_their_share() -> None:
    """32 partitions must give a replica to zone 1: just what the devices of zone 0 are over."""
    builder = placed_by_hand([[2, 6], [8]], [0] * 32 + [1] * 32, [1] * 32 + [2] * 32)
    report = builder.rebalance(1, START_HOURS)
    assert report.replicas_moved == 32
    assert_in_plan(builder)

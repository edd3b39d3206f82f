"""The plan: sharing by weight within bounds, overload, and rounding to whole replicas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ring_topologies import REPLICAS, Spot, build, builders, grid

from ring.builder import Builder
from ring.errors import RingInputError
from ring.plan import count_slots, fill, make_plan, required_overload
from ring.shuffle import Shuffler

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
VESSELS = st.lists(
    st.tuples(
        st.sampled_from([1e-6, 0.5, 1.0, 3.0, 1e6, 1e15]),
        st.sampled_from([0.0, 0.0, 0.5, 1.0]),
        st.sampled_from([0.0, 0.25, 1.0, 4.0]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@PROPERTY
@given(VESSELS, st.floats(0, 1))
def test_fill_is_one_level_clipped(
    vessels: list[tuple[float, float, float]], fullness: float
) -> None:
    weights = [weight for weight, _, _ in vessels]
    lows = [low for _, low, _ in vessels]
    highs = [low + room for _, low, room in vessels]
    total = sum(lows) + fullness * (sum(highs) - sum(lows))
    shares = fill(total, weights, lows, highs)
    assert sum(shares) == pytest.approx(total, abs=1e-9)
    vessels_by_share = list(zip(shares, weights, lows, highs, strict=True))
    levels = [share / weight for share, weight, low, high in vessels_by_share if low < share < high]
    for share, weight, low, high in vessels_by_share:
        assert low <= share <= high
        for level in levels:
            assert share == pytest.approx(min(max(level * weight, low), high), rel=1e-6, abs=1e-12)


def test_fill_fills_all_where_there_is_no_room_for_the_total() -> None:
    assert fill(9.0, [1.0, 2.0], [0.0, 0.0], [1.0, 2.0]) == [1.0, 2.0]


@pytest.mark.slow
@PROPERTY
@given(builders(), REPLICAS)
def test_targets_add_up_and_respect_the_overload(builder: Builder, replicas: float) -> None:
    assume(math.ceil(replicas) <= len(builder.devices))
    root = make_plan(builder.devices, replicas, builder.overload)
    for tier in root.walk():
        if tier.children:
            for what in ("weighted", "wanted", "target"):
                inside = sum(getattr(child, what) for child in tier.children)
                assert inside == pytest.approx(getattr(tier, what))
        else:
            assert tier.target <= 1 + 1e-9
            assert tier.target <= tier.weighted * (1 + builder.overload) + 1e-9
    if not builder.overload:
        assert all(tier.target == pytest.approx(tier.weighted) for tier in root.walk())
    if builder.overload >= required_overload(root):
        assert all(tier.target == pytest.approx(tier.wanted) for tier in root.walk())


@pytest.mark.slow
@PROPERTY
@given(builders(), st.integers(1, 4000))
def test_whole_replicas_are_shares_rounded_and_add_up(builder: Builder, slots: int) -> None:
    root = make_plan(builder.devices, builder.replicas, builder.overload)
    count_slots(root, slots, {})
    for tier in root.walk():
        if tier.children:
            assert sum(child.slots for child in tier.children) == tier.slots
        share = tier.target / root.target * slots
        assert math.floor(share + 1e-6) <= tier.slots <= math.ceil(share - 1e-6)


def test_rounding_prefers_what_is_held() -> None:
    root = make_plan(build(grid(1, 1, 1, 4)).devices, 1, 0)
    leaves = [tier for tier in root.walk() if not tier.children]
    for lucky in range(4):
        count_slots(root, 9, {leaves[lucky].key: 3})
        assert [leaf.slots for leaf in leaves] == [2 + (n == lucky) for n in range(4)]


@pytest.mark.parametrize(
    ("spots", "replicas"),
    [([], 1), (grid(1, 1, 2, 1), 3), ([*grid(1, 1, 2, 1), Spot(1, 1, 1, 0.0)], 2.5)],
)
def test_fewer_devices_than_replicas_are_refused(spots: list[Spot], replicas: float) -> None:
    with pytest.raises(RingInputError, match="replicas need as many devices with weight"):
        make_plan(build(spots).devices, replicas, 0)


def test_random_words_are_splitmix64() -> None:
    """From the authors' reference code, for the state 1234567."""
    shuffler = Shuffler(0)
    shuffler._state = 1234567
    golden = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert shuffler.words(2).tolist() == golden[:2]
    assert shuffler.words(1).tolist() == golden[2:]


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_a_permutation_has_all_numbers_once(count: int) -> None:
    order = Shuffler(5).permutation(count)
    assert sorted(order.tolist()) == list(range(count))
    assert count < 3 or order.tolist() != list(range(count))


def test_permutations_by_group_are_random_within_it() -> None:
    groups = np.array([2, 0, 1, 0, 2, 1] * 100)
    order = Shuffler(5).permutation_by(groups)
    assert sorted(order.tolist()) == list(range(600))
    assert groups[order].tolist() == [0] * 200 + [1] * 200 + [2] * 200
    assert order[:200].tolist() != sorted(order[:200].tolist())


def test_numbers_below_a_limit_are_even() -> None:
    drawn = np.bincount(Shuffler(5).below(10, 10_000), minlength=10)
    assert len(drawn) == 10
    assert drawn.min() > 850

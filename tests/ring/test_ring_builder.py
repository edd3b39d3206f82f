"""What an operator may ask of a builder, and what is refused without a trace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ring_topologies import Spot, add, assert_sound, build, grid, present

from ring.builder import Builder
from ring.device import Device
from ring.errors import RingFileError, RingInputError
from ring.limits import DEVICE_IDS_MAX, NO_DEVICE
from ring.report import balance, device_balances, dispersion
from ring.table import check_sound

GOOD: dict[str, Any] = {
    "region": 1, "zone": 1, "node": "10.0.0.1", "port": 6200, "device": "sdb1", "weight": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("region", -1), ("region", 65_536), ("region", 1.0), ("region", True), ("region", "1"),
        ("zone", -1), ("zone", None),
        ("port", 0), ("port", 65_536), ("port", "6200"),
        ("node", ""), ("node", "a b"), ("node", "a/b"), ("node", "a\n"), ("node", "x" * 256),
        ("node", 7), ("node", "\ud800"),
        ("device", ""), ("device", "a/b"), ("device", "."), ("device", ".."), ("device", " a"),
        ("device", "a\x00"), ("device", "a\x1b[31m"), ("device", None),
        ("weight", -1), ("weight", math.nan), ("weight", math.inf), ("weight", 1e16),
        ("weight", 1e-9), ("weight", "1"), ("weight", True), ("weight", None),
        ("meta", "\n"), ("meta", "x" * 1025), ("meta", None),
        ("replication_node", ""), ("replication_port", 0),
    ],
)  # fmt: skip
def test_a_bad_device_is_refused(field: str, value: object) -> None:
    builder = Builder(4, 1)
    before = builder.dump()
    with pytest.raises(RingInputError) as refused:
        builder.add_device(**{**GOOD, field: value})
    assert field in str(refused.value)
    assert builder.dump() == before


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((0, 1), "power"), ((25, 1), "power"), ((4.0, 1), "power"), ((True, 1), "power"),
        ((4, 0.5), "replicas"), ((4, 65), "replicas"), ((4, math.nan), "replicas"),
        ((24, 5), "replicas of 2\\^24"),
    ],
)  # fmt: skip
def test_a_bad_ring_is_refused(arguments: tuple[Any, Any], what: str) -> None:
    with pytest.raises(RingInputError, match=what):
        Builder(*arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"min_part_hours": -1}, {"min_part_hours": 1.5}, {"overload": -0.1},
        {"overload": math.inf}, {"lineage": "ab"}, {"lineage": "0" * 32}, {"lineage": "G" * 32},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RingInputError, match=next(iter(options))):
        Builder(4, 1, **options)


def test_an_address_is_taken_once_and_free_again_when_the_device_is_gone() -> None:
    builder = Builder(4, 1)
    first = builder.add_device(**GOOD)
    with pytest.raises(RingInputError, match=r"has a device 10\.0\.0\.1:6200/sdb1"):
        builder.add_device(**{**GOOD, "zone": 2})
    builder.remove_device(first)
    assert builder.add_device(**GOOD) == first + 1


def test_ids_are_not_used_again_until_all_were() -> None:
    builder = Builder(4, 1)
    builder.add_device(**GOOD)
    builder.remove_device(0)
    assert builder.devices == ()
    assert Builder.load(builder.dump()).add_device(**GOOD) == 1
    builder._next_device_id = DEVICE_IDS_MAX - 1
    assert builder.add_device(**GOOD) == DEVICE_IDS_MAX - 1
    assert builder.add_device(**{**GOOD, "device": "other"}) == 0


@pytest.mark.parametrize("device_id", [-1, 3, 99])
def test_a_device_that_is_not_there(device_id: int) -> None:
    builder = build(grid(1, 1, 3, 1))
    with pytest.raises(RingInputError, match=f"no device {device_id}"):
        builder.remove_device(device_id)
    with pytest.raises(RingInputError, match=f"no device {device_id}"):
        builder.set_weight(device_id, 1)


def test_a_leaving_device_cannot_be_changed() -> None:
    builder = build(grid(1, 1, 4, 1))
    builder.rebalance(1, 0)
    builder.remove_device(1)
    for change in (lambda: builder.remove_device(1), lambda: builder.set_weight(1, 5)):
        with pytest.raises(RingInputError, match="leaving"):
            change()


def test_a_rebalance_that_cannot_be_changes_nothing() -> None:
    builder = build(grid(1, 1, 3, 1))
    builder.rebalance(1, 0)
    builder.remove_device(1)
    before = builder.dump()
    with pytest.raises(RingInputError, match="there are 2"):
        builder.rebalance(1, 0)
    assert builder.dump() == before


def test_a_drained_device_is_emptied_and_stays() -> None:
    builder = build(grid(1, 1, 5, 1))
    builder.rebalance(1, 0)
    builder.set_weight(2, 0)
    report = builder.rebalance(1, 0)
    assert report.replicas_waiting == 0
    assert not (builder.table == 2).any()
    assert builder.devices[2] is not None


def test_versions_grow_with_every_change() -> None:
    builder = build(grid(1, 1, 4, 1))
    changes = [
        lambda: builder.rebalance(1, 0),
        lambda: add(builder, Spot(1, 1, 7, 1.0)),
        lambda: builder.set_weight(0, 50),
        lambda: builder.set_replicas(2),
        lambda: builder.set_overload(0.5),
        lambda: builder.set_min_part_hours(5),
        lambda: builder.remove_device(0),
        lambda: builder.rebalance(1, 0),
    ]
    for change in changes:
        before = builder.version
        change()
        assert builder.version == before + 1


def test_a_preview_is_the_rebalance_to_come() -> None:
    builder = build(grid(1, 3, 2, 2), 8)
    builder.rebalance(1, 0)
    builder.remove_device(3)
    add(builder, Spot(0, 1, 5, 100.0))
    before = builder.dump()
    table = builder.table.copy()
    preview = builder.preview(5, 100, partition_bytes=10**6, device_rate=2e6)
    assert builder.dump() == before
    report = builder.rebalance(5, 100)
    assert preview.report == report
    assert preview.bytes_moved == report.replicas_moved * 10**6
    sent = np.bincount(table[table != builder.table])
    received = np.bincount(builder.table[table != builder.table])
    assert preview.seconds == max(sent.max(), received.max()) * 10**6 / 2e6
    assert preview.copies_min == 2


def test_a_preview_counts_the_copies_that_stay() -> None:
    builder = build(grid(1, 6, 1, 1), 8)
    assert builder.preview(1, 0).copies_min == 0
    builder.rebalance(1, 0)
    assert builder.preview(1, 0).copies_min == 3
    builder.remove_device(0)
    builder.remove_device(1)
    assert builder.preview(1, 0).copies_min == 1


def test_a_preview_of_a_new_ring_counts_what_is_received() -> None:
    builder = build(grid(1, 1, 4, 1), 8)
    preview = builder.preview(1, 0, partition_bytes=10, device_rate=1)
    assert preview.bytes_moved == 3 * 256 * 10
    assert preview.seconds == 3 * 256 / 4 * 10


def test_unsound_tables_are_found() -> None:
    builder = build(grid(1, 1, 4, 1), 3)
    builder.rebalance(1, 0)
    assert_sound(builder)
    table = builder.table.copy()
    table[1, 5] = 9
    with pytest.raises(RingFileError, match="replica 1 of partition 5 is on device 9"):
        check_sound(table, builder.devices)
    table[1, 5] = table[0, 5]
    with pytest.raises(RingFileError, match=f"partition 5 is twice on device {table[0, 5]}"):
        check_sound(table, builder.devices)
    table[2, 5] = table[1, 5] = NO_DEVICE
    check_sound(table, builder.devices)


def devices_at(*places: tuple[int, int, float]) -> list[Device | None]:
    return [
        Device(id=i, region=r, zone=z, node=f"n{i}", port=1, device="d", weight=weight)
        for i, (r, z, weight) in enumerate(places)
    ]


def test_balance_by_hand() -> None:
    devices = devices_at((1, 1, 100.0), (1, 2, 100.0), (1, 3, 200.0), (1, 4, 0.0))
    table = np.array([[0, 0, 0, 1], [2, 2, 2, 2]], dtype=np.uint16)
    assert device_balances(table, devices) == {0: 50.0, 1: -50.0, 2: 0.0, 3: 0.0}
    assert balance(table, devices) == 50
    table[0, 0] = 3
    assert balance(table, devices) == 999.99


def test_dispersion_by_hand() -> None:
    devices = devices_at((1, 1, 1.0), (1, 1, 1.0), (1, 2, 1.0), (2, 1, 1.0), (2, 1, 1.0))
    table = np.array([[0, 0, 0, 3], [3, 1, 2, 4]], dtype=np.uint16)
    found = dispersion(table, devices)
    assert found.replicas_by_level == {"region": 3, "zone": 2, "node": 0, "device": 0}
    assert found.percent == 100 * 3 / 8
    assert found.worst_level == "region"
    assert len(present(build(grid(1, 1, 2, 1)))) == 2

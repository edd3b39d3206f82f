"""Swift's ring files against Swift itself, both ways; its plan and reports against ours."""

from __future__ import annotations

import gzip
import json
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_topologies import Spot, build, builders, grid, present
from swift.common import utils as swift_utils
from swift.common.ring import Ring as SwiftRing
from swift.common.ring import RingBuilder, RingData
from swift.common.ring import ring as swift_ring_module

from ring import Ring, RingFileError, RingInputError
from ring.builder import Builder
from ring.plan import make_plan, required_overload
from ring.report import balance, dispersion
from ring.swift_format import SwiftPaths, read_ring_gz, write_ring_gz
from ring.table import table_from_rows

PREFIX, SUFFIX = b"changeme", b"too"


@pytest.fixture(autouse=True)
def _hash_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift_utils, "HASH_PATH_PREFIX", PREFIX)
    monkeypatch.setattr(swift_utils, "HASH_PATH_SUFFIX", SUFFIX)
    monkeypatch.setattr(swift_ring_module, "validate_configuration", lambda: None)


def swift_builder(
    spots: list[Spot], power: int = 7, replicas: float = 3, overload: float = 0.0
) -> RingBuilder:
    builder = RingBuilder(power, replicas, 1)
    builder.set_overload(overload)
    for number, spot in enumerate(spots):
        builder.add_dev(
            {
                "region": spot.region,
                "zone": spot.zone,
                "ip": f"10.{spot.region}.{spot.zone}.{spot.node}",
                "port": 6200,
                "device": f"d{number}",
                "weight": spot.weight,
                "meta": "rack 3",
                "replication_ip": f"192.168.0.{number}",
                "replication_port": 6300,
            }
        )
    return builder


def assert_same_lookups(ours: Ring, theirs: SwiftRing) -> None:
    assert ours.power == theirs.part_power
    assert ours.version == theirs.version
    for partition in range(ours.partitions):
        assert [d.id for d in ours.primaries(partition)] == [
            d["id"] for d in theirs.get_part_nodes(partition)
        ]
        handoffs = [d.id for d in ours.handoffs(partition)]
        theirs_first = [d["id"] for d in theirs.get_more_nodes(partition)]
        assert handoffs[: len(theirs_first)] == theirs_first
    paths = SwiftPaths(ours, PREFIX, SUFFIX)
    for path in (
        ("AUTH_test",),
        ("AUTH_test", "c"),
        ("AUTH_test", "c", "päth/to o"),
        ("a", "c", "0"),
    ):
        partition, devices = paths.get_nodes(*path)
        theirs_partition, nodes = theirs.get_nodes(*path)
        assert partition == theirs_partition
        assert [d.id for d in devices] == [n["id"] for n in nodes]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("replicas", [1, 2.5, 3])
def test_swift_finds_the_same_in_what_we_write(
    tmp_path: Path, version: int, replicas: float
) -> None:
    builder = build(grid(2, 2, 2, 2, weights=(100, 170)), 7, replicas)
    builder.rebalance(1, 0)
    builder.remove_device(5)
    builder.rebalance(1, 0)
    ours = builder.ring()
    path = tmp_path / "object.ring.gz"
    path.write_bytes(write_ring_gz(ours, version))
    theirs = SwiftRing(str(path))
    assert RingData.load(str(path)).format_version == version
    assert theirs.devs[5] is None
    assert theirs.devs[6] == {
        "id": 6, "region": 0, "zone": 1, "ip": "10.0.1.1", "port": 6200, "device": "d6",
        "weight": 100.0, "meta": "", "replication_ip": "10.0.1.1", "replication_port": 6200,
    }  # fmt: skip
    assert_same_lookups(ours, theirs)
    assert_same_lookups(read_ring_gz(path.read_bytes()), theirs)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("replicas", [1, 2.5, 3])
def test_we_find_the_same_in_what_swift_writes(
    tmp_path: Path, version: int, replicas: float
) -> None:
    builder = swift_builder(grid(2, 2, 2, 2, weights=(100, 170)), replicas=replicas)
    builder.rebalance(seed=1)
    builder.remove_dev(5)
    builder.rebalance(seed=1)
    path = tmp_path / "object.ring.gz"
    builder.get_ring().save(str(path), format_version=version)
    ours = read_ring_gz(path.read_bytes())
    assert ours.devices[5] is None
    device = ours.devices[6]
    assert device is not None
    assert (device.meta, device.replication_node, device.replication_port) == (
        "rack 3", "192.168.0.6", 6300,
    )  # fmt: skip
    assert_same_lookups(ours, SwiftRing(str(path)))
    again = read_ring_gz(write_ring_gz(ours, version))
    assert (again.devices, again.rows) == (ours.devices, ours.rows)


@pytest.mark.slow
def test_a_large_ring_is_walked_like_swift_walks_it(tmp_path: Path) -> None:
    """Above 2^16 partitions Swift looks for handoffs with a longer step."""
    builder = build(grid(3, 2, 2, 2), 18, 2)
    builder.rebalance(1, 0)
    ours = builder.ring()
    path = tmp_path / "object.ring.gz"
    path.write_bytes(write_ring_gz(ours))
    theirs = SwiftRing(str(path))
    for partition in range(0, ours.partitions, 9_973):
        assert [d.id for d in ours.handoffs(partition)] == [
            d["id"] for d in theirs.get_more_nodes(partition)
        ]


def test_device_ids_of_four_bytes_are_read(tmp_path: Path) -> None:
    builder = swift_builder(grid(1, 1, 4, 1))
    builder.rebalance(seed=1)
    builder.set_dev_id_bytes(4)
    path = tmp_path / "object.ring.gz"
    builder.get_ring().save(str(path), format_version=2)
    ours = read_ring_gz(path.read_bytes())
    assert_same_lookups(ours, SwiftRing(str(path)))
    assert Builder.from_ring(ours).ring().primaries(3) == ours.primaries(3)
    with pytest.raises(RingInputError, match="16 bits"):
        write_ring_gz(ours, 1)


def test_the_builder_goes_on_from_a_swift_ring(tmp_path: Path) -> None:
    theirs = swift_builder(grid(1, 4, 2, 1))
    theirs.rebalance(seed=1)
    path = tmp_path / "object.ring.gz"
    theirs.get_ring().save(str(path))
    builder = Builder.from_ring(read_ring_gz(path.read_bytes()))
    assert builder.rebalance(1, 0).replicas_moved == 0
    assert builder.add_device(region=0, zone=0, node="n", port=1, device="d", weight=100) == 8
    report = builder.rebalance(1, 0)
    assert report.replicas_moved == report.partitions_moved > 0


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(builders(), st.sampled_from([1, 2]))
def test_any_ring_survives_the_way_there_and_back(builder: Builder, version: int) -> None:
    builder.rebalance(1, 0)
    ours = builder.ring()
    back = read_ring_gz(write_ring_gz(ours, version))
    assert (back.power, back.devices, back.rows) == (ours.power, ours.devices, ours.rows)
    assert write_ring_gz(back, version) == write_ring_gz(ours, version)


UNEVEN = [
    grid(2, 2, 2, 2),
    grid(2, 3, 1, 3, weights=(100, 120, 500)),
    grid(1, 2, 1, 4) + [Spot(0, 2, 0, 50.0)] * 4,
    grid(1, 1, 1, 5) + [Spot(1, 0, 0, 10.0)],
    [Spot(region, 0, 0, 100.0 * (region + 1) ** 2) for region in range(4)],
]


@pytest.mark.parametrize("spots", UNEVEN)
@pytest.mark.parametrize("overload", [0.0, 0.1, 10.0])
def test_the_plan_is_swifts(spots: list[Spot], overload: float) -> None:
    theirs = swift_builder(spots, overload=overload)
    root = make_plan(build(spots).devices, 3, overload)
    assert required_overload(root) == pytest.approx(theirs.get_required_overload())
    targets = theirs._build_target_replicas_by_tier()
    for tier in root.walk():
        assert tier.target == pytest.approx(targets[tier.key]), tier.key


@pytest.mark.parametrize("spots", UNEVEN)
@pytest.mark.parametrize("overload", [0.0, 0.1])
def test_balance_and_dispersion_are_swifts(spots: list[Spot], overload: float) -> None:
    theirs = swift_builder(spots, overload=overload)
    theirs.rebalance(seed=3)
    ring = theirs.get_ring()
    devices = build(spots).devices
    table = table_from_rows([memoryview(row) for row in ring._replica2part2dev_id], 128)
    assert balance(table, devices) == pytest.approx(theirs.get_balance())
    assert dispersion(table, devices).percent == pytest.approx(theirs.dispersion)


@pytest.mark.parametrize("spots", UNEVEN)
@pytest.mark.parametrize("overload", [0.0, 0.1])
def test_ours_is_no_worse_than_swifts(spots: list[Spot], overload: float) -> None:
    theirs = swift_builder(spots, overload=overload)
    theirs.rebalance(seed=3)
    ours = build(spots, 7, overload=overload)
    report = ours.rebalance(3, 0)
    assert len(present(ours)) == len(spots)
    assert report.balance <= theirs.get_balance() + 1e-9
    one_replica = 100 / (3 * 128)  # a share is rounded to whole replicas
    assert report.dispersion <= theirs.dispersion + one_replica + 1e-9


def small_ring() -> Ring:
    builder = build(grid(1, 1, 3, 1), 3)
    builder.rebalance(1, 0)
    return builder.ring()


@pytest.mark.parametrize("version", [1, 2])
def test_a_damaged_file_is_refused(version: int) -> None:
    data = write_ring_gz(small_ring(), version)
    for position in range(len(data)):
        with pytest.raises(RingFileError):
            read_ring_gz(data[:position])
    for position in range(10, len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises(RingFileError):
            read_ring_gz(bytes(damaged))


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
@settings(max_examples=300, deadline=None, derandomize=True)
@given(position=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=6))
def test_nonsense_inside_a_sound_gzip_is_refused_or_read(
    version: int, position: int, junk: bytes
) -> None:
    content = bytearray(gzip.decompress(write_ring_gz(small_ring(), version)))
    position %= len(content)
    content[position : position + len(junk)] = junk
    with suppress(RingFileError):
        read_ring_gz(gzip.compress(bytes(content), 1))


def test_a_device_that_is_not_there_is_found() -> None:
    header = {
        "devs": [{"id": 0, "zone": 1, "ip": "n", "port": 1, "device": "d", "weight": 1}],
        "part_shift": 31,
        "replica_count": 1,
        "byteorder": "little",
    }
    text = json.dumps(header).encode()
    content = b"R1NG\x00\x01" + struct.pack("!I", len(text)) + text
    ring = read_ring_gz(gzip.compress(content + b"\0\0\0\0"))
    assert [device.region for device in ring.primaries(1)] == [1]
    with pytest.raises(RingFileError, match="uses device 1"):
        read_ring_gz(gzip.compress(content + b"\0\0\1\0"))


def test_other_versions_are_named() -> None:
    with pytest.raises(RingFileError, match="version 3"):
        read_ring_gz(gzip.compress(b"R1NG\x00\x03"))
    with pytest.raises(RingInputError, match="not 3"):
        write_ring_gz(small_ring(), 3)


def test_an_object_needs_a_container() -> None:
    with pytest.raises(RingInputError, match="container"):
        SwiftPaths(small_ring(), PREFIX, SUFFIX).get_part("a", "", "o")

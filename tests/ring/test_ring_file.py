"""The ring file: golden bytes, and whatever is done to them."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_topologies import Spot, add, build, builders, grid

from ring import Ring, RingFileError
from ring.builder import Builder
from ring.file import CHECKSUM_SIZE_BYTES, decode, encode
from ring.limits import NO_DEVICE
from ring.table import rows_of_table

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


def small_builder() -> Builder:
    builder = Builder(2, 2.25, min_part_hours=3, overload=0.1)
    for node in range(3):
        builder.add_device(
            region=1, zone=node, node=f"n{node}", port=6200, device="d", weight=1.5, meta="ä"
        )
    builder.rebalance(7, 1_000)
    return builder


GOLDEN_HEADER = bytes.fromhex(
    "41544f4c52494e47"  # ATOLRING
    "0100"  # format 1
    "02"  # 2^2 partitions
    "03"  # rows
    "01000000"  # partitions in the last
)
GOLDEN_SETTINGS = bytes.fromhex(
    "0400000000000000"  # version
    "0000000000000240"  # 2.25 replicas
    "9a9999999999b93f"  # overload
    "03000000"  # min_part_hours
    "03000000"  # next device id
)
GOLDEN_DEVICES = b",".join(
    b'{"device":"d","id":%d,"meta":"\\u00e4","node":"n%d","port":6200,"region":1,"weight":1.5,'
    b'"zone":%d}' % (node, node, node)
    for node in range(3)
)


def test_golden_bytes() -> None:
    data = small_builder().dump()
    assert data[:16] == GOLDEN_HEADER
    assert data[16:32].hex() == "8868a9b5665028c375e0a01362e505b2"
    assert data[32:64] == GOLDEN_SETTINGS
    devices = b"[%s]" % GOLDEN_DEVICES
    assert struct.unpack_from("<I", data, 64) == (len(devices),)
    assert data[68 : 68 + len(devices)] == devices
    tables = data[68 + len(devices) : -CHECKSUM_SIZE_BYTES]
    assert tables.hex() == "01000000000001000000020001000200020000000000000000000000000000000000"
    content, checksum = data[:-CHECKSUM_SIZE_BYTES], data[-CHECKSUM_SIZE_BYTES:]
    assert checksum == hashlib.blake2b(content, digest_size=32).digest()


def test_golden_checksum_of_a_rebalanced_ring() -> None:
    """All of the builder's choices: they are the same on every machine, and in every version."""
    builder = build(grid(3, 2, 2, 3, weights=(100, 130)), 8)
    builder.rebalance(42, 480_000)
    builder.remove_device(4)
    add(builder, Spot(1, 0, 9, 250.0))
    builder.rebalance(43, 480_100)
    assert (
        builder.ring().checksum
        == "1670af01976dfd75918111bdb0d180ee60dfdee3942b068e8c382bdffb32df1a"
    )


@pytest.mark.slow
@PROPERTY
@given(builders(), st.booleans())
def test_round_trip(builder: Builder, is_placed: bool) -> None:
    if is_placed:
        builder.rebalance(1, 480_000)
    data = builder.dump()
    loaded = Builder.load(data)
    assert loaded.dump() == data
    assert loaded.devices == builder.devices
    assert np.array_equal(loaded.table, builder.table)
    assert encode(decode(data)) == data


def test_work_goes_on_after_a_restart() -> None:
    """A builder that was saved between two steps does the same as one that was not."""
    kept = build(grid(2, 2, 2, 2), 7)
    saved = Builder.load(kept.dump())
    for builder in (kept, saved):
        builder.rebalance(1, 1_000)
        builder.remove_device(3)
        builder.remove_device(9)
    saved = Builder.load(saved.dump())
    for builder in (kept, saved):
        builder.rebalance(1, 1_000.5)
    saved = Builder.load(saved.dump())
    for builder in (kept, saved):
        builder.rebalance(1, 1_001)
    assert kept.dump() == saved.dump()


def test_a_flipped_bit_anywhere_is_found() -> None:
    data = small_builder().dump()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(RingFileError):
            decode(bytes(damaged))


def test_a_file_cut_anywhere_is_found() -> None:
    data = small_builder().dump()
    for size in range(len(data)):
        with pytest.raises(RingFileError):
            decode(data[:size])


def sealed(content: bytes) -> bytes:
    return content + hashlib.blake2b(content, digest_size=CHECKSUM_SIZE_BYTES).digest()


def test_another_format_is_named() -> None:
    data = bytearray(small_builder().dump()[:-CHECKSUM_SIZE_BYTES])
    data[8:10] = struct.pack("<H", 9)
    with pytest.raises(RingFileError, match="format 9"):
        decode(sealed(bytes(data)))


@pytest.mark.slow
@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_a_well_sealed_file_of_nonsense_is_refused_or_read(position: int, junk: bytes) -> None:
    data = bytearray(small_builder().dump()[:-CHECKSUM_SIZE_BYTES])
    data[position : position + len(junk)] = junk
    with suppress(RingFileError):
        decode(sealed(bytes(data)))


def test_a_ring_without_placement_cannot_be_looked_up() -> None:
    with pytest.raises(RingFileError, match="rebalance it first"):
        Ring.load(build(grid(1, 1, 3, 1)).dump())


def test_rows_leave_out_what_is_not_there() -> None:
    builder = build(grid(1, 1, 3, 1), 3, 1.25)
    builder.rebalance(1, 0)
    rows = rows_of_table(builder.table)
    assert [len(row) for row in rows] == [8, 2]
    assert (builder.table[1, 2:] == NO_DEVICE).all()


def test_lineage_stays_and_tells_rings_apart() -> None:
    builder = build(grid(1, 1, 4, 1))
    assert builder.lineage == ""
    builder.rebalance(1, 0)
    lineage = builder.lineage
    assert len(lineage) == 32
    builder.set_weight(0, 50)
    builder.rebalance(9, 500)
    assert builder.ring().lineage == lineage
    for other, seed in ((build(grid(1, 1, 5, 1)), 1), (build(grid(1, 1, 4, 1)), 2)):
        other.rebalance(seed, 0)
        assert other.lineage != lineage


def test_lineage_can_be_given() -> None:
    builder = Builder(4, 1, lineage="ab" * 16)
    add(builder, Spot(1, 1, 1, 1.0))
    builder.rebalance(1, 0)
    assert builder.ring().lineage == "ab" * 16

"""Rows: keys of names of any length keep byte order, and one row is one key."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.container.row import (
    SLICE_SIZE_BYTES,
    TABLE,
    Counters,
    Row,
    decode_counters,
    encode_counters,
    read_row,
    remove_row,
    row_digest,
    row_key,
    scan_rows,
    scan_rows_back,
    write_row,
)
from storage.device.index import KEY_SIZE_BYTES_MAX
from storage.device.memory_index import MemoryIndex
from storage.seal import DamagedError, unpack
from storage.timestamp import Timestamp, at_milliseconds

OWNER = bytes(range(12))
NEIGHBOURS = (bytes(range(11)) + b"\x0a", bytes(range(11)) + b"\x0c")
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)


def row(number: int, *, deleted: bool = False) -> Row:
    return Row(at_milliseconds(number), deleted, 1, number)


@st.composite
def long_names(draw: st.DrawFn) -> bytes:
    """Names that share slices, end at their bounds, and differ where it matters."""
    slices = draw(st.integers(0, 2))
    parts = [draw(st.sampled_from((b"a", b"b"))) * SLICE_SIZE_BYTES for _ in range(slices)]
    return b"".join(parts) + draw(st.sampled_from((b"", b"\0", b"\1", b"a", b"a" * 497, b"b")))


NAMES = st.one_of(st.binary(max_size=3), long_names()).filter(bool)


def index_of(names: set[bytes]) -> MemoryIndex:
    index = MemoryIndex()
    with index.batch() as batch:
        for number, name in enumerate(sorted(names)):
            write_row(batch, OWNER, name, row(number))
        for neighbour in NEIGHBOURS:
            write_row(batch, neighbour, b"not mine", row(99))
    return index


@PROPERTY
@given(names=st.sets(NAMES, max_size=12), starts=st.lists(NAMES, max_size=4))
def test_scans_are_in_byte_order(names: set[bytes], starts: list[bytes]) -> None:
    index = index_of(names)
    with index.snapshot() as snapshot:
        for start in (b"", *starts, *names):
            up = [name for name, _ in scan_rows(snapshot, OWNER, start)]
            assert up == sorted(name for name in names if name >= start)
            down = [name for name, _ in scan_rows_back(snapshot, OWNER, start)]
            below = (name for name in names if not start or name < start)
            assert down == sorted(below, reverse=True)


@PROPERTY
@given(names=st.sets(NAMES, max_size=10), absent=NAMES)
def test_each_name_has_its_own_row(names: set[bytes], absent: bytes) -> None:
    index = index_of(names)
    with index.snapshot() as snapshot:
        for number, name in enumerate(sorted(names)):
            assert read_row(snapshot, OWNER, name) == row(number)
        assert (read_row(snapshot, OWNER, absent) is not None) == (absent in names)


@PROPERTY
@given(names=st.sets(NAMES, min_size=1, max_size=10), data=st.data())
def test_removed_rows_leave_no_key(names: set[bytes], data: st.DataObject) -> None:
    index = index_of(names)
    order = data.draw(st.permutations(sorted(names)))
    left = set(names)
    for name in order:
        with index.batch() as batch:
            remove_row(batch, OWNER, name)
        left.remove(name)
        with index.snapshot() as snapshot:
            assert [one for one, _ in scan_rows(snapshot, OWNER, b"")] == sorted(left)
    assert len(index.tables[TABLE].keys) == len(NEIGHBOURS)


@pytest.mark.parametrize("size", [1, 497, 498, 499, 996, 997, 1024])
def test_keys_fit(size: int) -> None:
    index = MemoryIndex()
    with index.batch() as batch:
        write_row(batch, OWNER, b"n" * size, row(1))
    assert max(len(key) for key in index.tables[TABLE].keys) <= KEY_SIZE_BYTES_MAX
    assert len(index.tables[TABLE].keys) == -(-size // SLICE_SIZE_BYTES)


def test_the_longest_name_is_over_the_slice() -> None:
    """One more byte, and a name goes on under a key of its own."""
    short, long = b"n" * SLICE_SIZE_BYTES, b"n" * (SLICE_SIZE_BYTES + 1)
    assert row_key(OWNER, short) == OWNER + short
    assert not row_key(OWNER, long).startswith(OWNER)


def test_rows_out_of_order_are_damage() -> None:
    index = index_of({b"a", b"b", b"c"})
    table = index.tables[TABLE]
    at = table.keys.index(OWNER + b"b")
    table.keys[at], table.keys[at + 1] = table.keys[at + 1], table.keys[at]
    with index.snapshot() as snapshot:
        with pytest.raises(DamagedError):
            list(scan_rows(snapshot, OWNER, b""))
        with pytest.raises(DamagedError):
            list(scan_rows_back(snapshot, OWNER, b""))


def test_the_stored_form_of_a_row() -> None:
    index = MemoryIndex()
    full = Row(
        Timestamp(bytes.fromhex("0197f4e1d400000500102a7f")),
        False,
        1,
        1234567,
        "d41d8cd98f00b204e9800998ecf8427e",
        "text/plain",
        3,
        {"k": "v"},
    )
    with index.batch() as batch:
        write_row(batch, OWNER, "né".encode(), full)
        write_row(batch, OWNER, b"gone", Row(full.timestamp, True, 0))
    values = index.tables[TABLE].values
    assert values[OWNER + "né".encode()].hex() == GOLDEN_ROW
    assert values[OWNER + b"gone"].hex() == GOLDEN_TOMBSTONE


def test_the_stored_form_of_a_long_name() -> None:
    index = MemoryIndex()
    with index.batch() as batch:
        write_row(batch, OWNER, b"n" * 600, row(7))
    [goes_on, rest] = sorted(index.tables[TABLE].keys, key=len, reverse=True)
    assert goes_on == OWNER + b"n" * 498 + b"\0"
    assert rest == bytes.fromhex(GOLDEN_REST_KEY) + b"n" * 102
    assert unpack(TABLE, goes_on, index.tables[TABLE].values[goes_on]) is None


def test_the_stored_form_of_counters() -> None:
    counters = Counters(3, 2**40, 2**50, 2**127 + 5)
    stored = encode_counters(OWNER, counters)
    assert stored.hex() == GOLDEN_COUNTERS
    assert decode_counters(unpack("counters", OWNER, stored)) == counters


def test_the_digest_of_a_row() -> None:
    assert f"{row_digest(b'name', row(5)):032x}" == GOLDEN_ROW_DIGEST


@PROPERTY
@given(st.lists(st.tuples(NAMES, st.integers(1, 9), st.booleans()), max_size=20))
def test_counters_follow_their_rows(changes: list[tuple[bytes, int, bool]]) -> None:
    held: dict[bytes, Row] = {}
    counters = Counters()
    for name, number, deleted in changes:
        fresh = row(number, deleted=deleted)
        counters = counters.replace(name, held.get(name), fresh)
        held[name] = fresh
    scanned = Counters()
    for name, one in sorted(held.items()):
        scanned = scanned.replace(name, None, one)
    assert counters == scanned
    for name, one in held.items():
        counters = counters.replace(name, one, None)
    assert counters == Counters()


GOLDEN_ROW = (
    "44bee50fac72f13a98c40c0197f4e1d400000500102a7fc201ce0012d687d920643431643863643938663030"
    "6232303465393830303939386563663834323765aa746578742f706c61696e0381a16ba176"
)
GOLDEN_TOMBSTONE = "d28520ef7021b98998c40c0197f4e1d400000500102a7fc30000a0a000c0"
GOLDEN_REST_KEY = "71830692c9ef0e72e592bb91"
GOLDEN_COUNTERS = (
    "586d9bcd8722edd89403cf0000010000000000cf0004000000000000c41080000000000000000000000000000005"
)
GOLDEN_ROW_DIGEST = "a61530737ee1a32daa17f77a1c03fd5f"

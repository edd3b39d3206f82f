"""The queue of events in a device's index: dense numbers, order, withdrawal, older indexes."""

from pathlib import Path

import lmdb
import pytest

from storage.device.events import (
    append_event,
    read_events,
    remove_events,
    withdraw_event,
)
from storage.device.index import LATER_TABLES, TABLES, Index
from storage.device.lmdb_index import LmdbIndex
from storage.device.memory_index import MemoryIndex
from storage.mutation import ClearEvents, OweEvent, WithdrawEvent, pack_group, unpack_group
from storage.object.event import Event

MAP_SIZE_BYTES = 1 << 24


def event(number: int, container: bytes = b"c" * 16) -> Event:
    at = number.to_bytes(12)
    return Event(at, "ObjectCreated:Put", "A", "c", container, "n", "", 1, "e", "u", "s", "r")


def add(index: Index, *events: Event) -> None:
    with index.batch() as batch:
        for one in events:
            append_event(batch, one)


def damage(index: Index, number: int) -> None:
    key = b"\2" + number.to_bytes(8)
    with index.batch() as batch:
        value = bytearray(batch.get("events", key) or b"")
        value[-1] ^= 1
        batch.put("events", key, bytes(value))


def numbers(index: Index, after: int = 0, limit: int = 100) -> list[tuple[int, int, int]]:
    with index.snapshot() as snapshot:
        found = read_events(snapshot, after, limit)
    return [
        (one.number, one.container_number, int.from_bytes(one.event.id))
        for one in found
        if one.event
    ]


def test_numbers_are_dense_whatever_is_removed() -> None:
    index = MemoryIndex()
    add(index, event(7), event(3, b"d" * 16), event(5))
    assert numbers(index) == [(1, 1, 7), (2, 1, 3), (3, 2, 5)]
    with index.batch() as batch:
        remove_events(batch, (1, 2, 3, 4))
    assert numbers(index) == []
    add(index, event(9))
    assert numbers(index) == [(4, 3, 9)]


def test_pages_follow_each_other() -> None:
    index = MemoryIndex()
    add(index, *map(event, range(1, 8)))
    pages = [numbers(index, after, 3) for after in (0, 3, 6, 7)]
    assert [one[0] for page in pages for one in page] == [1, 2, 3, 4, 5, 6, 7]
    assert [len(page) for page in pages] == [3, 3, 1, 0]


def test_what_failed_is_taken_back() -> None:
    index = MemoryIndex()
    add(index, event(1), event(2), event(3))
    with index.batch() as batch:
        withdraw_event(batch, event(2).id)
        withdraw_event(batch, event(9).id)
    assert [one[2] for one in numbers(index)] == [1, 3]


def test_what_is_damaged_stops_no_other() -> None:
    index = MemoryIndex()
    add(index, *map(event, range(1, 8)))
    for number in (2, 3, 7):
        damage(index, number)
    with index.snapshot() as snapshot:
        found = read_events(snapshot, 1, 2)
        assert [(one.number, one.event is None) for one in found] == [
            (2, True),
            (3, True),
            (4, False),
            (5, False),
        ]
        assert [one.number for one in read_events(snapshot, 5, 2)] == [6, 7]
    with index.batch() as batch:
        withdraw_event(batch, event(6).id)
    assert [one[2] for one in numbers(index)] == [1, 4, 5]


def test_events_go_over_the_wire() -> None:
    group = [OweEvent(event(1)), ClearEvents((1, 2)), WithdrawEvent(event(1).id)]
    assert unpack_group(pack_group(5, list(group))) == (5, group)


def test_the_writer_adds_the_table_to_an_older_index(tmp_path: Path) -> None:
    environment = lmdb.open(str(tmp_path), map_size=MAP_SIZE_BYTES, max_dbs=len(TABLES))
    for table in TABLES:
        if table not in LATER_TABLES:
            environment.open_db(table.encode())
    environment.close()
    index = LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES, writable=True)
    add(index, event(1))
    assert numbers(index) == [(1, 1, 1)]
    index.close()


@pytest.mark.parametrize("table", LATER_TABLES)
def test_later_tables_are_tables(table: str) -> None:
    assert table in TABLES

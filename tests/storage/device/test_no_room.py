"""When a device takes no data any more: a full disk, a full index, and what LMDB says of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from storage_samples import Samples

from atoll.world.simulated import MemoryDisk
from storage.device.index import (
    Index,
    IndexCorruptedError,
    IndexFailedError,
    IndexFullError,
)
from storage.device.lmdb_index import KEPT_PART, LmdbIndex
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.writer import SHORT_WRITE_ROOM_BYTES, Writer
from storage.mutation import Status

MAP_SIZE_BYTES = 4 * 1024 * 1024
VALUE = bytes(3000)


def fill(index: Index, is_enough: Callable[[], bool]) -> int:
    """Store values until it is enough, or until nothing fits; return how many."""
    number = 0
    while not is_enough():
        try:
            with index.batch() as batch:
                for _ in range(8):
                    batch.put("inline", number.to_bytes(8), VALUE)
                    number += 1
        except IndexFullError:
            return number - 8
    return number


def test_an_index_is_nearly_full_before_it_is_full(tmp_path: Path) -> None:
    index = LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES, writable=True, create=True)
    assert not index.is_nearly_full()
    soon = fill(index, index.is_nearly_full)
    assert index.is_nearly_full()
    with index.batch() as batch:  # the file stays as large as it was, but most of it is free
        for number in range(soon // 2):
            batch.delete("inline", number.to_bytes(8))
    assert not index.is_nearly_full()
    again = fill(index, index.is_nearly_full)
    at_last = fill(index, lambda: False)
    assert soon * 0.4 < again < soon * 0.6
    assert at_last * len(VALUE) > MAP_SIZE_BYTES / KEPT_PART / 2
    index.close()


@pytest.mark.parametrize(
    ("error", "room_bytes", "expected"),
    [
        (IndexFullError("full"), 2**30, Status.FULL),
        (IndexFailedError("Input/output error"), SHORT_WRITE_ROOM_BYTES - 1, Status.FULL),
        (IndexFailedError("Input/output error"), 2**30, IndexFailedError),
        (IndexCorruptedError("no leaf"), 0, IndexCorruptedError),
    ],
)
def test_a_commit_that_was_cut_short_found_the_disk_full(
    error: Exception, room_bytes: int, expected: Status | type[Exception]
) -> None:
    def fail() -> None:
        raise error

    index = MemoryIndex(fail)
    disk = MemoryDisk(room_bytes)
    payloads = PayloadFolder(disk, Path("/d0"))
    writer = Writer(index, payloads, reclaim_age_s=3600, reserve_bytes=0)
    if isinstance(expected, Status):
        assert [one.status for one in writer.apply([[Samples().account()]])[0]] == [expected]
    else:
        with pytest.raises(expected):
            writer.apply([[Samples().account()]])

"""What every disk promises, run on the real one, on memory, and on memory that fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atoll.world import Disk, DiskError, DiskFullError, real_world
from atoll.world.simulated import MemoryDisk


class Persistent:
    """Calls every method again until it does not fail; a failure must not have changed a thing."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            while True:
                try:
                    result = method(*arguments, **options)
                except DiskFullError:
                    raise
                except DiskError:
                    continue
                return Persistent(result) if name in ("create", "open") else result

        return call


def faulty_disk() -> Any:
    """Return a disk of which two operations out of three fail."""
    disk, rng = MemoryDisk(), random.Random(7)

    def fail(operation: str, path: Path) -> None:
        if rng.random() < 2 / 3:
            raise DiskError(operation, path, "injected")

    disk.before = fail
    return Persistent(disk)


@dataclass
class Place:
    disk: Disk
    root: Path


@pytest.fixture(params=["real", "memory", "faulty"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "real":
        yield Place(real_world().disk, tmp_path / "disk")
    else:
        disk = MemoryDisk() if request.param == "memory" else faulty_disk()
        yield Place(disk, Path("/disk"))


def content(place: Place, path: Path) -> bytes:
    file = place.disk.open(path)
    try:
        buffer = bytearray(file.size() + 10)
        count = file.read_into(buffer, 0)
        assert count == file.size()
        return bytes(buffer[:count])
    finally:
        file.close()


def put(place: Place, path: Path, *pieces: bytes) -> None:
    file = place.disk.create(path.parent)
    for piece in pieces:
        file.write(piece)
    file.flush_soon()
    file.sync()
    file.link(path)
    file.close()


def test_a_file_has_no_name_before_it_is_linked(place: Place) -> None:
    place.disk.make_folder(place.root / "a", ["x", "y"])
    file = place.disk.create(place.root / "a" / "x")
    file.write(b"hello ")
    file.write(bytearray(b"world"))
    file.write(memoryview(b""))
    file.sync()
    assert file.size() == 11
    assert place.disk.entries(place.root / "a" / "x") == []
    file.link(place.root / "a" / "x" / "name")
    file.close()
    place.disk.sync_folder(place.root / "a" / "x")
    assert place.disk.entries(place.root / "a" / "x") == ["name"]
    assert content(place, place.root / "a" / "x" / "name") == b"hello world"


def test_an_abandoned_file_is_gone(place: Place) -> None:
    place.disk.make_folder(place.root)
    file = place.disk.create(place.root)
    file.write(b"1")
    file.close()
    file.close()
    assert place.disk.entries(place.root) == []


def test_link_does_not_replace(place: Place) -> None:
    place.disk.make_folder(place.root)
    put(place, place.root / "name", b"old")
    file = place.disk.create(place.root)
    file.write(b"new")
    with pytest.raises(FileExistsError):
        file.link(place.root / "name")
    file.link(place.root / "other")
    file.close()
    assert content(place, place.root / "name") == b"old"
    assert content(place, place.root / "other") == b"new"


def test_reads_end_where_the_file_ends(place: Place) -> None:
    place.disk.make_folder(place.root)
    put(place, place.root / "f", bytes(range(100)))
    file = place.disk.open(place.root / "f")
    try:
        buffer = bytearray(b"\xff" * 20)
        assert file.read_into(memoryview(buffer)[:10], 95) == 5
        assert buffer == bytes(range(95, 100)) + b"\xff" * 15
        assert file.read_into(buffer, 100) == 0
        assert file.read_into(buffer, 1000) == 0
        assert file.read_into(bytearray(), 0) == 0
        try:
            assert file.read_into(buffer, 0, wait=False) == 20
        except BlockingIOError:
            assert file.read_into(buffer, 0) == 20
        assert buffer == bytes(range(20))
    finally:
        file.close()


def test_what_is_not_there(place: Place) -> None:
    place.disk.make_folder(place.root)
    with pytest.raises(FileNotFoundError):
        place.disk.open(place.root / "none")
    with pytest.raises(FileNotFoundError):
        place.disk.rename(place.root / "none", place.root / "new")
    place.disk.unlink(place.root / "none")
    assert place.disk.entries(place.root / "no folder") == []
    assert place.disk.entries(place.root) == []


def test_an_open_file_outlives_its_name(place: Place) -> None:
    place.disk.make_folder(place.root)
    put(place, place.root / "f", b"bytes")
    file = place.disk.open(place.root / "f")
    place.disk.unlink(place.root / "f")
    buffer = bytearray(5)
    assert file.read_into(buffer, 0) == 5
    assert buffer == b"bytes"
    file.close()
    with pytest.raises(FileNotFoundError):
        place.disk.open(place.root / "f")


def test_rename_moves_and_replaces(place: Place) -> None:
    place.disk.make_folder(place.root, ["a", "b"])
    put(place, place.root / "a" / "f", b"1")
    put(place, place.root / "b" / "f", b"2")
    place.disk.rename(place.root / "a" / "f", place.root / "b" / "f")
    assert place.disk.entries(place.root / "a") == []
    assert content(place, place.root / "b" / "f") == b"1"


def test_replace_leaves_one_whole_file(place: Place) -> None:
    place.disk.make_folder(place.root)
    for data in (b"", b"1" * 10_000, b"2"):
        place.disk.replace(place.root / "f", data)
        assert content(place, place.root / "f") == data
        assert place.disk.entries(place.root) == ["f"]


def test_entries_are_sorted(place: Place) -> None:
    place.disk.make_folder(place.root)
    for name in ("b", "a", "c", "B", "0"):
        put(place, place.root / name, b"")
    assert place.disk.entries(place.root) == ["0", "B", "a", "b", "c"]


def test_folders_may_exist(place: Place) -> None:
    for _ in range(2):
        place.disk.make_folder(place.root / "a" / "b", ["c", "d"])
    put(place, place.root / "a" / "b" / "d" / "f", b"1")
    place.disk.make_folder(place.root / "a" / "b", ["c", "d"])
    assert content(place, place.root / "a" / "b" / "d" / "f") == b"1"


def test_there_is_room(place: Place) -> None:
    place.disk.make_folder(place.root)
    assert place.disk.free_bytes(place.root) > 0

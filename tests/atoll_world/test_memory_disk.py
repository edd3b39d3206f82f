"""The disk in memory: what a power cut may take, what it must leave, and how it runs full."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atoll.world import DiskError, DiskFullError
from atoll.world.simulated import MemoryDisk

ROOT = Path("/d")
SEEDS = range(60)


def write(disk: MemoryDisk, path: Path, data: bytes, *, sync: bool, sync_folder: bool) -> None:
    file = disk.create(path.parent)
    file.write(data)
    if sync:
        file.sync()
    file.link(path)
    if sync_folder:
        disk.sync_folder(path.parent)


def after_crash(seed: int, *, sync: bool, sync_folder: bool) -> bytes | None:
    disk = MemoryDisk()
    write(disk, ROOT / "f", b"0123456789", sync=sync, sync_folder=sync_folder)
    disk.crash(random.Random(seed))
    found = disk.files.get(ROOT / "f")
    return None if found is None else bytes(found.written)


def test_what_was_synced_stays() -> None:
    assert {after_crash(seed, sync=True, sync_folder=True) for seed in SEEDS} == {b"0123456789"}


def test_an_unsynced_name_may_go() -> None:
    found = {after_crash(seed, sync=True, sync_folder=False) for seed in SEEDS}
    assert found == {b"0123456789", None}


def test_unsynced_bytes_may_be_torn_under_a_durable_name() -> None:
    found = {after_crash(seed, sync=False, sync_folder=True) for seed in SEEDS}
    assert None not in found
    assert {b"", b"0123456789"} <= found
    assert len(found) > 5


def test_an_unsynced_removal_may_come_back() -> None:
    found = set()
    for seed in SEEDS:
        disk = MemoryDisk()
        write(disk, ROOT / "f", b"1", sync=True, sync_folder=True)
        disk.unlink(ROOT / "f")
        disk.crash(random.Random(seed))
        found.add(ROOT / "f" in disk.files)
    assert found == {True, False}


def test_a_synced_removal_is_final() -> None:
    for seed in SEEDS:
        disk = MemoryDisk()
        write(disk, ROOT / "f", b"1", sync=True, sync_folder=True)
        disk.unlink(ROOT / "f")
        disk.sync_folder(ROOT)
        disk.crash(random.Random(seed))
        assert not disk.files


def test_replace_is_whole_and_durable() -> None:
    for seed in SEEDS:
        disk = MemoryDisk()
        disk.replace(ROOT / "f", b"old")
        disk.replace(ROOT / "f", b"new and longer")
        disk.crash(random.Random(seed))
        assert bytes(disk.files[ROOT / "f"].written) == b"new and longer"


def test_a_crash_takes_only_the_disk_that_lost_its_power() -> None:
    disk = MemoryDisk()
    write(disk, Path("/a/f"), b"1", sync=False, sync_folder=False)
    write(disk, Path("/b/f"), b"1", sync=False, sync_folder=False)
    rngs = [random.Random(seed) for seed in SEEDS]
    for rng in rngs:
        disk.crash(rng, lambda path: path.parts[1] == "a")
    assert bytes(disk.files[Path("/b/f")].written) == b"1"
    disk.crash(rngs[0])
    assert disk.durable == disk.files


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["write", "sync", "link", "sync folder", "crash"]), max_size=12))
def test_a_second_crash_takes_nothing(steps: list[str]) -> None:
    disk, rng = MemoryDisk(), random.Random(len(steps))
    file, number = disk.create(ROOT), 0
    for step in steps:
        if step == "write":
            file.write(b"abc")
        elif step == "sync":
            file.sync()
        elif step == "link":
            file.link(ROOT / str(number))
            file, number = disk.create(ROOT), number + 1
        elif step == "sync folder":
            disk.sync_folder(ROOT)
        else:
            disk.crash(rng)
    disk.crash(rng)
    found = {path: bytes(one.written) for path, one in disk.files.items()}
    disk.crash(rng)
    assert {path: bytes(one.written) for path, one in disk.files.items()} == found


def test_a_full_disk_refuses_and_keeps_what_it_has() -> None:
    disk = MemoryDisk(size_bytes=10)
    write(disk, ROOT / "a", b"123456", sync=True, sync_folder=True)
    assert disk.free_bytes(ROOT) == 4
    file = disk.create(ROOT)
    file.write(b"1234")
    with pytest.raises(DiskFullError):
        file.write(b"5")
    with pytest.raises(DiskFullError):
        disk.replace(ROOT / "b", b"12345")
    assert disk.entries(ROOT) == ["a"]
    disk.unlink(ROOT / "a")
    file.write(b"567890")
    assert file.size() == 10


def test_an_injected_fault_names_operation_and_path() -> None:
    disk = MemoryDisk()
    seen = []

    def fail(operation: str, path: Path) -> None:
        seen.append((operation, path))
        if operation == "sync":
            raise DiskError(operation, path, "injected")

    disk.before = fail
    file = disk.create(ROOT)
    file.write(b"1")
    with pytest.raises(DiskError) as caught:
        file.sync()
    assert (caught.value.operation, caught.value.path) == ("sync", ROOT)
    assert [operation for operation, _ in seen] == ["create", "write", "sync"]
    assert not disk.files

"""Payload files: what was written comes back, and anything else is noticed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import xxhash
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_samples import at

from atoll.world import Disk, DiskError, real_world
from atoll.world.simulated import MemoryDisk
from storage.device.payload import (
    BLOCK_SIZE_BYTES,
    PayloadDamagedError,
    PayloadFolder,
    read_description,
)

WRITE_ID = at(1)
DESCRIPTION = {"place": "00" * 18, "name": "né"}
ROOT = Path("/device")


def payload_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def store(folder: PayloadFolder, data: bytes, write_id: bytes = WRITE_ID) -> bytes:
    writer = folder.create(write_id)
    writer.write(data)
    seal, identity = writer.publish(DESCRIPTION)
    assert identity == blake3(data).digest()
    return seal


def read(folder: PayloadFolder, size: int, seal: bytes, write_id: bytes = WRITE_ID) -> bytes:
    """Read all blocks, two at a time."""
    reader = folder.open(write_id, size, seal)
    try:
        found, buffer = b"", memoryview(bytearray(2 * BLOCK_SIZE_BYTES))
        for block in range(0, -(-size // BLOCK_SIZE_BYTES), 2):
            found += buffer[: reader.read_blocks(buffer, block)]
        return found
    finally:
        reader.close()


def memory_folder() -> tuple[MemoryDisk, PayloadFolder]:
    disk = MemoryDisk()
    return disk, PayloadFolder(disk, ROOT)


@pytest.fixture(params=["real", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> PayloadFolder:
    disk: Disk = real_world().disk if request.param == "real" else MemoryDisk()
    made = PayloadFolder(disk, tmp_path)
    made.format()
    return made


BLOCK = BLOCK_SIZE_BYTES


@pytest.mark.parametrize(
    "size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7, 1_300_000]
)
def test_what_was_written_is_read(folder: PayloadFolder, size: int) -> None:
    data = payload_of(size)
    seal = store(folder, data)
    assert read(folder, size, seal) == data
    assert folder.has(WRITE_ID)
    assert read_description(folder.disk, folder.path(WRITE_ID)) == DESCRIPTION


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(st.integers(0, 150_000), max_size=5))
def test_pieces_of_any_size(pieces: list[int]) -> None:
    _, folder = memory_folder()
    data = payload_of(sum(pieces))
    writer, start = folder.create(WRITE_ID), 0
    for piece in pieces:
        writer.write(memoryview(data)[start : start + piece])
        start += piece
    seal, identity = writer.publish(DESCRIPTION)
    assert identity == blake3(data).digest()
    assert seal == store(folder, data, at(2)), "the seal does not depend on the pieces"
    assert read(folder, len(data), seal) == data


def test_golden_bytes() -> None:
    disk, folder = memory_folder()
    data = b"payload" * 10_000
    seal = store(folder, data)
    stored = bytes(disk.files[folder.path(WRITE_ID)].written)
    assert folder.path(WRITE_ID) == ROOT / "payload" / "dc" / WRITE_ID.hex()
    assert stored[: len(data)] == data
    blocks = (data[:BLOCK], data[BLOCK:])
    assert stored[len(data) :][:16] == b"".join(xxhash.xxh3_64_digest(one) for one in blocks)
    assert stored[-16:] == seal
    assert stored[-40:-32] == b"ATOLLPL1"
    assert stored[len(data) :].hex() == GOLDEN_END


def test_nothing_shows_before_it_is_published() -> None:
    disk, folder = memory_folder()
    writer = folder.create(WRITE_ID)
    writer.write(b"1" * 100_000)
    assert not folder.has(WRITE_ID)
    writer.abandon()
    assert not disk.files
    with pytest.raises(FileNotFoundError):
        folder.open(WRITE_ID, 100_000, bytes(16))


@pytest.mark.parametrize("size", [0, 1, 90])
def test_every_flipped_bit_is_noticed(size: int) -> None:
    disk, folder = memory_folder()
    data = payload_of(size)
    seal = store(folder, data)
    stored = disk.files[folder.path(WRITE_ID)].written
    for offset in range(len(stored)):
        for bit in range(8):
            stored[offset] ^= 1 << bit
            with pytest.raises(PayloadDamagedError):
                read(folder, size, seal)
            if offset < size:
                assert read_description(disk, folder.path(WRITE_ID)) == DESCRIPTION
            else:
                with pytest.raises(PayloadDamagedError):
                    read_description(disk, folder.path(WRITE_ID))
            stored[offset] ^= 1 << bit
    assert read(folder, size, seal) == data


def test_a_flipped_bit_spoils_its_block_alone() -> None:
    disk, folder = memory_folder()
    size = 4 * BLOCK + 9
    data = payload_of(size)
    seal = store(folder, data)
    stored = disk.files[folder.path(WRITE_ID)].written
    rng = random.Random(1)
    for _ in range(40):
        offset = rng.randrange(size)
        stored[offset] ^= 1 << rng.randrange(8)
        reader = folder.open(WRITE_ID, size, seal)
        buffer = memoryview(bytearray(BLOCK))
        for block in range(5):
            if block == offset // BLOCK:
                with pytest.raises(PayloadDamagedError, match=f"block {block} "):
                    reader.read_blocks(buffer, block)
            else:
                count = reader.read_blocks(buffer, block)
                assert buffer[:count] == data[block * BLOCK : (block + 1) * BLOCK]
        reader.close()
        stored[offset] = data[offset]


def test_every_truncation_and_any_extension_is_noticed() -> None:
    disk, folder = memory_folder()
    seal = store(folder, payload_of(50))
    content = disk.files[folder.path(WRITE_ID)]
    whole = bytes(content.written)
    for length in [*range(len(whole)), len(whole) + 1, len(whole) + 70_000]:
        content.written = bytearray(whole[:length].ljust(length, b"\0"))
        with pytest.raises(PayloadDamagedError):
            read(folder, 50, seal)
        with pytest.raises(PayloadDamagedError):
            read_description(disk, folder.path(WRITE_ID))


def test_swapped_blocks_are_noticed() -> None:
    disk, folder = memory_folder()
    seal = store(folder, payload_of(3 * BLOCK))
    stored = disk.files[folder.path(WRITE_ID)].written
    stored[:BLOCK], stored[BLOCK : 2 * BLOCK] = stored[BLOCK : 2 * BLOCK], stored[:BLOCK]
    with pytest.raises(PayloadDamagedError):
        read(folder, 3 * BLOCK, seal)


def test_another_write_s_file_is_noticed() -> None:
    """A misdirected write, and an older file under the same name."""
    disk, folder = memory_folder()
    one, other = payload_of(100), bytes(100)
    seal, other_seal = store(folder, one), store(folder, other, at(2))
    assert seal != other_seal
    disk.files[folder.path(WRITE_ID)] = disk.files[folder.path(at(2))]
    with pytest.raises(PayloadDamagedError, match="another write"):
        read(folder, 100, seal)
    for size in (99, 101, 100 + BLOCK):
        with pytest.raises(PayloadDamagedError):
            read(folder, size, other_seal, at(2))


def test_a_failing_disk_is_not_damage() -> None:
    disk, folder = memory_folder()
    seal = store(folder, payload_of(100))
    reader = folder.open(WRITE_ID, 100, seal)

    def fail(operation: str, path: Path) -> None:
        if operation == "read":
            raise DiskError(operation, path, "injected")

    disk.before = fail
    with pytest.raises(DiskError):
        reader.read_blocks(memoryview(bytearray(BLOCK)), 0)
    with pytest.raises(DiskError):
        folder.open(WRITE_ID, 100, seal)
    assert folder.has(WRITE_ID)


def test_quarantine(folder: PayloadFolder) -> None:
    seal = store(folder, b"x" * 100)
    for _ in range(2):
        folder.set_aside(WRITE_ID)
        assert folder.disk.entries(folder.quarantine) == [WRITE_ID.hex()]
        with pytest.raises(FileNotFoundError):
            folder.open(WRITE_ID, 100, seal)
    folder.remove(WRITE_ID)
    assert folder.disk.entries(folder.quarantine) == [WRITE_ID.hex()]


def test_quarantine_survives_a_power_cut() -> None:
    for seed in range(20):
        disk, folder = memory_folder()
        store(folder, b"x" * 100)
        disk.sync_folder(folder.folder(WRITE_ID))
        folder.set_aside(WRITE_ID)
        disk.crash(random.Random(seed))
        assert list(disk.files) == [folder.quarantine / WRITE_ID.hex()]


GOLDEN_END = (
    "3e7bc4342dfaf4beb6ad53a305a744b382a5706c616365d92430303030303030303030303030303030303030"
    "3030303030303030303030303030303030a46e616d65a36ec3a941544f4c4c504c3170110100000000003600"
    "00000100000087ed9bb01a623e17b4339b770a69bd28"
)

"""Payload files: immutable, verified block by block, named by write id.

Format, version 1 (all integers little-endian):

    offset 0            the payload, byte for byte
    size                block table: xxh3-64 of every 64 KiB block, 8 bytes each, big-endian digest
    size + table        msgpack map that describes the object, for rescue without the index;
                        "place" is the prefix of its records' keys
    end - 40            tail: magic "ATOLLPL1", size u64, description length u32, version u32,
                        xxh3-128 of table, description and the tail so far

The record in the index holds the tail's last 16 bytes, so that a file of another write, or an
older one under the same name, is never taken for the right one.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import msgpack
import xxhash
from blake3 import blake3
from typing_extensions import Buffer

from atoll.world import Disk, File

BLOCK_SIZE_BYTES = 64 * 1024
FLUSH_SIZE_BYTES = 1024 * 1024
DESCRIPTION_SIZE_BYTES_MAX = 64 * 1024
_MAGIC = b"ATOLLPL1"
_VERSION = 1
_TAIL = struct.Struct("<8sQII")
_SEAL_SIZE_BYTES = 16
_TAIL_SIZE_BYTES = _TAIL.size + _SEAL_SIZE_BYTES
_FOLDERS = 256
_block_digest = xxhash.xxh3_64_digest


class PayloadDamagedError(Exception):
    """A payload file is not, or no longer, what was written; the disk is at fault.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}")


class PayloadFolder:
    """The payload files of one device.

    Args:
        disk: where they lie.
        root: the device's folder.
    """

    def __init__(self, disk: Disk, root: Path) -> None:
        self.disk = disk
        self.root = root / "payload"
        self.quarantine = root / "quarantine"

    def format(self) -> None:
        """Make the folders that do not exist yet."""
        self.disk.make_folder(self.root, [f"{number:02x}" for number in range(_FOLDERS)])
        self.disk.make_folder(self.quarantine)

    def folder(self, write_id: bytes) -> Path:
        """Return the folder of a payload: writes of one quarter second share it and its sync."""
        return self.root / f"{write_id[4]:02x}"

    def path(self, write_id: bytes) -> Path:
        """Return a payload's path."""
        return self.folder(write_id) / write_id.hex()

    def create(self, write_id: bytes) -> PayloadWriter:
        """Begin a payload; nothing can be seen of it before `PayloadWriter.publish`."""
        return PayloadWriter(self.disk.create(self.folder(write_id)), self.path(write_id))

    def has(self, write_id: bytes) -> bool:
        """Tell whether there is a file of this name, in whatever state."""
        try:
            self.disk.open(self.path(write_id)).close()
        except FileNotFoundError:
            return False
        return True

    def open(self, write_id: bytes, size_bytes: int, seal: bytes) -> PayloadReader:
        """Open a payload for verified reads.

        Raises:
            FileNotFoundError: it is gone.
            DiskError: the disk failed; the payload may be whole.
            PayloadDamagedError: its table or tail is damaged.
        """
        path = self.path(write_id)
        file = self.disk.open(path)
        try:
            table = _read_table(file, path, size_bytes, seal)
        except BaseException:
            file.close()
            raise
        return PayloadReader(file, path, size_bytes, table)

    def set_aside(self, write_id: bytes) -> None:
        """Move a damaged payload into quarantine, durably."""
        try:
            self.disk.rename(self.path(write_id), self.quarantine / write_id.hex())
        except FileNotFoundError:
            return
        self.disk.sync_folder(self.quarantine)
        self.disk.sync_folder(self.folder(write_id))

    def remove(self, write_id: bytes) -> None:
        """Remove a payload that no record names."""
        self.disk.unlink(self.path(write_id))


class PayloadWriter:
    """Writes one payload. All methods block; each may run in a thread, never two at once."""

    def __init__(self, file: File, path: Path) -> None:
        self._file = file
        self._path = path
        self._table = bytearray()
        self._identity = blake3()
        self._partial = b""
        self._size_bytes = 0
        self._flushed_bytes = 0

    def write(self, data: Buffer) -> None:
        """Append data; fastest in whole blocks.

        Raises:
            DiskFullError: no room.
            DiskError: the disk failed.
        """
        view = memoryview(data)
        self._file.write(view)
        self._identity.update(view)
        self._size_bytes += len(view)
        if self._partial:
            view = memoryview(self._partial + view)
        whole = len(view) - len(view) % BLOCK_SIZE_BYTES
        for start in range(0, whole, BLOCK_SIZE_BYTES):
            self._table += _block_digest(view[start : start + BLOCK_SIZE_BYTES])
        self._partial = bytes(view[whole:])
        if self._size_bytes - self._flushed_bytes >= FLUSH_SIZE_BYTES:
            self._flushed_bytes = self._size_bytes
            self._file.flush_soon()

    def publish(self, description: dict[str, Any]) -> tuple[bytes, bytes]:
        """Finish the file, make its bytes durable and give it its name.

        The name itself is durable once the disk process has synced the folder.

        Returns:
            The seal for the record, and the payload's BLAKE3.
        """
        if self._partial:
            self._table += _block_digest(self._partial)
        about = msgpack.packb(description)
        tail = _TAIL.pack(_MAGIC, self._size_bytes, len(about), _VERSION)
        checked = bytes(self._table) + about + tail
        seal = xxhash.xxh3_128_digest(checked)
        self._file.write(checked + seal)
        self._file.sync()
        self._file.link(self._path)
        self._file.close()
        return seal, self._identity.digest()

    def abandon(self) -> None:
        """Close; an unpublished file vanishes."""
        self._file.close()


class PayloadReader:
    """Reads one payload; hands out no byte that was not verified in the buffer it stands in."""

    __slots__ = ("_file", "_path", "_size_bytes", "_table")

    def __init__(self, file: File, path: Path, size_bytes: int, table: bytes) -> None:
        self._file = file
        self._path = path
        self._size_bytes = size_bytes
        self._table = table

    def read_blocks(self, buffer: memoryview, first_block: int, *, wait: bool = True) -> int:
        """Fill a buffer with whole verified blocks.

        Args:
            buffer: its size is a multiple of 64 KiB.
            first_block: the number of the first block.
            wait: whether the disk may be waited for.

        Returns:
            How many bytes there are.

        Raises:
            BlockingIOError: `wait` is false and the bytes are not in memory.
            DiskError: the disk failed; the payload may be whole.
            PayloadDamagedError: a block is not what was written.
        """
        start = first_block * BLOCK_SIZE_BYTES
        wanted = min(len(buffer), self._size_bytes - start)
        count = self._file.read_into(buffer[:wanted], start, wait=wait)
        if count != wanted:
            raise PayloadDamagedError(self._path, "cut short")
        table = self._table
        entry = first_block * 8
        for at in range(0, count, BLOCK_SIZE_BYTES):
            block = buffer[at : min(at + BLOCK_SIZE_BYTES, count)]
            if _block_digest(block) != table[entry : entry + 8]:
                raise PayloadDamagedError(self._path, f"block {entry // 8} is damaged")
            entry += 8
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read_table(file: File, path: Path, size_bytes: int, seal: bytes) -> bytes:
    total = file.size()
    rest = total - size_bytes
    table_size = -(-size_bytes // BLOCK_SIZE_BYTES) * 8
    if not 0 <= rest - table_size - _TAIL_SIZE_BYTES <= DESCRIPTION_SIZE_BYTES_MAX:
        raise PayloadDamagedError(path, "has the wrong size")
    end = bytearray(rest)
    count = file.read_into(end, size_bytes)
    view = memoryview(end)
    checked = view[:-_SEAL_SIZE_BYTES]
    if count != rest or view[-_SEAL_SIZE_BYTES:] != seal:
        raise PayloadDamagedError(path, "is another write's file")
    if xxhash.xxh3_128_digest(checked) != seal:
        raise PayloadDamagedError(path, "its block table is damaged")
    return bytes(view[:table_size])


def read_description(disk: Disk, path: Path) -> dict[str, Any]:
    """Return what a payload file says of itself, for rescue and for settling leftovers.

    Raises:
        FileNotFoundError: it is gone.
        PayloadDamagedError: its end is damaged.
    """
    file = disk.open(path)
    try:
        total = file.size()
        end = bytearray(min(total, _TAIL_SIZE_BYTES))
        file.read_into(end, total - len(end))
        if len(end) != _TAIL_SIZE_BYTES:
            raise PayloadDamagedError(path, "too short")
        magic, size_bytes, about_size, _ = _TAIL.unpack_from(end)
        table_size = -(-size_bytes // BLOCK_SIZE_BYTES) * 8
        if magic != _MAGIC or total != size_bytes + table_size + about_size + _TAIL_SIZE_BYTES:
            raise PayloadDamagedError(path, "is no payload file")
        checked = bytearray(table_size + about_size + _TAIL.size)
        file.read_into(checked, size_bytes)
        if xxhash.xxh3_128_digest(checked) != end[_TAIL.size :]:
            raise PayloadDamagedError(path, "its end is damaged")
        about: dict[str, Any] = msgpack.unpackb(checked[table_size : table_size + about_size])
        return about
    finally:
        file.close()

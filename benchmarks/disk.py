"""The disk without a store: the reference of every write."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from benchmarks.load import MIB, body_of

FILE_BYTES = 64 * MIB
PIECE_BYTES = MIB


class RawDisk:
    """Writes to the file system that holds a folder, from one thread.

    Args:
        folder: where its files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared = folder / "prepared"
        self._write_file(self._prepared, FILE_BYTES)

    def overwrites_per_s(self, size_bytes: int, duration_s: float) -> float:
        """Return the rate of write and fdatasync in place: no block to find, no size to change.

        No writer can be durable faster that syncs each write by itself.
        """
        return self._synced_writes_per_s(os.O_WRONLY, size_bytes, duration_s)

    def appends_per_s(self, size_bytes: int, duration_s: float) -> float:
        """Return the rate of write and fdatasync at the end of a growing file."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC
        return self._synced_writes_per_s(flags, size_bytes, duration_s)

    def fresh_file_bytes_per_s(self, size_bytes: int) -> float:
        """Return the speed of writing a new file in pieces of 1 MiB, and one fdatasync."""
        path = self._folder / "fresh"
        begin_s = time.perf_counter()
        self._write_file(path, size_bytes)
        spent_s = time.perf_counter() - begin_s
        path.unlink()
        return size_bytes / spent_s

    def _synced_writes_per_s(self, flags: int, size_bytes: int, duration_s: float) -> float:
        path = self._folder / "growing" if flags & os.O_APPEND else self._prepared
        body = body_of(size_bytes)
        handle = os.open(path, flags, 0o600)
        try:
            count = 0
            begin_s = time.perf_counter()
            while time.perf_counter() - begin_s < duration_s:
                os.pwrite(handle, body, count * size_bytes % FILE_BYTES)
                os.fdatasync(handle)
                count += 1
            return count / (time.perf_counter() - begin_s)
        finally:
            os.close(handle)

    def _write_file(self, path: Path, size_bytes: int) -> None:
        piece = body_of(PIECE_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            for _ in range(0, size_bytes, PIECE_BYTES):
                os.write(handle, piece)
            os.fdatasync(handle)
        finally:
            os.close(handle)


def md5_bytes_per_s(size_bytes: int) -> float:
    """Return the speed of MD5 on one core."""
    body = body_of(size_bytes)
    begin_s = time.perf_counter()
    hashlib.md5(body, usedforsecurity=False).hexdigest()
    return size_bytes / (time.perf_counter() - begin_s)

"""The index on LMDB.

Opened after exec, never across fork, once per process; never with a flag that weakens a sync.
The disk process opens it for writing, every other process for reading. A read transaction lives
as long as its `with` block, which must not await.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import lmdb

from storage.device.index import (
    LATER_TABLES,
    TABLES,
    IndexCorruptedError,
    IndexFailedError,
    IndexFullError,
    Stored,
)

READERS_MAX = 510
KEPT_BYTES_MAX = 16 * 1024 * 1024
KEPT_PART = 8
PAGES_UNCOUNTED = 16  # the two meta pages, the table of tables, the ends of the list of free pages
_FULL = (lmdb.MapFullError,)
_CORRUPTED = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.NotFoundError,  # a table that was made is not there
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
)
_NO_ROOM_TEXTS = ("No space left", "quota exceeded")


def _translate(error: lmdb.Error) -> IndexFullError | IndexFailedError:
    if isinstance(error, _CORRUPTED):
        return IndexCorruptedError(str(error))
    full = isinstance(error, _FULL) or any(text in str(error) for text in _NO_ROOM_TEXTS)
    return IndexFullError(str(error)) if full else IndexFailedError(str(error))


class LmdbSnapshot:
    """A read transaction; its methods raise IndexFailedError where a page is no page."""

    __slots__ = ("_dbs", "_txn")

    def __init__(self, dbs: dict[str, Any], txn: lmdb.Transaction) -> None:
        self._dbs = dbs
        self._txn = txn

    def __enter__(self) -> LmdbSnapshot:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._txn.abort()

    def get(self, table: str, key: bytes) -> Stored | None:
        """Return the value stored under a key."""
        try:
            return self._txn.get(key, db=self._dbs[table])
        except lmdb.Error as error:
            raise _translate(error) from error

    def seek(self, table: str, key: bytes) -> tuple[Stored, Stored] | None:
        """Return the first key at or after the one given, with its value."""
        try:
            cursor = self._txn.cursor(self._dbs[table])
            return cursor.item() if cursor.set_range(key) else None
        except lmdb.Error as error:
            raise _translate(error) from error

    def seek_before(self, table: str, key: bytes) -> tuple[Stored, Stored] | None:
        """Return the last key before the one given, with its value."""
        try:
            cursor = self._txn.cursor(self._dbs[table])
            found = cursor.prev() if cursor.set_range(key) else cursor.last()
            return cursor.item() if found else None
        except lmdb.Error as error:
            raise _translate(error) from error

    def scan(self, table: str, start: bytes) -> Iterator[tuple[Stored, Stored]]:
        """Walk keys and values upwards."""
        try:
            cursor = self._txn.cursor(self._dbs[table])
            if cursor.set_range(start):
                yield from cursor.iternext(keys=True, values=True)
        except lmdb.Error as error:
            raise _translate(error) from error

    def scan_back(self, table: str, end: bytes) -> Iterator[tuple[Stored, Stored]]:
        """Walk keys and values downwards."""
        try:
            cursor = self._txn.cursor(self._dbs[table])
            if cursor.prev() if cursor.set_range(end) else cursor.last():
                yield from cursor.iterprev(keys=True, values=True)
        except lmdb.Error as error:
            raise _translate(error) from error


class LmdbBatch(LmdbSnapshot):
    """The write transaction; commits when its block ends cleanly."""

    __slots__ = ()

    def __enter__(self) -> LmdbBatch:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._txn.abort()
            return
        try:
            self._txn.commit()
        except lmdb.Error as failure:
            raise _translate(failure) from failure

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Store a value."""
        try:
            self._txn.put(key, value, db=self._dbs[table])
        except lmdb.Error as error:
            raise _translate(error) from error

    def delete(self, table: str, key: bytes) -> bool:
        """Remove a key."""
        try:
            return bool(self._txn.delete(key, db=self._dbs[table]))
        except lmdb.Error as error:
            raise _translate(error) from error


class LmdbIndex:
    """An LMDB environment with all tables.

    Args:
        folder: of the environment; made by `create`.
        map_size_bytes: the same for every process, from the device's description.
        writable: for the disk process alone.
        create: make the tables that are missing.

    Raises:
        IndexFailedError: it cannot be opened.
    """

    def __init__(
        self, folder: Path, *, map_size_bytes: int, writable: bool = False, create: bool = False
    ) -> None:
        try:
            self._env = lmdb.open(
                str(folder),
                map_size=map_size_bytes,
                max_dbs=len(TABLES),
                max_readers=READERS_MAX,
                readonly=not writable,
                create=create,
                readahead=False,
                max_spare_txns=16,
                mode=0o600,
            )
        except lmdb.Error as error:
            raise _translate(error) from error
        try:
            self._dbs: dict[str, Any] = {
                table: self._env.open_db(
                    table.encode(), create=create or (writable and table in LATER_TABLES)
                )
                for table in TABLES
            }
        except lmdb.Error as error:
            self._env.close()
            raise _translate(error) from error

    def snapshot(self) -> AbstractContextManager[LmdbSnapshot]:
        """Open a view."""
        try:
            return LmdbSnapshot(self._dbs, self._env.begin(buffers=True))
        except lmdb.Error as error:
            raise _translate(error) from error

    def batch(self) -> AbstractContextManager[LmdbBatch]:
        """Open the write transaction."""
        try:
            return LmdbBatch(self._dbs, self._env.begin(write=True, buffers=True))
        except lmdb.Error as error:
            raise _translate(error) from error

    def is_nearly_full(self) -> bool:
        """Tell whether so few pages are free that deletions may need them all.

        LMDB does not say how many are free. They are what no table uses, but for the list of
        them, which takes less than one page for 256 of them.
        """
        try:
            info, page_size_bytes = self._env.info(), self._env.stat()["psize"]
            kept = min(KEPT_BYTES_MAX, info["map_size"] // KEPT_PART) // page_size_bytes
            end = info["last_pgno"] + 1
            beyond = info["map_size"] // page_size_bytes - end
            if beyond > kept:
                return False
            with self._env.begin() as txn:
                tables = [txn.stat(db) for db in self._dbs.values()]
        except lmdb.Error as error:
            raise _translate(error) from error
        used = sum(
            one["branch_pages"] + one["leaf_pages"] + one["overflow_pages"] for one in tables
        )
        unused = end - used
        return bool(beyond + unused - unused // 256 - kept < PAGES_UNCOUNTED)

    def measure(self) -> dict[str, int]:
        """Return entries a table, and the pages used of the map."""
        try:
            with self._env.begin() as txn:
                facts = {table: int(txn.stat(db)["entries"]) for table, db in self._dbs.items()}
            info = self._env.info()
        except lmdb.Error as error:
            raise _translate(error) from error
        facts["pages"] = int(info["last_pgno"]) + 1
        facts["transaction"] = int(info["last_txnid"])
        return facts

    def reader_check(self) -> int:
        """Free the slots of readers whose process died; return how many."""
        return int(self._env.reader_check())

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

"""The index in memory, for tests and for the simulation, with and without faults."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from storage.device.index import TABLES, IndexFailedError


class _Table:
    """Sorted keys beside a dictionary."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.values: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> None:
        if key not in self.values:
            insort(self.keys, key)
        self.values[key] = value

    def delete(self, key: bytes) -> bool:
        if key not in self.values:
            return False
        del self.values[key]
        del self.keys[bisect_left(self.keys, key)]
        return True


class MemorySnapshot:
    """A view; valid because nothing awaits, and so nothing is written, while it lives."""

    def __init__(self, tables: dict[str, _Table]) -> None:
        self._tables = tables

    def __enter__(self) -> MemorySnapshot:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        return

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value stored under a key."""
        return self._tables[table].values.get(key)

    def seek(self, table: str, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the first key at or after the one given, with its value."""
        return next(self.scan(table, key), None)

    def seek_before(self, table: str, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the last key before the one given, with its value."""
        return next(self.scan_back(table, key), None)

    def scan(self, table: str, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Walk keys and values upwards."""
        rows = self._tables[table]
        for key in rows.keys[bisect_left(rows.keys, start) :]:
            yield key, rows.values[key]

    def scan_back(self, table: str, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Walk keys and values downwards."""
        rows = self._tables[table]
        for key in rows.keys[: bisect_left(rows.keys, end)][::-1]:
            yield key, rows.values[key]


class MemoryBatch(MemorySnapshot):
    """A write transaction with an undo log."""

    def __init__(self, index: MemoryIndex) -> None:
        super().__init__(index.tables)
        self._index = index
        self._undo: list[tuple[str, bytes, bytes | None]] = []

    def __enter__(self) -> MemoryBatch:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._roll_back()
            return
        try:
            self._index.before_commit()
        except BaseException:
            self._roll_back()
            raise
        self._index.transactions += 1
        self._index.after_commit()

    def _roll_back(self) -> None:
        for table, key, value in reversed(self._undo):
            if value is None:
                self._tables[table].delete(key)
            else:
                self._tables[table].put(key, value)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Store a value."""
        self._undo.append((table, key, self.get(table, key)))
        self._tables[table].put(key, value)

    def delete(self, table: str, key: bytes) -> bool:
        """Remove a key."""
        self._undo.append((table, key, self.get(table, key)))
        return self._tables[table].delete(key)


def _no_fault() -> None:
    return


class MemoryIndex:
    """Sorted tables in memory: what was committed survives a crash, the rest never was.

    Args:
        before_commit: a fault's place: raises to abort the batch as a failing disk would.
        after_commit: another: raises when the batch is durable but nobody heard of it.
    """

    def __init__(
        self,
        before_commit: Callable[[], None] = _no_fault,
        after_commit: Callable[[], None] = _no_fault,
    ) -> None:
        self.tables = {table: _Table() for table in TABLES}
        self.before_commit = before_commit
        self.after_commit = after_commit
        self.transactions = 0
        self.failed = False

    def snapshot(self) -> MemorySnapshot:
        """Open a view."""
        self._check()
        return MemorySnapshot(self.tables)

    def batch(self) -> MemoryBatch:
        """Open the write transaction."""
        self._check()
        return MemoryBatch(self)

    def _check(self) -> None:
        if self.failed:
            raise IndexFailedError("the index was failed")

    def is_nearly_full(self) -> bool:
        """Tell that there is room."""
        return False

    def measure(self) -> dict[str, int]:
        """Return entries a table."""
        return {table: len(rows.keys) for table, rows in self.tables.items()}

    def close(self) -> None:
        """Nothing is open."""

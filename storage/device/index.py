"""The index of a device as its users see it: sorted tables, snapshots, atomic durable batches.

LMDB does its own I/O, so the index has an interface of its own beside `atoll.world.Disk`, with
the same makers: LMDB (`lmdb_index`), and memory with and without faults (`memory_index`).

Absence is proven, never assumed: LMDB has no page checksums, so a flipped bit in a key or in a
branch page would make a record vanish without a trace. `prove_absent` tests the two neighbours of
a key that was not found: a damaged key breaks its neighbour's seal, a damaged branch leads to a
leaf whose keys do not enclose the one that was sought. `walk` and `walk_back` test the same at both
ends of what they return.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from storage.seal import DamagedError, DisorderError, is_sealed, unseal

KEY_SIZE_BYTES_MAX = 511

Stored = bytes | memoryview

TABLES = (
    "objects",  # policy, name hash, inverse timestamp -> object record
    "inline",  # write id -> small payload
    "rows",  # collection id, name -> listing row
    "containers",  # name hash -> container record
    "accounts",  # name hash -> account record
    "counters",  # collection id -> counters and digest of its rows
    "digests",  # policy, range -> digest of the records kept
    "outbox",  # destination, source -> what is owed to another device
    "due",  # time, kind, key -> what happens then
    "ledger",  # what was proven, and when
    "events",  # number -> what happened to an object and must be told
    "facts",  # the device's own: greatest timestamp, schema
)

LATER_TABLES = ("events",)
"""Those that an index may lack that was made by an older program; its writer adds them."""


class IndexFailedError(Exception):
    """The index cannot be used any more; the device has to be failed and refilled from peers."""


class IndexCorruptedError(IndexFailedError):
    """The structure of the index itself is damaged; no second try can help."""


class IndexFullError(Exception):
    """The map or the disk under it has no room for this batch; nothing of it was written."""


class Snapshot(Protocol):
    """A consistent view. Storeds it returns are valid until it ends and must be copied out."""

    def get(self, table: str, key: bytes) -> Stored | None:
        """Return the value stored under a key."""

    def seek(self, table: str, key: bytes) -> tuple[Stored, Stored] | None:
        """Return the first key at or after the one given, with its value."""

    def seek_before(self, table: str, key: bytes) -> tuple[Stored, Stored] | None:
        """Return the last key before the one given, with its value."""

    def scan(self, table: str, start: bytes) -> Iterator[tuple[Stored, Stored]]:
        """Walk keys and values upwards from the first key at or after the start."""

    def scan_back(self, table: str, end: bytes) -> Iterator[tuple[Stored, Stored]]:
        """Walk keys and values downwards from the last key before the end."""


class Batch(Snapshot, Protocol):
    """A write transaction that sees its own changes."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Store a value, replacing the one there was."""

    def delete(self, table: str, key: bytes) -> bool:
        """Remove a key; tell whether it was there."""


class Index(Protocol):
    """Sorted tables on one device."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open a view; it must end before the next await."""

    def batch(self) -> AbstractContextManager[Batch]:
        """Open the one write transaction; leaving it cleanly commits, durably.

        Raises:
            IndexFullError: at the commit or before: no room; nothing was written.
            IndexFailedError: at the commit or before: the outcome is unknown.
        """

    def is_nearly_full(self) -> bool:
        """Tell whether there is only the room left that is kept back for deletions."""

    def measure(self) -> dict[str, int]:
        """Return facts for operators: entries a table, pages used and free."""

    def close(self) -> None:
        """Close; snapshots and batches must have ended."""


def prove_absent(snapshot: Snapshot, table: str, key: bytes, prefix: bytes | None = None) -> None:
    """Check that a key which was not found is truly absent.

    Args:
        snapshot: that did not find it.
        table: where it was sought.
        key: that was sought.
        prefix: where given, that no key beginning with it was found at or after `key`.

    Raises:
        DamagedError: the place where it would stand is damaged.
    """
    after = snapshot.seek(table, key)
    before = snapshot.seek_before(table, key)
    if after is not None:
        after_key = bytes(after[0])
        if after_key < key or not is_sealed(*after):
            raise DamagedError(table, key, "the next entry is damaged")
        if prefix is None and after_key == key:
            raise DamagedError(table, key, "found on a second look")
    if before is not None and (bytes(before[0]) >= key or not is_sealed(*before)):
        raise DamagedError(table, key, "the entry before is damaged")


def walk(
    snapshot: Snapshot, table: str, start: bytes, prefix: bytes
) -> Iterator[tuple[bytes, memoryview]]:
    """Walk keys and verified bodies upwards from `start`, as long as keys begin with `prefix`.

    Raises:
        DamagedError: an entry, or the proof that there are no others, failed its check.
    """
    last = snapshot.seek_before(table, start) if start else None
    if last is not None:
        if not is_sealed(*last):
            raise DamagedError(table, start, "the entry before is damaged")
        if bytes(last[0]) >= start:
            raise DisorderError(table, start, "the entry before comes after it")
    bound = start
    for raw_key, value in snapshot.scan(table, start):
        key = bytes(raw_key)
        body = unseal(table, key, value)
        if key < bound:
            raise DisorderError(table, key, "keys are out of order")
        if not key.startswith(prefix):
            return
        yield key, body
        bound = key + b"\0"


def walk_back(
    snapshot: Snapshot, table: str, end: bytes, prefix: bytes
) -> Iterator[tuple[bytes, memoryview]]:
    """Walk keys and verified bodies downwards from before `end`; see `walk`.

    Raises:
        DamagedError: an entry, or the proof that there are no others, failed its check.
    """
    last = snapshot.seek(table, end)
    if last is not None:
        if not is_sealed(*last):
            raise DamagedError(table, end, "the entry after is damaged")
        if bytes(last[0]) < end:
            raise DisorderError(table, end, "the entry after comes before it")
    bound = end
    for raw_key, value in snapshot.scan_back(table, end):
        key = bytes(raw_key)
        body = unseal(table, key, value)
        if key >= bound:
            raise DisorderError(table, key, "keys are out of order")
        if not key.startswith(prefix):
            return
        yield key, body
        bound = key


def lookup(snapshot: Snapshot, table: str, key: bytes) -> memoryview | None:
    """Return the verified body under a key, or nothing where nothing is.

    Raises:
        DamagedError: the value, or the proof of its absence, failed its check.
    """
    value = snapshot.get(table, key)
    if value is None:
        prove_absent(snapshot, table, key)
        return None
    return unseal(table, key, value)

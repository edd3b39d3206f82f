"""One write transaction of a device, as the servers of each kind of record see it.

Counters, digests and what must happen after the commit are gathered here, so that a batch of a
hundred writes to one container puts its counters once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from storage.container.row import Counters, decode_counters, encode_counters
from storage.device.due import DueKind, due_key
from storage.device.index import Batch, Snapshot, lookup
from storage.device.payload import PayloadFolder
from storage.mutation import Outcome
from storage.seal import DamagedError, is_sealed, pack, seal, unpack, unpack_body
from storage.timestamp import ZERO, milliseconds

PARTS_GRACE_S = 900
FACT_HIGHEST = b"highest timestamp"


class Decision(NamedTuple):
    """What a server decided about a mutation, before anything is written.

    Attributes:
        outcome: the answer.
        effect: writes; run only when every mutation of the group was accepted.
    """

    outcome: Outcome
    effect: Callable[[], None] | None = None


class Transaction:
    """The state of one batch.

    Args:
        batch: the index's write transaction.
        payloads: the device's payload files.
        reclaim_age_s: after how many seconds a tombstone may be reclaimed.

    Attributes:
        batch: for reads, and for writes of tables that have no cache here.
        folders: payload folders to sync before the commit.
        after_commit: run once the commit is durable: removes files that no record names.
    """

    def __init__(self, batch: Batch, payloads: PayloadFolder, reclaim_age_s: int) -> None:
        self.batch = batch
        self.payloads = payloads
        self._reclaim_age_s = reclaim_age_s
        self.folders: set[Path] = set()
        self.after_commit: list[Callable[[], None]] = []
        self._counters: dict[bytes, Counters] = {}
        self._digests: dict[bytes, int] = {}
        self._outbox: dict[bytes, tuple[bytes, *tuple[str, ...]]] = {}
        self._highest = ZERO

    def counters(self, owner_id: bytes) -> Counters:
        """Return the counters of a collection as this transaction sees them.

        Raises:
            DamagedError: they are damaged, or gone although the collection is there.
        """
        cached = self._counters.get(owner_id)
        if cached is None:
            body = lookup(self.batch, "counters", owner_id)
            if body is None:
                raise DamagedError("counters", owner_id, "a living collection has no counters")
            cached = self._counters[owner_id] = decode_counters(unpack_body(body))
        return cached

    def set_counters(self, owner_id: bytes, counters: Counters) -> None:
        """Store the counters of a collection."""
        self._counters[owner_id] = counters

    def toggle_digest(self, key: bytes, digest: int) -> None:
        """Take a record's digest into that of its range, or out again."""
        held = self._digests.get(key)
        if held is None:
            held = read_digest(self.batch, key)
        self._digests[key] = held ^ digest

    def owe(self, key: bytes, stamp: bytes, *names: str) -> None:
        """Put a name into the outbox; a later entry replaces an earlier one."""
        self._outbox[key] = (stamp, *names)

    def owed(self, key: bytes) -> bytes | None:
        """Return the stamp of an outbox entry as this transaction sees it."""
        entry = self._outbox.get(key)
        if entry is not None:
            return entry[0]
        value = self.batch.get("outbox", key)
        return None if value is None else bytes(unpack("outbox", key, value)[0])

    def clear_outbox(self, key: bytes) -> None:
        """Forget what was owed, also where this transaction put it there."""
        self._outbox.pop(key, None)
        self.batch.delete("outbox", key)

    def delete(self, table: str, key: bytes) -> None:
        """Remove an entry that may be gone already."""
        self.batch.delete(table, key)

    def saw(self, timestamp: bytes) -> None:
        """Remember the greatest timestamp that this device holds."""
        if timestamp > self._highest:
            self._highest = type(self._highest)(timestamp)

    def remind(self, time_s: int, kind: DueKind, subject: bytes, names: tuple[object, ...]) -> None:
        """Put an entry into `due`."""
        key = due_key(time_s, kind, subject)
        self.batch.put("due", key, pack(key, names))

    def reclaim_later(
        self, kind: DueKind, subject: bytes, timestamp: bytes, names: tuple[object, ...]
    ) -> None:
        """Remember a tombstone until it is old enough to be reclaimed."""
        at_s = milliseconds(timestamp) // 1000 + self._reclaim_age_s
        self.remind(at_s, kind, subject, (*names, timestamp))

    def reclaim_parts(self, subject: bytes, timestamp: bytes, names: tuple[object, ...]) -> None:
        """Remember the parts of a composite that is gone, until nobody can be reading them."""
        at_s = milliseconds(timestamp) // 1000 + PARTS_GRACE_S
        self.remind(at_s, DueKind.RECLAIM_PARTS, subject, names)

    def put_payload(self, write_id: bytes, payload: bytes) -> None:
        """Store a small payload in the index."""
        self.batch.put("inline", write_id, seal(write_id, payload))

    def finish(self) -> None:
        """Write what was gathered, and sync the folders; the commit comes next."""
        for owner_id, counters in self._counters.items():
            self.batch.put("counters", owner_id, encode_counters(owner_id, counters))
        for key, digest in self._digests.items():
            self.batch.put("digests", key, pack(key, digest.to_bytes(16)))
        for key, entry in self._outbox.items():
            self.batch.put("outbox", key, pack(key, entry))
        if self._highest > read_highest(self.batch):
            self.batch.put("facts", FACT_HIGHEST, pack(FACT_HIGHEST, self._highest))
        for folder in sorted(self.folders):
            self.payloads.disk.sync_folder(folder)


def read_digest(snapshot: Snapshot, key: bytes) -> int:
    """Return a stored digest; one that was never stored is that of no records.

    Raises:
        DamagedError: the digest, or the proof that there is none, failed its check.
    """
    body = lookup(snapshot, "digests", key)
    return 0 if body is None else int.from_bytes(unpack_body(body))


def read_highest(snapshot: Snapshot) -> bytes:
    """Return the greatest timestamp of any record that the device ever held.

    Where the fact is damaged nothing is known, and the next commit writes it anew: it keeps a
    clock that was set back from drawing old timestamps, beside what each write observes.
    """
    value = snapshot.get("facts", FACT_HIGHEST)
    if value is None or not is_sealed(FACT_HIGHEST, value):
        return ZERO
    return bytes(unpack("facts", FACT_HIGHEST, value))

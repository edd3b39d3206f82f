"""What is due: entries in order of time, so that a pass reads only what its time has come for."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from storage.device.index import Snapshot
from storage.seal import is_sealed, unpack

TABLE = "due"


class DueKind(IntEnum):
    """What happens at the time."""

    EXPIRE = 1  # delete an object
    RECLAIM_OBJECT = 2  # forget a tombstone
    RECLAIM_ROW = 3  # forget a deleted row
    RECLAIM_PARTS = 4  # remove the parts of a composite that is gone, unless it is still named


class Due(NamedTuple):
    """One entry.

    Attributes:
        key: under which it stands.
        kind: see `DueKind`.
        subject: prefix and write id of an object, or owner and name of a row.
        names: what the entry says in words.
    """

    key: bytes
    kind: int
    subject: bytes
    names: tuple[Any, ...]


def due_key(time_s: int, kind: int, subject: bytes) -> bytes:
    """Return the key of an entry: time, kind, subject."""
    return time_s.to_bytes(8) + bytes([kind]) + subject


def read_due(snapshot: Snapshot, now_s: int, limit: int) -> Iterator[Due]:
    """Walk what is due by now, oldest first.

    A damaged entry is passed over, so that the others do not wait for it: what has expired is
    hidden from readers all the same.
    """
    for raw_key, value in snapshot.scan(TABLE, b""):
        key = bytes(raw_key)
        if not is_sealed(key, value):
            continue
        if limit <= 0 or int.from_bytes(key[:8]) > now_s:
            return
        limit -= 1
        yield Due(key, key[8], key[9:], tuple(unpack(TABLE, key, value)))

"""Listing rows and their counters, for containers and for accounts.

Keys are `owner id ‖ name`. A name that is too long for a key goes on under another prefix, the
hash of what came before, so byte order and one seek a row hold: the key of the first slice, with
one zero byte behind it, stands where the long names belong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import xxhash
from blake3 import blake3

from storage.device.index import (
    KEY_SIZE_BYTES_MAX,
    Batch,
    Snapshot,
    prove_absent,
    walk,
    walk_back,
)
from storage.path import RESERVED_PREFIX
from storage.seal import pack, unpack, unpack_body
from storage.timestamp import TIMESTAMP_SIZE_BYTES, Timestamp

TABLE = "rows"
_PREFIX_SIZE_BYTES = TIMESTAMP_SIZE_BYTES
SLICE_SIZE_BYTES = KEY_SIZE_BYTES_MAX - _PREFIX_SIZE_BYTES - 1
_RESERVED = RESERVED_PREFIX.encode()
_GOES_ON = b"\0"
_PAST_GOES_ON = b"\1"
MODIFIED = "changed"
"""In a row's extra: when what it tells of was changed last, in hex, where the row is younger."""
VERSION = "version"
"""In a row's extra: the version that it tells of, in hex; missing for a null version."""
CREATED = "created"
"""In a row's extra: when the object was written, in hex, where it was amended since."""
SHOWN = ("x-static-large-object",)
"""System metadata of objects that listings show: in a row's extra by the same names."""
MARKER = "marker"
"""In a row's extra: the version marks a deletion."""


class Row(NamedTuple):
    """What a listing knows of one name.

    Attributes:
        timestamp: of the record or report behind it; the newest row of a name wins.
        deleted: the name is gone; the row stays until it is reclaimed.
        objects: 1 for an object; the number of objects for a container.
        size_bytes: of the object, or of all objects of the container.
        etag: of the object.
        content_type: of the object.
        policy: storage policy.
        extra: what else a listing shows: see `MODIFIED`, `VERSION`, `CREATED`, `MARKER`.
    """

    timestamp: Timestamp
    deleted: bool
    objects: int = 1
    size_bytes: int = 0
    etag: str = ""
    content_type: str = ""
    policy: int = 0
    extra: dict[str, str] | None = None

    @property
    def modified(self) -> bytes:
        """When what the row tells of was changed last."""
        changed = self.extra and self.extra.get(MODIFIED)
        return bytes.fromhex(changed) if changed else self.timestamp

    @property
    def created(self) -> bytes:
        """When the object was written."""
        created = self.extra and self.extra.get(CREATED)
        return bytes.fromhex(created) if created else self.modified


class Counters(NamedTuple):
    """The sum of the rows that this replica holds.

    Attributes:
        rows: living rows that clients are shown.
        objects: their sum.
        size_bytes: their sum.
        digest: XOR of a 128-bit hash of every row, deleted ones too.
    """

    rows: int = 0
    objects: int = 0
    size_bytes: int = 0
    digest: int = 0

    def replace(self, name: bytes, old: Row | None, new: Row | None) -> Counters:
        """Return the counters after a row changed; `None` stands for no row.

        Of a container of the system's (`storage.reserved`) only the bytes count.
        """
        rows, objects, size_bytes, digest = self
        shown = 0 if name[:1] == _RESERVED else 1
        if old is not None:
            digest ^= row_digest(name, old)
            if not old.deleted:
                rows, objects, size_bytes = (
                    rows - shown,
                    objects - shown * old.objects,
                    size_bytes - old.size_bytes,
                )
        if new is not None:
            digest ^= row_digest(name, new)
            if not new.deleted:
                rows, objects, size_bytes = (
                    rows + shown,
                    objects + shown * new.objects,
                    size_bytes + new.size_bytes,
                )
        return Counters(rows, objects, size_bytes, digest)


def row_digest(name: bytes, row: Row) -> int:
    """Return the 128-bit hash of a row."""
    return xxhash.xxh3_128_intdigest(pack(name, row))


def encode_counters(owner_id: bytes, counters: Counters) -> bytes:
    """Return the stored form of counters."""
    return pack(owner_id, (*counters[:3], counters.digest.to_bytes(16)))


def decode_counters(fields: list[object]) -> Counters:
    """Return counters from their stored fields."""
    rows, objects, size_bytes, digest = fields
    return Counters(rows, objects, size_bytes, int.from_bytes(digest))  # type: ignore[arg-type]


def _prefix_of_rest(prefix: bytes, first: bytes) -> bytes:
    return blake3(prefix + first).digest(_PREFIX_SIZE_BYTES)


def row_key(owner_id: bytes, name: bytes) -> bytes:
    """Return the key that a name's row has."""
    prefix = owner_id
    while len(name) > SLICE_SIZE_BYTES:
        first, name = name[:SLICE_SIZE_BYTES], name[SLICE_SIZE_BYTES:]
        prefix = _prefix_of_rest(prefix, first)
    return prefix + name


def read_row(snapshot: Snapshot, owner_id: bytes, name: bytes) -> Row | None:
    """Return the row of a name, or nothing where none is.

    Raises:
        DamagedError: the row, or the proof that there is none, failed its check.
    """
    key = row_key(owner_id, name)
    value = snapshot.get(TABLE, key)
    if value is None:
        prove_absent(snapshot, TABLE, key)
        return None
    return Row(*unpack(TABLE, key, value))


def write_row(batch: Batch, owner_id: bytes, name: bytes, row: Row) -> None:
    """Store a row, and what leads to it where the name is long."""
    prefix = owner_id
    while len(name) > SLICE_SIZE_BYTES:
        first, name = name[:SLICE_SIZE_BYTES], name[SLICE_SIZE_BYTES:]
        key = prefix + first + _GOES_ON
        batch.put(TABLE, key, pack(key, None))
        prefix = _prefix_of_rest(prefix, first)
    key = prefix + name
    batch.put(TABLE, key, pack(key, row))


def remove_row(batch: Batch, owner_id: bytes, name: bytes) -> None:
    """Remove a row; what led to it goes when nothing else is behind it."""
    batch.delete(TABLE, row_key(owner_id, name))
    steps = []
    prefix = owner_id
    while len(name) > SLICE_SIZE_BYTES:
        first, name = name[:SLICE_SIZE_BYTES], name[SLICE_SIZE_BYTES:]
        rest = _prefix_of_rest(prefix, first)
        steps.append((prefix + first + _GOES_ON, rest))
        prefix = rest
    for key, rest in reversed(steps):
        found = batch.seek(TABLE, rest)
        if found is not None and found[0][:_PREFIX_SIZE_BYTES] == rest:
            return
        batch.delete(TABLE, key)


def scan_rows(snapshot: Snapshot, owner_id: bytes, start: bytes) -> Iterator[tuple[bytes, Row]]:
    """Walk names and rows upwards, deleted rows too, from the first name at or after the start.

    Raises:
        DamagedError: a row, or the proof that there are no others, failed its check.
    """
    skip, rest_start = start[:SLICE_SIZE_BYTES], start[SLICE_SIZE_BYTES:]
    for key, body in walk(snapshot, TABLE, owner_id + skip, owner_id):
        fields = unpack_body(body)
        name = key[_PREFIX_SIZE_BYTES:]
        if fields is not None:
            if name >= start:
                yield name, Row(*fields)
            continue
        first = name[:-1]
        inner_start = rest_start if first == skip else b""
        for rest, row in scan_rows(snapshot, _prefix_of_rest(owner_id, first), inner_start):
            yield first + rest, row


def scan_rows_back(snapshot: Snapshot, owner_id: bytes, end: bytes) -> Iterator[tuple[bytes, Row]]:
    """Walk names and rows downwards, deleted rows too, from the last name before the end.

    Args:
        snapshot: to read.
        owner_id: whose rows.
        end: a name; empty for all names.

    Raises:
        DamagedError: a row, or the proof that there are no others, failed its check.
    """
    skip, rest_end = end[:SLICE_SIZE_BYTES], end[SLICE_SIZE_BYTES:]
    if not end:
        stop = (int.from_bytes(owner_id) + 1).to_bytes(_PREFIX_SIZE_BYTES)
    else:
        stop = owner_id + skip + (_PAST_GOES_ON if rest_end else b"")
    for key, body in walk_back(snapshot, TABLE, stop, owner_id):
        fields = unpack_body(body)
        name = key[_PREFIX_SIZE_BYTES:]
        if fields is not None:
            if not end or name < end:
                yield name, Row(*fields)
            continue
        first = name[:-1]
        inner_end = rest_end if first == skip else b""
        for rest, row in scan_rows_back(snapshot, _prefix_of_rest(owner_id, first), inner_end):
            yield first + rest, row

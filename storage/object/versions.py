"""How a device keeps the versions of a name, so that the current one is always one seek away.

Behind the prefix of a name stand, in this order:

    00                      summary: what its tombstones hash to, and the latest deletion;
                            only where there are tombstones
    01 ‖ inverse created    the versions that can be seen, newest first
    02 ‖ version id         the directory: of a deleted version its tombstone, else the `created`
                            under which it stands above

Each version that is not the null one has a directory entry. The null version has one when it was
deleted, when a newer version stands above it, or when it has a row among the versions: a name that
never saw versioning is one record and nothing else. Summary and pointers follow from the records;
the digests cover records alone, and the audit compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from storage.device.index import Snapshot, lookup, prove_absent, walk
from storage.object.record import (
    NULL_VERSION,
    PREFIX_SIZE_BYTES,
    TABLE,
    ObjectRecord,
    decode_object,
    record_digest,
)
from storage.seal import DamagedError, is_sealed, pack, unpack, unpack_body
from storage.timestamp import ZERO, Timestamp, inverse

SUMMARY = b"\0"
VERSIONS = b"\1"
DIRECTORY = b"\2"
_AT = PREFIX_SIZE_BYTES
_END = PREFIX_SIZE_BYTES + 1


class Standing(NamedTuple):
    """What replicas must agree on before anybody can be told of a name's current version.

    Attributes:
        head: the newest version that can be seen.
        marks: XOR of the digests of all tombstones.
        latest: no less than the timestamp of the latest deletion among them.
    """

    head: ObjectRecord | None
    marks: int = 0
    latest: Timestamp = ZERO

    @property
    def floor(self) -> Timestamp:
        """The timestamp that a new write must exceed."""
        return self.latest if self.head is None else max(self.latest, self.head.changed)


class Sight(NamedTuple):
    """What a writer has to know of a name with versions.

    Attributes:
        standing: see `Standing`.
        null: the null version, or its tombstone.
        version: the version that was asked for, or its tombstone.
        following: the version that would be seen without the head.
    """

    standing: Standing
    null: ObjectRecord | None
    version: ObjectRecord | None
    following: ObjectRecord | None


def version_key(prefix: bytes, created: bytes) -> bytes:
    """Return the key of a version that can be seen; newer ones sort first."""
    return prefix + VERSIONS + inverse(created)


def directory_key(prefix: bytes, version_id: bytes) -> bytes:
    """Return the key under which a version is found by its id."""
    return prefix + DIRECTORY + version_id


def object_key(prefix: bytes, record: ObjectRecord) -> bytes:
    """Return the key of a record."""
    if record.is_visible:
        return version_key(prefix, record.created)
    return directory_key(prefix, record.version_id)


def encode_summary(prefix: bytes, marks: int, latest: bytes) -> bytes:
    """Return the stored form of a summary."""
    return pack(prefix + SUMMARY, (marks.to_bytes(16), latest))


def read_summary(snapshot: Snapshot, prefix: bytes) -> tuple[int, Timestamp]:
    """Return the XOR of the digests of a name's tombstones, and the latest deletion.

    No proof is asked for where there is none: whoever writes has looked at the name's standing.

    Raises:
        DamagedError: the summary failed its check.
    """
    key = prefix + SUMMARY
    value = snapshot.get(TABLE, key)
    if value is None:
        return 0, ZERO
    marks, latest = unpack(TABLE, key, value)
    return int.from_bytes(marks), Timestamp(latest)


def newest(snapshot: Snapshot, prefix: bytes) -> ObjectRecord | None:
    """Return the newest version that can be seen, or nothing where none is.

    Raises:
        DamagedError: the record, or the proof that there is none, failed its check.
    """
    start = prefix + VERSIONS
    found = snapshot.seek(TABLE, start)
    if found is not None and found[0][:_END] == start:
        key = bytes(found[0])
        return decode_object(key, unpack(TABLE, key, found[1]))
    prove_absent(snapshot, TABLE, start, start)
    return None


def read_standing(snapshot: Snapshot, prefix: bytes) -> Standing:
    """Return where a name stands: one seek where nothing was deleted.

    Raises:
        DamagedError: a record, or the proof that there is none, failed its check.
    """
    found = snapshot.seek(TABLE, prefix)
    if found is None or found[0][:_AT] != prefix:
        prove_absent(snapshot, TABLE, prefix, prefix)
        return Standing(None)
    key = bytes(found[0])
    part = key[_AT:_END]
    if part == VERSIONS:
        return Standing(decode_object(key, unpack(TABLE, key, found[1])))
    if part != SUMMARY:
        raise DamagedError(TABLE, key, "a directory without versions and without a summary")
    marks, latest = unpack(TABLE, key, found[1])
    return Standing(newest(snapshot, prefix), int.from_bytes(marks), Timestamp(latest))


def is_alone(snapshot: Snapshot, prefix: bytes, record: ObjectRecord) -> bool:
    """Tell whether nothing stands behind a name's newest version: no older one, no directory.

    Raises:
        DamagedError: the proof failed its check.
    """
    start = version_key(prefix, record.created) + b"\0"
    found = snapshot.seek(TABLE, start)
    if found is None:
        return True
    if bytes(found[0]) < start or not is_sealed(*found):
        raise DamagedError(TABLE, start, "the next entry is damaged")
    return found[0][:_AT] != prefix


def find_version(snapshot: Snapshot, prefix: bytes, version_id: bytes) -> ObjectRecord | None:
    """Return a version, be it a tombstone, or nothing where it never was.

    Raises:
        DamagedError: a record, or the proof that there is none, failed its check.
    """
    return find_behind(snapshot, prefix, newest(snapshot, prefix), version_id)


def find_behind(
    snapshot: Snapshot, prefix: bytes, head: ObjectRecord | None, version_id: bytes
) -> ObjectRecord | None:
    """Return a version of a name whose newest one is known; see `find_version`."""
    if head is not None and head.version_id == version_id:
        return head
    return read_directory(snapshot, prefix, version_id)


def read_directory(snapshot: Snapshot, prefix: bytes, version_id: bytes) -> ObjectRecord | None:
    """Return a version that the directory knows, be it a tombstone.

    Raises:
        DamagedError: a record, or the proof that there is none, failed its check.
    """
    key = directory_key(prefix, version_id)
    body = lookup(snapshot, TABLE, key)
    if body is None:
        return None
    fields = unpack_body(body)
    if isinstance(fields, list):
        return decode_object(key, fields)
    pointed = version_key(prefix, fields)
    body = lookup(snapshot, TABLE, pointed)
    if body is None:
        raise DamagedError(TABLE, pointed, "the directory points to nothing")
    return decode_object(pointed, unpack_body(body))


def find_write(snapshot: Snapshot, prefix: bytes, write_id: bytes) -> ObjectRecord | None:
    """Return the record of a write, whichever version it made; nothing where none is kept.

    Raises:
        DamagedError: a record, or the proof that there is none, failed its check.
    """
    head = newest(snapshot, prefix)
    for version_id in (write_id, NULL_VERSION):
        found = find_behind(snapshot, prefix, head, version_id)
        if found is not None and found.write_id == write_id:
            return found
    return None


def following(snapshot: Snapshot, prefix: bytes, record: ObjectRecord) -> ObjectRecord | None:
    """Return the next older version that can be seen.

    Raises:
        DamagedError: the record, or the proof that there is none, failed its check.
    """
    start = version_key(prefix, record.created) + b"\0"
    for key, body in walk(snapshot, TABLE, start, prefix + VERSIONS):
        return decode_object(key, unpack_body(body))
    return None


def read_sight(snapshot: Snapshot, prefix: bytes, version_id: bytes) -> Sight:
    """Return what a writer has to know; a fixed number of seeks, however many versions there are.

    Raises:
        DamagedError: a record, or the proof that there is none, failed its check.
    """
    standing = read_standing(snapshot, prefix)
    head = standing.head
    if head is None and not standing.marks:
        return Sight(standing, None, None, None)
    null = version = find_behind(snapshot, prefix, head, NULL_VERSION)
    if version_id != NULL_VERSION:
        version = find_behind(snapshot, prefix, head, version_id)
    after = None if head is None else following(snapshot, prefix, head)
    return Sight(standing, null, version, after)


def read_records(snapshot: Snapshot, prefix: bytes) -> list[ObjectRecord]:
    """Return all records of a name, tombstones too.

    Raises:
        DamagedError: one failed its check.
    """
    entries = walk(snapshot, TABLE, prefix, prefix)
    decoded = (decode_entry(key, unpack_body(body)) for key, body in entries)
    return [record for record in decoded if record is not None]


def decode_entry(key: bytes, fields: Any) -> ObjectRecord | None:
    """Return the record in an entry of the table; nothing for a summary or a pointer.

    Raises:
        DamagedError: it has a form that this program does not know.
    """
    if key[_AT:_END] == SUMMARY or isinstance(fields, bytes):
        return None
    if not isinstance(fields, list):
        raise DamagedError(TABLE, key, "no record")
    return decode_object(key, fields)


def find_fault(prefix: bytes, entries: Iterable[tuple[bytes, Any]]) -> str:
    """Compare summary and pointers of a name with its records.

    Args:
        prefix: of the name.
        entries: keys and unpacked fields of all that stands behind it, in order.

    Returns:
        What is wrong; empty for nothing.
    """
    told_marks, told_latest = 0, bytes(ZERO)
    marks, latest = 0, bytes(ZERO)
    visible: list[ObjectRecord] = []
    pointers: dict[bytes, bytes] = {}
    for key, fields in entries:
        record = decode_entry(key, fields)
        if key == prefix + SUMMARY:
            told_marks, told_latest = int.from_bytes(fields[0]), fields[1]
        elif record is None:
            pointers[key[_END:]] = fields
        elif key != object_key(prefix, record):
            return "a record stands under another's key"
        elif record.is_visible:
            visible.append(record)
        else:
            marks ^= record_digest(prefix, record)
            latest = max(latest, record.changed)
    if told_marks != marks or told_latest < latest:
        return "the summary is not that of the tombstones"
    wanted = {record.version_id: record.created for record in visible if not record.is_null}
    nulls = [record for record in visible if record.is_null]
    if len(nulls) > 1:
        return "there are two null versions"
    if nulls and (nulls[0] is not visible[0] or NULL_VERSION in pointers):
        wanted[NULL_VERSION] = nulls[0].created
    return "" if pointers == wanted else "the directory does not point to the versions"

"""What the decisions about objects write: records, their directory and summary, what is due."""

from __future__ import annotations

from storage.device.due import DueKind
from storage.device.transaction import Transaction
from storage.object.record import (
    TABLE,
    ObjectRecord,
    State,
    Where,
    digest_key,
    encode_object,
    record_digest,
    root_key,
)
from storage.object.versions import (
    SUMMARY,
    directory_key,
    encode_summary,
    object_key,
    read_summary,
)
from storage.seal import pack


def keep(
    txn: Transaction,
    prefix: bytes,
    record: ObjectRecord,
    head: ObjectRecord | None,
    *,
    is_listed: bool,
) -> None:
    """Store a record.

    Args:
        txn: to write in.
        prefix: of the name.
        record: to store.
        head: the newest version that could be seen before.
        is_listed: whether a null version has a row among the versions.
    """
    key = object_key(prefix, record)
    txn.batch.put(TABLE, key, encode_object(key, record))
    _toggle(txn, prefix, record)
    if not record.is_visible:
        _mark(txn, prefix, record)
    elif is_listed or not record.is_null:
        _point(txn, prefix, record)
    if head is not None and head.is_null and not record.is_null and head.created < record.created:
        _point(txn, prefix, head)
    _remind(txn, prefix, record)


def rewrite(txn: Transaction, prefix: bytes, held: ObjectRecord, record: ObjectRecord) -> None:
    """Store a version, or a tombstone, as it is from now on, in its own place."""
    key = object_key(prefix, record)
    if not record.is_visible:
        _mark(txn, prefix, held)
        _mark(txn, prefix, record)
    _toggle(txn, prefix, held)
    txn.batch.put(TABLE, key, encode_object(key, record))
    _toggle(txn, prefix, record)
    _remind(txn, prefix, record)


def take_away(
    txn: Transaction, prefix: bytes, record: ObjectRecord, *, is_listed: bool = True
) -> None:
    """Remove a record, and its entry in the directory where it may have one."""
    txn.batch.delete(TABLE, object_key(prefix, record))
    _toggle(txn, prefix, record)
    if not record.is_visible:
        _mark(txn, prefix, record)
    elif is_listed:
        txn.delete(TABLE, directory_key(prefix, record.version_id))


def keep_payload(txn: Transaction, record: ObjectRecord, payload: bytes) -> None:
    """Store a small payload, or see to it that a file's name is durable."""
    if record.location.where == Where.INLINE:
        txn.put_payload(record.write_id, payload)
    elif record.location.where == Where.FILE:
        txn.folders.add(txn.payloads.folder(record.write_id))


def drop_payload(txn: Transaction, record: ObjectRecord) -> None:
    """Remove the payload of a record that goes."""
    if record.location.where == Where.INLINE:
        txn.batch.delete("inline", record.write_id)
    elif record.location.where == Where.FILE:
        remove_file(txn, record.write_id)


def drop_parts(txn: Transaction, prefix: bytes, old: ObjectRecord, successor: ObjectRecord) -> None:
    """Have the parts of a composite reclaimed that is gone; a retry may name them again."""
    if old.parts and old.parts != successor.parts:
        names = (old.account, old.container, old.name, old.write_id, old.parts)
        txn.reclaim_parts(prefix + old.write_id, successor.changed, names)


def remove_file(txn: Transaction, write_id: bytes) -> None:
    """Remove a payload file once the commit is durable."""
    txn.after_commit.append(lambda: txn.payloads.remove(write_id))


def _remind(txn: Transaction, prefix: bytes, record: ObjectRecord) -> None:
    txn.saw(record.changed)
    subject = prefix + record.write_id
    names = (record.account, record.container, record.name, record.version_id)
    if record.state == State.TOMBSTONE:
        txn.reclaim_later(DueKind.RECLAIM_OBJECT, subject, record.changed, names)
    elif record.delete_at_s is not None:
        txn.remind(record.delete_at_s, DueKind.EXPIRE, subject, names)


def _point(txn: Transaction, prefix: bytes, record: ObjectRecord) -> None:
    """Have the directory point to a version."""
    key = directory_key(prefix, record.version_id)
    txn.batch.put(TABLE, key, pack(key, record.created))


def _mark(txn: Transaction, prefix: bytes, grave: ObjectRecord) -> None:
    """Take a tombstone into the summary of its name, or out again."""
    marks, latest = read_summary(txn.batch, prefix)
    marks ^= record_digest(prefix, grave)
    if marks:
        key = prefix + SUMMARY
        txn.batch.put(TABLE, key, encode_summary(prefix, marks, max(latest, grave.changed)))
    else:
        txn.batch.delete(TABLE, prefix + SUMMARY)


def _toggle(txn: Transaction, prefix: bytes, record: ObjectRecord) -> None:
    digest = record_digest(prefix, record)
    txn.toggle_digest(digest_key(prefix), digest)
    txn.toggle_digest(root_key(prefix), digest)

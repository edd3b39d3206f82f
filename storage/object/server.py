"""What a device decides and does about objects.

Decisions only read; the effects they return write. A replica tests a record against what it holds
inside the transaction that stores it.
"""

from __future__ import annotations

from collections.abc import Iterator

from atoll.branch import Branch
from storage.device.due import DueKind
from storage.device.index import walk
from storage.device.transaction import Decision, Transaction
from storage.mutation import (
    ACCEPTED,
    AmendObject,
    DiscardPayload,
    ForgetObject,
    MarkDamaged,
    Outcome,
    PutObject,
    Status,
    WithdrawObject,
)
from storage.object.record import (
    TABLE,
    Location,
    ObjectRecord,
    State,
    Where,
    decode_object,
    digest_key,
    encode_object,
    newest,
    object_key,
    object_prefix,
    record_digest,
    root_key,
)
from storage.seal import unpack_body
from storage.timestamp import ZERO

_PRESENT = (Where.INLINE, Where.FILE)
_FILE_GONE = Branch("device: a record was refused because its payload file is not there")
_ADOPTED = Branch("device: a published payload file was found again")
_COMPLETED = Branch("device: a version that was held got its payload or a later change")


def put(txn: Transaction, ask: PutObject) -> Decision:
    """Take a record that is newer than all there is, and that meets what was expected."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = newest(txn.batch, prefix)
    if ask.record.location.where == Where.FILE and not txn.payloads.has(ask.record.write_id):
        _FILE_GONE.reached()
        return Decision(Outcome(Status.MISSING))
    record = _adopt(txn, ask.record)
    if held is not None:
        if held.write_id == record.write_id and held.created == record.created:
            return _accept_again(txn, prefix, held, record, ask.payload)
        if held.changed >= record.changed:
            return Decision(Outcome(Status.STALE, held.changed))
    if ask.expected is not None and ask.expected != (ZERO if held is None else held.changed):
        return Decision(Outcome(Status.CONFLICT, ZERO if held is None else held.changed))

    def effect() -> None:
        for key, old in versions(txn, prefix):
            if old.write_id != record.write_id:
                _drop_payload(txn, old)
                _drop_parts(txn, prefix, old, record)
            _remove(txn, prefix, key, old)
        _keep_payload(txn, record, ask.payload)
        _store(txn, prefix, record)

    return Decision(ACCEPTED, effect)


def _adopt(txn: Transaction, record: ObjectRecord) -> ObjectRecord:
    """Find the payload of a record that a reader brought: its writer may have published it here."""
    seal = record.location.seal
    if record.location.where != Where.DAMAGED or not seal or not txn.payloads.has(record.write_id):
        return record
    _ADOPTED.reached()
    return record._replace(location=Location(Where.FILE, seal))


def _accept_again(
    txn: Transaction, prefix: bytes, held: ObjectRecord, record: ObjectRecord, payload: bytes
) -> Decision:
    """Accept a version that is held: it may bring a later change, or the payload.

    Readers bring records to replicas that lack them, and may be faster than the writer.
    """
    newer = record if record.changed > held.changed else held
    is_kept = held.location.where in _PRESENT or record.location.where not in _PRESENT
    merged = newer._replace(location=held.location if is_kept else record.location)
    if merged == held:
        return Decision(ACCEPTED)
    _COMPLETED.reached()

    def effect() -> None:
        _remove(txn, prefix, object_key(prefix, held.created), held)
        if not is_kept:
            _keep_payload(txn, record, payload)
        _store(txn, prefix, merged)

    return Decision(ACCEPTED, effect)


def amend(txn: Transaction, ask: AmendObject) -> Decision:
    """Change the metadata of the version that was expected."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = newest(txn.batch, prefix)
    if held is None or held.write_id != ask.record.write_id:
        return Decision(Outcome(Status.MISSING))
    if held.changed == ask.record.changed:
        return Decision(ACCEPTED)
    if held.changed != ask.expected:
        return Decision(Outcome(Status.CONFLICT, held.changed))

    def effect() -> None:
        _remove(txn, prefix, object_key(prefix, held.created), held)
        _store(txn, prefix, ask.record._replace(location=held.location))

    return Decision(ACCEPTED, effect)


def withdraw(txn: Transaction, ask: WithdrawObject) -> Decision:
    """Take back the record of a write that failed; nothing to do where it is not held."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    mine = [(key, old) for key, old in versions(txn, prefix) if old.write_id == ask.write_id]

    def effect() -> None:
        for key, old in mine:
            _drop_payload(txn, old)
            _remove(txn, prefix, key, old)

    return Decision(ACCEPTED, effect)


def mark_damaged(txn: Transaction, ask: MarkDamaged) -> Decision:
    """Set a damaged payload aside; its record keeps its timestamp and leaves the digest."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    mine = [
        (key, old)
        for key, old in versions(txn, prefix)
        if old.write_id == ask.write_id and old.location.where in _PRESENT
    ]

    def effect() -> None:
        for key, old in mine:
            if old.location.where == Where.FILE:
                txn.after_commit.append(lambda: txn.payloads.set_aside(ask.write_id))
            else:
                txn.delete("inline", ask.write_id)
            _remove(txn, prefix, key, old)
            _store(txn, prefix, old._replace(location=Location(Where.DAMAGED)))

    return Decision(ACCEPTED if mine else Outcome(Status.MISSING), effect if mine else None)


def discard_payload(txn: Transaction, ask: DiscardPayload) -> Decision:
    """Remove a published file that no record names."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    if any(old.write_id == ask.write_id for _, old in versions(txn, prefix)):
        return Decision(ACCEPTED)
    return Decision(ACCEPTED, lambda: _remove_file(txn, ask.write_id))


def forget(txn: Transaction, ask: ForgetObject) -> Decision:
    """Reclaim a tombstone, unless the name lives again."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = newest(txn.batch, prefix)
    if held is None or held.created != ask.created or held.state != State.TOMBSTONE:
        return Decision(Outcome(Status.MISSING))
    key = object_key(prefix, held.created)
    return Decision(ACCEPTED, lambda: _remove(txn, prefix, key, held))


def versions(txn: Transaction, prefix: bytes) -> Iterator[tuple[bytes, ObjectRecord]]:
    """Return keys and records of a name, newest first; a list, so that they may be removed.

    Raises:
        DamagedError: one failed its check.
    """
    return iter(
        [
            (key, decode_object(key, unpack_body(body)))
            for key, body in walk(txn.batch, TABLE, prefix, prefix)
        ]
    )


def _store(txn: Transaction, prefix: bytes, record: ObjectRecord) -> None:
    key = object_key(prefix, record.created)
    txn.batch.put(TABLE, key, encode_object(key, record))
    _toggle(txn, prefix, record)
    txn.saw(record.changed)
    names = (record.account, record.container, record.name)
    if record.state == State.TOMBSTONE:
        txn.reclaim_later(DueKind.RECLAIM_OBJECT, prefix + record.write_id, record.created, names)
    elif record.delete_at_s is not None:
        txn.remind(record.delete_at_s, DueKind.EXPIRE, prefix + record.write_id, names)


def _keep_payload(txn: Transaction, record: ObjectRecord, payload: bytes) -> None:
    if record.location.where == Where.INLINE:
        txn.put_payload(record.write_id, payload)
    elif record.location.where == Where.FILE:
        txn.folders.add(txn.payloads.folder(record.write_id))


def _remove(txn: Transaction, prefix: bytes, key: bytes, record: ObjectRecord) -> None:
    txn.batch.delete(TABLE, key)
    _toggle(txn, prefix, record)


def _toggle(txn: Transaction, prefix: bytes, record: ObjectRecord) -> None:
    digest = record_digest(prefix, record)
    txn.toggle_digest(digest_key(prefix), digest)
    txn.toggle_digest(root_key(prefix), digest)


def _drop_payload(txn: Transaction, record: ObjectRecord) -> None:
    if record.location.where == Where.INLINE:
        txn.batch.delete("inline", record.write_id)
    elif record.location.where == Where.FILE:
        _remove_file(txn, record.write_id)


def _drop_parts(
    txn: Transaction, prefix: bytes, old: ObjectRecord, successor: ObjectRecord
) -> None:
    """Have the parts of a composite reclaimed that is replaced; a retry may name them again."""
    if old.parts and old.parts != successor.parts:
        names = (old.account, old.container, old.name, old.write_id, old.parts)
        txn.reclaim_parts(prefix + old.write_id, successor.created, names)


def _remove_file(txn: Transaction, write_id: bytes) -> None:
    txn.after_commit.append(lambda: txn.payloads.remove(write_id))

"""What a device decides and does about objects.

Decisions only read; the effects they return write. A replica tests a record against what it holds
inside the transaction that stores it. What it keeps of a name is a function of the records that it
accepted, in any order: of each version the one that outranks the others.
"""

from __future__ import annotations

from typing import NamedTuple

from atoll.branch import Branch
from storage.device.transaction import Decision, Transaction
from storage.mutation import (
    ACCEPTED,
    AmendObject,
    Authority,
    DiscardPayload,
    ForgetObject,
    MarkDamaged,
    Outcome,
    PutObject,
    Status,
    WithdrawObject,
)
from storage.object.effects import (
    drop_parts,
    drop_payload,
    keep,
    keep_payload,
    remove_file,
    rewrite,
    take_away,
)
from storage.object.lock import forbids, protects
from storage.object.record import (
    NULL_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    object_prefix,
    outranks,
    record_digest,
)
from storage.object.versions import (
    Standing,
    find_behind,
    find_version,
    find_write,
    following,
    is_alone,
    read_standing,
)
from storage.timestamp import ZERO, milliseconds

_PRESENT = (Where.INLINE, Where.FILE)
_FRESH = (Authority.CLIENT, Authority.BYPASS)
_FILE_GONE = Branch("device: a record was refused because its payload file is not there")
_ADOPTED = Branch("device: a published payload file was found again")
_COMPLETED = Branch("device: a version that was held got its payload or a later change")
_LOCKED = Branch("device: a locked version was kept")


class _Place(NamedTuple):
    """What a record meets.

    Attributes:
        standing: of the name.
        held: the record of the same version.
        is_plain: the name has at most a null version, and that no row among the versions.
    """

    standing: Standing
    held: ObjectRecord | None
    is_plain: bool


def put(txn: Transaction, ask: PutObject) -> Decision:
    """Take a record; a client's must be newer than all there is, and meet what it expected."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    if ask.record.location.where == Where.FILE and not txn.payloads.has(ask.record.write_id):
        _FILE_GONE.reached()
        return Decision(Outcome(Status.MISSING))
    record = _adopt(txn, ask.record)
    place = _look(txn, prefix, record)
    held = place.held
    if held is not None:
        if _is_same(held, record):
            return _accept_again(txn, prefix, held, record, ask.payload)
        if not outranks(record, held):
            return Decision(Outcome(Status.STALE, held.changed))
    refusal = _refuse(txn, prefix, ask, place)
    if refusal is not None:
        return Decision(refusal)

    def effect() -> None:
        if held is not None:
            if held.write_id != record.write_id or not record.is_visible:
                drop_payload(txn, held)
                drop_parts(txn, prefix, held, record)
            take_away(txn, prefix, held, is_listed=not place.is_plain)
        keep_payload(txn, record, ask.payload)
        is_listed = ask.null_id is not None or not place.is_plain
        keep(txn, prefix, record, place.standing.head, is_listed=is_listed)

    return Decision(ACCEPTED, effect)


def _is_same(one: ObjectRecord, other: ObjectRecord) -> bool:
    """Tell whether two records are of one write and say the same of it."""
    return (
        one.write_id == other.write_id and one.created == other.created and one.state == other.state
    )


def _look(txn: Transaction, prefix: bytes, record: ObjectRecord) -> _Place:
    """Look for what a record meets: two seeks where the name never saw versioning."""
    standing = read_standing(txn.batch, prefix)
    head = standing.head
    if head is None and not standing.marks:
        return _Place(standing, None, is_plain=True)
    if head is not None and head.is_null and is_alone(txn.batch, prefix, head):
        return _Place(standing, head if record.is_null else None, is_plain=True)
    held = find_behind(txn.batch, prefix, head, record.version_id)
    is_plain = (
        head is None
        and held is not None
        and held.is_null
        and standing.marks == record_digest(prefix, held)
    )
    return _Place(standing, held, is_plain)


def _refuse(txn: Transaction, prefix: bytes, ask: PutObject, place: _Place) -> Outcome | None:
    """Return why a record cannot be taken that outranks the one there is."""
    if ask.authority in _FRESH:
        refusal = _refuse_client(txn, prefix, ask, place)
        if refusal is not None:
            return refusal
    held, at_s = place.held, milliseconds(ask.record.changed) / 1000
    is_bypassed = ask.authority == Authority.BYPASS
    if held is None or ask.authority == Authority.MAJORITY:
        return None
    if protects(held.system, at_s, bypass_governance=is_bypassed):
        _LOCKED.reached()
        return Outcome(Status.LOCKED)
    return None


def _refuse_client(
    txn: Transaction, prefix: bytes, ask: PutObject, place: _Place
) -> Outcome | None:
    """Return why a client's record cannot be taken: it is not newer, or was judged on less."""
    record, (head, _, _), held = ask.record, place.standing, place.held
    floor = place.standing.floor
    if record.changed <= floor:
        return Outcome(Status.STALE, floor)
    if ask.null_id is None and not (place.is_plain and record.is_null):
        return Outcome(Status.VERSIONED)
    judged = head if record.is_visible else held if held is not None and held.is_visible else None
    if ask.expected is not None and ask.expected != _changed(judged):
        return Outcome(Status.CONFLICT, _changed(judged))
    if ask.null_id is None:
        return None
    null = held if record.is_null else find_behind(txn.batch, prefix, head, NULL_VERSION)
    if ask.null_id != (null.write_id if null is not None and null.is_visible else b""):
        return Outcome(Status.CONFLICT, floor)
    if ask.leaves is not None:
        is_head = head is not None and held is not None and head.write_id == held.write_id
        left = following(txn.batch, prefix, head) if head is not None and is_head else head
        if ask.leaves != _changed(left):
            return Outcome(Status.CONFLICT, floor)
    return None


def _changed(record: ObjectRecord | None) -> bytes:
    return ZERO if record is None else record.changed


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
        if not is_kept:
            keep_payload(txn, record, payload)
        rewrite(txn, prefix, held, merged)

    return Decision(ACCEPTED, effect)


def amend(txn: Transaction, ask: AmendObject) -> Decision:
    """Change the metadata of the version that was expected."""
    prefix, record = object_prefix(ask.policy, ask.name_hash), ask.record
    standing = read_standing(txn.batch, prefix)
    head = standing.head
    held = find_behind(txn.batch, prefix, head, record.version_id)
    if held is None or held.write_id != record.write_id or held.state != State.DATA:
        return Decision(Outcome(Status.MISSING))
    if held.changed == record.changed:
        return Decision(ACCEPTED)
    if held.changed != ask.expected or (held is head) != ask.is_current:
        return Decision(Outcome(Status.CONFLICT, held.changed))
    if record.changed <= standing.floor:
        return Decision(Outcome(Status.STALE, standing.floor))
    at_s, is_bypassed = milliseconds(record.changed) / 1000, ask.authority == Authority.BYPASS
    if forbids(held.system, record.system, at_s, bypass_governance=is_bypassed):
        _LOCKED.reached()
        return Decision(Outcome(Status.LOCKED))
    changed = record._replace(location=held.location)
    return Decision(ACCEPTED, lambda: rewrite(txn, prefix, held, changed))


def withdraw(txn: Transaction, ask: WithdrawObject) -> Decision:
    """Take back the record of a write that failed; nothing to do where it is not held."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = find_write(txn.batch, prefix, ask.write_id)
    if held is None or held.changed != ask.changed:
        return Decision(ACCEPTED)

    def effect() -> None:
        drop_payload(txn, held)
        take_away(txn, prefix, held)

    return Decision(ACCEPTED, effect)


def mark_damaged(txn: Transaction, ask: MarkDamaged) -> Decision:
    """Set a damaged payload aside; its record keeps its timestamp and leaves the digest."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = find_write(txn.batch, prefix, ask.write_id)
    if held is None or held.location.where not in _PRESENT:
        return Decision(Outcome(Status.MISSING))

    def effect() -> None:
        if held.location.where == Where.FILE:
            txn.after_commit.append(lambda: txn.payloads.set_aside(ask.write_id))
        else:
            txn.delete("inline", ask.write_id)
        rewrite(txn, prefix, held, held._replace(location=Location(Where.DAMAGED)))

    return Decision(ACCEPTED, effect)


def discard_payload(txn: Transaction, ask: DiscardPayload) -> Decision:
    """Remove a published file that no record names."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = find_write(txn.batch, prefix, ask.write_id)
    if held is not None and held.is_visible:
        return Decision(ACCEPTED)
    return Decision(ACCEPTED, lambda: remove_file(txn, ask.write_id))


def forget(txn: Transaction, ask: ForgetObject) -> Decision:
    """Reclaim a tombstone, unless its version lives again."""
    prefix = object_prefix(ask.policy, ask.name_hash)
    held = find_version(txn.batch, prefix, ask.version_id)
    if held is None or held.changed != ask.changed or held.is_visible:
        return Decision(Outcome(Status.MISSING))
    return Decision(ACCEPTED, lambda: take_away(txn, prefix, held))

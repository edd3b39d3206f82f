"""What a device decides and does about containers and about rows, those of accounts included."""

from __future__ import annotations

from blake3 import blake3

from storage.account.record import read_account
from storage.container.record import (
    DIGEST_KEY,
    TABLE,
    ContainerRecord,
    container_digest,
    encode_container,
    merge_containers,
    read_container,
)
from storage.container.row import Counters, read_row, remove_row, write_row
from storage.container.versions import versions_id
from storage.device.due import DueKind
from storage.device.transaction import Decision, Transaction
from storage.mutation import (
    ACCEPTED,
    DeleteContainer,
    ForgetRow,
    Outcome,
    PutContainer,
    PutRow,
    Status,
    WithdrawRow,
)
from storage.timestamp import ZERO


def put(txn: Transaction, ask: PutContainer) -> Decision:
    """Create a container, or merge another record into it.

    A replica that holds rows lets no other tell it that the container is dead, unless a majority
    is: the deletion was judged where these rows were missing.
    """
    held = read_container(txn.batch, ask.name_hash)
    latest = ZERO if held is None else held.latest
    record = ask.record if held is None else merge_containers(held, ask.record)
    if record == held:
        return Decision(ACCEPTED)
    if ask.expected is not None and ask.expected != latest:
        return Decision(Outcome(Status.CONFLICT, latest))
    is_same_life = held is not None and held.id == record.id
    is_burial = is_same_life and not record.alive and not ask.is_decided
    if is_burial and _has_rows(txn, record):
        return Decision(Outcome(Status.NOT_EMPTY))

    def effect() -> None:
        if not is_same_life:
            txn.set_counters(record.id, Counters())
            txn.set_counters(versions_id(record.id), Counters())
        _store(txn, ask.account_hash, ask.name_hash, held, record)

    return Decision(ACCEPTED, effect)


def delete(txn: Transaction, ask: DeleteContainer) -> Decision:
    """Mark an empty container dead; from then on it takes no row."""
    held = read_container(txn.batch, ask.name_hash)
    if held is None or held.id != ask.id:
        return Decision(Outcome(Status.MISSING))
    if held.deleted == ask.timestamp:
        return Decision(ACCEPTED)
    if not held.alive:
        return Decision(Outcome(Status.MISSING))
    if held.changed >= ask.timestamp:
        return Decision(Outcome(Status.STALE, held.changed))
    if _has_rows(txn, held):
        return Decision(Outcome(Status.NOT_EMPTY))
    record = held._replace(deleted=ask.timestamp)
    return Decision(ACCEPTED, lambda: _store(txn, ask.account_hash, ask.name_hash, held, record))


def _has_rows(txn: Transaction, record: ContainerRecord) -> bool:
    """Tell whether a container has objects, or only older versions or marks of deletions."""
    return any(txn.counters(owner).rows for owner in (record.id, versions_id(record.id)))


def put_row(txn: Transaction, ask: PutRow) -> Decision:
    """Take a row that is newer than the one there is; the counters change with it.

    A row that is not newer is accepted and changes nothing; the detail is then the newer
    timestamp.
    """
    is_account = ask.owner_hash == ask.account_hash
    owner = (read_account if is_account else read_container)(txn.batch, ask.owner_hash)
    if owner is None or not (owner.alive or ask.row.deleted):
        return Decision(Outcome(Status.GONE))
    is_version = not is_account and ask.owner_id == versions_id(owner.id)
    if not is_version and ask.owner_id != owner.id:
        return Decision(Outcome(Status.GONE))
    name = ask.name.encode()
    held = read_row(txn.batch, ask.owner_id, name)
    if held is not None and held.timestamp >= ask.row.timestamp:
        return Decision(Outcome(Status.ACCEPTED, held.timestamp))

    def effect() -> None:
        counters = txn.counters(ask.owner_id)
        txn.set_counters(ask.owner_id, counters.replace(name, held, ask.row))
        write_row(txn.batch, ask.owner_id, name, ask.row)
        txn.saw(ask.row.timestamp)
        if ask.row.deleted:
            subject = blake3(ask.owner_id + name).digest(16)
            container = owner.name if isinstance(owner, ContainerRecord) else ""
            account = owner.account if isinstance(owner, ContainerRecord) else owner.name
            names = (account, container, ask.owner_id, ask.name)
            txn.reclaim_later(DueKind.RECLAIM_ROW, subject, ask.row.timestamp, names)
        if isinstance(owner, ContainerRecord) and not is_version:
            owe_report(txn, owner, ask.account_hash, ask.owner_hash, ask.row.timestamp)

    return Decision(ACCEPTED, effect)


def withdraw_row(txn: Transaction, ask: WithdrawRow) -> Decision:
    """Take back the row of a write that failed; nothing to do where it is not held."""
    name = ask.name.encode()
    held = read_row(txn.batch, ask.owner_id, name)
    if held is None or held.timestamp != ask.timestamp:
        return Decision(ACCEPTED)

    def effect() -> None:
        counters = txn.counters(ask.owner_id)
        txn.set_counters(ask.owner_id, counters.replace(name, held, None))
        remove_row(txn.batch, ask.owner_id, name)
        owner = read_container(txn.batch, ask.owner_hash)
        if owner is not None and owner.id == ask.owner_id:
            owe_report(txn, owner, ask.account_hash, ask.owner_hash, ask.timestamp)

    return Decision(ACCEPTED, effect)


def forget_row(txn: Transaction, ask: ForgetRow) -> Decision:
    """Reclaim a deleted row, unless its name lives again."""
    name = ask.name.encode()
    held = read_row(txn.batch, ask.owner_id, name)
    if held is None or not held.deleted or held.timestamp != ask.timestamp:
        return Decision(Outcome(Status.MISSING))

    def effect() -> None:
        counters = txn.counters(ask.owner_id)
        txn.set_counters(ask.owner_id, counters.replace(name, held, None))
        remove_row(txn.batch, ask.owner_id, name)

    return Decision(ACCEPTED, effect)


def owe_report(
    txn: Transaction, record: ContainerRecord, account_hash: bytes, name_hash: bytes, stamp: bytes
) -> None:
    """Owe the account a report of what the container holds.

    The key begins with the account's hash, so that a reader finds all that is owed to it.
    """
    txn.owe(account_hash + name_hash, stamp, record.account, record.name)


def _store(
    txn: Transaction,
    account_hash: bytes,
    name_hash: bytes,
    held: ContainerRecord | None,
    record: ContainerRecord,
) -> None:
    change = container_digest(name_hash, held) ^ container_digest(name_hash, record)
    txn.toggle_digest(DIGEST_KEY, change)
    txn.batch.put(TABLE, name_hash, encode_container(name_hash, record))
    txn.saw(record.latest)
    owe_report(txn, record, account_hash, name_hash, record.latest)

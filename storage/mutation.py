"""What may be asked of a device's writer, and what it answers; msgpack lists on the wire.

A *group* of mutations is atomic on its device: all are applied in one transaction, or none is.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import msgpack

from storage.account.record import AccountRecord
from storage.container.record import ContainerRecord
from storage.container.row import Row
from storage.object.event import Event
from storage.object.record import Location, ObjectRecord
from storage.timestamp import ZERO, Timestamp

GROUP_SIZE_BYTES_MAX = 1024 * 1024


class Authority(IntEnum):
    """In whose name a record comes: what it must be newer than, and which locks it opens."""

    CLIENT = 0  # a new write: newer than all there is; no lock is opened
    BYPASS = 1  # the same, of one who may bypass a retention of mode GOVERNANCE
    PEER = 2  # another replica has it: it takes its place among what is there
    MAJORITY = 3  # most replicas have it: whatever a lock says here was judged there


class PutObject(NamedTuple):
    """Store a record (data, delete marker or tombstone) and, when small, its payload.

    Attributes:
        policy: storage policy.
        name_hash: of account, container and object.
        record: with the location that the payload has on this device.
        payload: the bytes when the location is inline.
        expected: where given, the `changed` of what the writer judged (`ZERO`: nothing that can
            be seen): for a tombstone that of its version, else that of the current version.
        null_id: write id of the null version that the writer saw (empty: none), of whose row
            among the versions it takes care; nothing where it takes care of no such rows, which
            is refused where the name may have some.
        leaves: with a tombstone, where given: the `changed` of the version that will be current.
        authority: see `Authority`.
    """

    policy: int
    name_hash: bytes
    record: ObjectRecord
    payload: bytes = b""
    expected: bytes | None = None
    null_id: bytes | None = None
    leaves: bytes | None = None
    authority: int = Authority.CLIENT


class AmendObject(NamedTuple):
    """Replace the metadata of one version; its payload stays.

    Attributes:
        record: the whole record as it shall be; its location is ignored.
        expected: the `changed` that the version must have.
        is_current: whether it must be the current version, or must not.
        authority: see `Authority`.
    """

    policy: int
    name_hash: bytes
    record: ObjectRecord
    expected: bytes
    is_current: bool = True
    authority: int = Authority.CLIENT


class WithdrawObject(NamedTuple):
    """Take back a record that did not reach its majority, as it was then."""

    policy: int
    name_hash: bytes
    write_id: bytes
    changed: Timestamp


class MarkDamaged(NamedTuple):
    """Quarantine a payload that failed its check; the record keeps its timestamp."""

    policy: int
    name_hash: bytes
    write_id: bytes


class DiscardPayload(NamedTuple):
    """Remove a published payload file that no record will name."""

    policy: int
    name_hash: bytes
    write_id: bytes


class PutRow(NamedTuple):
    """Store a listing row of a container, or of an account.

    Attributes:
        account_hash: name hash of the account.
        owner_hash: name hash of the container; the account's again for an account's row.
        owner_id: that the owner must have, alive; or the id of a container's versions.
        name: of the row.
        row: the newest by its timestamp wins.
    """

    account_hash: bytes
    owner_hash: bytes
    owner_id: bytes
    name: str
    row: Row


class WithdrawRow(NamedTuple):
    """Take back the row of a record that did not reach its majority."""

    account_hash: bytes
    owner_hash: bytes
    owner_id: bytes
    name: str
    timestamp: Timestamp


class PutContainer(NamedTuple):
    """Create a container or merge metadata into it.

    Attributes:
        expected: where given, the `latest` of the record there must be (`ZERO`: none).
        is_decided: a majority holds the record: a deletion then needs no empty replica.
    """

    account_hash: bytes
    name_hash: bytes
    record: ContainerRecord
    expected: bytes | None = None
    is_decided: bool = False


class DeleteContainer(NamedTuple):
    """Delete an empty container."""

    account_hash: bytes
    name_hash: bytes
    id: bytes
    timestamp: Timestamp


class PutAccount(NamedTuple):
    """Create an account, merge metadata into it, or mark it deleted."""

    name_hash: bytes
    record: AccountRecord


class ClearOutbox(NamedTuple):
    """Forget what was delivered, unless it changed meanwhile."""

    key: bytes
    stamp: bytes


class ClearDue(NamedTuple):
    """Forget an entry of `due` that was acted on."""

    key: bytes


class ForgetObject(NamedTuple):
    """Reclaim the tombstone of a version that every voter holds."""

    policy: int
    name_hash: bytes
    version_id: bytes
    changed: Timestamp


class ForgetRow(NamedTuple):
    """Reclaim a deleted row that every voter holds."""

    owner_id: bytes
    name: str
    timestamp: Timestamp


class Prove(NamedTuple):
    """Write into the ledger what an audit proved."""

    key: bytes
    facts: dict[str, Any]


class OweEvent(NamedTuple):
    """Take note of what the group's record makes happen, to be told to those who asked for it."""

    event: Event


class ClearEvents(NamedTuple):
    """Forget events that were told, by their numbers on the device."""

    numbers: tuple[int, ...]


class WithdrawEvent(NamedTuple):
    """Take back the event of a write that failed."""

    event_id: bytes


Mutation = (
    PutObject
    | AmendObject
    | WithdrawObject
    | MarkDamaged
    | DiscardPayload
    | PutRow
    | PutContainer
    | DeleteContainer
    | PutAccount
    | ClearOutbox
    | ClearDue
    | ForgetObject
    | ForgetRow
    | Prove
    | WithdrawRow
    | OweEvent
    | ClearEvents
    | WithdrawEvent
)

# The place in this tuple is the kind on the wire; only append.
_KINDS: tuple[Any, ...] = (
    PutObject,
    AmendObject,
    WithdrawObject,
    MarkDamaged,
    DiscardPayload,
    PutRow,
    PutContainer,
    DeleteContainer,
    PutAccount,
    ClearOutbox,
    ClearDue,
    ForgetObject,
    ForgetRow,
    Prove,
    WithdrawRow,
    OweEvent,
    ClearEvents,
    WithdrawEvent,
)
_KIND_OF = {kind: number for number, kind in enumerate(_KINDS)}
_NESTED: dict[type, dict[int, Any]] = {
    PutObject: {2: ObjectRecord},
    AmendObject: {2: ObjectRecord},
    PutRow: {4: Row},
    PutContainer: {2: ContainerRecord},
    PutAccount: {1: AccountRecord},
    OweEvent: {0: Event},
}


class Status(IntEnum):
    """How a mutation ended."""

    ACCEPTED = 0
    STALE = 1  # something newer is there; `detail` is its timestamp
    CONFLICT = 2  # what was expected is not there; `detail` is what is
    GONE = 3  # the owner of the row is deleted, or another one by now
    NOT_EMPTY = 4
    MISSING = 5
    FULL = 6
    DAMAGED = 7  # the index failed a check; the device is at fault
    SKIPPED = 8  # another mutation of the group was refused
    LOCKED = 9  # object lock protects what would be lost
    VERSIONED = 10  # the name has versions, of whose rows the writer takes no care


class Outcome(NamedTuple):
    """The answer to one mutation.

    Attributes:
        status: see `Status`.
        detail: a timestamp where the status has one.
    """

    status: int
    detail: bytes = ZERO


ACCEPTED = Outcome(Status.ACCEPTED)


def pack_group(number: int, group: list[Mutation]) -> bytes:
    """Return a numbered group as it goes over the wire."""
    packed: bytes = msgpack.packb((number, [(_KIND_OF[type(one)], *one) for one in group]))
    return packed


def unpack_group(data: bytes) -> tuple[int, list[Mutation]]:
    """Return a group from the wire."""
    number, group = msgpack.unpackb(data, use_list=False)  # pairs of metadata are tuples
    return number, [_mutation(*fields) for fields in group]


def _mutation(number: int, *fields: Any) -> Mutation:
    kind = _KINDS[number]
    nested = _NESTED.get(kind)
    if nested:
        values = list(fields)
        for place, record in nested.items():
            values[place] = record(*values[place])
            if record is ObjectRecord:
                values[place] = values[place]._replace(location=Location(*values[place].location))
        fields = tuple(values)
    mutation: Mutation = kind(*fields)
    return mutation


def pack_outcomes(number: int, outcomes: list[Outcome]) -> bytes:
    """Return the answer to a group as it goes over the wire."""
    packed: bytes = msgpack.packb((number, outcomes))
    return packed


def unpack_outcomes(data: bytes) -> tuple[int, list[Outcome]]:
    """Return the answer to a group from the wire."""
    number, outcomes = msgpack.unpackb(data)
    return number, [Outcome(*fields) for fields in outcomes]

"""The record of a version of an object: its stored form, version 2.

A record is a sealed msgpack list in the table `objects`; `storage.object.versions` says under which
key. Its last field says where this device keeps the payload; it is local, and the one part that
replicas may differ in.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import xxhash

from storage.object.lock import is_held, retained_until_s
from storage.seal import DamagedError, pack
from storage.timestamp import Timestamp

TABLE = "objects"
RECORD_VERSION = 2
LOCATION_FIELD = 17
POLICY_SIZE_BYTES = 2
PREFIX_SIZE_BYTES = POLICY_SIZE_BYTES + 16
DIGEST_RANGE_BITS = 12
NULL_VERSION = b"null"
"""Names the null version where a version is asked for; all others go by their write id."""
STORED_SIZE = "x-atoll-stored-size"
"""In system metadata of a sealed object: the size of what is stored as its payload, decimal."""
SEAL = "x-atoll-seal"
"""In system metadata of a sealed object: how it is sealed, as its front door notes it."""
PARTS = "x-atoll-parts"
"""In system metadata of a composite: where its parts lie, which go when nothing names them."""
OF_PAYLOAD = (STORED_SIZE, SEAL, PARTS)
"""System metadata without which a payload is lost: no amendment changes it."""


class State(IntEnum):
    """What a record says of its name."""

    DATA = 0
    DELETE_MARKER = 1
    TOMBSTONE = 2


class Where(IntEnum):
    """Where a device keeps a payload."""

    NOWHERE = 0
    INLINE = 1
    FILE = 2
    DAMAGED = 3


class Location(NamedTuple):
    """A device's own knowledge of a payload.

    Attributes:
        where: it is.
        seal: the payload file's seal; empty for other places.
    """

    where: int = Where.NOWHERE
    seal: bytes = b""


class ObjectRecord(NamedTuple):
    """Everything about one version of an object, but its bytes.

    Attributes:
        version: of this form.
        account: storage account.
        container: name of the container.
        name: of the object.
        container_id: the container it was written to; a new one at each creation.
        write_id: of the write; never changes, names the payload.
        created: timestamp of the write.
        changed: timestamp of the last change of metadata; `created` when there was none.
        state: see `State`.
        size_bytes: of the object as its readers see it.
        etag: MD5 of the payload in hexadecimal; of a composite what its maker says.
        content_type: as the client gave it.
        metadata: the client's own, by lower-case name without a front door's prefix.
        system: everything else that a front door keeps: content-encoding, delete-at, …
        identity: BLAKE3 of the stored payload.
        is_null: this is the null version, of which a name has one: it supersedes older ones.
        manifest_size_bytes: of a composite's manifest, which is what is stored as its payload; 0
            for a plain object, whose payload is stored itself.
        location: see `Location`.
    """

    version: int
    account: str
    container: str
    name: str
    container_id: bytes
    write_id: bytes
    created: Timestamp
    changed: Timestamp
    state: int
    size_bytes: int
    etag: str
    content_type: str
    metadata: dict[str, str]
    system: dict[str, str]
    identity: bytes
    is_null: bool = True
    manifest_size_bytes: int = 0
    location: Location = Location()

    @property
    def is_data(self) -> bool:
        """Whether the name has an object."""
        return self.state == State.DATA

    @property
    def is_visible(self) -> bool:
        """Whether this version is there, be it as the mark of a deletion."""
        return self.state != State.TOMBSTONE

    @property
    def version_id(self) -> bytes:
        """What this version is asked for by."""
        return NULL_VERSION if self.is_null else self.write_id

    @property
    def stored_size_bytes(self) -> int:
        """The size of what is stored as the payload."""
        held = self.system.get(STORED_SIZE)
        return int(held) if held is not None else self.manifest_size_bytes or self.size_bytes

    @property
    def is_sealed(self) -> bool:
        """Whether the payload is stored in another form than its readers see: encrypted."""
        return STORED_SIZE in self.system

    @property
    def delete_at_s(self) -> int | None:
        """When the object expires, in seconds since 1970; not before object lock lets it go."""
        value = self.system.get("x-delete-at")
        if value is None or is_held(self.system):
            return None
        return max(int(value), retained_until_s(self.system))

    @property
    def parts(self) -> str:
        """Where the parts of a composite lie that must be reclaimed after it; empty for none."""
        return self.system.get(PARTS, "") if self.manifest_size_bytes else ""

    def is_expired(self, now_s: float) -> bool:
        """Tell whether the object's time has passed."""
        at = self.delete_at_s
        return at is not None and at <= now_s


def tombstone(
    account: str, container: str, name: str, container_id: bytes, timestamp: Timestamp
) -> ObjectRecord:
    """Return the record of a deletion of the null version: a write of its own."""
    return ObjectRecord(
        RECORD_VERSION, account, container, name, container_id, timestamp, timestamp, timestamp,
        State.TOMBSTONE, 0, "", "", {}, {}, b"",
    )  # fmt: skip


def buried(record: ObjectRecord, timestamp: Timestamp) -> ObjectRecord:
    """Return what is left of a version other than the null one after its deletion."""
    grave = tombstone(
        record.account, record.container, record.name, record.container_id, record.created
    )
    return grave._replace(write_id=record.write_id, changed=timestamp, is_null=False)


def outranks(one: ObjectRecord, other: ObjectRecord) -> bool:
    """Tell which of two records of one version a replica keeps; in any order, the same.

    Of the null version the latest change, or deletion. Of any other the latest change, unless it
    was deleted: that is for good.
    """
    if not one.is_null and one.state != other.state:
        return one.state == State.TOMBSTONE
    return one.changed > other.changed


def object_prefix(policy: int, name_hash: bytes) -> bytes:
    """Return what the keys of all versions of a name begin with."""
    return policy.to_bytes(POLICY_SIZE_BYTES) + name_hash


def encode_object(key: bytes, record: ObjectRecord) -> bytes:
    """Return the stored form of a record."""
    return pack(key, record)


def decode_object(key: bytes, fields: list[Any]) -> ObjectRecord:
    """Return a record from its stored fields.

    Raises:
        DamagedError: a version that this program does not know.
    """
    if fields[0] != RECORD_VERSION:
        raise DamagedError(TABLE, key, f"record version {fields[0]} is unknown")
    fields[LOCATION_FIELD] = Location(*fields[LOCATION_FIELD])
    return ObjectRecord(*fields)


def digest_key(prefix: bytes) -> bytes:
    """Return the key of the digest that covers a name: policy and the hash's leading 12 bits."""
    return prefix[:POLICY_SIZE_BYTES] + (
        int.from_bytes(prefix[POLICY_SIZE_BYTES : POLICY_SIZE_BYTES + 2])
        >> (16 - DIGEST_RANGE_BITS)
    ).to_bytes(2)


def root_key(prefix: bytes) -> bytes:
    """Return the key of the digest that covers a whole policy."""
    return prefix[:POLICY_SIZE_BYTES] + b"root"


def record_digest(prefix: bytes, record: ObjectRecord) -> int:
    """Return the 128-bit hash of what replicas must agree on in a record.

    A damaged payload takes its record out: the digest is then 0.
    """
    if record.location.where == Where.DAMAGED:
        return 0
    key = prefix + record.write_id + record.created + record.changed
    return xxhash.xxh3_128_intdigest(pack(key, record[:LOCATION_FIELD]))

"""The record of a container: its stored form, version 1."""

from __future__ import annotations

from typing import Any, NamedTuple

import xxhash

from storage.device.index import Snapshot, lookup
from storage.metadata import Metadata, merge, thaw, visible
from storage.seal import DamagedError, pack, unpack_body
from storage.timestamp import Timestamp

TABLE = "containers"
DIGEST_KEY = b"containers"
RECORD_VERSION = 1


class ContainerRecord(NamedTuple):
    """A container's configuration.

    Attributes:
        version: of this form.
        account: storage account.
        name: of the container.
        id: timestamp of its creation, under which its rows stand.
        alive: false after its deletion.
        changed: timestamp of the last change.
        policy: storage policy of its objects.
        metadata: everything else, by lower-case header name.
    """

    version: int
    account: str
    name: str
    id: bytes
    alive: bool
    changed: Timestamp
    policy: int
    metadata: Metadata

    @property
    def values(self) -> dict[str, str]:
        """The metadata that was not removed."""
        return visible(self.metadata)


def merge_containers(one: ContainerRecord, other: ContainerRecord) -> ContainerRecord:
    """Return what a replica keeps of two records of one name; order does not matter.

    The dead yields to what was created after its death. Of two living ones that were created at
    once the older one stays, with the metadata of both.
    """
    if one.alive != other.alive:
        dead, living = (other, one) if one.alive else (one, other)
        return living if living.changed > dead.changed else dead
    if not one.alive:
        return max(one, other, key=lambda record: record.changed)
    older = min(one, other, key=lambda record: record.id)
    return older._replace(
        changed=max(one.changed, other.changed), metadata=merge(one.metadata, other.metadata)
    )


def encode_container(key: bytes, record: ContainerRecord) -> bytes:
    """Return the stored form of a record."""
    return pack(key, record)


def container_digest(key: bytes, record: ContainerRecord | None) -> int:
    """Return the 128-bit hash of a record; 0 where there is none."""
    return 0 if record is None else xxhash.xxh3_128_intdigest(encode_container(key, record))


def read_container(snapshot: Snapshot, name_hash: bytes) -> ContainerRecord | None:
    """Return a container's record, dead or alive, or nothing where there never was one.

    Raises:
        DamagedError: the record, or the proof that there is none, failed its check.
    """
    body = lookup(snapshot, TABLE, name_hash)
    if body is None:
        return None
    fields: list[Any] = unpack_body(body)
    if fields[0] != RECORD_VERSION:
        raise DamagedError(TABLE, name_hash, f"record version {fields[0]} is unknown")
    fields[7] = thaw(fields[7])
    return ContainerRecord(*fields)

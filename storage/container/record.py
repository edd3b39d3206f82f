"""The record of a container: its stored form, version 1."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import xxhash

from storage.device.index import Snapshot, lookup
from storage.metadata import Metadata, merge, thaw, visible
from storage.seal import DamagedError, pack, unpack_body
from storage.timestamp import Timestamp

TABLE = "containers"
DIGEST_KEY = b"containers"
RECORD_VERSION = 1
RECORDS_KNOWN_MAX = 1024


class ContainerRecord(NamedTuple):
    """A container's configuration, in one of the lives that its name has had.

    Attributes:
        version: of this form.
        account: storage account.
        name: of the container.
        id: under which its rows stand; another one in each life.
        generation: number of this life, from 1; a creation after a deletion begins the next.
        created: timestamp of the creation.
        changed: timestamp of the last change of metadata.
        deleted: timestamp of the last deletion; zero when there was none.
        policy: storage policy of its objects.
        metadata: everything else, by lower-case header name.
    """

    version: int
    account: str
    name: str
    id: bytes
    generation: int
    created: Timestamp
    changed: Timestamp
    deleted: Timestamp
    policy: int
    metadata: Metadata

    @property
    def alive(self) -> bool:
        """Whether the container is there; a change after a deletion undoes it."""
        return self.changed > self.deleted

    @property
    def latest(self) -> Timestamp:
        """The timestamp of the last change or deletion, which a conditional write names."""
        return max(self.changed, self.deleted)

    @property
    def values(self) -> dict[str, str]:
        """The metadata that was not removed."""
        return visible(self.metadata)


def merge_containers(one: ContainerRecord, other: ContainerRecord) -> ContainerRecord:
    """Return what a replica keeps of two records of one name; in any order, any number of times.

    The later life wins. Within one life each field only grows, and those that created it at once
    created the same one.
    """
    if one.generation != other.generation:
        return max(one, other, key=lambda record: record.generation)
    first = min(one, other, key=lambda record: record.created)
    return first._replace(
        changed=max(one.changed, other.changed),
        deleted=max(one.deleted, other.deleted),
        metadata=merge(one.metadata, other.metadata),
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
    return _decode(name_hash, bytes(body))


@lru_cache(maxsize=RECORDS_KNOWN_MAX)
def _decode(name_hash: bytes, body: bytes) -> ContainerRecord:
    """Return the record in a verified body: the same bytes are read with each request."""
    fields: list[Any] = unpack_body(body)
    if fields[0] != RECORD_VERSION:
        raise DamagedError(TABLE, name_hash, f"record version {fields[0]} is unknown")
    fields[9] = thaw(fields[9])
    return ContainerRecord(*fields)

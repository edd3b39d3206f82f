"""The record of an account: its stored form, version 1."""

from __future__ import annotations

from typing import Any, NamedTuple

import xxhash

from storage.device.index import Snapshot, lookup
from storage.metadata import Metadata, merge, thaw, visible
from storage.seal import DamagedError, pack, unpack_body
from storage.timestamp import Timestamp

TABLE = "accounts"
DIGEST_KEY = b"accounts"
RECORD_VERSION = 1


class AccountRecord(NamedTuple):
    """An account's configuration, in one of the lives that its name has had.

    Attributes:
        version: of this form.
        name: of the account.
        id: under which its rows stand; another one in each life.
        generation: number of this life, from 1; a creation after a deletion begins the next.
        created: timestamp of the creation.
        changed: timestamp of the last change of metadata.
        deleted: timestamp of the deletion; zero when there was none.
        metadata: by lower-case header name.
    """

    version: int
    name: str
    id: bytes
    generation: int
    created: Timestamp
    changed: Timestamp
    deleted: Timestamp
    metadata: Metadata

    @property
    def alive(self) -> bool:
        """Whether the account is there; a change after a deletion undoes it."""
        return self.changed > self.deleted

    @property
    def latest(self) -> Timestamp:
        """The timestamp of the last change or deletion."""
        return max(self.changed, self.deleted)

    @property
    def values(self) -> dict[str, str]:
        """The metadata that was not removed."""
        return visible(self.metadata)


def merge_accounts(one: AccountRecord, other: AccountRecord) -> AccountRecord:
    """Return what a replica keeps of two records of one name; in any order, any number of times.

    The later life wins. Within one life each field only grows, and those that created it at once
    created the same one.
    """
    if one.generation != other.generation:
        return max(one, other, key=lambda record: record.generation)
    return one._replace(
        created=min(one.created, other.created),
        changed=max(one.changed, other.changed),
        deleted=max(one.deleted, other.deleted),
        metadata=merge(one.metadata, other.metadata),
    )


def encode_account(key: bytes, record: AccountRecord) -> bytes:
    """Return the stored form of a record."""
    return pack(key, record)


def account_digest(key: bytes, record: AccountRecord | None) -> int:
    """Return the 128-bit hash of a record; 0 where there is none."""
    return 0 if record is None else xxhash.xxh3_128_intdigest(encode_account(key, record))


def read_account(snapshot: Snapshot, name_hash: bytes) -> AccountRecord | None:
    """Return an account's record, dead or alive, or nothing where there never was one.

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
    return AccountRecord(*fields)

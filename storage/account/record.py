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
    """An account's configuration.

    Attributes:
        version: of this form.
        name: of the account.
        id: timestamp of its creation, under which its rows stand.
        alive: false after its deletion.
        changed: timestamp of the last change.
        metadata: by lower-case header name.
    """

    version: int
    name: str
    id: bytes
    alive: bool
    changed: Timestamp
    metadata: Metadata

    @property
    def values(self) -> dict[str, str]:
        """The metadata that was not removed."""
        return visible(self.metadata)


def merge_accounts(one: AccountRecord, other: AccountRecord) -> AccountRecord:
    """Return what a replica keeps of two records of one name; order does not matter.

    A deletion is final for the id it names: only a record with a greater id brings a name back.
    """
    if one.alive != other.alive:
        dead, living = (other, one) if one.alive else (one, other)
        return living if living.id > dead.changed else dead
    if not one.alive:
        return max(one, other, key=lambda record: record.changed)
    older = min(one, other, key=lambda record: record.id)
    return older._replace(
        changed=max(one.changed, other.changed), metadata=merge(one.metadata, other.metadata)
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
    fields[5] = thaw(fields[5])
    return AccountRecord(*fields)

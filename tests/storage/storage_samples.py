"""Records, rows and mutations to try things with; one after the other, each newer than before."""

from __future__ import annotations

import hashlib

from blake3 import blake3

from storage.account.record import RECORD_VERSION as ACCOUNT_VERSION
from storage.account.record import AccountRecord
from storage.container.record import RECORD_VERSION as CONTAINER_VERSION
from storage.container.record import ContainerRecord
from storage.container.row import Row
from storage.mutation import Mutation, PutAccount, PutContainer, PutObject, PutRow
from storage.object.record import (
    RECORD_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    tombstone,
)
from storage.path import PathHasher, collection_id
from storage.timestamp import ZERO, Timestamp

HASHER = PathHasher(bytes(range(32)))
ACCOUNT_HASH = HASHER("AUTH_a")
CONTAINER_HASH = HASHER("AUTH_a", "c")
EPOCH_MS = 1_750_000_000_000


def at(number: int) -> Timestamp:
    """Return the timestamp of the process that all samples come from."""
    return Timestamp((EPOCH_MS + number).to_bytes(6) + b"\0\1" + b"\0\0\1\7")


ACCOUNT_ID = collection_id(ACCOUNT_HASH, 1)
CONTAINER_ID = collection_id(CONTAINER_HASH, 1)


class Samples:
    """Makes mutations in order of time."""

    def __init__(self) -> None:
        self._number = 1

    def now(self) -> Timestamp:
        """Draw a timestamp."""
        self._number += 1
        return at(self._number)

    def account(self) -> PutAccount:
        """Create the account."""
        record = AccountRecord(ACCOUNT_VERSION, "AUTH_a", ACCOUNT_ID, 1, at(0), at(0), ZERO, {})
        return PutAccount(ACCOUNT_HASH, record)

    def container(self) -> PutContainer:
        """Create the container."""
        record = ContainerRecord(
            CONTAINER_VERSION, "AUTH_a", "c", CONTAINER_ID, 1, at(1), at(1), ZERO, 0, {}
        )
        return PutContainer(ACCOUNT_HASH, CONTAINER_HASH, record)

    @staticmethod
    def name_hash(name: str) -> bytes:
        """Return the hash of an object's path."""
        return HASHER("AUTH_a", "c", name)

    def record(self, name: str, payload: bytes, where: Where = Where.INLINE) -> ObjectRecord:
        """Return the record of an object as it is now written."""
        now = self.now()
        etag = hashlib.md5(payload, usedforsecurity=False).hexdigest()
        return ObjectRecord(
            RECORD_VERSION, "AUTH_a", "c", name, CONTAINER_ID, now, now, now, State.DATA,
            len(payload), etag, "text/plain", {"color": "red"}, {"x": "y"},
            blake3(payload).digest(), location=Location(where),
        )  # fmt: skip

    def put(self, name: str, payload: bytes) -> list[Mutation]:
        """Store an object and its row."""
        record = self.record(name, payload)
        return [PutObject(0, self.name_hash(name), record, payload), self.row(record)]

    def delete(self, name: str) -> list[Mutation]:
        """Store a tombstone and its row."""
        record = tombstone("AUTH_a", "c", name, CONTAINER_ID, self.now())
        return [PutObject(0, self.name_hash(name), record), self.row(record)]

    @staticmethod
    def row(record: ObjectRecord) -> PutRow:
        """Store the row of a record."""
        row = Row(record.changed, True, 0)
        if record.state == State.DATA:
            row = Row(record.changed, False, 1, record.size_bytes, record.etag, record.content_type)
        return PutRow(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, record.name, row)

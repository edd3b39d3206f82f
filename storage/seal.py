"""The checksum that every stored value carries over its key and itself.

A sealed value is the xxh3-64 of key and body, then the body. It is tested on each read: a value
whose bytes changed, or that stands under another key than it was written for, is never believed.
"""

from __future__ import annotations

from typing import Any

import msgpack
import xxhash
from typing_extensions import Buffer

SEAL_SIZE_BYTES = 8
_digest = xxhash.xxh3_64_digest
_intdigest = xxhash.xxh3_64_intdigest
_pack = msgpack.Packer().pack
unpack_body = msgpack.unpackb


class DamagedError(Exception):
    """A stored value, or the absence of one, failed its check; the disk is at fault.

    Attributes:
        table: of the index.
        key: that was looked for.
    """

    def __init__(self, table: str, key: bytes, reason: str) -> None:
        self.table = table
        self.key = key
        super().__init__(f"{table} {key.hex()}: {reason}")


class DisorderError(DamagedError):
    """Entries with good seals stand where they cannot: a page of the index is not the right one."""


def seal(key: bytes, body: bytes) -> bytes:
    """Return the sealed value of a body stored under a key."""
    return _digest(body, _intdigest(key)) + body


def is_sealed(key: Buffer, value: Buffer) -> bool:
    """Tell whether a stored value is the one that was written under this key."""
    view = memoryview(value)
    return _digest(view[SEAL_SIZE_BYTES:], _intdigest(key)) == view[:SEAL_SIZE_BYTES]


def unseal(table: str, key: Buffer, value: Buffer) -> memoryview:
    """Return the body of a sealed value, without a copy.

    Raises:
        DamagedError: the seal is broken.
    """
    view = memoryview(value)
    body = view[SEAL_SIZE_BYTES:]
    if _digest(body, _intdigest(key)) != view[:SEAL_SIZE_BYTES]:
        raise DamagedError(table, bytes(key), "seal broken")
    return body


def pack(key: bytes, fields: object) -> bytes:
    """Return the sealed msgpack of a record's fields."""
    return seal(key, _pack(fields))


def unpack(table: str, key: Buffer, value: Buffer) -> Any:
    """Return the fields of a sealed msgpack record.

    Raises:
        DamagedError: the seal is broken.
    """
    return unpack_body(unseal(table, key, value))

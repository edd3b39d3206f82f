"""Checksums in records, and those of composites from their parts': no byte is read again.

The algorithms and both types are S3's ("Checking object integrity", Amazon S3 User Guide). A
checksum is stored in system metadata, as base64, under `checksum_key`, beside `CHECKSUM_TYPE`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import reduce
from typing import Final, NamedTuple

import xxhash

from native import crc

CHECKSUM_TYPE: Final = "x-checksum-type"
"""In system metadata beside a checksum: its `ChecksumType`; a plain object's needs none."""


class ChecksumAlgorithm(StrEnum):
    """How a checksum is computed."""

    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    CRC64NVME = "CRC64NVME"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"
    MD5 = "MD5"
    XXHASH64 = "XXHASH64"
    XXHASH3 = "XXHASH3"
    XXHASH128 = "XXHASH128"


class ChecksumType(StrEnum):
    """What the checksum of a composite is of."""

    FULL_OBJECT = "FULL_OBJECT"
    """Of all its bytes, as if it had come in one piece; only a CRC can be."""
    COMPOSITE = "COMPOSITE"
    """Of the checksums of its parts."""


class ChecksumPlan(NamedTuple):
    """Which checksum an object shall have; the front door sees to it that there is such a one."""

    algorithm: ChecksumAlgorithm
    type: ChecksumType


class _Crc(NamedTuple):
    width_bytes: int
    whole: Callable[[bytes], int]
    combine: Callable[[int, int, int], int]


_CRCS: Final = {
    ChecksumAlgorithm.CRC32: _Crc(4, crc.crc32, crc.crc32_combine),
    ChecksumAlgorithm.CRC32C: _Crc(4, crc.crc32c, crc.crc32c_combine),
    ChecksumAlgorithm.CRC64NVME: _Crc(8, crc.crc64nvme, crc.crc64nvme_combine),
}
_HASHES: Final[Mapping[ChecksumAlgorithm, Callable[[bytes], bytes]]] = {
    ChecksumAlgorithm.SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    ChecksumAlgorithm.SHA256: lambda data: hashlib.sha256(data).digest(),
    ChecksumAlgorithm.SHA512: lambda data: hashlib.sha512(data).digest(),
    ChecksumAlgorithm.MD5: lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    ChecksumAlgorithm.XXHASH64: xxhash.xxh64_digest,
    ChecksumAlgorithm.XXHASH3: xxhash.xxh3_64_digest,
    ChecksumAlgorithm.XXHASH128: xxhash.xxh3_128_digest,
}


def checksum_key(algorithm: ChecksumAlgorithm) -> str:
    """Return the name that a checksum has in system metadata."""
    return f"x-checksum-{algorithm.lower()}"


def stored_checksum(system: Mapping[str, str], algorithm: ChecksumAlgorithm) -> bytes:
    """Return the raw checksum of a plain object; nothing where it has none of this algorithm."""
    return base64.b64decode(system.get(checksum_key(algorithm), ""))


def checksum_of_parts(plan: ChecksumPlan, parts: Sequence[tuple[bytes, int]]) -> str:
    """Return the checksum of a composite, as base64; of type COMPOSITE with `-` and their number.

    Args:
        plan: algorithm and type.
        parts: raw checksum and size in bytes of each part, in order; at least one.
    """
    if plan.type is ChecksumType.FULL_OBJECT:
        return base64.b64encode(_joined(_CRCS[plan.algorithm], parts)).decode()
    whole = _digest(plan.algorithm, b"".join(checksum for checksum, _ in parts))
    return f"{base64.b64encode(whole).decode()}-{len(parts)}"


def _joined(kind: _Crc, parts: Sequence[tuple[bytes, int]]) -> bytes:
    def join(first: int, part: tuple[bytes, int]) -> int:
        return kind.combine(first, int.from_bytes(part[0]), part[1])

    return reduce(join, parts, 0).to_bytes(kind.width_bytes)


def _digest(algorithm: ChecksumAlgorithm, data: bytes) -> bytes:
    kind = _CRCS.get(algorithm)
    return _HASHES[algorithm](data) if kind is None else kind.whole(data).to_bytes(kind.width_bytes)


def etag_of_parts(etags: Sequence[str]) -> str:
    """Return S3's ETag of a multipart object: the MD5 of the parts' binary MD5s, `-`, their number.

    Args:
        etags: MD5 of each part in hexadecimal.

    Raises:
        ValueError: one is none.
    """
    raw = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(raw, usedforsecurity=False).hexdigest()}-{len(etags)}"

"""The checksum algorithms of S3, for whole objects and for those of several parts.

Source: "Checking object integrity in Amazon S3" in the User Guide.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple, Protocol

import xxhash

from native.crc import (
    crc32,
    crc32_combine,
    crc32c,
    crc32c_combine,
    crc64nvme,
    crc64nvme_combine,
)

HEADER_PREFIX: Final = "x-amz-checksum-"


class Digest(Protocol):
    """A checksum in the making."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, in network order."""


class Kind(Enum):
    """What the checksum of a multipart object is of; the values are x-amz-checksum-type's."""

    FULL_OBJECT = "FULL_OBJECT"
    COMPOSITE = "COMPOSITE"


class Algorithm(Enum):
    """A checksum algorithm; the values are those of x-amz-checksum-algorithm."""

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

    @property
    def header(self) -> str:
        """Name of the header, or trailer, that carries it."""
        return HEADER_PREFIX + self.value.lower()

    @property
    def element(self) -> str:
        """Name of the XML element that carries it."""
        return f"Checksum{self.value}"

    @property
    def size_bytes(self) -> int:
        """Length of a checksum."""
        return _SIZES[self]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What a multipart object may have, the default first."""
        if self is Algorithm.CRC64NVME:
            return (Kind.FULL_OBJECT,)
        if self in _CRCS:
            return (Kind.COMPOSITE, Kind.FULL_OBJECT)
        return (Kind.COMPOSITE,)

    def new(self) -> Digest:
        """Begin a checksum."""
        crc = _CRCS.get(self)
        return _HASHES[self]() if crc is None else _Crc(crc)


class Checksum(NamedTuple):
    """A checksum of an object or part.

    Attributes:
        algorithm: that made it.
        digest: in network order.
    """

    algorithm: Algorithm
    digest: bytes

    @property
    def text(self) -> str:
        """In Base64, as S3 shows it."""
        return b64encode(self.digest).decode("ascii")


class _CrcFunctions(NamedTuple):
    """What `native.crc` has for one polynomial, and the length of its checksum in bytes."""

    continued: Callable[[bytes, int], int]
    combine: Callable[[int, int, int], int]
    size_bytes: int


_CRCS: Final[Mapping[Algorithm, _CrcFunctions]] = {
    Algorithm.CRC32: _CrcFunctions(crc32, crc32_combine, 4),
    Algorithm.CRC32C: _CrcFunctions(crc32c, crc32c_combine, 4),
    Algorithm.CRC64NVME: _CrcFunctions(crc64nvme, crc64nvme_combine, 8),
}
_HASHES: Final[Mapping[Algorithm, Callable[[], Digest]]] = {
    Algorithm.SHA1: lambda: hashlib.sha1(usedforsecurity=False),
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.SHA512: hashlib.sha512,
    Algorithm.MD5: lambda: hashlib.md5(usedforsecurity=False),
    Algorithm.XXHASH64: xxhash.xxh64,
    Algorithm.XXHASH3: xxhash.xxh3_64,
    Algorithm.XXHASH128: xxhash.xxh3_128,
}


class _Crc:
    __slots__ = ("_crc", "_value")

    def __init__(self, crc: _CrcFunctions) -> None:
        self._crc = crc
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._crc.continued(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._crc.size_bytes)


_SIZES: Final = {algorithm: len(algorithm.new().digest()) for algorithm in Algorithm}
BY_HEADER: Final = {algorithm.header: algorithm for algorithm in Algorithm}
BY_NAME: Final = {algorithm.value: algorithm for algorithm in Algorithm}


def composite(algorithm: Algorithm, digests: Iterable[bytes]) -> Checksum:
    """Return the checksum of a multipart object's parts' checksums."""
    whole = algorithm.new()
    for digest in digests:
        whole.update(digest)
    return Checksum(algorithm, whole.digest())


def full_object(algorithm: Algorithm, parts: Iterable[tuple[bytes, int]]) -> Checksum:
    """Return the checksum of a multipart object from its parts', without reading the object.

    Args:
        algorithm: one of the cyclic redundancy checks.
        parts: checksum and length in bytes of each.
    """
    crc = _CRCS[algorithm]
    value = 0
    for digest, size_bytes in parts:
        value = crc.combine(value, int.from_bytes(digest), size_bytes)
    return Checksum(algorithm, value.to_bytes(crc.size_bytes))


def parse_checksum(algorithm: Algorithm, text: str) -> Checksum | None:
    """Return a checksum from Base64, or nothing where the text is none of this algorithm."""
    digest = decode_digest(text, algorithm.size_bytes)
    return None if digest is None else Checksum(algorithm, digest)


def decode_digest(text: str, size_bytes: int) -> bytes | None:
    """Return bytes of a length from Base64, or nothing where the text is none of them."""
    try:
        digest = b64decode(text, validate=True)
    except (Base64Error, ValueError):  # the latter: characters that are not ASCII
        return None
    return digest if len(digest) == size_bytes else None

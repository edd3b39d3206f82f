"""Cyclic redundancy checks, in the form of `zlib.crc32`: whole, continued and combined.

`crc32(b, crc32(a))` and `crc32_combine(crc32(a), crc32(b), len(b))` are both `crc32(a + b)`. All
three are reflected, start from ones and end with the complement.
"""

from __future__ import annotations

from typing import Final

from typing_extensions import Buffer

from native.dispatch import KERNELS
from native.errors import ChecksumRangeError
from native.interface import CrcKind

LENGTH_LIMIT: Final = 1 << 60
"""The least length, in bytes, that is too large to combine."""

_CRC_32: Final = CrcKind.CRC_32
_CRC_32C: Final = CrcKind.CRC_32C
_CRC_64NVME: Final = CrcKind.CRC_64NVME
_crc: Final = KERNELS.crc


def crc32(data: Buffer, value: int = 0) -> int:
    """Return the CRC-32 of IEEE 802.3, as zlib, gzip and S3's CRC32 have it.

    Args:
        data: any contiguous buffer.
        value: the checksum of what comes before the data.

    Raises:
        ChecksumRangeError: the value does not fit into 32 bits.
    """
    if value:
        _check_range(value, 1 << 32)
    return _crc(_CRC_32, data, value)


def crc32c(data: Buffer, value: int = 0) -> int:
    """Return Castagnoli's CRC-32C, as iSCSI (RFC 3720) and S3's CRC32C have it.

    Args:
        data: any contiguous buffer.
        value: the checksum of what comes before the data.

    Raises:
        ChecksumRangeError: the value does not fit into 32 bits.
    """
    if value:
        _check_range(value, 1 << 32)
    return _crc(_CRC_32C, data, value)


def crc64nvme(data: Buffer, value: int = 0) -> int:
    """Return the CRC-64 of the NVM Express specification, as S3's CRC64NVME has it.

    Args:
        data: any contiguous buffer.
        value: the checksum of what comes before the data.

    Raises:
        ChecksumRangeError: the value does not fit into 64 bits.
    """
    if value:
        _check_range(value, 1 << 64)
    return _crc(_CRC_64NVME, data, value)


def crc32_combine(first: int, second: int, second_bytes: int) -> int:
    """Return the CRC-32 of two parts, from the checksum of each and the second's length.

    Raises:
        ChecksumRangeError: a checksum exceeds 32 bits, or the length is not in [0, 2^60).
    """
    return _combine(_CRC_32, first, second, second_bytes)


def crc32c_combine(first: int, second: int, second_bytes: int) -> int:
    """Return the CRC-32C of two parts, from the checksum of each and the second's length.

    Raises:
        ChecksumRangeError: a checksum exceeds 32 bits, or the length is not in [0, 2^60).
    """
    return _combine(_CRC_32C, first, second, second_bytes)


def crc64nvme_combine(first: int, second: int, second_bytes: int) -> int:
    """Return the CRC-64/NVME of two parts, from the checksum of each and the second's length.

    Raises:
        ChecksumRangeError: a checksum exceeds 64 bits, or the length is not in [0, 2^60).
    """
    return _combine(_CRC_64NVME, first, second, second_bytes)


def _combine(kind: CrcKind, first: int, second: int, second_bytes: int) -> int:
    _check_range(first, 1 << kind.width)
    _check_range(second, 1 << kind.width)
    _check_range(second_bytes, LENGTH_LIMIT)
    return KERNELS.crc_combine(kind, first, second, second_bytes)


def _check_range(value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise ChecksumRangeError(value, limit)

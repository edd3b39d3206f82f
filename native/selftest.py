"""Known answers for every kernel, tried before a process serves anything.

The vectors reach each branch of each dispatch level: whole and partial vectors, buffers off every
alignment, one to seven rows at a time. They are part of the format: a code or checksum that fails
them would misread what older processes wrote.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

from typing_extensions import Buffer

from native.dispatch import KERNELS
from native.errors import SelfTestError
from native.interface import CrcKind, Kernels
from native.reed_solomon import ReedSolomon

_PATTERN: Final = hashlib.shake_128(b"atoll").digest(8192)

_CHECKSUMS: Final = {
    CrcKind.CRC_32: {
        0: 0x00000000,
        1: 0x92DDE4EB,
        15: 0x16260DB3,
        16: 0x4487FCBE,
        63: 0x96D9EDE4,
        64: 0x88904220,
        255: 0x11DCC19F,
        256: 0xE1CDF237,
        1023: 0x676CEDEE,
        3072: 0xB02D7A27,
        7001: 0xF5235633,
    },
    CrcKind.CRC_32C: {
        0: 0x00000000,
        1: 0xDAAFD373,
        15: 0x69CF9E0D,
        16: 0x0AD2C4E6,
        63: 0xCCFB7D9D,
        64: 0xC345D7B6,
        255: 0x9F343687,
        256: 0x07786D50,
        1023: 0x2FDDBF50,
        3072: 0x82C04102,
        7001: 0x17C259C6,
    },
    CrcKind.CRC_64NVME: {
        0: 0x0000000000000000,
        1: 0x31ECEA8020CA5077,
        15: 0xA6DFA65EDCA3127A,
        16: 0xA5AE827C306A03A7,
        63: 0x926E0E10B9270C65,
        64: 0xEB8ED9CA408AF5AC,
        255: 0x9C45F8B11B14FA1B,
        256: 0xB8C320CAEEEC292B,
        1023: 0xED51B59918A10F71,
        3072: 0x111132E60FC9CF38,
        7001: 0x3A011527C779EA6A,
    },
}
"""The checksum of that many bytes of the pattern, from its byte `length % 64` on."""

_CODES: Final = {
    (1, 0): 0x00000000,
    (1, 1): 0xF49C8051,
    (2, 1): 0x616B61B4,
    (3, 2): 0x0ABB8ED4,
    (8, 3): 0xC14D9054,
    (10, 4): 0x1D42EF78,
    (6, 5): 0xF0125D76,
    (6, 6): 0xD9DC983F,
    (7, 7): 0xCD998B73,
    (12, 8): 0x15BE0E8D,
}
"""The CRC-32 of all parity fragments, by k and m."""

_FRAGMENT_BYTES: Final = 421


def self_test(kernels: Kernels = KERNELS) -> None:
    """Compare the kernels with their known answers; takes about a millisecond.

    Raises:
        SelfTestError: a result is wrong; the process must not start.
    """
    for kind, checksums in _CHECKSUMS.items():
        for length, expected in checksums.items():
            _test_checksum(kernels, kind, length, expected)
    for (data_count, parity_count), expected in _CODES.items():
        _test_code(kernels, data_count, parity_count, expected)


def _test_checksum(kernels: Kernels, kind: CrcKind, length: int, expected: int) -> None:
    """Whole, then in two parts that are continued and combined."""
    test = f"{kind.name} of {length} bytes"
    data = memoryview(_PATTERN)[length % 64 :][:length]
    head, tail = data[: length // 3], data[length // 3 :]
    first = kernels.crc(kind, head, 0)
    _expect(kernels, test, kernels.crc(kind, data, 0), expected)
    _expect(kernels, f"{test}, continued", kernels.crc(kind, tail, first), expected)
    combined = kernels.crc_combine(kind, first, kernels.crc(kind, tail, 0), len(tail))
    _expect(kernels, f"{test}, combined", combined, expected)


def _test_code(kernels: Kernels, data_count: int, parity_count: int, expected: int) -> None:
    """Encode, then decode as many data fragments as the parity can replace."""
    test = f"Reed-Solomon {data_count}+{parity_count}"
    code = ReedSolomon(data_count, parity_count, kernels=kernels)
    data = [_PATTERN[17 * index :][:_FRAGMENT_BYTES] for index in range(data_count)]
    parity = code.encode(data)
    _expect(kernels, f"{test}, encoding", zlib.crc32(b"".join(parity)), expected)
    fragments: dict[int, Buffer] = dict(enumerate([*data, *parity]))
    lost = range(min(data_count, parity_count))
    left = {index: fragments[index] for index in fragments if index not in lost}
    for index, fragment in zip(lost, code.decode(left, lost), strict=True):
        found, right = zlib.crc32(fragment), zlib.crc32(fragments[index])
        _expect(kernels, f"{test}, decoding fragment {index}", found, right)


def _expect(kernels: Kernels, test: str, found: int, expected: int) -> None:
    if found != expected:
        raise SelfTestError(kernels.name, test, f"{found:#x}", f"{expected:#x}")

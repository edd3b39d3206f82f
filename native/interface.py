"""What a set of kernels can do; the Python reference and the compiled levels all implement it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol

from typing_extensions import Buffer

FRAGMENTS_MAX: Final = 64
"""The most fragments, data and parity together, of one stripe."""


class CrcKind(IntEnum):
    """The cyclic redundancy checks, numbered as in native/src/kernels.h."""

    CRC_32 = 0
    CRC_32C = 1
    CRC_64NVME = 2

    @property
    def width(self) -> int:
        """The size of a checksum in bits."""
        return 64 if self is CrcKind.CRC_64NVME else 32


class Kernels(Protocol):
    """The computations that decide the speed of the data path."""

    @property
    def name(self) -> str:
        """Who computes: `reference` or the name of a dispatch level."""

    def dot_products(
        self, matrix: bytes, sources: Sequence[Buffer], outputs: Sequence[Buffer]
    ) -> None:
        """Multiply a matrix over GF(2^8) by a vector of buffers.

        Output r becomes the sum over s of matrix[r, s] * source s, byte by byte.

        Args:
            matrix: len(outputs) rows of len(sources) coefficients.
            sources: 1 to 64 contiguous buffers of one size.
            outputs: at most 64 writable ones of the same size, overlapping no other buffer.
        """

    def crc(self, kind: CrcKind, data: Buffer, value: int) -> int:
        """Return the checksum of what `value` covers (0 for nothing) followed by the data."""

    def crc_combine(self, kind: CrcKind, first: int, second: int, second_bytes: int) -> int:
        """Return the checksum of a concatenation from those of its parts."""

"""The kernels in plain Python: slow, short, and the judge of the others in tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from typing_extensions import Buffer

from native import galois
from native.interface import CrcKind

_POLYNOMIALS = {
    CrcKind.CRC_32: 0xEDB88320,
    CrcKind.CRC_32C: 0x82F63B78,
    CrcKind.CRC_64NVME: 0x9A6C9329AC4BC9B5,
}
"""Reflected, the lowest bit being the highest power, and less the highest power of all."""


class ReferenceKernels:
    """Implements `native.interface.Kernels` by definition."""

    name = "reference"

    def dot_products(
        self, matrix: bytes, sources: Sequence[Buffer], outputs: Sequence[Buffer]
    ) -> None:
        """See `native.interface.Kernels.dot_products`."""
        rows = [bytes(source) for source in sources]
        for index, output in enumerate(outputs):
            coefficients = matrix[index * len(rows) : (index + 1) * len(rows)]
            memoryview(output).cast("B")[:] = galois.combine(coefficients, rows)

    def crc(self, kind: CrcKind, data: Buffer, value: int) -> int:
        """See `native.interface.Kernels.crc`."""
        ones = (1 << kind.width) - 1
        register = value ^ ones
        for byte in bytes(data):
            register = _after_byte(kind, register, byte)
        return register ^ ones

    def crc_combine(self, kind: CrcKind, first: int, second: int, second_bytes: int) -> int:
        """See `native.interface.Kernels.crc_combine`; takes time linear in the length.

        CRCs are linear: the concatenation is the sum of the first part followed by zeros and of
        the second part alone, and the ones that start and end each register cancel out.
        """
        register = first
        for _ in range(second_bytes):
            register = _after_byte(kind, register, 0)
        return register ^ second


def _after_byte(kind: CrcKind, register: int, byte: int) -> int:
    return register >> 8 ^ _byte_table(kind)[(register ^ byte) & 0xFF]


@cache
def _byte_table(kind: CrcKind) -> list[int]:
    """The register that each lowest byte becomes in eight steps of polynomial division."""
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIALS[kind] if register & 1 else 0)
        table.append(register)
    return table

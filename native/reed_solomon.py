"""Systematic Reed-Solomon codes: k data fragments, m parity fragments, any k of them suffice.

Fragments are numbered: 0 to k-1 are the data itself, k to k+m-1 the parity. The coefficients are
part of the format on disk and must never change; docs/native.md derives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from typing_extensions import Buffer

from native import galois
from native.dispatch import KERNELS
from native.errors import (
    CodeShapeError,
    FragmentCountError,
    FragmentIndexError,
    FragmentSizeError,
    TooFewFragmentsError,
)
from native.interface import FRAGMENTS_MAX, Kernels

DECODE_MATRICES_MAX: Final = 256
"""The most decode matrices that a code remembers; the largest takes 4 KiB."""


def coefficient(parity: int, data: int) -> int:
    """Return what parity fragment number `parity` takes data fragment number `data` times.

    A Cauchy matrix 1 / (x + y) with x = 64 + parity and y = data, each column and then each row
    scaled so that the first of both are ones. It depends on neither k nor m.

    Args:
        parity: counted from 0, below 64.
        data: counted from 0, below 64.
    """
    x, y = FRAGMENTS_MAX + parity, data
    first_x, first_y = FRAGMENTS_MAX, 0
    return galois.divide(
        galois.multiply(first_x ^ y, x ^ first_y),
        galois.multiply(x ^ y, first_x ^ first_y),
    )


class ReedSolomon:
    """One code: how many data and parity fragments.

    Safe to share between threads. Buffers that are written must not overlap any other.
    """

    def __init__(self, data_count: int, parity_count: int, *, kernels: Kernels = KERNELS) -> None:
        """Derive the code's matrix.

        Args:
            data_count: k, at least 1.
            parity_count: m, at least 0; k + m is at most 64.
            kernels: who computes.

        Raises:
            CodeShapeError: a count is out of range.
        """
        if data_count < 1 or parity_count < 0 or data_count + parity_count > FRAGMENTS_MAX:
            raise CodeShapeError(data_count, parity_count, FRAGMENTS_MAX)
        self.data_count = data_count
        self.parity_count = parity_count
        self.fragment_count = data_count + parity_count
        self._kernels = kernels
        self._rows = [
            *galois.identity(data_count),
            *(
                bytes(coefficient(parity, data) for data in range(data_count))
                for parity in range(parity_count)
            ),
        ]
        self._parity_matrix = b"".join(self._rows[data_count:])
        self._decode_matrix = lru_cache(DECODE_MATRICES_MAX)(self._solve)

    def encode(self, data: Sequence[Buffer]) -> list[bytearray]:
        """Return the parity fragments of the k data fragments.

        Raises:
            FragmentCountError: there are not k of them.
            FragmentSizeError: they differ in size.
        """
        parity = [bytearray(_size(data)) for _ in range(self.parity_count)]
        self.encode_into(data, parity)
        return parity

    def encode_into(self, data: Sequence[Buffer], parity: Sequence[Buffer]) -> None:
        """Write the parity fragments of the k data fragments into m buffers of their size.

        Raises:
            FragmentCountError: there are not k data fragments, or not m buffers.
            FragmentSizeError: they differ in size.
        """
        _check_count(data, self.data_count)
        _check_count(parity, self.parity_count)
        _check_sizes(range(self.fragment_count), [*data, *parity])
        self._kernels.dot_products(self._parity_matrix, data, parity)

    def decode(self, available: Mapping[int, Buffer], wanted: Sequence[int]) -> list[bytearray]:
        """Return the wanted fragments, data or parity, computed from any k available ones.

        Args:
            available: fragments by index; of more than k, the k lowest are read.
            wanted: indexes of fragments; one that is available is computed all the same.

        Raises:
            FragmentIndexError: an index is not in [0, k + m).
            TooFewFragmentsError: fewer than k are available.
            FragmentSizeError: those available differ in size.
        """
        outputs = [bytearray(_size([*available.values()])) for _ in wanted]
        self.decode_into(available, wanted, outputs)
        return outputs

    def decode_into(
        self, available: Mapping[int, Buffer], wanted: Sequence[int], outputs: Sequence[Buffer]
    ) -> None:
        """Write the wanted fragments, as `decode` returns them, into buffers of their size.

        Raises:
            FragmentIndexError: an index is not in [0, k + m).
            TooFewFragmentsError: fewer than k are available.
            FragmentCountError: there is not one buffer per wanted fragment, or more than k + m
                fragments are wanted.
            FragmentSizeError: fragments and buffers differ in size.
        """
        for index in (*available, *wanted):
            if not 0 <= index < self.fragment_count:
                raise FragmentIndexError(index, self.fragment_count)
        if len(available) < self.data_count:
            raise TooFewFragmentsError(len(available), self.data_count)
        if len(wanted) > self.fragment_count:
            raise FragmentCountError(len(wanted), self.fragment_count)
        _check_count(outputs, len(wanted))
        _check_sizes([*available, *wanted], [*available.values(), *outputs])
        # Data comes first: its rows are those of the identity, and cheap to solve.
        chosen = tuple(sorted(available)[: self.data_count])
        matrix = self._decode_matrix(chosen, tuple(wanted))
        self._kernels.dot_products(matrix, [available[index] for index in chosen], outputs)

    def repair(self, available: Mapping[int, Buffer], index: int) -> bytearray:
        """Return one fragment, computed from any k available ones; see `decode`."""
        [fragment] = self.decode(available, [index])
        return fragment

    def _solve(self, chosen: tuple[int, ...], wanted: tuple[int, ...]) -> bytes:
        """The matrix that computes the wanted fragments from the k chosen ones."""
        inverse = galois.invert([self._rows[index] for index in chosen])
        return b"".join(galois.combine(self._rows[index], inverse) for index in wanted)


def _size(fragments: Sequence[Buffer]) -> int:
    return memoryview(fragments[0]).nbytes if fragments else 0


def _check_count(buffers: Sequence[Buffer], expected: int) -> None:
    if len(buffers) != expected:
        raise FragmentCountError(len(buffers), expected)


def _check_sizes(indexes: Sequence[int], fragments: Sequence[Buffer]) -> None:
    sizes = [memoryview(fragment).nbytes for fragment in fragments]
    if len(set(sizes)) > 1:
        index, size = next(pair for pair in zip(indexes, sizes, strict=True) if pair[1] != sizes[0])
        raise FragmentSizeError(index, size, sizes[0])

"""Arithmetic and matrices over GF(2^8), in Python.

The field is GF(2)[x] / (x^8 + x^4 + x^3 + x^2 + 1), the usual one for Reed-Solomon codes: an
element is a byte, addition is XOR, and 2 generates all 255 elements other than zero. A row of a
matrix is a `bytes` object, so that a product by an element is one `bytes.translate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from atoll.invariant import invariant

POLYNOMIAL: Final = 0x11D


def _powers_of_two() -> list[int]:
    """Twice the cycle of 255 powers, so that sums of two logarithms need no reduction."""
    powers = [1]
    while len(powers) < 2 * 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ POLYNOMIAL if doubled > 255 else doubled)
    return powers


_POWERS: Final = _powers_of_two()
_LOGARITHMS: Final = {power: exponent for exponent, power in enumerate(_POWERS[:255])}


def multiply(a: int, b: int) -> int:
    """Return the product of two elements."""
    return _POWERS[_LOGARITHMS[a] + _LOGARITHMS[b]] if a and b else 0


def divide(a: int, b: int) -> int:
    """Return the quotient of two elements.

    Raises:
        ZeroDivisionError: b is zero.
    """
    if not b:
        raise ZeroDivisionError("division by zero in GF(2^8)")
    return _POWERS[_LOGARITHMS[a] + 255 - _LOGARITHMS[b]] if a else 0


@cache
def _products(factor: int) -> bytes:
    """The products of one factor with each element, as a table for `bytes.translate`."""
    if not factor:
        return bytes(256)
    shift = _LOGARITHMS[factor]
    return bytes([0, *(_POWERS[shift + _LOGARITHMS[value]] for value in range(1, 256))])


def scale(factor: int, row: bytes) -> bytes:
    """Return the product of an element and a row."""
    return row.translate(_products(factor))


def add(a: bytes, b: bytes) -> bytes:
    """Return the sum of two rows of one length."""
    return (int.from_bytes(a) ^ int.from_bytes(b)).to_bytes(len(a))


def combine(coefficients: bytes, rows: Sequence[bytes]) -> bytes:
    """Return the sum of the rows, each scaled by its coefficient."""
    total = bytes(len(rows[0]))
    for coefficient, row in zip(coefficients, rows, strict=True):
        if coefficient:
            total = add(total, scale(coefficient, row))
    return total


def identity(size: int) -> list[bytes]:
    """Return the square matrix that changes nothing."""
    return [bytes(column == row for column in range(size)) for row in range(size)]


def invert(matrix: Sequence[bytes]) -> list[bytes]:
    """Return the inverse of a square matrix, by Gauss-Jordan elimination.

    Zeros are skipped, so the many unit rows of a systematic code cost next to nothing.

    Raises:
        InvariantError: the matrix is singular, which no code matrix of ours is.
    """
    size = len(matrix)
    rows = [row + unit for row, unit in zip(matrix, identity(size), strict=True)]
    for column in range(size):
        pivot = next((row for row in range(column, size) if rows[row][column]), column)
        invariant(rows[pivot][column], "the matrix is invertible", rows=[*map(bytes.hex, matrix)])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = scale(divide(1, rows[column][column]), rows[column])
        for row in range(size):
            factor = rows[row][column]
            if factor and row != column:
                rows[row] = add(rows[row], scale(factor, rows[column]))
    return [row[size:] for row in rows]

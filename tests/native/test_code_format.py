"""The code's coefficients are a format on disk: frozen, and good for any loss of m fragments."""

from __future__ import annotations

import hashlib
import itertools
import random

import pytest

from atoll.invariant import InvariantError
from native import ReedSolomon, galois
from native.interface import FRAGMENTS_MAX, Kernels
from native.reed_solomon import coefficient

INDEXES = range(FRAGMENTS_MAX)


def test_golden_coefficients() -> None:
    assert [bytes(coefficient(row, column) for column in range(8)).hex() for row in range(4)] == [
        "0101010101010101",
        "017c48a8618ceba9",
        "0148e86adc22f091",
        "01a86a95c874f17d",
    ]
    table = bytes(coefficient(row, column) for row in INDEXES for column in INDEXES)
    assert hashlib.sha256(table).hexdigest() == (
        "cc02cd3c93ccb0164fa5a163c1f6301290337c611cb95dfc84ceaa2aa67224b1"
    )


def test_golden_parity(kernels: Kernels) -> None:
    content = hashlib.shake_128(b"golden").digest(128)
    data = [content[at : at + 16] for at in range(0, 128, 16)]
    parity = ReedSolomon(8, 3, kernels=kernels).encode(data)
    assert [fragment.hex() for fragment in parity] == [
        "4fd2076552a2a0f0f98964bea34af5a8",
        "44cda765e4da5736dabd9957907b8f36",
        "dfcad7a51a861d6cf0693b481b8fb364",
    ]


def test_the_coefficients_are_the_documented_formula() -> None:
    for row, column in itertools.product(INDEXES, INDEXES):
        x, y = 64 + row, column
        numerator = galois.multiply(64 ^ y, x)
        denominator = galois.multiply(x ^ y, 64)
        assert galois.multiply(coefficient(row, column), denominator) == numerator


def test_the_first_row_and_the_first_column_are_ones() -> None:
    assert {coefficient(0, column) for column in INDEXES} == {1}
    assert {coefficient(row, 0) for row in INDEXES} == {1}


def test_every_small_minor_is_invertible() -> None:
    table = [bytes(coefficient(row, column) for column in INDEXES) for row in INDEXES]
    assert all(all(row) for row in table)
    for first, second in itertools.combinations(table, 2):
        ratios = {galois.divide(a, b) for a, b in zip(first, second, strict=True)}
        assert len(ratios) == FRAGMENTS_MAX


@pytest.mark.parametrize("size", [3, 5, 11, 20, 32])
def test_random_minors_are_invertible(size: int) -> None:
    draw = random.Random(size)
    for _ in range(20):
        rows, columns = draw.sample(INDEXES, size), draw.sample(INDEXES, size)
        minor = [bytes(coefficient(row, column) for column in columns) for row in rows]
        inverse = galois.invert(minor)
        assert [galois.combine(row, inverse) for row in minor] == galois.identity(size)


def test_a_singular_matrix_is_noticed() -> None:
    with pytest.raises(InvariantError, match="invertible"):
        galois.invert([b"\1\2", b"\2\4"])


def slow_product(a: int, b: int) -> int:
    product = 0
    for bit in range(8):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in range(14, 7, -1):
        product ^= (0x11D << (bit - 8)) * (product >> bit & 1)
    return product


def test_field_arithmetic_equals_polynomial_arithmetic() -> None:
    for a, b in itertools.product(range(256), repeat=2):
        product = galois.multiply(a, b)
        assert product == slow_product(a, b)
        if b:
            assert galois.divide(product, b) == a
    with pytest.raises(ZeroDivisionError):
        galois.divide(1, 0)

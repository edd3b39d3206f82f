"""Reed-Solomon: any k of k+m fragments decode, on every kernel; wrong input is refused."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from native import ReedSolomon
from native.interface import FRAGMENTS_MAX, Kernels
from native.reed_solomon import DECODE_MATRICES_MAX
from native.reference import ReferenceKernels

REFERENCE = ReferenceKernels()
SHAPES = st.integers(1, FRAGMENTS_MAX).flatmap(
    lambda k: st.tuples(st.just(k), st.integers(0, FRAGMENTS_MAX - k))
)
SEEDS = st.integers(0, 2**32)


def stripe(code: ReedSolomon, size: int, seed: int = 0) -> dict[int, bytes]:
    """All fragments of random data, the parity computed by the reference."""
    draw = random.Random(seed)
    data = [draw.randbytes(size) for _ in range(code.data_count)]
    oracle = ReedSolomon(code.data_count, code.parity_count, kernels=REFERENCE)
    return dict(enumerate([*data, *map(bytes, oracle.encode(data))]))


@given(
    shape=SHAPES,
    size=st.integers(0, 700),
    offset=st.integers(0, 70),
    seed=SEEDS,
    first_row_is_xor=st.booleans(),
)
def test_any_product_equals_the_reference_and_stays_in_its_buffers(
    compiled: Kernels,
    shape: tuple[int, int],
    size: int,
    offset: int,
    seed: int,
    first_row_is_xor: bool,
) -> None:
    sources, outputs = shape
    draw = random.Random(seed)
    matrix = draw.randbytes(sources * outputs)
    if first_row_is_xor:
        matrix = (b"\1" * sources + matrix[sources:])[: sources * outputs]
    offsets = [offset + draw.randrange(3) for _ in range(sources)]
    data = [memoryview(draw.randbytes(at + size))[at:] for at in offsets]
    expected = [bytearray(size) for _ in range(outputs)]
    REFERENCE.dot_products(matrix, data, expected)
    framed = [bytearray(b"\xa5" * (offset + size + 64)) for _ in range(outputs)]
    compiled.dot_products(matrix, data, [memoryview(out)[offset : offset + size] for out in framed])
    for out, right in zip(framed, expected, strict=True):
        assert out == b"\xa5" * offset + right + b"\xa5" * 64


@pytest.mark.parametrize(("k", "m"), [(1, 9), (10, 8), (40, 24)])
def test_more_rows_than_a_pass_takes_in_several_ranges(compiled: Kernels, k: int, m: int) -> None:
    size = 300_000 // k + 13
    code = ReedSolomon(k, m, kernels=compiled)
    fragments = stripe(code, size)
    parity = code.encode([fragments[index] for index in range(k)])
    assert parity == [fragments[index] for index in range(k, k + m)]


@pytest.mark.parametrize(("k", "m"), [(1, 0), (1, 3), (2, 1), (4, 3), (3, 5), (6, 2)])
def test_every_choice_of_k_fragments_gives_back_all(kernels: Kernels, k: int, m: int) -> None:
    code = ReedSolomon(k, m, kernels=kernels)
    fragments = stripe(code, 75)
    for chosen in itertools.combinations(fragments, k):
        left = {index: fragments[index] for index in chosen}
        assert code.decode(left, range(k + m)) == [*fragments.values()]


@given(shape=SHAPES, size=st.integers(0, 200), seed=SEEDS)
def test_any_choice_of_a_large_code_gives_back_the_lost(
    compiled: Kernels, shape: tuple[int, int], size: int, seed: int
) -> None:
    code = ReedSolomon(*shape, kernels=compiled)
    fragments = stripe(code, size, seed)
    order = random.Random(seed).sample(range(code.fragment_count), code.fragment_count)
    left = {index: fragments[index] for index in order[: code.data_count]}
    lost = order[code.data_count :]
    assert code.decode(left, lost) == [fragments[index] for index in lost]


@pytest.mark.parametrize(("k", "m"), [(8, 3), (10, 4)])
def test_each_fragment_is_repaired_from_all_others(kernels: Kernels, k: int, m: int) -> None:
    code = ReedSolomon(k, m, kernels=kernels)
    fragments = stripe(code, 333)
    for lost, content in fragments.items():
        others = {index: fragments[index] for index in fragments if index != lost}
        assert code.repair(others, lost) == content


def test_one_parity_fragment_is_the_xor_of_the_data(kernels: Kernels) -> None:
    code = ReedSolomon(3, 1, kernels=kernels)
    [parity] = code.encode([b"\x01\x02", b"\x10\x20", b"\xff\x00"])
    assert parity == b"\xee\x22"


def test_parity_of_one_data_fragment_is_a_copy(kernels: Kernels) -> None:
    assert ReedSolomon(1, 4, kernels=kernels).encode([b"same"]) == [b"same"] * 4


def test_no_parity_and_no_bytes_are_fine(kernels: Kernels) -> None:
    assert ReedSolomon(5, 0, kernels=kernels).encode([b"data"] * 5) == []
    code = ReedSolomon(4, 2, kernels=kernels)
    assert code.encode([b""] * 4) == [b"", b""]
    assert code.decode(dict.fromkeys(range(2, 6), b""), [0, 1]) == [b"", b""]
    assert code.decode(dict.fromkeys(range(4), b"x"), []) == []


def test_buffers_are_filled_in_place(kernels: Kernels) -> None:
    code = ReedSolomon(2, 2, kernels=kernels)
    segment = bytearray(b"abcdefgh" + bytes(8))
    parts = [memoryview(segment)[at : at + 4] for at in range(0, 16, 4)]
    code.encode_into(parts[:2], parts[2:])
    parity = bytes(segment[8:])
    assert [parity[:4], parity[4:]] == code.encode([b"abcd", b"efgh"])
    segment[:8] = bytes(8)
    code.decode_into({2: parity[:4], 3: parity[4:]}, [0, 1], parts[:2])
    assert segment[:8] == b"abcdefgh"


def test_decode_matrices_are_cached_within_a_bound() -> None:
    code = ReedSolomon(6, 6)
    assert comb(12, 6) > DECODE_MATRICES_MAX
    fragments = stripe(code, 8)
    for chosen in itertools.combinations(fragments, 6):
        code.decode({index: fragments[index] for index in chosen}, [0])
        code.decode({index: fragments[index] for index in chosen}, [0])
    cache = code._decode_matrix.cache_info()
    assert cache.hits == cache.misses == comb(12, 6)
    assert cache.currsize == cache.maxsize == DECODE_MATRICES_MAX


@pytest.mark.parametrize(("k", "m"), [(0, 1), (-1, 2), (1, -1), (33, 32), (65, 0)])
def test_an_impossible_shape_is_refused(k: int, m: int) -> None:
    with pytest.raises(native.CodeShapeError) as caught:
        ReedSolomon(k, m)
    assert (caught.value.data_count, caught.value.parity_count) == (k, m)


REFUSALS: list[tuple[type[native.ReedSolomonError], dict[str, int], Callable[..., object]]] = [
    (
        native.FragmentCountError,
        {"found": 1, "expected": 2},
        lambda code, out: code.encode([b"ab"]),
    ),
    (
        native.FragmentCountError,
        {"found": 0, "expected": 2},
        lambda code, out: code.encode([]),
    ),
    (
        native.FragmentCountError,
        {"found": 1, "expected": 2},
        lambda code, out: code.encode_into([b"ab", b"cd"], [out]),
    ),
    (
        native.FragmentCountError,
        {"found": 1, "expected": 2},
        lambda code, out: code.decode_into({0: b"ab", 2: b"cd"}, [1, 3], [out]),
    ),
    (
        native.FragmentCountError,
        {"found": 5, "expected": 4},
        lambda code, out: code.decode({0: b"ab", 2: b"cd"}, [1] * 5),
    ),
    (
        native.FragmentSizeError,
        {"index": 1, "size_bytes": 3, "expected_bytes": 2},
        lambda code, out: code.encode([b"ab", b"cde"]),
    ),
    (
        native.FragmentSizeError,
        {"index": 2, "size_bytes": 2, "expected_bytes": 4},
        lambda code, out: code.encode_into([b"abcd", b"efgh"], [out, out]),
    ),
    (
        native.FragmentSizeError,
        {"index": 3, "size_bytes": 1, "expected_bytes": 2},
        lambda code, out: code.decode_into({0: b"ab", 3: b"c"}, [1], [out]),
    ),
    (
        native.FragmentSizeError,
        {"index": 1, "size_bytes": 2, "expected_bytes": 3},
        lambda code, out: code.decode_into({0: b"abc", 3: b"cde"}, [1], [out]),
    ),
    (
        native.FragmentIndexError,
        {"index": 4, "fragment_count": 4},
        lambda code, out: code.decode_into({0: b"ab", 4: b"cd"}, [1], [out]),
    ),
    (
        native.FragmentIndexError,
        {"index": -1, "fragment_count": 4},
        lambda code, out: code.decode_into({0: b"ab", 3: b"cd"}, [-1], [out]),
    ),
    (
        native.TooFewFragmentsError,
        {"found": 1, "needed": 2},
        lambda code, out: code.decode_into({3: b"ab"}, [0], [out]),
    ),
    (
        native.TooFewFragmentsError,
        {"found": 0, "needed": 2},
        lambda code, out: code.repair({}, 0),
    ),
]


@pytest.mark.parametrize(("error", "fields", "call"), REFUSALS)
def test_wrong_input_is_refused_and_changes_nothing(
    kernels: Kernels,
    error: type[native.ReedSolomonError],
    fields: dict[str, int],
    call: Callable[[ReedSolomon, bytearray], object],
) -> None:
    untouched = bytearray(b"??")
    with pytest.raises(error) as caught:
        call(ReedSolomon(2, 2, kernels=kernels), untouched)
    assert vars(caught.value) == fields
    assert untouched == b"??"


def test_a_read_only_output_is_refused(compiled: Kernels) -> None:
    with pytest.raises(BufferError):
        ReedSolomon(1, 1, kernels=compiled).encode_into([b"ab"], [b"cd"])

"""CRCs: published check values, equality with the reference, continuation and combination."""

from __future__ import annotations

import array
import mmap
import zlib
from collections.abc import Callable

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from native.interface import CrcKind, Kernels
from native.reference import ReferenceKernels

REFERENCE = ReferenceKernels()
KINDS = st.sampled_from(CrcKind)
# Long enough for every loop of every kernel, the three lanes of 1 KiB included.
DATA = st.integers(0, 7000).flatmap(
    lambda size: st.randoms(use_true_random=False).map(lambda random: random.randbytes(size))
)

PUBLISHED = [
    # The "check" values of the RevEng catalogue.
    (CrcKind.CRC_32, b"123456789", 0xCBF43926),
    (CrcKind.CRC_32C, b"123456789", 0xE3069283),
    (CrcKind.CRC_64NVME, b"123456789", 0xAE8B14860A799888),
    # RFC 3720, appendix B.4.
    (CrcKind.CRC_32C, bytes(32), 0x8A9136AA),
    (CrcKind.CRC_32C, b"\xff" * 32, 0x62A8AB43),
    (CrcKind.CRC_32C, bytes(range(32)), 0x46DD794E),
    (CrcKind.CRC_32C, bytes(range(31, -1, -1)), 0x113FDB5C),
    # NVM Command Set specification, 64b CRC test cases.
    (CrcKind.CRC_64NVME, bytes(4096), 0x6482D367EB22B64E),
    (CrcKind.CRC_64NVME, b"\xff" * 4096, 0xC0DDBA7302ECA3AC),
    (CrcKind.CRC_64NVME, bytes(range(256)) * 16, 0x3E729F5F6750449C),
    (CrcKind.CRC_64NVME, bytes(range(255, -1, -1)) * 16, 0x9A2DF64B8E9E517E),
]


@pytest.mark.parametrize(("kind", "data", "expected"), PUBLISHED)
def test_published_values(kernels: Kernels, kind: CrcKind, data: bytes, expected: int) -> None:
    assert kernels.crc(kind, data, 0) == expected


@pytest.mark.parametrize("kind", CrcKind)
def test_every_short_length_equals_the_reference(compiled: Kernels, kind: CrcKind) -> None:
    data = memoryview(bytes(range(7, 256)) * 3)
    for length in range(600):
        piece = data[length % 67 :][:length]
        assert compiled.crc(kind, piece, length) == REFERENCE.crc(kind, piece, length)


@given(kind=KINDS, data=DATA, offset=st.integers(0, 70), value=st.integers(0, 2**32 - 1))
def test_any_buffer_equals_the_reference(
    compiled: Kernels, kind: CrcKind, data: bytes, offset: int, value: int
) -> None:
    piece = memoryview(data)[offset:]
    assert compiled.crc(kind, piece, value) == REFERENCE.crc(kind, piece, value)


@given(kind=KINDS, head=DATA, tail=DATA)
def test_parts_continue_and_combine_to_the_whole(
    compiled: Kernels, kind: CrcKind, head: bytes, tail: bytes
) -> None:
    whole = compiled.crc(kind, head + tail, 0)
    first, second = compiled.crc(kind, head, 0), compiled.crc(kind, tail, 0)
    assert compiled.crc(kind, tail, first) == whole
    assert compiled.crc_combine(kind, first, second, len(tail)) == whole


@given(
    kind=KINDS,
    first=st.integers(0, 2**32 - 1),
    second=st.integers(0, 2**32 - 1),
    length=st.integers(0, 300),
)
def test_combination_equals_the_reference(
    compiled: Kernels, kind: CrcKind, first: int, second: int, length: int
) -> None:
    expected = REFERENCE.crc_combine(kind, first, second, length)
    assert compiled.crc_combine(kind, first, second, length) == expected


@given(
    kind=KINDS,
    checksums=st.tuples(*[st.integers(0, 2**32 - 1)] * 3),
    lengths=st.tuples(*[st.integers(0, 2**59 - 1)] * 2),
)
def test_combination_of_long_parts_is_associative(
    compiled: Kernels, kind: CrcKind, checksums: tuple[int, int, int], lengths: tuple[int, int]
) -> None:
    first, second, third = checksums
    left = compiled.crc_combine(kind, first, second, lengths[0])
    right = compiled.crc_combine(kind, second, third, lengths[1])
    assert compiled.crc_combine(kind, left, third, lengths[1]) == compiled.crc_combine(
        kind, first, right, sum(lengths)
    )


@given(data=DATA, value=st.integers(0, 2**32 - 1))
def test_public_crc32_is_that_of_zlib(data: bytes, value: int) -> None:
    assert native.crc32(data, value) == zlib.crc32(data, value)


@pytest.mark.parametrize(
    ("whole", "combine"),
    [
        (native.crc32, native.crc32_combine),
        (native.crc32c, native.crc32c_combine),
        (native.crc64nvme, native.crc64nvme_combine),
    ],
)
def test_public_functions_combine_what_they_compute(
    whole: Callable[..., int], combine: Callable[[int, int, int], int]
) -> None:
    head, tail = b"multipart", b"upload" * 100
    assert combine(whole(head), whole(tail), len(tail)) == whole(head + tail)
    assert whole(tail, whole(head)) == whole(head + tail)
    assert combine(whole(head), whole(b""), 0) == whole(head)


def test_any_contiguous_buffer_is_taken() -> None:
    data = bytes(range(240))
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    buffers = [
        bytearray(data),
        memoryview(data),
        array.array("I", data),
        numpy.frombuffer(data, numpy.uint16),
        mapped,
    ]
    assert {native.crc32c(buffer) for buffer in buffers} == {native.crc32c(data)}
    mapped.close()


def test_a_buffer_with_gaps_is_refused() -> None:
    with pytest.raises((BufferError, ValueError), match="contiguous"):
        native.crc32c(memoryview(bytes(10))[::2])


@pytest.mark.parametrize("function", [native.crc32, native.crc32c, native.crc64nvme])
@pytest.mark.parametrize("value", [-1, 1 << 64])
def test_a_start_value_out_of_range_is_refused(
    function: Callable[[bytes, int], int], value: int
) -> None:
    with pytest.raises(native.ChecksumRangeError) as caught:
        function(b"data", value)
    assert caught.value.value == value


@pytest.mark.parametrize("arguments", [(-1, 0, 1), (0, 1 << 32, 1), (0, 0, -1), (0, 0, 1 << 60)])
def test_a_combination_out_of_range_is_refused(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(native.ChecksumRangeError):
        native.crc32c_combine(*arguments)

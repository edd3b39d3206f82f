"""The choice of kernels, and the self-test that stands before it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
from typing_extensions import Buffer

from native._kernels import lib
from native.dispatch import (
    KERNELS,
    LEVEL,
    LEVEL_VARIABLE,
    Level,
    choose_level,
    kernels_at,
    supported_levels,
)
from native.errors import LevelError, SelfTestError
from native.interface import FRAGMENTS_MAX, CrcKind, Kernels
from native.selftest import self_test


def test_python_and_c_number_alike() -> None:
    assert [*Level] == [lib.LEVEL_PORTABLE, lib.LEVEL_AVX2, lib.LEVEL_AVX512]
    assert len(Level) == lib.LEVEL_COUNT
    assert [*CrcKind] == [lib.CRC_32, lib.CRC_32C, lib.CRC_64NVME]
    assert len(CrcKind) == lib.CRC_KIND_COUNT
    assert lib.RS_FRAGMENTS_MAX == FRAGMENTS_MAX


def test_the_best_level_is_the_default() -> None:
    assert choose_level({}) == supported_levels()[-1]


@pytest.mark.parametrize("level", supported_levels())
def test_a_supported_level_can_be_named(level: Level) -> None:
    assert choose_level({LEVEL_VARIABLE: level.name.lower()}) is level


@pytest.mark.parametrize("wanted", ["", "sse9", "AVX2"])
def test_an_unknown_level_is_refused(wanted: str) -> None:
    with pytest.raises(LevelError) as caught:
        choose_level({LEVEL_VARIABLE: wanted})
    assert caught.value.wanted == wanted
    assert caught.value.supported[0] == "portable"


def test_a_level_beyond_the_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native.dispatch.BEST_LEVEL", Level.PORTABLE)
    with pytest.raises(LevelError, match="only portable"):
        choose_level({LEVEL_VARIABLE: "avx2"})


def test_the_process_obeys_the_environment() -> None:
    program = "import native; native.self_test(); print(native.LEVEL.name)"
    environment = os.environ | {LEVEL_VARIABLE: "portable"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "PORTABLE\n", run.stderr


def test_the_self_test_passes_on_every_kernel(kernels: Kernels) -> None:
    self_test(kernels)


class BrokenKernels:
    """The process's kernels with one wrong bit in one operation on inputs of a certain size."""

    name = "broken"

    def __init__(self, operation: str, size: int) -> None:
        self.operation = operation
        self.size = size

    def dot_products(
        self, matrix: bytes, sources: Sequence[Buffer], outputs: Sequence[Buffer]
    ) -> None:
        KERNELS.dot_products(matrix, sources, outputs)
        if self.operation == "dot_products" and len(outputs) == self.size:
            memoryview(outputs[-1])[-1] ^= 0x80

    def crc(self, kind: CrcKind, data: Buffer, value: int) -> int:
        broken = self.operation == kind.name and memoryview(data).nbytes == self.size
        return KERNELS.crc(kind, data, value) ^ broken

    def crc_combine(self, kind: CrcKind, first: int, second: int, second_bytes: int) -> int:
        broken = self.operation == "crc_combine"
        return KERNELS.crc_combine(kind, first, second, second_bytes) ^ broken


@pytest.mark.parametrize(
    ("operation", "size", "test"),
    [
        ("CRC_32", 1, "CRC_32 of 1 bytes"),
        ("CRC_32C", 3072, "CRC_32C of 3072 bytes"),
        ("CRC_64NVME", 256, "CRC_64NVME of 256 bytes"),
        ("crc_combine", 0, "combined"),
        *[("dot_products", rows, "Reed-Solomon") for rows in range(1, 9)],
    ],
)
def test_the_self_test_finds_a_wrong_bit(operation: str, size: int, test: str) -> None:
    with pytest.raises(SelfTestError, match=test) as caught:
        self_test(BrokenKernels(operation, size))
    assert caught.value.kernels == "broken"
    assert caught.value.found != caught.value.expected


def test_this_process_uses_the_chosen_level() -> None:
    assert KERNELS.name == LEVEL.name.lower()
    assert kernels_at(LEVEL).name == KERNELS.name

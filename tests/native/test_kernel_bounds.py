"""No kernel reads or writes a byte outside its buffers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import native
from atoll.invariant import InvariantError
from native.interface import Kernels

SCRIPT = Path(__file__).with_name("guard_pages.py")


def run_between_guard_pages(argument: str) -> int:
    environment = os.environ | {"PYTHONPATH": str(Path(native.__file__).parent.parent)}
    command = [sys.executable, str(SCRIPT), argument]
    return subprocess.run(command, env=environment, timeout=60).returncode


def test_buffers_between_guard_pages(compiled: Kernels) -> None:
    assert run_between_guard_pages(compiled.name) == 0


def test_the_guard_pages_do_kill() -> None:
    assert run_between_guard_pages("overrun") == -signal.SIGSEGV


@pytest.mark.parametrize(
    ("matrix", "sources", "outputs"),
    [
        (b"", [], [bytearray(2)]),
        (b"\1" * 65, [b"ab"] * 65, [bytearray(2)]),
        (b"\1" * 65, [b"ab"], [bytearray(2)] * 65),
        (b"\1", [b"ab"] * 2, [bytearray(2)]),
        (b"\1\1", [b"ab", b"abc"], [bytearray(2)]),
        (b"\1", [b"ab"], [bytearray(1)]),
    ],
)
def test_counts_and_sizes_are_checked_before_c_is_called(
    compiled: Kernels, matrix: bytes, sources: list[bytes], outputs: list[bytearray]
) -> None:
    with pytest.raises(InvariantError):
        compiled.dot_products(matrix, sources, outputs)
    assert not any(map(any, outputs))

"""Which kernels this process uses: the best that the CPU runs, or those that the operator names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from native.errors import LevelError
from native.ffi import BEST_LEVEL, CompiledKernels
from native.interface import Kernels

LEVEL_VARIABLE: Final = "ATOLL_NATIVE_LEVEL"
"""The environment variable that names a level, for tests and comparisons."""


class Level(IntEnum):
    """Dispatch levels, each including those before it, numbered as in native/src/kernels.h."""

    PORTABLE = 0
    """Plain C on any machine."""

    AVX2 = 1
    """AVX2, PCLMULQDQ and SSE4.2's CRC32 instruction: x86-64 since 2013."""

    AVX512 = 2
    """AVX-512 F, BW and VL, GFNI and VPCLMULQDQ: Intel's Ice Lake, AMD's Zen 4 and later."""


def supported_levels() -> list[Level]:
    """Return the levels that this machine can run, the best one last."""
    return [level for level in Level if level <= BEST_LEVEL]


def choose_level(environment: Mapping[str, str]) -> Level:
    """Return the level that the environment names, or the best one.

    Raises:
        LevelError: there is no such level on this machine.
    """
    supported = {level.name.lower(): level for level in supported_levels()}
    wanted = environment.get(LEVEL_VARIABLE)
    if wanted is None:
        return supported_levels()[-1]
    if wanted not in supported:
        raise LevelError(wanted, list(supported))
    return supported[wanted]


def kernels_at(level: Level) -> Kernels:
    """Return the compiled kernels of a level that this machine supports."""
    return CompiledKernels(level.name.lower(), level)


LEVEL: Final = choose_level(os.environ)
"""The level of this process."""

KERNELS: Final = kernels_at(LEVEL)
"""The kernels of this process."""

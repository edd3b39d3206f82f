"""The kernels under test: the Python reference and every level that this machine runs."""

from __future__ import annotations

import pytest

from native.dispatch import kernels_at, supported_levels
from native.interface import Kernels
from native.reference import ReferenceKernels

COMPILED: list[Kernels] = [kernels_at(level) for level in supported_levels()]
ALL: list[Kernels] = [ReferenceKernels(), *COMPILED]


def _name(kernels: Kernels) -> str:
    return kernels.name


@pytest.fixture(scope="session", params=ALL, ids=_name)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    return request.param


@pytest.fixture(scope="session", params=COMPILED, ids=_name)
def compiled(request: pytest.FixtureRequest) -> Kernels:
    return request.param

"""Fixtures of the tests with the clients that people have: one cloud for all of them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "cloud"))  # where running_cloud lies

from running_cloud import RunningCloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud that serves; it must never be surprised."""
    cloud = RunningCloud(tmp_path_factory.mktemp("cloud") / "data")
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.end()
    assert cloud.surprises() == []

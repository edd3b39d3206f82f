"""The cloud that every client of the session is tried on, and the bench that drives them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cloud"))  # for running_cloud

from running_cloud import RunningCloud


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running cloud that all tests of clients share; nothing may surprise it."""
    cloud = RunningCloud(tmp_path_factory.mktemp("clients") / "data")
    cloud.start("--workers", "2")
    yield cloud
    cloud.end()
    assert cloud.surprises() == []

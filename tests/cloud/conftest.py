"""Fixtures of the tests against real clouds."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_cloud import RunningCloud

sys.path.append(str(Path(__file__).parents[1] / "storage" / "device"))  # for lmdb_pages


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A cloud that has not been started; it must never be surprised."""
    cloud = RunningCloud(tmp_path / "data")
    yield cloud
    cloud.end()
    assert cloud.surprises() == []

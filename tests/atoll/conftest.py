"""Fixtures of the ground floor's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_harness import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud that has not been started, in a folder that is not there yet."""
    cloud = Cloud(tmp_path / "data")
    yield cloud
    cloud.end()

"""Fixtures of the Swift API's tests."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # where memory_store lies

from swift_harness import Client, Swift, swift_api


@pytest.fixture
async def swift() -> AsyncIterator[Swift]:
    """The API over an empty store in memory."""
    async with swift_api() as api:
        yield api


@pytest.fixture
def tester(swift: Swift) -> Client:
    """The administrator of AUTH_test."""
    return swift.clients["test:tester"]

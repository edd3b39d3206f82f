"""Fixtures of the S3 API's tests."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # where memory_store lies
sys.path.append(str(Path(__file__).parent))  # where s3_harness lies

from s3_harness import S3, Client, s3_api


@pytest.fixture
async def s3() -> AsyncIterator[S3]:
    """The API over an empty store in memory."""
    async with s3_api() as api:
        yield api


@pytest.fixture
def tester(s3: S3) -> Client:
    """The administrator of AUTH_test."""
    return s3.clients["test:tester"]

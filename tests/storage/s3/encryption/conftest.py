"""Lets the tests here import what lies beside this file, and the Swift API's harness."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[2] / "swift"))

from s3_encryption import BUCKET
from s3_harness import Client


@pytest.fixture
async def client(tester: Client) -> Client:
    """The administrator of AUTH_test, who has a bucket."""
    await tester.call("CreateBucket", Bucket=BUCKET)
    return tester

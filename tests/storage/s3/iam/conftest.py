"""Fixtures of IAM's tests."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # where iam_harness lies

from iam_harness import Iam, iam_of
from s3_harness import S3


@pytest.fixture
def admin(s3: S3) -> Iam:
    """The administrator of AUTH_test."""
    return iam_of(s3.clients["test:tester"])


@pytest.fixture
def member(s3: S3) -> Iam:
    """A user of AUTH_test in the file of users, who has no policies."""
    return iam_of(s3.clients["test:member"])


@pytest.fixture
def stranger(s3: S3) -> Iam:
    """The administrator of AUTH_other."""
    return iam_of(s3.clients["other:admin"])

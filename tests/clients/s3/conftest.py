"""Fixtures of the tests of S3's clients, and the record of what they prove.

A test says with `@pytest.mark.proves(client, feature, …)` what a pass of it means. When a session
ends, what was said and what came of it is written to `build/clients.json`, from which
`client_table.py` makes the table of docs/s3.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from bench import Bench
from botocore.config import Config
from clients import CLIENTS, FEATURES, ROOT
from running_cloud import RunningCloud

RESULTS_VARIABLE = "ATOLL_CLIENT_RESULTS"
RESULTS = Path(os.environ.get(RESULTS_VARIABLE, ROOT / "build" / "clients.json"))
NOT_RUN = "not run"
_numbers = count(1)
_outcomes = pytest.StashKey[dict[tuple[str, str], str]]()


@pytest.fixture
def bench(shared_cloud: RunningCloud, tmp_path: Path) -> Bench:
    """Where the test's client works."""
    return Bench(shared_cloud, tmp_path)


@pytest.fixture(scope="session")
def s3(shared_cloud: RunningCloud) -> Any:
    """A client beside the tried one, which makes buckets and looks at what is there."""
    known = shared_cloud.credentials()
    return boto3.client(
        "s3",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        region_name=known["AWS_REGION"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new, empty bucket."""
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def _proven(item: pytest.Item) -> list[tuple[str, str]]:
    """Return the clients and features for which a test stands."""
    pairs = []
    for mark in item.iter_markers("proves"):
        client, *features = mark.args
        unknown = {client} - CLIENTS.keys() or set(features) - FEATURES.keys()
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} proves {unknown}, which nobody knows")
        pairs += [(client, feature) for feature in features]
    return pairs


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "proves(client, *features): what a pass of the test means")
    config.stash[_outcomes] = {}


def pytest_itemcollected(item: pytest.Item) -> None:
    for pair in _proven(item):
        item.config.stash[_outcomes].setdefault(pair, NOT_RUN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a test's outcome for all that it proves; a failure outweighs a pass."""
    report = yield
    outcomes = item.config.stash[_outcomes]
    for pair in _proven(item):
        is_first_pass = report.when == "call" and outcomes[pair] == NOT_RUN
        if is_first_pass or not report.passed:
            outcomes[pair] = report.outcome
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add the session's results to those of earlier ones, which may have run other tests."""
    outcomes = session.config.stash[_outcomes]
    is_asked_for = RESULTS_VARIABLE in os.environ  # then even what was only collected counts
    if not is_asked_for and set(outcomes.values()) <= {NOT_RUN}:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    rows = {(row["client"], row["version"], row["feature"]): row["outcome"] for row in known}
    for (client, feature), outcome in outcomes.items():
        if is_asked_for or outcome != NOT_RUN:
            rows[CLIENTS[client].title, CLIENTS[client].version, FEATURES[feature]] = outcome
    names = ("client", "version", "feature", "outcome")
    told = [dict(zip(names, (*row, outcome), strict=True)) for row, outcome in rows.items()]
    RESULTS.write_text(json.dumps(told, indent=1))

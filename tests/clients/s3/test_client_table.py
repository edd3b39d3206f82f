"""The table of clients in docs/s3.md says what the tests prove, no more and no less."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from client_table import BEGIN, END, PAGE, passes, render

HERE = Path(__file__).parent
ADVICE = "remove build/clients.json, run tests/clients/s3, then `make docs`"


def test_a_line_for_each_feature_and_status() -> None:
    rows = [
        {"client": "b", "version": "2.0", "feature": "copy", "outcome": "passed"},
        {"client": "b", "version": "1.10", "feature": "copy", "outcome": "passed"},
        {"client": "a c", "version": "3.1", "feature": "copy", "outcome": "passed"},
        {"client": "a c", "version": "3.1", "feature": "ACLs", "outcome": "failed"},
    ]
    assert render(rows).splitlines()[2:] == [
        "| ACLs | failed | a c 3.1 |",
        "| copy | passes | a c 3.1, b 1.10 and 2.0 |",
    ]
    page = f"text\n{BEGIN}{render(rows)}{END}| x | passes | y |\n"
    assert passes(page) == {("copy", "a c"), ("copy", "b")}


@pytest.mark.slow
def test_the_page_says_what_the_tests_claim(tmp_path: Path) -> None:
    collected = tmp_path / "claims.json"
    subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", HERE],
        env={**os.environ, "ATOLL_CLIENT_RESULTS": str(collected)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    claimed = {(row["feature"], row["client"]) for row in json.loads(collected.read_text())}
    assert passes(PAGE.read_text(encoding="utf-8")) == claimed, ADVICE

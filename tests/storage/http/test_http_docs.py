"""docs/http.md names every file, limit and status that there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import storage.http
from storage.http import Limits

FOLDER = Path(storage.http.__file__).parent
PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text()


def test_every_limit_is_documented() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert named == [field.name for field in fields(Limits)]


def test_every_file_named_exists() -> None:
    assert set(re.findall(r"`(\w+\.py)`", PAGE)) <= {path.name for path in FOLDER.glob("*.py")}


def test_every_status_is_documented() -> None:
    sources = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    raised = set(re.findall(r"ProtocolError\((\d{3}),", sources)) - {"500"}
    assert raised == set(re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE))

"""Renders what the tests of clients proved into docs/s3.md; `make docs` runs it.

The table stands between two markers. It says nothing that no test proves: `test_client_table.py`
compares it with what the tests claim.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "s3.md"
RESULTS = ROOT / "build" / "clients.json"
BEGIN, END = "<!-- clients: begin -->\n", "<!-- clients: end -->\n"
_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_HEAD = "| feature | status | with |\n| --- | --- | --- |\n"


def render(rows: Iterable[Mapping[str, str]]) -> str:
    """Return the table: a line for each feature and status, with its clients and versions."""
    cells: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in rows:
        status = "passes" if row["outcome"] == "passed" else row["outcome"]
        clients = cells.setdefault((row["feature"], status), {})
        clients.setdefault(row["client"], []).append(row["version"])
    lines = []
    for (feature, status), clients in cells.items():
        tried = [f"{name} {' and '.join(sorted(versions))}" for name, versions in clients.items()]
        lines.append(f"| {feature} | {status} | {', '.join(sorted(tried, key=str.lower))} |\n")
    return _HEAD + "".join(sorted(lines, key=str.lower))


def passes(page: str) -> set[tuple[str, str]]:
    """Return the features and clients, versions aside, of which a page says that they pass."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    return {
        (feature, re.sub(r"( and)? [\d.]+", "", client))
        for feature, status, clients in _ROW.findall(table)
        if status == "passes"
        for client in clients.split(", ")
    }


def main() -> None:
    """Put the last session's results into the page."""
    if not RESULTS.exists():
        sys.stderr.write(f"{PAGE.name} keeps its table of clients: no test of them has run\n")
        return
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = render(json.loads(RESULTS.read_text()))
    PAGE.write_text(before + begin + table + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The page that says how fast Atoll is: docs/benchmarks.md, as one run measured it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.report import HEADINGS, Row, cells

INTRODUCTION = """\
# Benchmarks

`make bench` measures and prints what stands here; `make bench ARGS="--page docs/benchmarks.md"`
writes it. A number alone says more about the machine than about Atoll, so each stands beside a
reference that took turns with it in the same run, and the *ratio* (the median over all turns, not
the ratio of the medians) is what to look at. One worker process and one device serve, unless a row
says otherwise. Rates are requests per second; loads come from `wrk` for small objects and from
threads for large ones, on the same cores as everything else. A row with a target is judged; the
targets are those that the feature was asked for with, or budgets of our own (CPU).
"""


def page(date: str, machine: Sequence[str], results: Mapping[str, Sequence[Row]]) -> str:
    """Return the page.

    Args:
        date: of the run.
        machine: lines that describe it, and the run.
        results: rows by suite.
    """
    parts = [INTRODUCTION, f"Measured {date}:\n", "```text", *machine, "```"]
    for suite, rows in results.items():
        parts += [f"\n## {suite}\n", _line(HEADINGS), "| --- |" + " ---: |" * 3 + " --- | --- |"]
        parts += [_line(cells(row)) for row in rows]
    return "\n".join(parts) + "\n"


def _line(fields: Sequence[str]) -> str:
    return "| " + " | ".join(field.strip() for field in fields) + " |"

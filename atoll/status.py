"""What `atoll status` shows a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def status_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return what `atoll status` prints.

    Args:
        answer: the supervisor's.
    """
    state = "stopping" if answer["is_stopping"] else "up" if answer["is_up"] else "starting"
    uptime = _duration(answer["uptime_s"])
    lines = [f"{state} for {uptime} at {answer['listen']}, data in {answer['data']}"]
    rows = [("NAME", "PHASE", "PID", "SINCE", "DEATHS", "STATUS")]
    for role in answer["roles"]:
        facts = [f"{name}={value}" for name, value in role["status"].items()]
        if role["reason"]:
            facts.append(role["reason"])
        rows.append(
            (
                role["name"],
                role["phase"],
                str(role["pid"] or "-"),
                _duration(role["since_s"]),
                str(role["deaths"]),
                " ".join(facts),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _duration(seconds: float) -> str:
    """Return a duration to two digits or so."""
    for unit, size_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"

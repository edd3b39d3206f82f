"""Every metric of the ground floor; layers above keep tables of their own (`METRIC_TABLES`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from atoll.invariant import invariant

Kind = Literal["counter", "gauge", "histogram"]

_NAME = re.compile(r"atoll_[a-z0-9_]+")

# fmt: off
LATENCY_BOUNDS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0
)
# fmt: on
"""Bounds for how long a request takes, from a read of a warm page to a stuck disk."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: starts with "atoll_"; a counter's ends in "_total", and the unit comes before that.
        kind: a gauge is summed over the processes.
        help: one line for people.
        labels: names of its labels; their values must come from a small, fixed set.
        bounds: upper bounds of a histogram's buckets, ascending; one above all is implied.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the declaration."""
        invariant(_NAME.fullmatch(self.name), "a metric is named atoll_…", name=self.name)
        invariant(
            (self.kind == "counter") == self.name.endswith("_total"),
            "counters, and only they, end in _total",
            name=self.name,
        )
        invariant(
            (self.kind == "histogram") == bool(self.bounds)
            and list(self.bounds) == sorted(self.bounds),
            "histograms, and only they, have ascending bounds",
            name=self.name,
        )


ROLE_RUNNING = Metric(
    "atoll_role_running", "gauge", "Whether the role instance runs and is ready.", ("name",)
)
ROLE_DEATHS = Metric(
    "atoll_role_deaths_total", "counter", "Times a role instance died unasked.", ("name",)
)
PROCESS_CPU = Metric(
    "atoll_process_cpu_seconds_total", "counter", "CPU time, user and system.", ("name",)
)
PROCESS_MEMORY = Metric(
    "atoll_process_resident_bytes", "gauge", "Memory that the process occupies.", ("name",)
)
METRICS = (ROLE_RUNNING, ROLE_DEATHS, PROCESS_CPU, PROCESS_MEMORY)

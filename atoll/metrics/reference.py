"""Writes docs/metrics.md from the tables, so that it cannot drift from them."""

from __future__ import annotations

from atoll.metrics.table import Metric
from atoll.registry import METRIC_TABLES, load

_HEAD = """\
# Metrics

<!-- Written by `python -m atoll.metrics`; run `make docs` instead of editing. -->

Every process counts for itself and publishes once per `metrics.publish_interval_s`; what is
exposed is the sum over all processes of the node, in Prometheus' text format. Counters start at
zero when `atoll up` does and survive the restart of a single process.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
"""


def all_metrics() -> list[Metric]:
    """Return the metrics of all layers by name."""
    metrics: list[Metric] = []
    for path in METRIC_TABLES:
        metrics += load(path)
    return sorted(metrics, key=lambda metric: metric.name)


def reference() -> str:
    """Return docs/metrics.md."""
    lines = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or 'none'} "
        f"| {metric.help} |"
        for metric in all_metrics()
    ]
    return _HEAD + "\n".join(lines) + "\n"

"""Prometheus metrics that cost the hot path one addition.

A process counts in plain integers (`Metrics`) and publishes them once a second into its own file
below DIR/run/metrics, from which any process can expose the sum over all of them (`exposition`).
prometheus-client is imported by whoever publishes or exposes, not by whoever counts.
"""

from atoll.metrics.hot import Counter, Gauge, Histogram, Metrics
from atoll.metrics.publishing import Publisher, clear, exposition
from atoll.metrics.table import Metric

__all__ = [
    "Counter",
    "Gauge",
    "Histogram",
    "Metric",
    "Metrics",
    "Publisher",
    "clear",
    "exposition",
]

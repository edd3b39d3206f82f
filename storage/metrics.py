"""The store's metrics."""

from __future__ import annotations

from atoll.metrics.table import LATENCY_BOUNDS_S, Metric

REQUESTS = Metric(
    "atoll_requests_total", "counter", "Requests answered by the front doors.", ("method", "status")
)
REQUEST_SECONDS = Metric(
    "atoll_request_seconds",
    "histogram",
    "Time from a request's head to the end of its response.",
    ("method",),
    LATENCY_BOUNDS_S,
)
RECEIVED_BYTES = Metric(
    "atoll_received_bytes_total", "counter", "Request bodies received, in bytes."
)
SENT_BYTES = Metric("atoll_sent_bytes_total", "counter", "Response bodies sent, in bytes.")

KEEPER_ACTIONS = Metric(
    "atoll_keeper_actions_total", "counter", "What the keeper did.", ("action",)
)

METRICS = (REQUESTS, REQUEST_SECONDS, RECEIVED_BYTES, SENT_BYTES, KEEPER_ACTIONS)
METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "COPY", "OPTIONS"))
OTHER_METHOD = "other"

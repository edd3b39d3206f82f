"""From a process's counts to Prometheus text, by way of prometheus-client's multiprocess files.

Source: https://prometheus.github.io/client_python/multiprocess/. Files are named after the role
instance instead of the process id, so an instance that is restarted goes on counting where it was
and nothing of dead processes is left over.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from atoll.metrics.hot import Counter, Labels, Metrics
from atoll.metrics.table import Metric

FILE_SIZE_BYTES = 256 * 1024
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_FILE_KINDS = ("counter", "gauge_sum", "histogram")


def clear(folder: Path) -> None:
    """Make the folder and remove what a former run left in it.

    Raises:
        OSError: the disk failed.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in folder.glob("*.db"):
        file.unlink()


def exposition(folder: Path) -> bytes:
    """Return the metrics of all processes in Prometheus' text format; takes milliseconds.

    Args:
        folder: where the processes publish.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class Publisher:
    """Copies a process's counts into its files.

    Counters go on from what the files say, so they never go back while the cloud runs.
    """

    def __init__(self, metrics: Metrics, folder: Path, process: str) -> None:
        """Make the files, with all of their space taken.

        The files are mapped into memory: if the disk filled up later, touching a page that has
        no block would kill the process.

        Args:
            metrics: what is published.
            folder: made by `clear`.
            process: name of the role instance.

        Raises:
            OSError: there is no room.
        """
        (folder / f"gauge_sum_{process}.db").unlink(missing_ok=True)  # what was is no longer
        for kind in _FILE_KINDS:
            with (folder / f"{kind}_{process}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_SIZE_BYTES)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        from prometheus_client.values import MultiProcessValue

        self._metrics = metrics
        self._make: Any = MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
        self._values: dict[tuple[str, str, Labels, str], tuple[Any, float]] = {}

    def publish(self) -> None:
        """Copy what has been counted so far."""
        for instrument in self._metrics.numbers():
            for labels, value in instrument.items():
                self._publish_number(instrument, labels, value)
        for histogram in self._metrics.histograms():
            for labels, series in histogram.series.items():
                self._publish_histogram(histogram.metric, labels, series)

    def close(self) -> None:
        """Unmap the files."""
        self._make.close_all_files()
        self._values.clear()

    def _publish_number(self, instrument: Counter, labels: Labels, value: float) -> None:
        metric = instrument.metric
        self._set(metric, metric.name, metric.labels, labels, value)

    def _publish_histogram(self, metric: Metric, labels: Labels, series: list[float]) -> None:
        bounds = (*(repr(bound) for bound in metric.bounds), "+Inf")
        for bound, count in zip(bounds, series[:-1], strict=True):
            self._set(
                metric, f"{metric.name}_bucket", (*metric.labels, "le"), (*labels, bound), count
            )
        self._set(metric, f"{metric.name}_sum", metric.labels, labels, series[-1])

    def _set(
        self, metric: Metric, name: str, label_names: Labels, labels: Labels, value: float
    ) -> None:
        key = (name, metric.name, labels, metric.kind)
        known = self._values.get(key)
        if known is None:
            family = metric.name.removesuffix("_total")
            mode = "sum" if metric.kind == "gauge" else ""
            cell = self._make(
                metric.kind, family, name, label_names, labels, metric.help, multiprocess_mode=mode
            )
            base = 0.0 if metric.kind == "gauge" else cell.get()
            known = self._values[key] = (cell, base)
        cell, base = known
        cell.set(base + value)

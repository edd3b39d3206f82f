"""Counting: plain integers and dictionaries, no locks, no files; one process, one thread."""

from __future__ import annotations

from bisect import bisect_left

from atoll.invariant import invariant
from atoll.metrics.table import Metric

Labels = tuple[str, ...]
LABEL_SETS_MAX = 256
OTHER = "other"


class Counter(dict[Labels, float]):
    """Counts what happened: ``requests["GET", "200"] += 1``; without labels, ``sent[()] += n``.

    Beyond `LABEL_SETS_MAX` sets of labels, new ones are counted together under "other".
    """

    __slots__ = ("metric",)

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self.metric = metric

    def __missing__(self, labels: Labels) -> float:
        return 0

    def __setitem__(self, labels: Labels, value: float) -> None:
        if len(self) >= LABEL_SETS_MAX and labels not in self:
            others = (OTHER,) * len(labels)
            super().__setitem__(others, self[others] + value)
            return
        super().__setitem__(labels, value)


class Gauge(Counter):
    """Says how much there is now: ``connections[()] = n``."""

    __slots__ = ()


class Histogram:
    """Counts how long things took: ``seconds.observe(0.012, "GET")``."""

    __slots__ = ("_bounds", "metric", "series")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._bounds = metric.bounds
        self.series: dict[Labels, list[float]] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Count one value.

        Args:
            value: in the metric's unit.
            labels: values of the metric's labels.
        """
        series = self.series.get(labels)
        if series is None:
            if len(self.series) >= LABEL_SETS_MAX:
                labels = (OTHER,) * len(labels)
            series = self.series.setdefault(labels, [0.0] * (len(self._bounds) + 2))
        series[bisect_left(self._bounds, value)] += 1
        series[-1] += value


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def numbers(self) -> list[Counter | Gauge]:
        """Return the counters and gauges in use."""
        return [*self._counters.values(), *self._gauges.values()]

    def histograms(self) -> list[Histogram]:
        """Return the histograms in use."""
        return list(self._histograms.values())

    def counter(self, metric: Metric) -> Counter:
        """Return the counter of a metric; the same one each time."""
        invariant(metric.kind == "counter", "a metric is used as what it is", name=metric.name)
        return self._counters.setdefault(metric.name, Counter(metric))

    def gauge(self, metric: Metric) -> Gauge:
        """Return the gauge of a metric; the same one each time."""
        invariant(metric.kind == "gauge", "a metric is used as what it is", name=metric.name)
        return self._gauges.setdefault(metric.name, Gauge(metric))

    def histogram(self, metric: Metric) -> Histogram:
        """Return the histogram of a metric; the same one each time."""
        invariant(metric.kind == "histogram", "a metric is used as what it is", name=metric.name)
        return self._histograms.setdefault(metric.name, Histogram(metric))

"""From counting to Prometheus text."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll.invariant import InvariantError
from atoll.metrics import Metric, Metrics, Publisher, clear, exposition
from atoll.metrics.hot import LABEL_SETS_MAX
from atoll.metrics.reference import all_metrics

REQUESTS = Metric("atoll_x_requests_total", "counter", "Requests.", ("method",))
OPEN = Metric("atoll_x_open", "gauge", "Open things.")
SECONDS = Metric("atoll_x_seconds", "histogram", "Times.", ("method",), (0.1, 1.0))


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Callable[[str], tuple[Metrics, Publisher]]]:
    """Makes the metrics and publisher of a process."""
    clear(tmp_path)
    publishers = []

    def make(process: str) -> tuple[Metrics, Publisher]:
        metrics = Metrics()
        publisher = Publisher(metrics, tmp_path, process)
        publishers.append(publisher)
        return metrics, publisher

    yield make
    for publisher in publishers:
        publisher.close()
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def lines_of(folder: Path) -> list[str]:
    text = exposition(folder).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


Make = Callable[[str], tuple[Metrics, Publisher]]


def test_processes_are_summed(publish: Make, tmp_path: Path) -> None:
    for process, count in (("worker-0", 2), ("worker-1", 3)):
        metrics, publisher = publish(process)
        metrics.counter(REQUESTS)["GET",] += count
        metrics.gauge(OPEN)[()] = count
        metrics.histogram(SECONDS).observe(0.05 * count, "GET")
        publisher.publish()
        publisher.publish()
    assert sorted(lines_of(tmp_path)) == sorted(
        [
            'atoll_x_requests_total{method="GET"} 5.0',
            "atoll_x_open 5.0",
            'atoll_x_seconds_sum{method="GET"} 0.25',
            'atoll_x_seconds_bucket{le="0.1",method="GET"} 1.0',
            'atoll_x_seconds_bucket{le="1.0",method="GET"} 2.0',
            'atoll_x_seconds_bucket{le="+Inf",method="GET"} 2.0',
            'atoll_x_seconds_count{method="GET"} 2.0',
        ]
    )
    assert b"# HELP atoll_x_requests_total Requests." in exposition(tmp_path)
    assert b"# TYPE atoll_x_seconds histogram" in exposition(tmp_path)


def test_restarted_process_counts_on_but_forgets_its_gauges(publish: Make, tmp_path: Path) -> None:
    for _ in range(2):
        metrics, publisher = publish("disk-0")
        metrics.counter(REQUESTS)["GET",] += 4
        publisher.publish()
    metrics.gauge(OPEN)[()] = 9
    publisher.publish()
    _, publisher = publish("disk-0")
    publisher.publish()
    assert lines_of(tmp_path) == ['atoll_x_requests_total{method="GET"} 8.0']


def test_clear_forgets_the_former_run(publish: Make, tmp_path: Path) -> None:
    metrics, publisher = publish("disk-0")
    metrics.counter(REQUESTS)["GET",] += 4
    publisher.publish()
    publisher.close()
    clear(tmp_path)
    assert lines_of(tmp_path) == []


def test_files_have_their_space_from_the_start(publish: Make, tmp_path: Path) -> None:
    publish("disk-0")
    for file in tmp_path.glob("*.db"):
        facts = file.stat()
        assert facts.st_blocks * 512 >= facts.st_size > 0
    assert len(list(tmp_path.glob("*.db"))) == 3


@given(st.lists(st.floats(0, 100)))
def test_histogram_counts_each_value_once(values: list[float]) -> None:
    histogram = Metrics().histogram(SECONDS)
    for value in values:
        histogram.observe(value, "GET")
    if values:
        (series,) = histogram.series.values()
        assert series[0] == sum(value <= 0.1 for value in values)
        assert series[1] == sum(0.1 < value <= 1.0 for value in values)
        assert series[2] == sum(value > 1.0 for value in values)
        assert series[3] == pytest.approx(sum(values))


def test_labels_are_bounded() -> None:
    metrics = Metrics()
    counter, histogram = metrics.counter(REQUESTS), metrics.histogram(SECONDS)
    for number in range(3 * LABEL_SETS_MAX):
        counter[str(number),] += 1
        histogram.observe(1.0, str(number))
    assert len(counter) == len(histogram.series) == LABEL_SETS_MAX + 1
    assert sum(counter.values()) == 3 * LABEL_SETS_MAX
    assert counter["other",] == 2 * LABEL_SETS_MAX


def test_the_same_metric_is_the_same_instrument() -> None:
    metrics = Metrics()
    assert metrics.counter(REQUESTS) is metrics.counter(REQUESTS)
    for make, metric in itertools.product(
        (metrics.counter, metrics.gauge, metrics.histogram), (REQUESTS, OPEN, SECONDS)
    ):
        if make.__name__ != metric.kind:
            with pytest.raises(InvariantError):
                make(metric)


@pytest.mark.parametrize(
    "arguments",
    [
        ("requests_total", "counter", "No prefix."),
        ("atoll_requests", "counter", "No ending."),
        ("atoll_open_total", "gauge", "A counter's ending."),
        ("atoll_x_seconds", "histogram", "No bounds."),
        ("atoll_x_seconds", "histogram", "Not ascending.", (), (2.0, 1.0)),
    ],
)
def test_bad_declarations(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvariantError):
        Metric(*arguments)  # type: ignore[arg-type]


def test_metric_names_are_unique() -> None:
    names = [metric.name for metric in all_metrics()]
    assert len(names) == len(set(names))

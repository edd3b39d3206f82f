"""What a line of the log looks like, and what must never be in it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from atoll import log
from atoll.access_log import AccessLog
from atoll.config import LogSettings
from atoll.log import Sink, get_logger, request_id, timestamp

WALL_NS = 1_790_000_000_123_456_789


@dataclass
class StoppedClock:
    """A clock that stands still until it is set."""

    now_ns: int = WALL_NS

    def wall_ns(self) -> int:
        return self.now_ns

    def monotonic_s(self) -> float:
        return 0.0


class Lines(Sink):
    """A sink that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.writes = 0

    def write(self, lines: bytes) -> None:
        self.data += lines
        self.writes += 1

    def is_terminal(self) -> bool:
        return False

    def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.data.splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """A log as JSON into memory."""
    monkeypatch.setattr(log, "_output", log._output)
    lines = Lines()
    log.configure(LogSettings(level="debug"), "worker-0", StoppedClock(), lines)
    return lines


def test_a_line_has_time_level_event_process_and_facts(lines: Lines) -> None:
    get_logger(device="d0").bind(part=7).info("started", pid=12)
    assert lines.parsed() == [
        {
            "time": "2026-09-21T14:13:20.123Z",
            "level": "info",
            "event": "started",
            "process": "worker-0",
            "device": "d0",
            "part": 7,
            "pid": 12,
        }
    ]


async def test_request_id_follows_the_task(lines: Lines) -> None:
    async def request(name: str) -> None:
        request_id.set(name)
        await trio.testing.wait_all_tasks_blocked()
        get_logger().info("answered", name=name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(request, "tx1")
        nursery.start_soon(request, "tx2")
    get_logger().info("idle")
    assert {(line.get("name"), line.get("request_id")) for line in lines.parsed()} == {
        ("tx1", "tx1"),
        ("tx2", "tx2"),
        (None, None),
    }


def test_levels(lines: Lines) -> None:
    log.configure(LogSettings(level="warning"), "p", StoppedClock(), lines)
    logger = get_logger()
    for method in (logger.debug, logger.info, logger.warning, logger.error):
        method("said")
    assert [line["level"] for line in lines.parsed()] == ["warning", "error"]


def test_secrets_are_hidden(lines: Lines) -> None:
    get_logger().info(
        "x", password="p1", auth_token="p2", key="p3", Authorization="p4", secret_key="p5", keys=3
    )
    line = lines.parsed()[0]
    assert [name for name, value in line.items() if value == "***"] == [
        "password",
        "auth_token",
        "key",
        "Authorization",
        "secret_key",
    ]
    assert line["keys"] == 3


def test_an_error_carries_its_causes(lines: Lines) -> None:
    try:
        try:
            raise ValueError("deep")
        except ValueError as error:
            raise RuntimeError("shallow") from error
    except RuntimeError as error:
        get_logger().error("failed", error)
    text = lines.parsed()[0]["exception"]
    assert text.index("deep") < text.index("shallow")


def test_one_event_is_one_line_of_bounded_size(lines: Lines) -> None:
    get_logger().info("x", text="a\nb\x1b[2J", bad="\ud800", raw=b"\xff", big=object)
    get_logger().info("x", text="a" * 10**6)
    assert lines.data.count(b"\n") == 2
    assert len(lines.data) < 2000
    assert lines.parsed()[1]["cut"] > 10**6


def test_text_is_for_people(lines: Lines) -> None:
    log.configure(LogSettings(format="text"), "disk-0", StoppedClock(), lines)
    get_logger().warning("slow sync", seconds=3, path="/a b", tail="x\ny", empty="")
    assert lines.data.decode() == (
        "14:13:20.123Z warning disk-0 slow sync seconds=3 path='/a b' tail='x\\ny' empty=''\n"
    )


def test_a_full_disk_fails_nobody() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        sink = Sink(fd)
        sink.write(b"lost\n")
        assert sink.dropped == 1
    finally:
        os.close(fd)


def test_timestamp_is_utc_with_milliseconds() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_999_999_999) == "1970-01-01T00:00:01.999Z"


REQUEST = {
    "method": "GET",
    "status": 200,
    "received_bytes": 0,
    "sent_bytes": 4096,
    "duration_s": 0.0015,
    "request_id": "tx1",
    "client": "127.0.0.1:5",
}


def test_access_line_is_json() -> None:
    lines, clock = Lines(), StoppedClock()
    access = AccessLog(lines, clock, "worker-0")
    access.record(target='/v1/"ä\n\udcff', user="test:tester", **REQUEST)
    clock.now_ns += 2_000_000_000
    access.record(target="/", **REQUEST)
    assert lines.data == b""
    access.flush()
    first, second = lines.parsed()
    assert first == {
        "time": "2026-09-21T14:13:20.123Z",
        "level": "info",
        "event": "request",
        "process": "worker-0",
        "request_id": "tx1",
        "client": "127.0.0.1:5",
        "user": "test:tester",
        "method": "GET",
        "target": '/v1/"ä\n\udcff',
        "status": 200,
        "received_bytes": 0,
        "sent_bytes": 4096,
        "duration_ms": 1.5,
    }
    assert second["time"] == "2026-09-21T14:13:22.123Z"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("temp_url_sig=abc&temp_url_expires=1", "temp_url_sig=***&temp_url_expires=1"),
        ("X-Amz-Signature=a&X-Amz-Date=d", "X-Amz-Signature=***&X-Amz-Date=d"),
        ("x=1&X-Amz-Security-Token=a", "x=1&X-Amz-Security-Token=***"),
        ("Signature=a%3D&AWSAccessKeyId=b", "Signature=***&AWSAccessKeyId=b"),
        ("continuation-token=a&key-marker=b&design=c", None),
        ("prefix=token=1", None),
    ],
)
def test_secrets_in_a_query_are_hidden(query: str, shown: str | None) -> None:
    lines = Lines()
    access = AccessLog(lines, StoppedClock(), "w")
    access.record(target=f"/b?{query}", **REQUEST)
    access.flush()
    assert lines.parsed()[0]["target"] == f"/b?{shown or query}"


def test_long_targets_are_cut_and_text_keeps_to_its_line() -> None:
    lines = Lines()
    access = AccessLog(lines, StoppedClock(), "w", as_json=False)
    access.record(target="/\n" + "x" * 10**5, **REQUEST)
    access.flush()
    assert lines.data.count(b"\n") == 1
    assert len(lines.data) < 3000


def test_lines_are_written_in_blocks() -> None:
    lines = Lines()
    access = AccessLog(lines, StoppedClock(), "w")
    for _ in range(1000):
        access.record(target="/", **REQUEST)
    assert 0 < lines.writes < 20
    access.flush()
    access.flush()
    assert lines.data.count(b"\n") == 1000


async def test_lines_are_flushed_twice_a_second_and_at_the_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lines = Lines()
    access = AccessLog(lines, StoppedClock(), "w")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(access.run)
        access.record(target="/", **REQUEST)
        await trio.sleep(0.6)
        assert lines.data.count(b"\n") == 1
        access.record(target="/", **REQUEST)
        nursery.cancel_scope.cancel()
    assert lines.data.count(b"\n") == 2


def test_log_file_is_moved_at_its_limit(tmp_path: Path) -> None:
    from atoll.supervisor.log_file import limit_log_file

    path = tmp_path / "atoll.log"
    limit_log_file(path, 10)
    with path.open("ab") as file:
        file.write(b"123456789")
        file.flush()
        limit_log_file(path, 10)
        assert path.read_bytes() == b"123456789"
        file.write(b"0")
        file.flush()
        limit_log_file(path, 10)
        file.write(b"next")
        file.flush()
    assert path.read_bytes() == b"next"
    assert (tmp_path / "atoll.log.1").read_bytes() == b"1234567890"

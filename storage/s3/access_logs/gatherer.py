"""Gathers the lines of a worker's requests and writes them as objects into the target buckets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import trio

from atoll.log import get_logger
from atoll.world import World
from storage.container.record import ContainerRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import StoreError
from storage.s3.access_logs.configuration import LOGGING, LogTarget, parse_logging, takes_logs
from storage.s3.access_logs.line import log_line
from storage.s3.configuration import Configurations, pointer_of
from storage.s3.gate import POLICY, read_policy
from storage.s3.owner import display_name
from storage.s3.request import Request
from storage.timestamp import ClockDriftError

GATHERED_BYTES_MAX = 16 * 1024 * 1024
FLUSH_DEADLINE_S = 10.0
_NS_PER_S = 1_000_000_000
log = get_logger(part="access-logs")


class _Source(NamedTuple):
    """A bucket that is logged, on one day of events."""

    account: str
    bucket: str
    day: str


class Gatherer:
    """The access logs of one worker.

    Args:
        world: clock and randomness.
        engine: of the store.
        region: of the buckets.

    Attributes:
        dropped: lines that there was no room for, or that no target took.
    """

    def __init__(self, world: World, engine: Engine, region: str) -> None:
        self._world = world
        self._engine = engine
        self._region = region
        self._configurations = Configurations(engine)
        self._lines: dict[_Source, list[bytes]] = {}
        self._gathered_bytes = 0
        self._is_full = trio.Event()
        self.dropped = 0

    def record(self, request: Request, status: int, sent_bytes: int, duration_s: float) -> None:
        """Take note of an answer, if its bucket is logged."""
        bucket = request.container
        if bucket is None or not pointer_of(bucket, LOGGING):
            return
        at_s = self._world.clock.wall_ns() / _NS_PER_S - duration_s
        line = log_line(request, at_s, status, sent_bytes, duration_s)
        if self._gathered_bytes + len(line) > GATHERED_BYTES_MAX:
            self.dropped += 1
            return
        self._gathered_bytes += len(line)
        source = _Source(bucket.account, bucket.name, f"{_utc(at_s):%Y/%m/%d}")
        self._lines.setdefault(source, []).append(line)
        if self._gathered_bytes > GATHERED_BYTES_MAX // 2:
            self._is_full.set()

    async def run(self, interval_s: float) -> None:
        """Write what was gathered, until cancelled; then write the rest."""
        try:
            while True:
                with trio.move_on_after(interval_s):
                    await self._is_full.wait()
                self._is_full = trio.Event()
                await self.flush()
        finally:
            deadline = trio.current_time() + FLUSH_DEADLINE_S
            with trio.CancelScope(shield=True, deadline=deadline):
                await self.flush()

    async def flush(self) -> None:
        """Write what was gathered; what cannot be written now is dropped and counted."""
        gathered, self._lines, self._gathered_bytes = self._lines, {}, 0
        for source, lines in gathered.items():
            try:
                is_written = await self._write(source, b"".join(lines))
            except (StoreError, ClockDriftError) as error:
                log.warning("access log dropped", bucket=source.bucket, reason=str(error))
                is_written = False
            if not is_written:
                self.dropped += len(lines)

    async def _write(self, source: _Source, data: bytes) -> bool:
        bucket = await self._engine.container(source.account, source.bucket)
        if bucket is None:
            return False
        wanted = await self._configurations.get(bucket, LOGGING, parse_logging)
        if wanted is None:
            return False
        target = await self._engine.container(source.account, wanted.bucket)
        if target is None:
            return False
        policy = await self._configurations.get(target, POLICY, read_policy)
        name = self._name(source, bucket, wanted)
        if not takes_logs(bucket, target, name, policy):
            return False
        attributes = Attributes("text/plain", {}, {})
        await self._engine.put_object(target, name, attributes, _Body(data), size_bytes=len(data))
        return True

    def _name(self, source: _Source, bucket: ContainerRecord, wanted: LogTarget) -> str:
        """Return the name of a new log object."""
        now = _utc(self._world.clock.wall_ns() / _NS_PER_S)
        unique = self._world.random.randbytes(8).hex().upper()
        name = f"{now:%Y-%m-%d-%H-%M-%S}-{unique}"
        if not wanted.date_source:
            return wanted.prefix + name
        day = source.day if wanted.date_source == "EventTime" else f"{now:%Y/%m/%d}"
        owner = display_name(bucket.account)
        return f"{wanted.prefix}{owner}/{self._region}/{bucket.name}/{day}/{name}"


class _Body:
    """A log as the body of an upload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return all of it, then nothing."""
        data, self._data = self._data, b""
        return data


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)

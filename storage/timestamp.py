"""Hybrid logical clocks: timestamps that order all records and never repeat.

A `Timestamp` is 12 bytes that compare as they order: 48 bits of physical milliseconds, a 16-bit
counter, and 32 bits that name the process (node, slot, incarnation). After Kulkarni et al.,
"Logical Physical Clocks", 2014.
"""

from __future__ import annotations

from typing import NewType

from atoll.invariant import invariant
from atoll.world import Clock

Timestamp = NewType("Timestamp", bytes)

TIMESTAMP_SIZE_BYTES = 12
ZERO = Timestamp(bytes(TIMESTAMP_SIZE_BYTES))
_COUNTER_BITS = 16
_ALL_ONES = (1 << 96) - 1


class ClockDriftError(Exception):
    """Another process's timestamp lies too far ahead of this clock; one of the two is off.

    Attributes:
        ahead_ms: by how much.
    """

    def __init__(self, ahead_ms: int) -> None:
        self.ahead_ms = ahead_ms
        super().__init__(f"a timestamp lies {ahead_ms} ms ahead of this clock")


def milliseconds(timestamp: bytes) -> int:
    """Return a timestamp's physical part, in milliseconds since 1970."""
    return int.from_bytes(timestamp[:6])


def seconds(timestamp: bytes) -> float:
    """Return a timestamp's physical part in seconds; the counter shows as 10 µs steps."""
    counter = int.from_bytes(timestamp[6:8])
    return (milliseconds(timestamp) * 100 + min(counter, 99)) / 100_000


def at_milliseconds(wall_ms: int) -> Timestamp:
    """Return the first timestamp of a physical millisecond."""
    return Timestamp(wall_ms.to_bytes(6) + bytes(6))


def inverse(timestamp: bytes) -> bytes:
    """Return the complement, so that the newest sorts first; its own inverse."""
    return (int.from_bytes(timestamp) ^ _ALL_ONES).to_bytes(TIMESTAMP_SIZE_BYTES)


class HybridClock:
    """Draws the timestamps of one process.

    Args:
        clock: physical time.
        process: 32 bits that no other live process has (see `process_id`).
        drift_ms_max: how far ahead of the physical clock an observed timestamp may lie.
        floor: every timestamp drawn is greater than this one.
    """

    def __init__(
        self, clock: Clock, process: int, *, drift_ms_max: int = 10_000, floor: bytes = ZERO
    ) -> None:
        self._clock = clock
        self._process = process.to_bytes(4)
        self._drift_ms_max = drift_ms_max
        self._last = int.from_bytes(floor[:8])

    def now(self) -> Timestamp:
        """Draw a timestamp greater than all that were drawn or observed."""
        physical = (self._clock.wall_ns() // 1_000_000) << _COUNTER_BITS
        last = self._last + 1
        self._last = last = physical if physical > last else last
        return Timestamp(last.to_bytes(8) + self._process)

    def observe(self, timestamp: bytes) -> None:
        """Move past a timestamp that was seen.

        Raises:
            ClockDriftError: it lies too far in the future to be believed.
        """
        seen = int.from_bytes(timestamp[:8])
        if seen <= self._last:
            return
        ahead_ms = milliseconds(timestamp) - self._clock.wall_ns() // 1_000_000
        if ahead_ms > self._drift_ms_max:
            raise ClockDriftError(ahead_ms)
        self._last = seen


def process_id(node: int, slot: int, incarnation: int) -> int:
    """Return the 32 bits that name a process in its timestamps.

    Args:
        node: of the cluster, below 4096.
        slot: which process of the node, below 4096.
        incarnation: tells a process from the one that died in the same slot; any integer.
    """
    invariant(0 <= node < 4096 and 0 <= slot < 4096, "node and slot fit", node=node, slot=slot)
    return node << 20 | slot << 8 | incarnation & 0xFF

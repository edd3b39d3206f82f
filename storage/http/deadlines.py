"""Deadlines of very many connections for next to nothing: one task looks at all, twice a second.

A cancel scope with a deadline costs more than the rest of a small request. Here a connection only
notes that it waits for its client. Time passes by sweeps, so a process that was stopped or busy
blames nobody for it.
"""

from __future__ import annotations

from typing import Protocol

import trio

SWEEP_INTERVAL_S = 0.5


class Watched(Protocol):
    """What may wait for its client too long."""

    def tick(self, interval_s: float) -> None:
        """Book that time has passed, and end what is overdue."""


class Sweeper:
    """Ticks all that it watches."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()

    @property
    def watched_count(self) -> int:
        """How many it watches."""
        return len(self._watched)

    def add(self, watched: Watched) -> None:
        """Begin to watch."""
        self._watched.add(watched)

    def discard(self, watched: Watched) -> None:
        """Watch no longer."""
        self._watched.discard(watched)

    async def run(self) -> None:
        """Sweep for ever. On cancel: nothing is watched any more."""
        while True:
            await trio.sleep(SWEEP_INTERVAL_S)
            for watched in list(self._watched):
                watched.tick(SWEEP_INTERVAL_S)


class Patience:
    """How long a client may still keep a transfer waiting: a leaky bucket of seconds.

    Waiting drains it and bytes that move refill it, so that a transfer above the lowest rate goes
    on for ever, and one that stands still or trickles ends.
    """

    __slots__ = ("_bytes_per_s_min", "_left_s", "_most_s")

    def __init__(self, most_s: float, bytes_per_s_min: float) -> None:
        self._most_s = most_s
        self._bytes_per_s_min = bytes_per_s_min
        self._left_s = most_s

    def renew(self) -> None:
        """Fill it."""
        self._left_s = self._most_s

    def wait(self, waited_s: float, moved_bytes: int) -> bool:
        """Book a wait and what moved meanwhile; return whether there is patience left."""
        earned_s = moved_bytes / self._bytes_per_s_min
        self._left_s = min(self._most_s, self._left_s - waited_s + earned_s)
        return self._left_s > 0

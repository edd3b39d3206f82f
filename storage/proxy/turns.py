"""Turns: tasks of one process that change the same name go one after the other.

Each of them reads, decides and writes, and loses the race to whoever wrote in between; among
themselves they need not race. Those of other processes they still meet, a few at most.
"""

from __future__ import annotations

import trio

from storage.proxy.errors import UnavailableError


class Turns:
    """The names that are being changed.

    Args:
        patience_s: how long a task waits for its turn.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._queues: dict[bytes, _Queue] = {}

    def of(self, name: bytes) -> Turn:
        """Return the context of a turn.

        Raises on entry:
            UnavailableError: too many others are before.
        """
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue()
        queue.length += 1
        return Turn(self, name, queue)

    async def wait(self, queue: _Queue) -> None:
        """Wait for one's turn in a queue."""
        try:
            queue.lock.acquire_nowait()
        except trio.WouldBlock:
            with trio.move_on_after(self._patience_s) as patience:
                await queue.lock.acquire()
            if patience.cancelled_caught:
                raise UnavailableError("too many writers at once") from None

    def leave(self, name: bytes, queue: _Queue) -> None:
        """Leave a queue; one that nobody is in is forgotten."""
        queue.length -= 1
        if not queue.length:
            del self._queues[name]


class _Queue:
    __slots__ = ("length", "lock")

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.length = 0


class Turn:
    """One turn; to be entered at once."""

    __slots__ = ("_name", "_queue", "_turns")

    def __init__(self, turns: Turns, name: bytes, queue: _Queue) -> None:
        self._turns = turns
        self._name = name
        self._queue = queue

    async def __aenter__(self) -> None:
        try:
            await self._turns.wait(self._queue)
        except BaseException:
            self._turns.leave(self._name, self._queue)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._queue.lock.release()
        self._turns.leave(self._name, self._queue)

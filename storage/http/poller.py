"""Waits for many sockets' bytes with one registration each.

Trio registers a socket anew for every wait, a system call each time. A server's connections wait
all the time and for one thing only, so they are registered once, edge-triggered, with an epoll of
their own; trio waits for that one. An edge tells of all that arrived before it: a reader must have
emptied its socket before it waits. See epoll(7).
"""

from __future__ import annotations

import select
from contextlib import suppress

import trio

_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Poller:
    """The connections of one server that wait for their clients."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._tasks: dict[int, trio.lowlevel.Task] = {}
        self._watched: set[int] = set()
        self._ready: set[int] = set()
        self._ended: set[int] = set()

    def add(self, handle: int) -> None:
        """Watch a socket until it is forgotten."""
        self._epoll.register(handle, _EVENTS)
        self._watched.add(handle)

    def forget(self, handle: int) -> None:
        """Watch a socket no longer; it is about to be closed. Who waits for it is told."""
        with suppress(OSError, ValueError):
            self._epoll.unregister(handle)
        for handles in (self._watched, self._ready, self._ended):
            handles.discard(handle)
        task = self._tasks.pop(handle, None)
        if task is not None:
            trio.lowlevel.reschedule(task)

    async def wait(self, handle: int) -> None:
        """Wait until something may have arrived since the socket was last found empty.

        Raises:
            trio.ClosedResourceError: the socket was forgotten.
        """
        if handle in self._ready or handle in self._ended:
            self._ready.discard(handle)
            await trio.lowlevel.checkpoint()
            return
        self._tasks[handle] = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._tasks[handle]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
        if handle not in self._watched:
            raise trio.ClosedResourceError("the socket was closed")

    async def run(self) -> None:
        """Wake those whose bytes arrive, for ever. On cancel: nobody is woken any more."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                for handle, events in self._epoll.poll(0):
                    if events & _ENDS:
                        self._ended.add(handle)
                    task = self._tasks.pop(handle, None)
                    if task is None:
                        self._ready.add(handle)
                    else:
                        trio.lowlevel.reschedule(task)
        finally:
            self._epoll.close()

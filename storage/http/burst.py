"""Small responses leave in bursts: first all tasks that are ready compute, then all answer.

A response that is sent as soon as it is made wakes its client, which goes back to sleep before the
next one is made. Waking is dear, in a virtual machine most of all; answers that leave one right
after the other find the client awake.
"""

from __future__ import annotations

from typing import Protocol

import trio


class Sender(Protocol):
    """A connection with a response to send."""

    def flush(self) -> bool:
        """Send what can be sent without waiting; tell whether all of it was."""

    async def finish(self) -> None:
        """Send the rest; return when it is sent or never can be."""


class Burst:
    """What waits to be sent when the tasks that are ready now have run."""

    def __init__(self) -> None:
        self._senders: list[Sender] = []
        self._has_senders = trio.Event()

    def add(self, sender: Sender) -> None:
        """Have a connection flushed in the next burst."""
        if not self._senders:
            self._has_senders.set()
        self._senders.append(sender)

    async def run(self) -> None:
        """Send for ever. On cancel: what waits is not sent."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._has_senders.wait()
                self._has_senders = trio.Event()
                senders, self._senders = self._senders, []
                for sender in senders:
                    if not sender.flush():
                        nursery.start_soon(sender.finish)

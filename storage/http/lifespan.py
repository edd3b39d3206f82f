"""The ASGI lifespan protocol, for applications that have a start-up (Starlette's do).

An application that knows nothing of it fails on its first message, or returns, and is served
without (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from storage.http.asgi import App, Message
from storage.http.errors import ApplicationError


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any] | None]:
    """Start the application up, and shut it down at the end.

    Yields:
        What its requests find as their state; None if it has no lifespan.

    Raises:
        ApplicationError: it says that its start-up or its shutdown failed.
    """
    life = _Life()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run, app)
        await life.pass_through("startup")
        if not life.failure:
            yield life.state if life.supported else None
            await life.pass_through("shutdown")
        nursery.cancel_scope.cancel()
    if life.failure:
        raise ApplicationError(life.failure)


class _Life:
    """The application's side of a lifespan: two phases, each announced and answered."""

    def __init__(self) -> None:
        self.supported = False
        self.failure = ""
        self.state: dict[str, Any] = {}
        self._announce, self._announced = trio.open_memory_channel[Message](1)
        self._passed = {"startup": trio.Event(), "shutdown": trio.Event()}

    async def run(self, app: App) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        try:
            await app(scope, self._announced.receive, self._answer)
        except Exception:
            if self.supported:
                raise
        finally:
            for phase in self._passed.values():
                phase.set()

    async def pass_through(self, phase: str) -> None:
        """Announce a phase; wait until the application is through with it, or has returned."""
        if not self._passed[phase].is_set():
            await self._announce.send({"type": f"lifespan.{phase}"})
            await self._passed[phase].wait()

    async def _answer(self, message: Message) -> None:
        _, phase, result = message["type"].split(".")
        if phase not in self._passed:
            raise ApplicationError(f"{message['type']!r} is not a message of a lifespan")
        self.supported = True
        if result == "failed":
            self.failure = f"{phase} failed: {message.get('message', '')}"
        self._passed[phase].set()

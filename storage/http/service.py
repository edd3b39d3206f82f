"""What all connections of a server share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from atoll.world import Clock
from storage.http.asgi import App, Scope
from storage.http.burst import Burst
from storage.http.deadlines import Sweeper
from storage.http.limits import Limits
from storage.http.response import DateLine

OnError: TypeAlias = Callable[[Exception, Scope | None], None]
"""Called with an error of ours and the request that it broke, if it was one."""

OnResponse: TypeAlias = Callable[[Scope, int, int, int, float], None]
"""Called once per request with its scope, the status (0: none was sent), the body bytes sent, the
body bytes received, and the seconds it took. A request that could not be parsed has an empty
method."""


class Stoppable(Protocol):
    """A connection."""

    def stop_if_idle(self) -> None:
        """End unless a request is under way."""


@dataclass(slots=True)
class Service:
    """An application and how it is served.

    Attributes:
        app: the ASGI application.
        limits: what is granted to clients.
        clock: dates responses and times requests.
        on_error: see `OnError`.
        on_response: see `OnResponse`.
        state: what the application's start-up left for its requests, if it has one.
        stopping: whether connections end with the request under way.
        connections: those that are open.
        sweeper: watches over their clients' pace.
        burst: sends their small responses.
        date: the Date header of their responses.
    """

    app: App
    limits: Limits
    clock: Clock
    on_error: OnError
    on_response: OnResponse | None = None
    state: dict[str, Any] | None = None
    stopping: bool = False
    connections: set[Stoppable] = field(default_factory=set)
    sweeper: Sweeper = field(default_factory=Sweeper)
    burst: Burst = field(default_factory=Burst)
    date: DateLine = field(init=False)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        self.date = DateLine(self.clock)

    def stop(self) -> None:
        """Let every connection end with the request that it has under way."""
        self.stopping = True
        for connection in list(self.connections):
            connection.stop_if_idle()

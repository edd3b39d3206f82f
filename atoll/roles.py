"""What the supervisor and the roles it runs agree on; both sides import this and little else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trio

from atoll.config import Config
from atoll.metrics import Metrics
from atoll.world import World

EXIT_REFUSED = 78  # EX_CONFIG of sysexits.h: starting again cannot help


@dataclass(frozen=True, slots=True)
class RoleInstance:
    """One process that a cloud consists of.

    Attributes:
        role: a key of `atoll.registry.ROLES`.
        name: unique within the data folder, such as "disk-0"; stable over restarts.
        index: which one of its role it is, from 0.
        after: names of the instances that must be ready before this one's ``main`` is entered,
            and that are stopped only when this one has stopped. Processes of all instances are
            started at once and import side by side; only the entry to ``main`` waits.
        listen: addresses ("host:port") on which this instance gets a listening socket of its own.
            Connections to an address are spread over all the instances that name it.
    """

    role: str
    name: str
    index: int = 0
    after: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What one layer wants to have run, after it has made or found its data.

    Attributes:
        instances: the processes to run.
        screen: lines of the start screen: endpoints, credentials, an example to copy.
    """

    instances: tuple[RoleInstance, ...] = ()
    screen: tuple[str, ...] = ()


Prepare = Callable[[Config, Path, World], Bootstrap]
"""Makes what is missing below the data folder. Called on every start; must be repeatable.

The ``server.listen`` of the config it is given has the real port, also where 0 was asked for.
"""


def _no_status() -> Mapping[str, object]:
    return {}


@dataclass(slots=True, kw_only=True)
class RoleContext:
    """All that a role is handed: ``async def main(context: RoleContext) -> None``.

    A role returns from ``main`` soon after `stopping` is set, having finished what is under way;
    at `stop_deadline_s` after that it is cancelled.

    Attributes:
        config: the settings, the same in every process of the cloud.
        data: the data folder.
        world: clock, random numbers, disk and network.
        name: of this instance.
        index: which one of its role it is, from 0.
        metrics: what this process counts; published once a second.
        sockets: listening sockets, non-blocking, in the order of `RoleInstance.listen`.
        stopping: set when the role should finish.
        stop_deadline_s: how long it may take to finish.
        status: called once a second for `atoll status`; returns small JSON values. Set it in
            ``main``; counts and sizes only, never secrets.
        is_ready: set by `ready`.
    """

    config: Config
    data: Path
    world: World
    name: str
    index: int = 0
    metrics: Metrics = field(default_factory=Metrics)
    sockets: list[socket.socket] = field(default_factory=list)
    stopping: trio.Event = field(default_factory=trio.Event)
    stop_deadline_s: float = 10.0
    status: Callable[[], Mapping[str, object]] = _no_status
    is_ready: trio.Event = field(default_factory=trio.Event)

    def ready(self) -> None:
        """Say that this instance serves; those that come after it are let go."""
        self.is_ready.set()

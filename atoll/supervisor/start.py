"""From nothing to a running cloud: the steps of `atoll up`, in order."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from atoll import metrics
from atoll.config import Config, ServerSettings
from atoll.data_folder import DataFolder
from atoll.errors import OperatorError
from atoll.registry import load, load_registry
from atoll.roles import Bootstrap, Prepare
from atoll.supervisor.lock import HeldError, Lock, clear_leftovers
from atoll.supervisor.sockets import ListeningAddress
from atoll.supervisor.supervise import Supervisor
from atoll.world import World

SOCKET_PATH_LENGTH_MAX = 107  # sun_path of unix(7), less its final NUL
LONGEST_SOCKET_NAME = 24

Announce = Callable[[Sequence[str]], None]


class AlreadyRunningError(OperatorError):
    """Another supervisor holds the data folder.

    Attributes:
        pid: of that supervisor.
    """

    def __init__(self, data: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"a cloud already runs on {data} (process {pid}); `atoll down --data {data}` stops it"
        )


def run_cloud(
    config: Config, folder: DataFolder, world: World, *, registry: str, announce: Announce
) -> None:
    """Start a cloud and return when it has stopped.

    Args:
        config: the settings, checked.
        folder: the data folder, absolute; made if it is not there.
        world: the real one.
        registry: the module that names roles and bootstraps.
        announce: called with the start screen when the cloud serves.

    Raises:
        AlreadyRunningError: one runs on this folder.
        OperatorError: something the operator asked for cannot be.
        StartError: the cloud did not come up in time.
    """
    _refuse_long_path(folder)
    _raise_descriptor_limit()
    settings = config[ServerSettings]
    if not folder.root.exists():  # nothing of ours can hold the port: ask before making anything
        ListeningAddress(settings.listen, settings.backlog).close()
    for path in (folder.run, folder.role_locks):
        world.disk.make_folder(path)
    try:
        lock = Lock(folder.lock)
    except HeldError as error:
        raise AlreadyRunningError(folder.root, error.pid) from error
    try:
        trio.run(clear_leftovers, folder.role_locks, world.clock, settings.stop_deadline_s)
        address = ListeningAddress(settings.listen, settings.backlog)
        config = _resolved(config, address)
        bootstrap = _prepare(config, folder, world, registry)
        metrics.clear(folder.metrics)
        supervisor = Supervisor(
            config,
            folder,
            world,
            bootstrap=bootstrap,
            addresses=_reserve_all(address, bootstrap, settings.backlog),
            registry=registry,
            announce=announce,
        )
        trio.run(supervisor.run)
    finally:
        lock.release()


def _refuse_long_path(folder: DataFolder) -> None:
    length = len(os.fsencode(folder.run)) + 1 + LONGEST_SOCKET_NAME
    if length > SOCKET_PATH_LENGTH_MAX:
        raise OperatorError(
            f"the data folder's path is {length - SOCKET_PATH_LENGTH_MAX} bytes too long for Unix "
            f"sockets below it: {folder.root}"
        )


def _raise_descriptor_limit() -> None:
    """Let every process have the connections and files that the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _resolved(config: Config, address: ListeningAddress) -> Config:
    """Return the configuration with what only this machine could tell."""
    workers = config[ServerSettings].workers or len(os.sched_getaffinity(0))
    return config.replace(
        "this machine", {"server.listen": address.address, "server.workers": workers}
    )


def _prepare(config: Config, folder: DataFolder, world: World, registry: str) -> Bootstrap:
    """Let every layer make or find its data; return all that is to run."""
    parts: list[Bootstrap] = []
    for path in load_registry(registry).BOOTSTRAP:
        prepare: Prepare = load(path)
        parts.append(prepare(config, folder.root, world))
    return Bootstrap(
        instances=tuple(one for part in parts for one in part.instances),
        screen=tuple(line for part in parts for line in part.screen),
    )


def _reserve_all(
    first: ListeningAddress, bootstrap: Bootstrap, backlog: int
) -> dict[str, ListeningAddress]:
    """Return the reserved addresses by name: the server's, and what instances name besides."""
    addresses = {first.address: first}
    for instance in bootstrap.instances:
        for name in instance.listen:
            if name not in addresses:
                addresses[name] = ListeningAddress(name, backlog)
    return addresses

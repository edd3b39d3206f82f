"""A process of the simulation: it has a clock of its own, and can die between any two steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import trio

from atoll.world import Network, Random, World
from atoll.world.interface import T
from atoll.world.simulated import MemoryDisk, SimulatedClock


class ProcessDiedError(BaseException):
    """The process is dead: raised by whatever it does next, and caught by nothing in it."""


class OperationCutError(Exception):
    """The process died under an operation, or the client hung up: the outcome is unknown."""


class Faults(Protocol):
    """What may go wrong at a step of a process."""

    def step(self, process: Process, device: int, operation: str, path: Path) -> None:
        """Return, or make the operation fail, or the process die."""

    def pause_s(self, process: Process) -> float:
        """Return how long blocking work takes to begin, or its result to arrive."""


class Process:
    """A process that lives until it is killed; then another one takes its place.

    Args:
        name: for the trace.
        device: whose disk it owns; -1 for one that owns none.
        random: of the simulation.
        network: of the node.
        faults: decides what goes wrong.
        clock: of the machine, as this process reads it.

    Attributes:
        world: as the process sees it.
        is_dead: whether it died.
    """

    def __init__(
        self,
        name: str,
        device: int,
        random: Random,
        network: Network,
        faults: Faults,
        clock: SimulatedClock,
    ) -> None:
        self.name = name
        self.device = device
        self.is_dead = False
        self.died = trio.Event()
        self._faults = faults
        self._scopes: list[trio.CancelScope] = []
        self.world = World(clock, random, MemoryDisk(), network, _Threads(self, faults))

    def see(self, disk: MemoryDisk, device: int) -> MemoryDisk:
        """Return a disk as this process sees it."""
        return disk.seen_by(lambda operation, path: self.step(device, operation, path))

    def step(self, device: int, operation: str, path: Path) -> None:
        """Pass a point at which the process may die or the disk may fail."""
        self.check()
        self._faults.step(self, device, operation, path)

    def check(self) -> None:
        """Go no further when dead."""
        if self.is_dead:
            raise ProcessDiedError(self.name)

    def die(self) -> None:
        """Die at once: whatever runs in it is cut off where it stands."""
        self.is_dead = True
        self.died.set()
        for scope in self._scopes:
            scope.cancel()

    async def live(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something in this process.

        Raises:
            OperationCutError: the process died under it.
        """
        scope = trio.CancelScope()
        self._scopes.append(scope)
        try:
            with scope:
                self.check()
                result = await work()
                self.check()
                return result
        except trio.Cancelled:
            raise
        except (Exception, BaseExceptionGroup, ProcessDiedError) as error:
            if not self.is_dead:
                raise
            raise OperationCutError(f"{self.name} died") from error
        finally:
            self._scopes.remove(scope)
        raise OperationCutError(f"{self.name} died")


class _Threads:
    """Blocking work takes time; a death may come before it or before its result is heard of."""

    def __init__(self, process: Process, faults: Faults) -> None:
        self._process = process
        self._faults = faults

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        await self._pause()
        result = work(*arguments)
        await self._pause()
        return result

    async def _pause(self) -> None:
        with trio.move_on_after(self._faults.pause_s(self._process)):
            await self._process.died.wait()
        self._process.check()

"""A node in memory: devices with their disk services, and the coordinators that clients reach.

The code is the real one; simulated are the disks, the index below its interface, the network, the
clocks and the supervisor, which starts again what died.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import trio

from atoll.world import DiskError, Random
from atoll.world.interface import T
from atoll.world.simulated import MemoryDisk, MemoryNetwork, SimulatedClock
from ring import Ring
from storage.device.client import DiskClient
from storage.device.index import IndexFailedError
from storage.device.leftovers import Leftovers
from storage.device.local import LocalReplica
from storage.device.memory_index import MemoryIndex, MemorySnapshot
from storage.device.payload import PayloadFolder
from storage.device.service import DiskService
from storage.device.transaction import read_highest
from storage.device.writer import Writer
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.settings import EngineSettings
from storage.proxy.store import Store
from storage.proxy.voters import Voters
from storage.simulation.faults import FaultInjector
from storage.simulation.process import OperationCutError, Process
from storage.timestamp import HybridClock, process_id

ACCOUNT = "AUTH_sim"
CONTAINERS = ("c0", "c1")
WRITE_DEADLINE_S = 5.0
REQUEST_DEADLINE_S = 60.0
RECLAIM_AGE_S = 100
RESERVE_SIZE_BYTES = 4096
HOUSEKEEPING_INTERVAL_S = 7.0
RESTART_DELAY_S_MAX = 2.0
INLINE_SIZE_BYTES_MAX = 1024
DISK_SIZE_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a cluster.

    Attributes:
        devices: of the node.
        replicas: of everything.
        coordinators: processes that clients reach.
    """

    devices: int
    replicas: int
    coordinators: int


@dataclass(slots=True)
class Device:
    """A device: what survives the deaths of its disk services."""

    number: int
    disk: MemoryDisk = field(default_factory=lambda: MemoryDisk(DISK_SIZE_BYTES))
    index: MemoryIndex = field(default_factory=MemoryIndex)
    service: Process | None = None

    @property
    def root(self) -> Path:
        """Its folder."""
        return Path(f"/devices/d{self.number}")

    @property
    def address(self) -> str:
        """Where its disk service listens."""
        return f"/run/disk-{self.number}.sock"


class _ReaderIndex(MemoryIndex):
    """A device's index as other processes read it, or fail to."""

    def __init__(self, device: Device, faults: FaultInjector) -> None:
        super().__init__()
        self.tables = device.index.tables
        self._number = device.number
        self._faults = faults

    def snapshot(self) -> MemorySnapshot:
        """Open a view."""
        if self._faults.strikes(self._number, "index cannot be read", 0.95):
            raise IndexFailedError("injected")
        return super().snapshot()


class Coordinator:
    """A process that clients reach, with its engine; another one takes its place when it dies."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.clock = SimulatedClock()
        self.process: Process | None = None
        self.store: Store | None = None
        self.replicas: list[LocalReplica] = []

    async def call(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Have the engine do something.

        Raises:
            OperationCutError: it died under it.
            ConnectionRefusedError: it is not there.
        """
        process, store = self.process, self.store
        if process is None or store is None or process.is_dead:
            raise ConnectionRefusedError(f"no coordinator {self.slot}")
        return await process.live(lambda: work(store))


class Cluster:
    """All processes of a node and their supervisor.

    Args:
        shape: how many of what.
        ring: places everything.
        random: of the simulation.
        faults: decides what goes wrong.
    """

    def __init__(self, shape: Shape, ring: Ring, random: Random, faults: FaultInjector) -> None:
        self.shape = shape
        self.ring = ring
        self.faults = faults
        self.hasher = PathHasher(bytes(32))
        self.placement = Placement(ring, ring, {0: ring})
        self.devices = [Device(number) for number in range(shape.devices)]
        self.coordinators = [Coordinator(slot) for slot in range(shape.coordinators)]
        self._random = random
        self._network = MemoryNetwork()
        self._device_clock = SimulatedClock()
        self._nursery: trio.Nursery | None = None

    async def run(self, is_up: trio.Event) -> None:
        """Start all processes, and start again those that die, until cancelled."""
        async with trio.open_nursery() as nursery:
            for device in self.devices:
                nursery.start_soon(self._supervise, self._serve_device, device)
            for coordinator in self.coordinators:
                nursery.start_soon(self._supervise, self._coordinate, coordinator)
            is_up.set()

    async def _supervise(self, run: Callable[[T], Awaitable[None]], subject: T) -> None:
        while True:
            await run(subject)
            await trio.sleep(self._random.random() * RESTART_DELAY_S_MAX)

    def processes(self) -> list[Process]:
        """Return the living processes."""
        found = [device.service for device in self.devices]
        found += [coordinator.process for coordinator in self.coordinators]
        return [process for process in found if process is not None and not process.is_dead]

    def cut_power(self) -> None:
        """Kill every process at once; the disks lose what was not synced."""
        for process in self.processes():
            process.die()
        for device in self.devices:
            device.disk.crash(self._random)

    # disk services

    async def _serve_device(self, device: Device) -> None:
        process = device.service = Process(
            f"disk-{device.number}",
            device.number,
            self._random,
            self._network,
            self.faults,
            self._device_clock,
        )
        device.index.before_commit = lambda: self.faults.commit(process, "commit")
        device.index.after_commit = lambda: self.faults.commit(process, "committed")
        try:
            await process.live(lambda: self._serve(device, process))
        except OperationCutError:
            pass  # it was killed
        except BaseExceptionGroup as group:
            _, unexpected = group.split((DiskError, IndexFailedError))
            if unexpected is not None:
                raise
            self.faults.note("gave up", process.name)
        finally:
            process.die()

    async def _serve(self, device: Device, process: Process) -> None:
        payloads = PayloadFolder(process.see(device.disk, device.number), device.root)
        writer = Writer(
            device.index,
            payloads,
            reclaim_age_s=RECLAIM_AGE_S,
            reserve_bytes=RESERVE_SIZE_BYTES,
        )
        service = DiskService(writer, process.world)
        leftovers = Leftovers(device.index, payloads, process.world, 2 * REQUEST_DEADLINE_S)
        listener = await self._network.listen(device.address)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_house, writer, leftovers, process)
            await service.serve(listener, trio.Event())

    async def _keep_house(self, writer: Writer, leftovers: Leftovers, process: Process) -> None:
        while True:
            await process.world.threads.run(writer.restore_reserve)
            await process.world.threads.run(leftovers.run_once, 256)
            await trio.sleep(HOUSEKEEPING_INTERVAL_S)

    # coordinators

    async def _coordinate(self, coordinator: Coordinator) -> None:
        process = coordinator.process = Process(
            f"worker-{coordinator.slot}",
            -1,
            self._random,
            self._network,
            self.faults,
            coordinator.clock,
        )
        try:
            await process.live(lambda: self._open_store(coordinator, process))
        except OperationCutError:
            pass  # it was killed
        finally:
            coordinator.store = None
            process.die()

    async def _open_store(self, coordinator: Coordinator, process: Process) -> None:
        replicas: dict[int, LocalReplica] = {}
        highest = b""
        async with trio.open_nursery() as nursery:
            for device in self.devices:
                payloads = PayloadFolder(process.see(device.disk, device.number), device.root)
                client = DiskClient(process.world, device.address)
                nursery.start_soon(client.run)
                index = _ReaderIndex(device, self.faults)
                replicas[device.number] = LocalReplica(
                    device.number, index, payloads, client, process.world
                )
                with device.index.snapshot() as snapshot:
                    highest = max(highest, read_highest(snapshot))
            coordinator.replicas = list(replicas.values())
            incarnation = self._random.randrange(256)
            clock = HybridClock(
                process.world.clock,
                process_id(0, coordinator.slot, incarnation),
                floor=highest,
            )
            coordinator.store = Store(
                process.world,
                clock,
                self.hasher,
                self.placement,
                Voters(replicas, WRITE_DEADLINE_S),
                EngineSettings(
                    inline_size_bytes_max=INLINE_SIZE_BYTES_MAX, write_deadline_s=WRITE_DEADLINE_S
                ),
            )
            await process.died.wait()

"""One process's view of a node: its devices, its clock, and the engine over them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

import native
from atoll.config import Config, DeviceSettings
from atoll.errors import RefusedError
from atoll.log import get_logger
from atoll.world import Disk, World
from ring import Ring
from storage.cluster import Cluster, read_cluster
from storage.data_folder import StorageFolder
from storage.device.absent import AbsentReplica
from storage.device.client import DiskClient
from storage.device.folder import DeviceFolder
from storage.device.index import IndexFailedError
from storage.device.lmdb_index import LmdbIndex
from storage.device.local import LocalReplica
from storage.device.transaction import read_highest
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.replica import Replica
from storage.proxy.settings import EngineSettings
from storage.proxy.store import Store
from storage.proxy.voters import Voters
from storage.settings import StorageSettings
from storage.timestamp import HybridClock, process_id

WATCH_INTERVAL_S = 0.5
KEEPER_SLOT = 4095
RING_NAMES = ("accounts", "containers", "objects-0")
log = get_logger()


@dataclass(frozen=True, slots=True)
class LocalDevice:
    """A device of this node, open for reading.

    Attributes:
        folder: of it.
        index: open.
        replica: what the engine sees of it.
        highest: the greatest timestamp that it held when it was opened.
    """

    folder: DeviceFolder
    index: LmdbIndex
    replica: LocalReplica
    highest: bytes


@dataclass(frozen=True, slots=True)
class Node:
    """What a process of this node works with.

    Attributes:
        cluster: identity and secrets.
        clock: of this process.
        devices: those that can be used, by number.
        placement: the rings.
        store: the engine.
    """

    cluster: Cluster
    clock: HybridClock
    devices: dict[int, LocalDevice]
    placement: Placement
    store: Store


def read_ring(disk: Disk, path: Path) -> Ring:
    """Return the ring in a file.

    Raises:
        RefusedError: it is missing.
        RingFileError: it is damaged.
    """
    try:
        file = disk.open(path)
    except FileNotFoundError as error:
        raise RefusedError(f"{path}: there is no ring") from error
    try:
        buffer = bytearray(file.size())
        file.read_into(buffer, 0)
        return Ring.load(bytes(buffer))
    finally:
        file.close()


def check_kernels() -> None:
    """Refuse to serve with kernels that compute wrong.

    Raises:
        RefusedError: a golden vector came out differently.
    """
    try:
        native.self_test()
    except native.NativeError as error:
        raise RefusedError(str(error)) from error


@asynccontextmanager
async def open_node(world: World, data: Path, config: Config, slot: int) -> AsyncIterator[Node]:
    """Open this node for one process; the connections to its disk processes live as long.

    Args:
        world: of the process.
        data: the data folder.
        config: settings.
        slot: tells the processes of a node apart in timestamps.

    Raises:
        RefusedError: what is there does not belong together, or no device can be used.
        IndexFailedError: a new device's index is not made yet.
    """
    check_kernels()
    folder = StorageFolder(data)
    cluster = read_cluster(world.disk, data)
    if cluster is None:
        raise RefusedError(f"{data}: there is no cluster")
    accounts, containers, objects = (
        read_ring(world.disk, folder.rings / f"{name}.ring") for name in RING_NAMES
    )
    placement = Placement(accounts, containers, {0: objects})
    numbers = sorted(device.id for device in objects.devices if device is not None)
    devices: dict[int, LocalDevice] = {}
    replicas: dict[int, Replica] = {}
    clients: list[DiskClient] = []
    refusals: list[RefusedError] = []
    try:
        for number in numbers:
            client = DiskClient(world, str(folder.disk_socket(number)))
            device_folder = DeviceFolder(world.disk, folder.device(number))
            try:
                device = _open_device(device_folder, cluster, number, client, world)
            except RefusedError as refusal:
                log.error("device cannot be used", device=number, reason=str(refusal))
                refusals.append(refusal)
                replicas[number] = AbsentReplica(number, str(refusal))
                continue
            clients.append(client)
            devices[number], replicas[number] = device, device.replica
        if not devices:
            raise refusals[0]
        settings = config[StorageSettings]
        incarnation = world.random.randrange(256)
        clock = HybridClock(
            world.clock,
            process_id(0, slot, incarnation),
            drift_ms_max=settings.clock_drift_ms_max,
            floor=max(device.highest for device in devices.values()),
        )
        voters = Voters(replicas, settings.write_deadline_s)
        hasher = PathHasher(bytes.fromhex(cluster.hash_salt))
        engine_settings = EngineSettings(
            inline_size_bytes_max=config[DeviceSettings].inline_size_bytes_max,
            object_size_bytes_max=settings.object_size_bytes_max,
            request_deadline_s=settings.request_deadline_s,
            write_deadline_s=settings.write_deadline_s,
            pieces_bytes_max=settings.upload_memory_bytes_max,
        )
        store = Store(world, clock, hasher, placement, voters, engine_settings)
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(client.run)
            nursery.start_soon(_watch, devices, clock)
            yield Node(cluster, clock, devices, placement, store)
            nursery.cancel_scope.cancel()
    finally:
        for device in devices.values():
            device.index.close()


def _open_device(
    folder: DeviceFolder, cluster: Cluster, number: int, client: DiskClient, world: World
) -> LocalDevice:
    """Open a device for reading.

    Raises:
        RefusedError: it cannot be used.
        IndexFailedError: its index is not made yet.
    """
    description = folder.check(cluster.cluster_id, number)
    try:
        index = folder.open_index(description)
        with index.snapshot() as snapshot:
            highest = read_highest(snapshot)
    except IndexFailedError as error:
        if not description.has_index:
            raise
        raise RefusedError(f"{folder.root}: {error}") from error
    replica = LocalReplica(number, index, folder.payloads, client, world)
    return LocalDevice(folder, index, replica, highest)


async def _watch(devices: dict[int, LocalDevice], clock: HybridClock) -> None:
    """Stop reading a device that another process failed; keep the clock from falling behind.

    A clock that is drawn from now and then has passed all that this node wrote until physical
    time jumped back, and goes on accepting it.
    """
    while True:
        clock.now()
        for number, device in devices.items():
            reason = None if device.replica.failed else device.folder.failure()
            if reason is not None:
                device.replica.failed = reason
                log.error("device failed", device=number, reason=reason)
        await trio.sleep(WATCH_INTERVAL_S)

"""A whole store in one process and in memory: real engine, writers and services, no sockets."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from atoll.world import World
from atoll.world.simulated import MemoryDisk, simulated_world
from ring import Ring
from ring.builder import Builder
from storage.device.client import DiskClient
from storage.device.local import LocalReplica
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.service import DiskService
from storage.device.writer import Writer
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.errors import BodyIncompleteError
from storage.proxy.settings import EngineSettings
from storage.proxy.store import Store
from storage.proxy.voters import Voters
from storage.timestamp import HybridClock, process_id


@dataclass
class MemoryDevice:
    number: int
    index: MemoryIndex
    payloads: PayloadFolder
    writer: Writer
    replica: LocalReplica


@dataclass
class MemoryStore:
    world: World
    clock: HybridClock
    devices: dict[int, MemoryDevice]
    store: Store
    hasher: PathHasher
    disk: MemoryDisk


class BytesBody:
    """A body that is there already, in pieces."""

    def __init__(self, data: bytes, piece: int = 65536, *, breaks: bool = False) -> None:
        self._pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
        self._breaks = breaks

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._pieces:
            return self._pieces.pop(0)
        if self._breaks:
            raise BodyIncompleteError("the connection broke")
        return b""


def build_ring(devices: int, replicas: int, power: int = 4) -> Ring:
    builder = Builder(power, replicas)
    for number in range(devices):
        builder.add_device(
            region=1, zone=1, node="127.0.0.1", port=6200, device=f"d{number}", weight=1.0
        )
    builder.rebalance(1, 0.0)
    return Ring.load(builder.dump())


@asynccontextmanager
async def memory_store(
    *,
    seed: int = 0,
    devices: int = 1,
    replicas: int = 1,
    settings: EngineSettings | None = None,
) -> AsyncIterator[MemoryStore]:
    """Open a store; everything in it ends with the block."""
    world = simulated_world(seed)
    assert isinstance(world.disk, MemoryDisk)
    ring = build_ring(devices, replicas)
    settings = settings or EngineSettings(inline_size_bytes_max=1024)
    made: dict[int, MemoryDevice] = {}
    stopping = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(devices):
            index = MemoryIndex()
            payloads = PayloadFolder(world.disk, Path(f"/d{number}"))
            writer = Writer(index, payloads, reclaim_age_s=3600, reserve_bytes=4096)
            address = f"/run/disk-{number}.sock"
            listener = await world.network.listen(address)
            nursery.start_soon(DiskService(writer, world).serve, listener, stopping)
            client = DiskClient(world, address)
            nursery.start_soon(client.run)
            replica = LocalReplica(number, index, payloads, client, world)
            made[number] = MemoryDevice(number, index, payloads, writer, replica)
        clock = HybridClock(world.clock, process_id(0, 0, random.Random(seed).randrange(256)))
        hasher = PathHasher(bytes(32))
        voters = Voters({number: device.replica for number, device in made.items()}, 5.0)
        placement = Placement(ring, ring, {0: ring})
        store = Store(world, clock, hasher, placement, voters, settings)
        yield MemoryStore(world, clock, made, store, hasher, world.disk)
        nursery.cancel_scope.cancel()

"""The power goes out between any two steps of a multipart upload: nothing acknowledged is lost.

The whole cluster is the simulation's, with real devices' code over a disk that forgets what was
not synced. Each run cuts the power at another step, then goes on as a client would.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from memory_store import BytesBody, build_ring

from atoll.world.simulated import simulated_world
from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.device.transaction import PARTS_GRACE_S
from storage.keeper.due import settle_due
from storage.proxy.completion import CompletedPart
from storage.proxy.engine import Attributes
from storage.proxy.errors import OutcomeUnknownError, UnavailableError
from storage.proxy.multipart import Multipart, MultipartSettings
from storage.proxy.store import Store
from storage.reserved import parts_of
from storage.simulation.cluster import ACCOUNT, REQUEST_DEADLINE_S, Cluster, Shape
from storage.simulation.faults import FaultInjector
from storage.simulation.inspection import inspect_cluster
from storage.simulation.process import OperationCutError, Process, ProcessDiedError
from storage.simulation.seeded import run_seeded
from storage.timestamp import HybridClock, process_id

T = TypeVar("T")
PLAIN = Attributes("", {}, {})
OLD = b"old" * 1000
FIRST, AGAIN, SMALL, LAST = b"1" * 3000, b"I" * 4000, b"2" * 1000, b"3" * 2000
CUT_OFF = (OperationCutError, ConnectionRefusedError, OutcomeUnknownError, UnavailableError)


class PowerCut(FaultInjector):
    """Cuts the power once, at the step that it is told."""

    def __init__(self, at: int) -> None:
        super().__init__(simulated_world(at).random, 0, lambda *_: None)
        self.kinds = set()
        self.is_armed = False
        self.steps_left = at

    def step(self, process: Process, device: int, operation: str, path: Path) -> None:
        self._pass(process)

    def commit(self, process: Process, step: str) -> None:
        process.check()
        self._pass(process)

    def pause_s(self, process: Process) -> float:
        return 0.0

    def _pass(self, process: Process) -> None:
        if not self.is_armed:
            return
        self.steps_left -= 1
        if self.steps_left == 0:
            self.is_armed = False
            self.cut_power()
            raise ProcessDiedError(process.name)


class Run:
    """One upload with one power cut."""

    def __init__(self, at: int, shape: Shape) -> None:
        self.faults = PowerCut(at)
        random = simulated_world(at).random
        ring = build_ring(shape.devices, shape.replicas)
        self.cluster = Cluster(shape, ring, random, self.faults)
        self.faults.cut_power = self.cluster.cut_power
        self.parts = {1: FIRST, 2: SMALL}
        self.under_way: dict[int, bytes] = {}
        self.is_completed = False

    async def main(self) -> None:
        async with AsyncExitStack() as stack:
            nursery = await stack.enter_async_context(trio.open_nursery())
            is_up = trio.Event()
            nursery.start_soon(self.cluster.run, is_up)
            await is_up.wait()
            await self.patiently(self.prepare)
            self.faults.is_armed = True
            try:
                await self.call(self.go)
            except CUT_OFF:
                pass
            self.faults.is_armed = False
            await self.patiently(self.check)
            await self.patiently(self.clean_up)
            self.cluster.coordinators[0].clock.offset_ns += PARTS_GRACE_S * 10**9
            await trio.sleep(2 * REQUEST_DEADLINE_S + 20)
            await self.patiently(self.keep)
            if len(self.cluster.devices) == 1:  # others may lack a deletion that nobody asked for
                inspect_cluster(self.cluster, may_rot=False)
            nursery.cancel_scope.cancel()

    async def call(self, work: Callable[[Store, Multipart, ContainerRecord], Awaitable[T]]) -> T:
        async def with_store(store: Store) -> T:
            process = self.cluster.coordinators[0].process
            assert process is not None
            world = process.world
            clock = HybridClock(world.clock, process_id(0, 9, 0))
            settings = MultipartSettings(part_size_bytes_min=1000, completion_s_max=5.0)
            multipart = Multipart(world, clock, store, settings)
            bucket = await store.container(ACCOUNT, "b")
            if bucket is None:
                await store.create_container(ACCOUNT, "b", {})
                bucket = await store.container(ACCOUNT, "b")
            assert bucket is not None
            return await work(store, multipart, bucket)

        return await self.cluster.coordinators[0].call(with_store)

    async def patiently(
        self, work: Callable[[Store, Multipart, ContainerRecord], Awaitable[T]]
    ) -> T:
        while True:
            try:
                return await self.call(work)
            except CUT_OFF:
                await trio.sleep(0.5)

    async def prepare(self, store: Store, multipart: Multipart, bucket: ContainerRecord) -> None:
        await store.put_object(bucket, "k", PLAIN, BytesBody(OLD))
        self.upload = await multipart.create(bucket, "k", PLAIN)
        for number, data in self.parts.items():
            await multipart.upload_part(bucket, self.upload, number, PLAIN, BytesBody(data))

    async def go(self, store: Store, multipart: Multipart, bucket: ContainerRecord) -> None:
        """Store a part again and a new one, and complete the upload."""
        for number, data in ((1, AGAIN), (3, LAST)):
            self.under_way[number] = data
            await multipart.upload_part(bucket, self.upload, number, PLAIN, BytesBody(data))
            self.parts[number] = self.under_way.pop(number)
        await self.complete(multipart, bucket)
        self.is_completed = True

    async def complete(self, multipart: Multipart, bucket: ContainerRecord) -> None:
        page = await multipart.list_parts(bucket, "k", self.upload.id)
        self.named = [CompletedPart(number, record.etag) for number, record in page.parts]
        await multipart.complete(bucket, "k", self.upload.id, self.named)

    async def check(self, store: Store, multipart: Multipart, bucket: ContainerRecord) -> None:
        """See that all that was acknowledged is there, and nothing by half; then complete."""
        whole = AGAIN + SMALL + LAST
        found = await read(store, bucket)
        assert found in ((whole,) if self.is_completed else (OLD, whole))
        if hasattr(self, "named"):
            await multipart.complete(bucket, "k", self.upload.id, self.named)
            assert await read(store, bucket) == whole
            return
        page = await multipart.list_parts(bucket, "k", self.upload.id)
        sizes = {number: record.size_bytes for number, record in page.parts}
        for number, data in self.parts.items():
            assert sizes[number] in (len(data), len(self.under_way.get(number, data)))
        choice = {1: {3000: FIRST, 4000: AGAIN}, 2: {1000: SMALL}, 3: {2000: LAST}}
        wanted = b"".join(choice[number][size] for number, size in sizes.items())
        await self.complete(multipart, bucket)
        assert await read(store, bucket) == wanted

    async def clean_up(self, store: Store, multipart: Multipart, bucket: ContainerRecord) -> None:
        if await store.object(bucket, "k") is not None:
            await store.delete_object(bucket, "k")

    async def keep(self, store: Store, multipart: Multipart, bucket: ContainerRecord) -> None:
        """See that the keeper leaves no part."""
        coordinator = self.cluster.coordinators[0]
        assert coordinator.process is not None
        await settle_due(coordinator.process.world, store, coordinator.replicas)
        while await store.accounts.collect():
            pass
        parts = await store.container(ACCOUNT, parts_of("b"))
        assert parts is not None
        assert await store.list_objects(parts, Query()) == []


async def read(store: Store, bucket: ContainerRecord) -> bytes | None:
    found = await store.get_object(bucket, "k")
    if found is None:
        return None
    record, opened = found
    async with opened as payload:
        if payload.whole is not None:
            return payload.whole
        return b"".join([bytes(chunk) async for chunk in payload.read(0, record.size_bytes)])


def cut_at(at: int, shape: Shape) -> bool:
    """Run with a power cut at a step; tell whether there was such a step."""
    run = Run(at, shape)
    run_seeded(at, run.main)
    return run.faults.steps_left <= 0


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "stride"), [(Shape(1, 1, 1), 1), (Shape(3, 3, 1), 7)])
def test_a_power_cut_at_any_step_loses_nothing(shape: Shape, stride: int) -> None:
    at = 1
    while cut_at(at, shape):
        at += stride
    assert at > 25

"""One run of the simulation: faults and clients, then quiet, then the checks."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio
from blake3 import blake3

from atoll.world import Random
from atoll.world.interface import T
from atoll.world.simulated import simulated_world
from ring import Ring
from ring.builder import Builder
from storage.container.listing import Query
from storage.container.row import Counters, Row
from storage.container.versions import VersionQuery
from storage.keeper.due import settle_due
from storage.proxy.errors import OutcomeUnknownError, UnavailableError
from storage.proxy.store import Store
from storage.simulation.checker import SPARE, VERSIONED, Checker, ViolationError
from storage.simulation.cluster import (
    ACCOUNT,
    CONTAINERS,
    HOUSEKEEPING_INTERVAL_S,
    REQUEST_DEADLINE_S,
    Cluster,
    Shape,
)
from storage.simulation.faults import CLOCK_JUMP_S_MAX, FaultInjector
from storage.simulation.inspection import expect, inspect_cluster
from storage.simulation.rot import flip_a_bit
from storage.simulation.seeded import run_seeded
from storage.simulation.workload import CLIENTS, Client, draw_mixture
from storage.timestamp import Timestamp

SHAPES = (Shape(3, 3, 2), Shape(3, 3, 3), Shape(1, 1, 2))
RING_POWER = 4
QUIET_S = 30.0
RUN_S_MAX = 3600.0
STEP_S_MAX = 30.0


@dataclass(slots=True)
class Report:
    """What one run did.

    Attributes:
        seed: that it came from.
        shape: of its cluster.
        outcomes: how often which operation had which outcome.
        faults: how often which fault happened.
        trace: hash of everything that happened, in order.
        seconds: of virtual time.
        violation: what promise was broken; empty when none was.
        events: the trace itself.
    """

    seed: int
    shape: Shape
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    trace: str = ""
    seconds: float = 0.0
    violation: str = ""
    events: list[str] = field(default_factory=list)


def simulate(seed: int, steps: int) -> Report:
    """Run a cluster.

    Args:
        seed: decides everything.
        steps: operations of all clients together.
    """
    report = Report(seed, SHAPES[seed % len(SHAPES)])
    run = _Run(report, simulated_world(seed).random, steps)
    try:
        run_seeded(seed, run.main)
    except BaseExceptionGroup as group:
        report.violation = _explain(_first(group))
    report.trace = blake3("\n".join(report.events).encode()).hexdigest()
    return report


def _explain(error: BaseException) -> str:
    """Return what was wrong; an error that nobody expected is a broken promise as well.

    Raises:
        KeyboardInterrupt: the operator wants no more.
    """
    if isinstance(error, ViolationError):
        return str(error)
    if not isinstance(error, Exception):
        raise error
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"unexpected {type(error).__name__} at {frame.filename}:{frame.lineno}: {error}"


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _build_ring(shape: Shape) -> Ring:
    builder = Builder(RING_POWER, shape.replicas)
    for number in range(shape.devices):
        builder.add_device(
            region=1, zone=1, node="127.0.0.1", port=6200, device=f"d{number}", weight=1.0
        )
    builder.rebalance(1, 0.0)
    return Ring.load(builder.dump())


class _Run:
    def __init__(self, report: Report, random: Random, steps: int) -> None:
        self._report = report
        self._random = random
        self._steps = steps
        self._checker = Checker()
        self._faults = FaultInjector(random, report.shape.devices, self._note)
        report.faults = self._faults.counts
        self._cluster = Cluster(report.shape, _build_ring(report.shape), random, self._faults)
        self._faults.cut_power = self._cluster.cut_power
        self._rotten = random.randrange(report.shape.devices)
        mixture = draw_mixture(
            random,
            replicas=report.shape.replicas,
            clocks_jump="clock jumps" in self._faults.kinds,
        )
        self._clients = [
            Client(number, self._cluster, self._checker, random, mixture, self._note)
            for number in range(CLIENTS)
        ]

    def _note(self, who: str, what: str) -> None:
        self._report.events.append(f"{trio.current_time():.6f} {who}: {what}")

    async def main(self) -> None:
        """Run all phases."""
        is_up = trio.Event()
        started = trio.current_time()
        with trio.fail_after(RUN_S_MAX + self._steps * STEP_S_MAX):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._cluster.run, is_up)
                await is_up.wait()
                await self._prepare()
                self._faults.is_quiet = False
                async with trio.open_nursery() as troubles:
                    troubles.start_soon(self._faults.trouble)
                    troubles.start_soon(self._disturb)
                    async with trio.open_nursery() as clients:
                        for client in self._clients:
                            clients.start_soon(client.run, self._steps // CLIENTS)
                    troubles.cancel_scope.cancel()
                await self._settle()
                nursery.cancel_scope.cancel()
        self._report.seconds = trio.current_time() - started
        for client in self._clients:
            self._report.outcomes += client.outcomes

    async def _prepare(self) -> None:
        async def create(store: Store) -> None:
            for container in (*CONTAINERS, VERSIONED):
                await store.create_container(ACCOUNT, container, {})

        await self._anyone(create)

    async def _disturb(self) -> None:
        """Kill processes and move clocks, until cancelled."""
        while True:
            await trio.sleep(self._random.random())
            for process in self._cluster.processes():
                if process.device < 0:
                    if self._faults.happens("worker is killed", 0.1):
                        process.die()
                elif self._faults.strikes(process.device, "service is killed", 0.3):
                    process.die()
            if len(self._cluster.devices) > 1 and self._faults.happens("bits rot", 0.3):
                flip_a_bit(self._cluster, self._rotten, self._random)
            for coordinator in self._cluster.coordinators:
                if self._faults.happens("clock jumps", 0.2):
                    jump_s = (2 * self._random.random() - 1) * CLOCK_JUMP_S_MAX
                    coordinator.clock.offset_ns = int(jump_s * 1e9)

    # when all is quiet

    async def _settle(self) -> None:
        """Stop all faults, wait for what is under way, read everything, and check it."""
        self._note("run", "quiet")
        self._faults.is_quiet = True
        for coordinator in self._cluster.coordinators:
            coordinator.clock.offset_ns = 0
        await trio.sleep(QUIET_S)
        for _ in range(len(self._cluster.coordinators)):
            await self._clients[0].use_spare("read")
            for name in self._checker.names:
                if name[0] in (SPARE, VERSIONED):
                    continue
                outcome = await self._clients[0].read(name, with_payload=True)
                if outcome not in ("done", "missing"):
                    raise ViolationError(f"{name} cannot be read when all is quiet: {outcome}")
        await self._check_versions()
        for container in CONTAINERS:
            await self._check_listing(container)
        await self._check_account()
        await self._check_spare()
        await trio.sleep(2 * REQUEST_DEADLINE_S + 2 * HOUSEKEEPING_INTERVAL_S)
        await self._anyone(self._keep)
        await self._anyone(self._keep)  # the first round's reports leave marks as well
        self._checker.check_histories()
        inspect_cluster(self._cluster, may_rot=self._faults.counts["bits rot"] > 0)

    async def _keep(self, store: Store) -> None:
        """Do what the keeper does."""
        await store.accounts.collect()
        coordinator = self._cluster.coordinators[0]
        if coordinator.process is not None:
            await settle_due(coordinator.process.world, store, coordinator.replicas)

    async def _check_listing(self, container: str) -> None:
        """Compare the objects of a container with its listing and its counters."""

        async def look(store: Store) -> None:
            record = await store.container(ACCOUNT, container)
            expect(record is not None, f"{container} is gone")
            if record is None:
                return
            found = {}
            for inside, name in self._checker.names:
                one = await store.object(record, name) if inside == container else None
                if one is not None:
                    found[name] = (one.etag, one.size_bytes, one.content_type, one.changed)
            listed = {
                entry.name: (row.etag, row.size_bytes, row.content_type, row.timestamp)
                for entry in await store.list_objects(record, Query())
                if (row := entry.row) is not None
            }
            expect(listed == found, f"the listing of {container}: {listed}, objects: {found}")
            counters = await store.counters(record)
            sizes = [size for _, size, _, _ in found.values()]
            expect(
                counters[:3] == (len(sizes), len(sizes), sum(sizes)),
                f"the counters of {container} are {counters}, objects: {found}",
            )

        await self._anyone(look)

    async def _check_versions(self) -> None:
        """Read all versions that are listed or known, and compare listings and counters."""
        work = self._clients[0].versioned
        listed = await work.list()
        for name in self._checker.names:
            if name[0] == VERSIONED:
                await work.read(name)
                for version, label in self._checker.versions(name).items():
                    await work.look(name, version, label)

        async def look(store: Store) -> None:
            container = await store.container(ACCOUNT, VERSIONED)
            if container is None:
                raise ViolationError(f"{VERSIONED} is gone")
            entries = await store.list_versions(container, VersionQuery())
            shown = [((VERSIONED, one.name), one.version) for one in entries]
            expect(shown == listed, f"versions are {shown}, in pages {listed}")
            current: dict[str, bytes] = {}
            for one in entries:
                record = await store.object(container, one.name, one.version)
                expect(record is not None, f"{one} is listed and not there")
                newest = await store.current_version(container, one.name)
                is_newest = newest is not None and newest.version_id == one.version
                expect(is_newest == one.is_latest, f"{one} is listed, current is {newest}")
                if one.is_latest and not one.is_delete_marker:
                    current[one.name] = one.version
            own = {
                entry.name: bytes.fromhex((row.extra or {})["version"])
                for entry in await store.list_objects(container, Query())
                if (row := entry.row) is not None
            }
            expect(own == current, f"objects listed are {own}, current versions {current}")
            sizes = [one.row.size_bytes for one in entries if one.row is not None]
            counters = await store.version_counters(container)
            expect(
                (counters.rows, counters.size_bytes) == (len(entries), sum(sizes)),
                f"the counters of versions are {counters}, versions: {entries}",
            )
            expect((await store.counters(container)).rows == len(own), "objects are miscounted")

        await self._anyone(look)

    async def _check_spare(self) -> None:
        """See that a container can be deleted if, and only if, it has no object."""
        outcome = await self._clients[0].use_spare("read")
        wanted = {"read None": "drop done", "read done": "drop not empty"}.get(outcome)
        found = await self._clients[0].use_spare("drop")
        expect(wanted in (None, found), f"the spare container: {outcome}, then {found}")

    async def _check_account(self) -> None:
        """Compare the account's counters with its containers'."""

        async def look(store: Store) -> None:
            summary = await store.account(ACCOUNT)
            expect(summary is not None, "the account is gone")
            if summary is None:
                return
            total = Counters()
            for name in (*CONTAINERS, SPARE, VERSIONED):
                record = await store.container(ACCOUNT, name)
                if record is not None:
                    own = await store.counters(record)
                    row = Row(Timestamp(b""), False, own.objects, own.size_bytes)
                    total = total.replace(name.encode(), None, row)
            expect(
                summary[1][:3] == total[:3],
                f"the counters of the account are {summary[1]}, its containers' {total}",
            )

        await self._anyone(look)

    async def _anyone(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Have the first coordinator do something, once it can."""
        while True:
            try:
                return await self._cluster.coordinators[0].call(work)
            except (ConnectionRefusedError, UnavailableError, OutcomeUnknownError):
                await trio.sleep(0.1)

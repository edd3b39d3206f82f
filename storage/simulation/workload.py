"""What clients do: random operations on a few names, each told to the checker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

from atoll.world import Random
from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Deletion
from storage.proxy.errors import (
    BodyIncompleteError,
    ContainerMissingError,
    ContainerNotEmptyError,
    ObjectMissingError,
    OutcomeUnknownError,
    PayloadLostError,
    PreconditionFailedError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.store import Store
from storage.simulation.checker import EMPTY, SPARE, Checker, Name, payload_bytes
from storage.simulation.cluster import ACCOUNT, CONTAINERS, Cluster
from storage.simulation.history import NO_CONTAINER, Operation, Value
from storage.simulation.process import OperationCutError
from storage.simulation.versioned import VersionedWork

NAMES = ("a", "b/x", "b/y", "n" * 600)
CLIENTS = 4
WRITES = frozenset(("put", "create", "amend", "delete"))
PAUSE_S_MAX = 1.0
# Sizes in bytes: inline, of one block, of several blocks.
SIZES = (0, 16, 900, 1024, 1025, 20_000, 65_536, 65_537, 150_000)
SPARE_NAME = (SPARE, "o")
SPARE_SIZE_BYTES = 40
# What surely changed nothing.
_REFUSED = (UnavailableError, StoreFullError, ConnectionRefusedError, BodyIncompleteError)
_UNKNOWN = (OutcomeUnknownError, OperationCutError)

T = TypeVar("T")


class _Body:
    """A body that arrives in pieces, with pauses, and may break off."""

    def __init__(self, random: Random, data: bytes, *, breaks: bool) -> None:
        self._random = random
        self._data = data
        self._breaks = breaks
        self._at = 0

    async def receive(self) -> bytes:
        await trio.sleep(self._random.random() * 0.02)
        piece = self._data[self._at : self._at + 1 + self._random.randrange(70_000)]
        self._at += len(piece)
        if not piece and self._breaks:
            raise BodyIncompleteError("the connection broke")
        return piece


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the clients of one run like to do.

    Attributes:
        operations: to choose from; common ones several times.
        names: that they work on.
        is_owned: whether each name has one client that writes to it.
        sizes: of payloads, in bytes.
        drops_versions: whether they delete versions for good, a conditional write.
    """

    operations: tuple[str, ...]
    names: tuple[Name, ...]
    is_owned: bool
    sizes: tuple[int, ...]
    drops_versions: bool


def draw_mixture(random: Random, *, replicas: int, clocks_jump: bool) -> Mixture:
    """Draw what a run's clients do.

    Conditional writes need one replica, or one writer and clocks that agree, until the register
    protocol prepares them.

    Args:
        random: of the simulation.
        replicas: of each object.
        clocks_jump: whether clocks may disagree.
    """
    is_owned = random.random() < 0.4
    has_conditions = replicas == 1 or (is_owned and not clocks_jump)
    weights = {
        "put": 4,
        "get": 4,
        "head": 1,
        "delete": 1,
        "create": 2 if has_conditions else 0,
        "amend": 2 if has_conditions else 0,
        "list": 2,
        "describe": 1,
        "count": 1,
        "spare": 3,
        "version": 5,
    }
    operations = tuple(
        kind for kind, weight in weights.items() for _ in range(random.randrange(weight + 1))
    )
    names = tuple(
        (container, name)
        for container in CONTAINERS[: 1 + random.randrange(len(CONTAINERS))]
        for name in NAMES[: 1 + random.randrange(len(NAMES))]
    )
    sizes = tuple(SIZES[random.randrange(len(SIZES))] for _ in range(3))
    return Mixture((*operations, "put", "get"), names, is_owned, sizes, has_conditions)


class Client:
    """One client: it does one thing after the other, at whichever coordinator is there.

    Args:
        number: tells it from the others.
        cluster: to work on.
        checker: is told everything.
        random: of the simulation.
        mixture: what it does.
        note: writes into the trace.

    Attributes:
        versioned: its work with versions.
        outcomes: how often what came of it.
    """

    def __init__(
        self,
        number: int,
        cluster: Cluster,
        checker: Checker,
        random: Random,
        mixture: Mixture,
        note: Callable[[str, str], None],
    ) -> None:
        self._number = number
        self._cluster = cluster
        self._checker = checker
        self._random = random
        self._mixture = mixture
        self._note = note
        self._puts = 0
        self.versioned = VersionedWork(
            self, checker, random, f"v{number}", lambda data: _Body(random, data, breaks=False)
        )
        self.outcomes: Counter[str] = Counter()

    async def run(self, steps: int) -> None:
        """Do so many things."""
        for _ in range(steps):
            await trio.sleep(self._random.random() * PAUSE_S_MAX)
            operations, names = self._mixture.operations, self._mixture.names
            kind = operations[self._random.randrange(len(operations))]
            at = self._random.randrange(len(names))
            name = names[at]
            if self._mixture.is_owned and at % CLIENTS != self._number and kind in WRITES:
                kind = "get"
            outcome = await self._do(kind, name)
            self.outcomes[f"{kind}: {outcome}"] += 1
            self._note(f"client {self._number}", f"{kind} {name[0]}/{name[1][:3]}: {outcome}")

    async def _do(self, kind: str, name: Name) -> str:
        """Do one thing; return what came of it, in a word."""
        try:
            if kind in ("put", "create"):
                return await self._write(kind, name)
            if kind == "amend":
                return await self._amend(name)
            if kind == "delete":
                return await self._delete(name)
            if kind in ("get", "head"):
                return await self.read(name, with_payload=kind == "get")
            if kind == "list":
                return await self.list(name[0])
            return await self._other(kind, name)
        except _REFUSED as error:
            return type(error).__name__
        except _UNKNOWN as error:
            return type(error).__name__

    async def call(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Ask a coordinator; the client may lose its patience.

        Raises:
            OperationCutError: it did, or the coordinator died.
        """
        coordinators = self._cluster.coordinators
        coordinator = coordinators[self._random.randrange(len(coordinators))]
        patience_s = float("inf")
        if self._cluster.faults.happens("client hangs up", 0.1):
            patience_s = self._random.random() * 0.1
        with trio.move_on_after(patience_s):
            return await coordinator.call(work)
        raise OperationCutError("the client hung up")

    async def change(
        self, name: Name, operation: Operation, work: Callable[[Store], Awaitable[T]]
    ) -> T:
        """Have something changed; what is not known is left open in the history."""
        try:
            return await self.call(work)
        except _REFUSED:
            self._checker.forget(name, operation)
            raise

    # objects

    async def _write(self, kind: str, name: Name) -> str:
        size = self._mixture.sizes[self._random.randrange(len(self._mixture.sizes))]
        self._puts += 1
        payload = f"{self._number}.{self._puts}-{size}" if size else EMPTY
        value = Value(payload, f"put {self._number}.{self._puts}")
        body = _Body(self._random, payload_bytes(payload), breaks=self._random.random() < 0.05)

        def must_be_new(current: ObjectRecord | None) -> None:
            if current is not None:
                raise PreconditionFailedError(name[1])

        async def write(store: Store) -> ObjectRecord:
            return await store.put_object(
                await _container(store, name[0]),
                name[1],
                Attributes("text/plain", {"note": value.note}, {}),
                body,
                condition=must_be_new if kind == "create" else None,
            )

        operation = self._checker.begin(name, kind, value)
        try:
            await self.change(name, operation, write)
        except PreconditionFailedError:
            self._checker.end(operation, "refused")
            return "refused"
        self._checker.end(operation, "done")
        return "done"

    async def _amend(self, name: Name) -> str:
        self._puts += 1
        note = f"amended {self._number}.{self._puts}"

        async def amend(store: Store) -> ObjectRecord:
            container = await _container(store, name[0])
            return await store.amend_object(
                container, name[1], lambda _: Attributes("text/html", {"note": note}, {})
            )

        operation = self._checker.begin(name, "amend", note)
        try:
            record = await self.change(name, operation, amend)
        except ObjectMissingError:
            self._checker.end(operation, None)
            return "missing"
        self._checker.end(operation, self._checker.payload_of(record.etag))
        return "done"

    async def _delete(self, name: Name) -> str:
        async def delete(store: Store) -> Deletion:
            return await store.delete_object(await _container(store, name[0]), name[1])

        operation = self._checker.begin(name, "delete")
        try:
            record = (await self.change(name, operation, delete)).removed
        except ObjectMissingError:
            record = None
        self._checker.end(operation, record and self._checker.payload_of(record.etag))
        return "done" if record else "missing"

    async def read(self, name: Name, *, with_payload: bool) -> str:
        """Read an object, or a piece of it."""

        async def read(store: Store) -> ObjectRecord | None:
            container = await _container(store, name[0])
            record = await store.object(container, name[1])
            if record is not None and with_payload:
                await self._read_payload(store, container, record)
            return record

        operation = self._checker.begin(name, "read")
        try:
            record = await self.call(read)
        except (*_REFUSED, *_UNKNOWN, PayloadLostError, ObjectMissingError) as error:
            self._checker.forget(name, operation)
            return type(error).__name__
        if record is None:
            self._checker.end(operation, None)
            return "missing"
        payload = self._checker.payload_of(record.etag)
        self._checker.end(operation, Value(payload, record.metadata["note"]))
        return "done"

    async def _read_payload(
        self, store: Store, container: ContainerRecord, record: ObjectRecord
    ) -> None:
        payload = self._checker.payload_of(record.etag)
        start, stop = 0, record.size_bytes
        if stop and self._random.random() < 0.3:
            start = self._random.randrange(stop)
            stop = start + 1 + self._random.randrange(stop - start)
        at = start
        async with store.open(container, record) as opened:
            if opened.whole is not None:
                self._checker.check_bytes(payload, 0, opened.whole)
                at = stop
            else:
                async for chunk in opened.read(start, stop):
                    self._checker.check_bytes(payload, at, bytes(chunk))
                    at += len(chunk)
        if at != stop:
            raise UnavailableError("a payload ended early")

    # collections

    async def list(self, container: str) -> str:
        """List a container, in pages."""
        started = self._checker.moment()

        async def page(store: Store, marker: str) -> dict[str, str]:
            found = await _container(store, container)
            entries = await store.list_objects(found, Query(limit=3, marker=marker))
            return {one.name: one.row.etag for one in entries if one.row is not None}

        etags: dict[str, str] = {}
        marker = ""
        while True:
            more = await self.call(lambda store, marker=marker: page(store, marker))  # type: ignore[misc]
            etags |= more
            if len(more) < 3:
                break
            marker = max(more, key=str.encode)
        self._checker.listed(container, started, etags)
        return "done"

    async def _other(self, kind: str, name: Name) -> str:
        container = name[0]
        if kind == "version":
            return await self.versioned.use(drops=self._mixture.drops_versions)
        if kind == "describe":
            values = {"x-container-meta-by": f"{self._number}.{self._random.randrange(99)}"}
            await self.call(lambda store: store.update_container(ACCOUNT, container, values))
        elif kind == "count":
            await self.call(lambda store: store.account(ACCOUNT))
        else:
            return await self.use_spare(
                ("make", "drop", "put", "delete", "read")[self._random.randrange(5)]
            )
        return "done"

    # a container that comes and goes, with one object

    async def use_spare(self, kind: str) -> str:
        """Make, drop or read the container, or put, delete or read its object."""
        self._puts += 1
        payload = f"{self._number}.{self._puts}-{SPARE_SIZE_BYTES}"
        value = Value(payload, "") if kind == "put" else None
        operation = self._checker.begin(SPARE_NAME, kind, value)
        try:
            result = await self.change(
                SPARE_NAME, operation, lambda store: self._ask_spare(store, kind, payload)
            )
        except ContainerMissingError:
            result = NO_CONTAINER
        except ContainerNotEmptyError:
            result = "not empty"
        except ObjectMissingError:
            result = None
        self._checker.end(operation, result)
        return f"{kind} {'done' if result and '-' in result else result}"

    async def _ask_spare(self, store: Store, kind: str, payload: str) -> str | None:
        if kind == "make":
            await store.create_container(ACCOUNT, SPARE, {})
            return "done"
        if kind == "drop":
            await store.delete_container(ACCOUNT, SPARE)
            return "done"
        container = await _container(store, SPARE)
        name = SPARE_NAME[1]
        record: ObjectRecord | None
        if kind == "put":
            body = _Body(self._random, payload_bytes(payload), breaks=False)
            attributes = Attributes("text/plain", {}, {})
            record = await store.put_object(container, name, attributes, body)
        elif kind == "delete":
            record = (await store.delete_object(container, name)).removed
        else:
            record = await store.object(container, name)
        return None if record is None else self._checker.payload_of(record.etag)


async def _container(store: Store, name: str) -> ContainerRecord:
    found = await store.container(ACCOUNT, name)
    if found is None:
        raise ContainerMissingError(name)
    return found

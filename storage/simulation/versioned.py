"""What clients do in a container that keeps versions, each operation told to the checker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from atoll.world import Random
from storage.container.record import ContainerRecord
from storage.container.versions import VersionQuery
from storage.object.record import ObjectRecord, State
from storage.proxy.engine import Attributes, Body, Deletion, Versioning
from storage.proxy.errors import (
    ContainerMissingError,
    ObjectMissingError,
    PayloadLostError,
    UnavailableError,
    VersionMissingError,
)
from storage.proxy.store import Store
from storage.simulation.checker import VERSIONED, Checker, Name, ViolationError, payload_bytes
from storage.simulation.cluster import ACCOUNT
from storage.simulation.history import MARK, Operation, Value

NAMES: tuple[Name, ...] = ((VERSIONED, "v"), (VERSIONED, "w/" + "n" * 550))
KINDS = ("add", "add", "add", "mark", "read", "look", "list", "drop", "drop")
DROPS = 2
PAGE = 3
SIZES = (16, 1025, 70_000)
T = TypeVar("T")


class Caller(Protocol):
    """A client, as far as it is needed here."""

    async def call(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Have a coordinator do something."""

    async def change(
        self, name: Name, operation: Operation, work: Callable[[Store], Awaitable[T]]
    ) -> T:
        """Have something changed; what is not known is left open in the history."""


class VersionedWork:
    """The part of a client that works with versions.

    Args:
        client: asks for it.
        checker: is told everything.
        random: of the simulation.
        label: tells the client's payloads from the others'.
        make_body: of an upload.
    """

    def __init__(
        self,
        client: Caller,
        checker: Checker,
        random: Random,
        label: str,
        make_body: Callable[[bytes], Body],
    ) -> None:
        self._client = client
        self._checker = checker
        self._random = random
        self._label = label
        self._make_body = make_body
        self._count = 0

    async def use(self, *, drops: bool) -> str:
        """Do one thing; return what came of it, in a word.

        Args:
            drops: whether versions may be deleted for good.
        """
        kind = KINDS[self._random.randrange(len(KINDS) - (0 if drops else DROPS))]
        name = NAMES[self._random.randrange(len(NAMES))]
        known = sorted(self._checker.versions(name).items())
        if kind in ("look", "drop") and known:
            version, label = known[self._random.randrange(len(known))]
            act = self.look if kind == "look" else self._drop
            return f"{kind} {await act(name, version, label)}"
        if kind == "list":
            return f"list {len(await self.list())}"
        acts = {"mark": self._mark, "read": self.read}
        return f"{kind} {await acts.get(kind, self._add)(name)}"

    async def _add(self, name: Name) -> str:
        self._count += 1
        size = SIZES[self._random.randrange(len(SIZES))]
        payload = f"{self._label}.{self._count}-{size}"
        operation = self._checker.begin(name, "add", Value(payload, ""))

        async def put(store: Store) -> ObjectRecord:
            body = self._make_body(payload_bytes(payload))
            attributes = Attributes("text/plain", {}, {})
            container = await _container(store)
            return await store.put_object(
                container, name[1], attributes, body, versioned=Versioning.ENABLED
            )

        record = await self._client.change(name, operation, put)
        self._checker.end(operation, "done")
        self._checker.keep_version(name, payload, record.version_id)
        return "done"

    async def _mark(self, name: Name) -> str:
        self._count += 1
        label = f"{MARK}{self._label}.{self._count}"
        operation = self._checker.begin(name, "mark", label)

        async def delete(store: Store) -> Deletion:
            container = await _container(store)
            return await store.delete_object(container, name[1], versioned=Versioning.ENABLED)

        marker = (await self._client.change(name, operation, delete)).marker
        self._checker.end(operation, "done")
        if marker is not None:
            self._checker.keep_version(name, label, marker.version_id)
        return "done"

    async def _drop(self, name: Name, version: bytes, label: str) -> str:
        operation = self._checker.begin(name, "drop", label)

        async def drop(store: Store) -> ObjectRecord:
            return await store.delete_version(await _container(store), name[1], version)

        try:
            await self._client.change(name, operation, drop)
            result = "done"
        except VersionMissingError:
            result = "missing"
        self._checker.end(operation, result)
        return result

    async def read(self, name: Name) -> str:
        """Read the current version."""
        operation = self._checker.begin(name, "read")
        record = await self._read(name, operation, None)
        payload = None if record is None else self._checker.payload_of(record.etag)
        self._checker.end(operation, payload)
        return "missing" if record is None else "done"

    async def look(self, name: Name, version: bytes, label: str) -> str:
        """Read a version."""
        operation = self._checker.begin(name, "look", label)
        record = await self._read(name, operation, version)
        if record is not None and (record.state == State.DELETE_MARKER) != label.startswith(MARK):
            raise ViolationError(f"{label} of {name} is of another kind")
        self._checker.end(operation, "missing" if record is None else "done")
        return "missing" if record is None else "done"

    async def _read(
        self, name: Name, operation: Operation, version: bytes | None
    ) -> ObjectRecord | None:
        async def read(store: Store) -> ObjectRecord | None:
            container = await _container(store)
            record = await store.object(container, name[1], version)
            if record is not None and record.state == State.DATA:
                await self._read_payload(store, container, record)
            return record

        try:
            return await self._client.change(name, operation, read)
        except (PayloadLostError, ObjectMissingError) as error:
            self._checker.forget(name, operation)
            raise UnavailableError("it vanished under the reader") from error

    async def _read_payload(
        self, store: Store, container: ContainerRecord, record: ObjectRecord
    ) -> None:
        payload, at = self._checker.payload_of(record.etag), 0
        async with store.open(container, record) as opened:
            async for chunk in opened.read(0, record.size_bytes):
                self._checker.check_bytes(payload, at, bytes(chunk))
                at += len(chunk)
        if at != record.size_bytes:
            raise UnavailableError("a payload ended early")

    async def list(self) -> list[tuple[Name, bytes]]:
        """List all versions, in pages, and see that those are there that must be."""
        started = self._checker.moment()
        found: list[tuple[Name, bytes]] = []
        query = VersionQuery(limit=PAGE)
        while True:
            page = await self._client.call(lambda store, query=query: _page(store, query))  # type: ignore[misc]
            found += [((VERSIONED, name), version) for name, version in page]
            if len(page) < PAGE:
                break
            query = VersionQuery(PAGE, *page[-1])
        listed: dict[Name, set[bytes]] = {}
        for name, version in found:
            listed.setdefault(name, set()).add(version)
        self._checker.check_versions_listed(started, listed)
        return found


async def _page(store: Store, query: VersionQuery) -> list[tuple[str, bytes]]:
    entries = await store.list_versions(await _container(store), query)
    return [(one.name, one.version) for one in entries]


async def _container(store: Store) -> ContainerRecord:
    found = await store.container(ACCOUNT, VERSIONED)
    if found is None:
        raise ContainerMissingError(VERSIONED)
    return found

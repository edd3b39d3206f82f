"""A device of this node as a replica: read in this process, written through its disk process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from typing_extensions import Buffer

from atoll.world import DiskError, World
from storage.account.record import AccountRecord, read_account
from storage.container.listing import Pair, Source
from storage.container.record import ContainerRecord, read_container
from storage.container.row import (
    Counters,
    Row,
    decode_counters,
    read_row,
    scan_rows,
    scan_rows_back,
)
from storage.device.client import DeviceUnavailableError, DiskClient
from storage.device.due import Due, read_due
from storage.device.events import OwedEvent, read_events
from storage.device.index import Index, IndexFailedError, Snapshot, lookup, walk
from storage.device.payload import (
    PayloadDamagedError,
    PayloadFolder,
    PayloadReader,
    PayloadWriter,
)
from storage.mutation import Mutation, Outcome
from storage.object.record import Location, ObjectRecord, Where
from storage.object.versions import (
    Sight,
    Standing,
    find_version,
    newest,
    read_records,
    read_sight,
    read_standing,
)
from storage.proxy.replica import Debt, ReplicaFailedError
from storage.seal import SEAL_SIZE_BYTES, DamagedError, is_sealed, unpack_body, unseal

THREAD_SIZE_BYTES_MIN = 256 * 1024
T = TypeVar("T")


class LocalPayload:
    """An open payload file of this node."""

    __slots__ = ("_number", "_reader", "_world")

    def __init__(self, number: int, reader: PayloadReader, world: World) -> None:
        self._number = number
        self._reader = reader
        self._world = world

    async def read_blocks(self, buffer: memoryview, first_block: int) -> int:
        """Fill a buffer: from the page cache at once, from the disk in a thread."""
        try:
            return self._reader.read_blocks(buffer, first_block, wait=False)
        except BlockingIOError:
            pass  # it waits, in a thread
        except DiskError as error:
            raise ReplicaFailedError(self._number, str(error)) from error
        try:
            return await self._world.threads.run(self._reader.read_blocks, buffer, first_block)
        except DiskError as error:
            raise ReplicaFailedError(self._number, str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


class LocalUpload:
    """A payload on its way into a file of this node."""

    __slots__ = ("_world", "_writer")

    def __init__(self, writer: PayloadWriter, world: World) -> None:
        self._writer = writer
        self._world = world

    async def write(self, data: Buffer) -> None:
        """Append data, in a thread when there is much of it."""
        if memoryview(data).nbytes < THREAD_SIZE_BYTES_MIN:
            self._writer.write(data)
        else:
            await self._world.threads.run(self._writer.write, data)

    async def publish(self, description: dict[str, str]) -> tuple[Location, bytes]:
        """Make the payload durable and give it its name."""
        seal, identity = await self._world.threads.run(self._writer.publish, description)
        return Location(Where.FILE, seal), identity

    def abandon(self) -> None:
        """Close the unnamed file."""
        self._writer.abandon()


class LocalReplica:
    """A device of this node.

    Args:
        number: the device's id in the rings.
        index: open for reading.
        payloads: of the same device.
        client: of its disk process.
        world: threads and disk.

    Attributes:
        failed: why the device must not be used any more.
    """

    def __init__(
        self, number: int, index: Index, payloads: PayloadFolder, client: DiskClient, world: World
    ) -> None:
        self._number = number
        self._index = index
        self._payloads = payloads
        self._client = client
        self._world = world
        self.failed: str | None = None

    @property
    def number(self) -> int:
        """The device's id in the rings."""
        return self._number

    def _read(self, read: Callable[..., T], *arguments: object) -> T:
        if self.failed is not None:
            raise ReplicaFailedError(self._number, self.failed)
        try:
            with self._index.snapshot() as snapshot:
                return read(snapshot, *arguments)
        except (DamagedError, IndexFailedError) as error:
            raise ReplicaFailedError(self._number, str(error)) from error

    async def newest(self, prefix: bytes) -> ObjectRecord | None:
        """Return the newest version of a name that can be seen."""
        return self._read(newest, prefix)

    async def standing(self, prefix: bytes) -> Standing:
        """Return where a name stands."""
        return self._read(read_standing, prefix)

    async def version(self, prefix: bytes, version_id: bytes) -> ObjectRecord | None:
        """Return a version of a name, be it a tombstone."""
        return self._read(find_version, prefix, version_id)

    async def sight(self, prefix: bytes, version_id: bytes) -> Sight:
        """Return what a writer has to know of a name with versions."""
        return self._read(read_sight, prefix, version_id)

    async def records(self, prefix: bytes) -> list[ObjectRecord]:
        """Return all records of a name."""
        return self._read(read_records, prefix)

    async def newest_with_payload(self, prefix: bytes) -> tuple[ObjectRecord | None, bytes | None]:
        """Return the newest version of a name, and its payload where that is in the index."""
        return self._read(_newest_with_payload, prefix)

    async def container(self, name_hash: bytes) -> ContainerRecord | None:
        """Return a container's record."""
        return self._read(read_container, name_hash)

    async def account(self, name_hash: bytes) -> AccountRecord | None:
        """Return an account's record."""
        return self._read(read_account, name_hash)

    async def counters(self, owner_id: bytes) -> Counters:
        """Return the counters of a container or account."""
        return self._read(_counters, owner_id)

    async def row(self, owner_id: bytes, name: str) -> Row | None:
        """Return one listing row."""
        return self._read(read_row, owner_id, name.encode())

    async def due(self, now_s: int, limit: int) -> list[Due]:
        """Return what is due by now."""
        return self._read(_due, now_s, limit)

    @contextmanager
    def source(self, owner_id: bytes) -> Iterator[Source]:
        """Open the rows of a container or account."""
        if self.failed is not None:
            raise ReplicaFailedError(self._number, self.failed)
        try:
            view = self._index.snapshot()
        except IndexFailedError as error:
            raise ReplicaFailedError(self._number, str(error)) from error
        with view as snapshot:
            yield Source(
                lambda start: self._guard(scan_rows(snapshot, owner_id, start)),
                lambda end: self._guard(scan_rows_back(snapshot, owner_id, end)),
            )

    def _guard(self, pairs: Iterator[Pair]) -> Iterator[Pair]:
        try:
            yield from pairs
        except (DamagedError, IndexFailedError) as error:
            raise ReplicaFailedError(self._number, str(error)) from error

    async def owed(self, account_hash: bytes, limit: int) -> list[Debt]:
        """Return reports that this device owes."""
        return self._read(_debts, account_hash, limit)

    async def events(self, after: int, limit: int) -> list[OwedEvent]:
        """Return events that are to be told."""
        return self._read(read_events, after, limit)

    async def inline_payload(self, record: ObjectRecord) -> bytes:
        """Return a payload from the index."""
        if self.failed is not None:
            raise ReplicaFailedError(self._number, self.failed)
        try:
            with self._index.snapshot() as snapshot:
                return _inline(snapshot, record)
        except DamagedError as error:
            raise PayloadDamagedError(self._payloads.root, str(error)) from error
        except IndexFailedError as error:
            raise ReplicaFailedError(self._number, str(error)) from error

    async def open_payload(self, record: ObjectRecord) -> LocalPayload:
        """Open a payload file."""
        try:
            reader = self._payloads.open(
                record.write_id, record.stored_size_bytes, record.location.seal
            )
        except DiskError as error:
            raise ReplicaFailedError(self._number, str(error)) from error
        return LocalPayload(self._number, reader, self._world)

    async def create_payload(self, write_id: bytes) -> LocalUpload:
        """Begin a payload file."""
        if self.failed is not None:
            raise ReplicaFailedError(self._number, self.failed)
        return LocalUpload(self._payloads.create(write_id), self._world)

    async def commit(self, group: Sequence[Mutation], deadline_s: float) -> list[Outcome]:
        """Send a group to the disk process; a failed device's vote must not count."""
        if self.failed is not None:
            raise DeviceUnavailableError(self.failed)
        return await self._client.commit(group, deadline_s)


def _counters(snapshot: Snapshot, owner_id: bytes) -> Counters:
    body = lookup(snapshot, "counters", owner_id)
    if body is None:
        raise DamagedError("counters", owner_id, "a collection has no counters")
    return decode_counters(unpack_body(body))


def _newest_with_payload(
    snapshot: Snapshot, prefix: bytes
) -> tuple[ObjectRecord | None, bytes | None]:
    record = newest(snapshot, prefix)
    if record is None or record.location.where != Where.INLINE:
        return record, None
    value = snapshot.get("inline", record.write_id)
    if value is None or not is_sealed(record.write_id, value):
        return record, None  # whoever opens the payload sees why, and reports it
    return record, bytes(memoryview(value)[SEAL_SIZE_BYTES:])


def _due(snapshot: Snapshot, now_s: int, limit: int) -> list[Due]:
    return list(read_due(snapshot, now_s, limit))


def _debts(snapshot: Snapshot, account_hash: bytes, limit: int) -> list[Debt]:
    debts: list[Debt] = []
    for key, body in walk(snapshot, "outbox", account_hash, account_hash):
        if len(debts) >= limit:
            break
        debts.append(Debt(key, *unpack_body(body)))
    return debts


def _inline(snapshot: Snapshot, record: ObjectRecord) -> bytes:
    value = snapshot.get("inline", record.write_id)
    if value is None:
        raise FileNotFoundError(record.write_id.hex())
    return bytes(unseal("inline", record.write_id, value))

"""A replica as the engine sees it: one device, of this node or of another.

`storage.device.local.LocalReplica` is the one for a device of this node; a device of a remote
node is one more implementation of the same interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from typing_extensions import Buffer

from storage.account.record import AccountRecord
from storage.container.listing import Source
from storage.container.record import ContainerRecord
from storage.container.row import Counters, Row
from storage.device.due import Due
from storage.device.events import OwedEvent
from storage.mutation import Mutation, Outcome
from storage.object.record import Location, ObjectRecord
from storage.object.versions import Sight, Standing
from storage.proxy.errors import UnavailableError


class ReplicaFailedError(UnavailableError):
    """A replica could not answer: it cannot be reached, or what it holds is damaged.

    Where it is the only replica of a name, that is all there is to say.

    Attributes:
        device: its number in the rings.
    """

    def __init__(self, device: int, reason: str) -> None:
        self.device = device
        super().__init__(f"device {device}: {reason}")


class Debt(NamedTuple):
    """What a device owes to an account: a fresh report of a container.

    Attributes:
        key: of the outbox entry.
        stamp: it had when it was read.
        account: name of the account.
        container: name of the container.
    """

    key: bytes
    stamp: bytes
    account: str
    container: str


class StoredPayload(Protocol):
    """An open payload on one device."""

    async def read_blocks(self, buffer: memoryview, first_block: int) -> int:
        """Fill a buffer with whole verified blocks; return how many bytes there are.

        Raises:
            ReplicaFailedError: the disk failed; the payload may be whole.
            PayloadDamagedError: a block is not what was written.
        """

    def close(self) -> None:
        """Close it."""


class Upload(Protocol):
    """A payload on its way to one device."""

    async def write(self, data: Buffer) -> None:
        """Append data.

        Raises:
            DiskFullError: no room.
            DiskError: the disk failed.
        """

    async def publish(self, description: dict[str, str]) -> tuple[Location, bytes]:
        """Make the payload durable; it has a name from now on.

        Returns:
            Where it is, and its BLAKE3.

        Raises:
            DiskFullError: no room.
            DiskError: the disk failed.
        """

    def abandon(self) -> None:
        """Forget it; nothing of it stays."""


class Replica(Protocol):
    """One device. Every read raises ReplicaFailedError when it cannot answer."""

    @property
    def number(self) -> int:
        """The device's id in the rings."""

    async def newest(self, prefix: bytes) -> ObjectRecord | None:
        """Return the newest version of a name that can be seen."""

    async def newest_with_payload(self, prefix: bytes) -> tuple[ObjectRecord | None, bytes | None]:
        """Return what `newest` does, and its payload where that comes at no cost."""

    async def standing(self, prefix: bytes) -> Standing:
        """Return where a name stands: what replicas must agree on before one is believed."""

    async def version(self, prefix: bytes, version_id: bytes) -> ObjectRecord | None:
        """Return a version of a name, be it a tombstone."""

    async def sight(self, prefix: bytes, version_id: bytes) -> Sight:
        """Return what a writer has to know of a name with versions."""

    async def records(self, prefix: bytes) -> list[ObjectRecord]:
        """Return all records of a name, tombstones too; the dear way to compare replicas."""

    async def container(self, name_hash: bytes) -> ContainerRecord | None:
        """Return a container's record, dead or alive."""

    async def account(self, name_hash: bytes) -> AccountRecord | None:
        """Return an account's record, dead or alive."""

    async def counters(self, owner_id: bytes) -> Counters:
        """Return the counters of a container or account."""

    async def row(self, owner_id: bytes, name: str) -> Row | None:
        """Return one listing row, deleted or not."""

    async def due(self, now_s: int, limit: int) -> list[Due]:
        """Return what is due by now, oldest first."""

    def source(self, owner_id: bytes) -> AbstractContextManager[Source]:
        """Open the rows of a container or account; must end before the next await."""

    async def owed(self, account_hash: bytes, limit: int) -> list[Debt]:
        """Return reports that this device owes; an empty hash stands for all accounts."""

    async def events(self, after: int, limit: int) -> list[OwedEvent]:
        """Return events that are to be told, with numbers above one, in order."""

    async def inline_payload(self, record: ObjectRecord) -> bytes:
        """Return a payload that is kept in the index.

        Raises:
            PayloadDamagedError: it is not what was written.
            FileNotFoundError: it is gone.
        """

    async def open_payload(self, record: ObjectRecord) -> StoredPayload:
        """Open a payload that is kept in a file.

        Raises:
            PayloadDamagedError: it is not what was written.
            FileNotFoundError: it is gone.
        """

    async def create_payload(self, write_id: bytes) -> Upload:
        """Begin a payload file.

        Raises:
            ReplicaFailedError: the device takes none.
            DiskFullError: no room.
            DiskError: the disk failed.
        """

    async def commit(self, group: Sequence[Mutation], deadline_s: float) -> list[Outcome]:
        """Apply a group; return when it is durable.

        Raises:
            DeviceUnavailableError: it was not sent.
            OutcomeUnknownError: it was sent and not answered in time.
        """

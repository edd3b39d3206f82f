"""A device that cannot be used, as a replica: whatever it is asked, it says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from storage.account.record import AccountRecord
from storage.container.listing import Source
from storage.container.record import ContainerRecord
from storage.container.row import Counters, Row
from storage.device.client import DeviceUnavailableError
from storage.device.due import Due
from storage.device.events import OwedEvent
from storage.mutation import Mutation, Outcome
from storage.object.record import ObjectRecord
from storage.object.versions import Sight, Standing
from storage.proxy.replica import Debt, ReplicaFailedError, StoredPayload, Upload


class AbsentReplica:
    """Stands in for a device that is missing, failed or foreign, so that the others can serve.

    Args:
        number: the device's id in the rings.
        reason: why it cannot be used.
    """

    def __init__(self, number: int, reason: str) -> None:
        self._number = number
        self._reason = reason

    @property
    def number(self) -> int:
        """The device's id in the rings."""
        return self._number

    def _refuse(self) -> NoReturn:
        raise ReplicaFailedError(self._number, self._reason)

    async def newest(self, prefix: bytes) -> ObjectRecord | None:
        """Refuse."""
        self._refuse()

    async def standing(self, prefix: bytes) -> Standing:
        """Refuse."""
        self._refuse()

    async def version(self, prefix: bytes, version_id: bytes) -> ObjectRecord | None:
        """Refuse."""
        self._refuse()

    async def sight(self, prefix: bytes, version_id: bytes) -> Sight:
        """Refuse."""
        self._refuse()

    async def records(self, prefix: bytes) -> list[ObjectRecord]:
        """Refuse."""
        self._refuse()

    async def newest_with_payload(self, prefix: bytes) -> tuple[ObjectRecord | None, bytes | None]:
        """Refuse."""
        self._refuse()

    async def container(self, name_hash: bytes) -> ContainerRecord | None:
        """Refuse."""
        self._refuse()

    async def account(self, name_hash: bytes) -> AccountRecord | None:
        """Refuse."""
        self._refuse()

    async def counters(self, owner_id: bytes) -> Counters:
        """Refuse."""
        self._refuse()

    async def row(self, owner_id: bytes, name: str) -> Row | None:
        """Refuse."""
        self._refuse()

    async def due(self, now_s: int, limit: int) -> list[Due]:
        """Refuse."""
        self._refuse()

    @contextmanager
    def source(self, owner_id: bytes) -> Iterator[Source]:
        """Refuse."""
        self._refuse()
        yield

    async def owed(self, account_hash: bytes, limit: int) -> list[Debt]:
        """Refuse."""
        self._refuse()

    async def events(self, after: int, limit: int) -> list[OwedEvent]:
        """Refuse."""
        self._refuse()

    async def inline_payload(self, record: ObjectRecord) -> bytes:
        """Refuse."""
        self._refuse()

    async def open_payload(self, record: ObjectRecord) -> StoredPayload:
        """Refuse."""
        self._refuse()

    async def create_payload(self, write_id: bytes) -> Upload:
        """Refuse."""
        self._refuse()

    async def commit(self, group: Sequence[Mutation], deadline_s: float) -> list[Outcome]:
        """Take nothing."""
        raise DeviceUnavailableError(self._reason)

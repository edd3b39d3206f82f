"""The engine: what a front door may ask of the store.

The facade over the subjects beside it: `objects`, `containers`, `accounts`. All of them speak to
replicas through `storage.proxy.replica.Replica` and decide by `storage.proxy.quorum`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from storage.account.record import AccountRecord
from storage.container.listing import Entry, Query
from storage.container.record import ContainerRecord
from storage.container.row import Counters
from storage.object.record import ObjectRecord


class Condition(Protocol):
    """Judges the current record of a name before a write may replace it."""

    def __call__(self, current: ObjectRecord | None, /) -> None:
        """Return when the write may go on.

        Args:
            current: the living, unexpired object; nothing where there is none.

        Raises:
            PreconditionFailedError: it may not. Any other exception reaches the caller as well.
        """


class Body(Protocol):
    """The bytes of an upload."""

    async def receive(self) -> bytes:
        """Return the next bytes, any number of them; none at the end.

        Raises:
            BodyIncompleteError: the connection broke.
        """


class Attributes(NamedTuple):
    """What a new object carries besides its bytes.

    Attributes:
        content_type: as the client gave it, or as the front door guessed.
        metadata: the client's own, by lower-case name without a front door's prefix.
        system: lower-case names: content-encoding, content-disposition, x-delete-at (seconds
            since 1970, decimal), and what a front door keeps for itself.
    """

    content_type: str
    metadata: Mapping[str, str]
    system: Mapping[str, str]


class Payload(Protocol):
    """An open payload. No byte leaves it unverified."""

    @property
    def whole(self) -> bytes | None:
        """All of the bytes, when they are few; then there is no need to `read`."""

    def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`; a chunk is valid until the next.

        Raises:
            PayloadLostError: no replica has undamaged bytes.
        """


class Engine(Protocol):
    """What a front door may ask. Names are validated by the front door.

    Every method raises UnavailableError when too few replicas answer; those that write raise
    StoreFullError, and OutcomeUnknownError when the write may or may not have happened.
    """

    # accounts

    async def account(self, account: str) -> tuple[AccountRecord, Counters] | None:
        """Return an account with its exact counters (rows: containers), or nothing."""

    async def update_account(self, account: str, values: Mapping[str, str]) -> None:
        """Merge metadata into an account, creating it; an empty value removes its name."""

    async def delete_account(self, account: str) -> None:
        """Mark an account deleted; the reaper removes what it holds.

        Raises:
            AccountMissingError: there is none.
        """

    async def list_containers(self, account: str, query: Query) -> list[Entry]:
        """List containers; a row's `objects` and `size_bytes` are the container's.

        Raises:
            AccountMissingError: there is none.
        """

    # containers

    async def container(self, account: str, container: str) -> ContainerRecord | None:
        """Return a living container's configuration, or nothing. Cheap: asked by every request."""

    async def counters(self, container: ContainerRecord) -> Counters:
        """Return a container's exact counters."""

    async def create_container(
        self, account: str, container: str, values: Mapping[str, str], policy: int = 0
    ) -> bool:
        """Create a container (and its account), or merge metadata into the one there is.

        Returns:
            Whether it was created.
        """

    async def update_container(
        self, account: str, container: str, values: Mapping[str, str]
    ) -> None:
        """Merge metadata into a container; an empty value removes its name.

        Raises:
            ContainerMissingError: there is none.
        """

    async def delete_container(self, account: str, container: str) -> None:
        """Delete an empty container.

        Raises:
            ContainerMissingError: there is none.
            ContainerNotEmptyError: it has objects.
        """

    async def list_objects(self, container: ContainerRecord, query: Query) -> list[Entry]:
        """List a container's objects."""

    # objects

    async def object(self, container: ContainerRecord, name: str) -> ObjectRecord | None:
        """Return the newest record of a living, unexpired object, or nothing."""

    async def get_object(
        self, container: ContainerRecord, name: str
    ) -> tuple[ObjectRecord, AbstractAsyncContextManager[Payload]] | None:
        """Return what `object` returns, with what `open` would; cheaper than both."""

    def open(
        self, container: ContainerRecord, record: ObjectRecord
    ) -> AbstractAsyncContextManager[Payload]:
        """Open an object's payload; falls back to another replica when one is damaged.

        The record that is given must come from `object`. Where the object was replaced since
        and its bytes are gone, ObjectMissingError tells the caller to look again.

        Raises:
            PayloadLostError: on entry or while reading: no replica has undamaged bytes.
            ObjectMissingError: on entry.
        """

    async def put_object(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        body: Body,
        *,
        size_bytes: int | None = None,
        etag: str | None = None,
        condition: Condition | None = None,
    ) -> ObjectRecord:
        """Store an object; when this returns it is durable and listed.

        Args:
            container: as `container` returned it.
            name: of the object.
            attributes: see `Attributes`.
            body: read to its end.
            size_bytes: announced length, if any.
            etag: MD5 in hexadecimal that the payload must have.
            condition: judged first on what is there, and again, atomically, with the write.

        On cancel: the outcome is unknown; never half an object.

        Raises:
            PreconditionFailedError: by the condition.
            EtagMismatchError: the payload has another MD5; nothing was stored.
            BodyIncompleteError: the body broke off; nothing was stored.
            BodyTooLargeError: nothing was stored.
            ContainerMissingError: the container was deleted meanwhile; nothing was stored.
        """

    async def amend_object(
        self,
        container: ContainerRecord,
        name: str,
        change: Callable[[ObjectRecord], Attributes],
    ) -> ObjectRecord:
        """Replace content type, metadata and system metadata; the payload stays.

        Args:
            container: as `container` returned it.
            name: of the object.
            change: returns what the living record that it is given shall carry from now on, or
                raises, which changes nothing; called again when another change came between.

        Raises:
            ObjectMissingError: there is none.
        """

    async def delete_object(
        self, container: ContainerRecord, name: str, condition: Condition | None = None
    ) -> ObjectRecord:
        """Delete an object and return the record it had.

        Raises:
            ObjectMissingError: there is none.
            PreconditionFailedError: by the condition.
            ContainerMissingError: the container was deleted meanwhile.
        """

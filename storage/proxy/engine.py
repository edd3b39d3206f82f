"""The engine: what a front door may ask of the store.

The facade over the subjects beside it: `objects`, `containers`, `accounts`. All of them speak to
replicas through `storage.proxy.replica.Replica` and decide by `storage.proxy.quorum`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

from storage.account.record import AccountRecord
from storage.container.listing import Entry, Query
from storage.container.record import ContainerRecord
from storage.container.row import Counters
from storage.container.versions import VersionEntry, VersionQuery
from storage.object.record import ObjectRecord
from storage.proxy.manifest import Manifest


class Versioning(Enum):
    """What a write does with the version that is there.

    The S3 names and meanings: Amazon S3 User Guide, "How S3 Versioning works".
    """

    OFF = "off"
    """Writes replace the null version, deletions remove it; others are not touched."""
    ENABLED = "Enabled"
    """Each write adds a version; a deletion adds a delete marker."""
    SUSPENDED = "Suspended"
    """Writes replace the null version; a deletion replaces it by a delete marker."""


class Deletion(NamedTuple):
    """What a deletion did.

    Attributes:
        removed: the living object that was there; nothing where there was none.
        marker: the delete marker that was left; nothing where versioning is off.
    """

    removed: ObjectRecord | None
    marker: ObjectRecord | None = None


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
    """The bytes of an upload. Whoever makes one bounds how long each wait for bytes may last."""

    async def receive(self) -> bytes:
        """Return the next bytes, any number of them; none at the end.

        Raises:
            BodyIncompleteError: the connection broke.
        """


class Shown(NamedTuple):
    """What the readers of a sealed object see, whose stored bytes are others.

    Attributes:
        size_bytes: of the object.
        etag: of the object; nothing for the MD5 of the stored bytes.
    """

    size_bytes: int
    etag: str | None


class Attributes(NamedTuple):
    """What a new object carries besides its bytes.

    Attributes:
        content_type: as the client gave it, or as the front door guessed.
        metadata: the client's own, by lower-case name without a front door's prefix.
        system: lower-case names: content-encoding, content-disposition, x-delete-at (seconds
            since 1970, decimal), and what a front door keeps for itself.
        shown: of a sealed object; see `storage.proxy.sealed`.
    """

    content_type: str
    metadata: Mapping[str, str]
    system: Mapping[str, str]
    shown: Shown | None = None


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


Unseal: TypeAlias = Callable[[ObjectRecord], Callable[[Payload], Payload]]
"""Given the record of a sealed object returns what makes of its stored bytes those that readers
see; raises SealedError where it has no key for it."""


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

    async def version_counters(self, container: ContainerRecord) -> Counters:
        """Return the exact counters of a container's versions and delete markers.

        They count what was written where versions are kept, the current versions too; objects
        and bytes are those of versions that are no delete markers.
        """

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
            ContainerNotEmptyError: it has objects, older versions or delete markers.
        """

    async def list_objects(self, container: ContainerRecord, query: Query) -> list[Entry]:
        """List a container's objects."""

    # objects

    async def object(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> ObjectRecord | None:
        """Return the current record of a living, unexpired object, or nothing.

        Args:
            container: as `container` returned it.
            name: of the object.
            version: a write id or `NULL_VERSION`: that version, which may be a delete marker.
        """

    async def current_version(self, container: ContainerRecord, name: str) -> ObjectRecord | None:
        """Return what `object` returns, or the delete marker that hides the older versions."""

    async def get_object(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> tuple[ObjectRecord, AbstractAsyncContextManager[Payload]] | None:
        """Return what `object` returns, with what `open` would; cheaper than both.

        A delete marker that was asked for comes with a payload that cannot be opened.
        """

    def open(
        self, container: ContainerRecord, record: ObjectRecord, unseal: Unseal | None = None
    ) -> AbstractAsyncContextManager[Payload]:
        """Open an object's payload; falls back to another replica when one is damaged.

        `unseal` has the key of a sealed object, where that is not one of the store's own.

        The record that is given must come from `object`. Where the object was replaced since
        and its bytes are gone, ObjectMissingError tells the caller to look again.

        Raises:
            PayloadLostError: on entry or while reading: no replica has undamaged bytes.
            ObjectMissingError: on entry.
            SealedError: on entry, or where a segment begins: there is no key.
        """

    async def manifest(self, container: ContainerRecord, record: ObjectRecord) -> Manifest | None:
        """Return which segments a composite is made of; nothing for a plain object.

        Raises:
            PayloadLostError: no replica has an undamaged manifest.
            ObjectMissingError: the object was replaced since, as with `open`.
        """

    async def put_object(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes | Callable[[], Attributes],
        body: Body,
        *,
        size_bytes: int | None = None,
        etag: str | None = None,
        condition: Condition | None = None,
        versioned: Versioning = Versioning.OFF,
    ) -> ObjectRecord:
        """Store an object; when this returns it is durable and listed.

        Args:
            container: as `container` returned it.
            name: of the object.
            attributes: see `Attributes`; a callable is asked once the body has ended. What it
                raises reaches the caller, and nothing is stored.
            body: read to its end.
            size_bytes: announced length, if any.
            etag: MD5 in hexadecimal that the payload must have.
            condition: judged first on what is there, and again, atomically, with the write.
            versioned: see `Versioning`.

        On cancel: the outcome is unknown; never half an object.

        Raises:
            PreconditionFailedError: by the condition.
            EtagMismatchError: the payload has another MD5; nothing was stored.
            BodyIncompleteError: the body broke off; nothing was stored.
            BodyTooLargeError: nothing was stored.
            ContainerMissingError: the container was deleted meanwhile; nothing was stored.
            LockedError: the null version that it would replace is locked; nothing was stored.
        """

    async def put_composite(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        manifest: bytes,
        *,
        size_bytes: int,
        etag: str,
        condition: Condition | None = None,
        versioned: Versioning = Versioning.OFF,
    ) -> ObjectRecord:
        """Store an object whose payload is made of others: a manifest stands in its place.

        The manifest is kept as a payload is: in the index or in a file, verified, repaired. Its
        record has `manifest_size_bytes`. Where system metadata has `x-atoll-parts`, the keeper
        reclaims these parts some time after the last record that names them is gone.

        Args:
            container: as `container` returned it.
            name: of the object.
            attributes: see `Attributes`.
            manifest: at least one byte.
            size_bytes: of the object as its readers see it.
            etag: of the object as its readers see it.
            condition: see `put_object`.
            versioned: see `Versioning`.

        Raises:
            PreconditionFailedError: by the condition.
            ContainerMissingError: the container was deleted meanwhile; nothing was stored.
            LockedError: the null version that it would replace is locked; nothing was stored.
        """

    async def amend_object(
        self,
        container: ContainerRecord,
        name: str,
        change: Callable[[ObjectRecord], Attributes],
        version: bytes | None = None,
        *,
        bypass_governance: bool = False,
    ) -> ObjectRecord:
        """Replace content type, metadata and system metadata; the payload stays.

        Args:
            container: as `container` returned it.
            name: of the object.
            change: returns what the living record that it is given shall carry from now on, or
                raises, which changes nothing; called again when another change came between.
            version: a write id or `NULL_VERSION`; by default the current one.
            bypass_governance: whether a retention of mode GOVERNANCE may be weakened.

        Raises:
            ObjectMissingError: there is none.
            VersionMissingError: there is no such version, or it is a delete marker.
            LockedError: the change would weaken object lock.
        """

    async def delete_object(
        self,
        container: ContainerRecord,
        name: str,
        condition: Condition | None = None,
        *,
        versioned: Versioning = Versioning.OFF,
    ) -> Deletion:
        """Delete an object: for good, or behind a delete marker; see `Versioning`.

        With versioning on or suspended a marker is left even where nothing is there.

        Raises:
            ObjectMissingError: there is none, and versioning is off.
            PreconditionFailedError: by the condition.
            ContainerMissingError: the container was deleted meanwhile.
            LockedError: the null version that would be lost is locked.
        """

    # versions

    async def delete_version(
        self,
        container: ContainerRecord,
        name: str,
        version: bytes,
        condition: Condition | None = None,
        *,
        bypass_governance: bool = False,
    ) -> ObjectRecord:
        """Delete one version, or a delete marker, for good; return the record it had.

        Args:
            container: as `container` returned it.
            name: of the object.
            version: a write id or `NULL_VERSION`.
            condition: judged on that version, a delete marker too.
            bypass_governance: whether a retention of mode GOVERNANCE is no obstacle.

        Raises:
            VersionMissingError: there is no such version.
            PreconditionFailedError: by the condition.
            LockedError: object lock protects it.
            ContainerMissingError: the container was deleted meanwhile.
        """

    async def list_versions(
        self, container: ContainerRecord, query: VersionQuery
    ) -> list[VersionEntry]:
        """List versions and delete markers by name, the newest of each name first."""

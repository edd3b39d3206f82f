"""What happened to an object, as it is told to those who asked for it.

Front doors note in `occasion` why they write; whoever writes the record makes the event of it. A
write for which no front door noted anything still has an event: its kind follows from the record.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from atoll.log import request_id
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord, State

LISTENERS = ("x-s3-config-notification", "x-s3-config-replication")
"""In a container's metadata: that somebody wants to be told of what happens in it."""

_VERSIONING = "x-s3-versioning"
_CREATIONS = {
    "PostObject": "Post",
    "CopyObject": "Copy",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}
_CHANGES = {
    "PutObjectTagging": "ObjectTagging:Put",
    "DeleteObjectTagging": "ObjectTagging:Delete",
    "PutObjectAcl": "ObjectAcl:Put",
}


class Event(NamedTuple):
    """Something that happened to an object.

    Attributes:
        id: timestamp of the record that made it happen; no two events of a name share it, and
            they are in its order.
        kind: as S3 calls it: "ObjectCreated:Put"; empty for a change that has no name there.
        account: storage account.
        container: name of the container.
        container_id: in the life that it has.
        name: of the object.
        version: in hexadecimal, or `null`; empty where no versions are kept.
        size_bytes: of the object; 0 where there is none any more.
        etag: of the object; empty where there is none any more.
        requester: user who asked; empty for nobody and for the system.
        source: address that the request came from.
        request_id: of the request.
    """

    id: bytes
    kind: str
    account: str
    container: str
    container_id: bytes
    name: str
    version: str
    size_bytes: int
    etag: str
    requester: str
    source: str
    request_id: str


class Occasion(NamedTuple):
    """Why something is written.

    Attributes:
        operation: as S3 calls it.
        requester: user who asked.
        source: address that the request came from.
        request_id: of the request; what is written for another one has another occasion.
    """

    operation: str = ""
    requester: str = ""
    source: str = ""
    request_id: str = ""


EXPIRATION = Occasion("Expiration")
"""A lifecycle rule, or an object's own date, ends it."""

_UNKNOWN = Occasion()
occasion: ContextVar[Occasion] = ContextVar("occasion", default=_UNKNOWN)
"""Of what this task writes."""


def has_listeners(container: ContainerRecord) -> bool:
    """Tell whether events of a container are to be told to anybody."""
    metadata = container.metadata
    return any(name in metadata and metadata[name][0] != "" for name in LISTENERS)


def event_of(
    container: ContainerRecord, record: ObjectRecord, *, is_change: bool = False
) -> Event | None:
    """Return the event that a record makes; nothing for a change that nobody is told of.

    Args:
        container: of the object.
        record: as it is written.
        is_change: whether only its metadata is replaced.
    """
    known = occasion.get()
    if known.request_id and known.request_id != request_id.get():
        known = _UNKNOWN  # of an earlier request on the same connection
    kind = _kind_of(record, known.operation, is_change=is_change)
    if kind is None:
        return None
    version = "null" if record.is_null else record.write_id.hex()
    return Event(
        record.changed,
        kind,
        record.account,
        record.container,
        container.id,
        record.name,
        version if _VERSIONING in container.metadata else "",
        record.size_bytes if record.is_data else 0,
        record.etag if record.is_data else "",
        known.requester,
        known.source,
        known.request_id,
    )


def _kind_of(record: ObjectRecord, operation: str, *, is_change: bool) -> str | None:
    if is_change:
        return _CHANGES.get(operation)
    if record.is_data:
        return f"ObjectCreated:{_CREATIONS.get(operation, 'Put')}"
    what = "LifecycleExpiration" if operation == EXPIRATION.operation else "ObjectRemoved"
    return f"{what}:{'Delete' if record.state == State.TOMBSTONE else 'DeleteMarkerCreated'}"

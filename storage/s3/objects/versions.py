"""Version ids, and what a bucket does with versions."""

from __future__ import annotations

import re

from storage.container.record import ContainerRecord
from storage.object.record import NULL_VERSION, ObjectRecord, State
from storage.proxy.engine import Versioning
from storage.s3.errors import Header, S3Error
from storage.s3.marks import VERSIONING
from storage.s3.parameters import Parameters
from storage.s3.request import Request

NULL = "null"
DELETE_MARKER: Header = (b"x-amz-delete-marker", b"true")

_VERSION_ID = re.compile(r"[0-9a-f]{24}")


def versioning_of(container: ContainerRecord) -> Versioning:
    """Return what a bucket does with versions."""
    held = container.metadata.get(VERSIONING)
    return Versioning(held[0]) if held is not None and held[0] else Versioning.OFF


def is_versioned(container: ContainerRecord) -> bool:
    """Tell whether a bucket has, or once had, versions; then its responses name them."""
    return VERSIONING in container.metadata


def version_id(record: ObjectRecord) -> str:
    """Return the id by which clients know a version."""
    return NULL if record.is_null else record.write_id.hex()


def version_header(record: ObjectRecord) -> Header:
    """Return the header that names a version."""
    return b"x-amz-version-id", version_id(record).encode("ascii")


def version_headers(request: Request, record: ObjectRecord) -> list[Header]:
    """Return the header that names a version, in a bucket that has them."""
    return [version_header(record)] if is_versioned(request.existing) else []


def asked_version(parameters: Parameters) -> bytes | None:
    """Return the version that a request names, or nothing.

    Raises:
        S3Error: InvalidArgument.
    """
    text = parameters.get("versionId")
    return None if text is None else parse_version_id(text)


def parse_version_id(text: str) -> bytes:
    """Return the version of an id: a write id or `NULL_VERSION`.

    Raises:
        S3Error: InvalidArgument.
    """
    if text == NULL:
        return NULL_VERSION
    if _VERSION_ID.fullmatch(text):
        return bytes.fromhex(text)
    message = "Invalid version id specified" if text else "Version id cannot be the empty string"
    raise S3Error("InvalidArgument", message, ArgumentName="versionId", ArgumentValue=text)


def is_delete_marker(record: ObjectRecord) -> bool:
    """Tell whether a record only says that its object was deleted."""
    return record.state == State.DELETE_MARKER

"""Whether a container keeps versions, and how Swift names them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from storage.container.record import ContainerRecord
from storage.object.record import NULL_VERSION, ObjectRecord
from storage.s3.marks import OBJECT_LOCK, ON, VERSIONING
from storage.s3.objects.versions import is_versioned, version_id
from storage.swift.request import Request
from storage.swift.response import Header, Response, SwiftError, refuse
from storage.swift.target import quote_path
from storage.swift.text import is_true

VERSIONS_ENABLED = b"x-versions-enabled"
DELETE_MARKER_TYPE = "application/x-deleted;swift_versions_deleted=1"
_VERSION_ID = re.compile(rb"[0-9a-f]{24}")
_OTHER_ID = re.compile(rb"[0-9]+(\.[0-9]+(_[0-9a-f]+)?)?")
_NO_VERSION = b"\0" * 12
_SUSPENDED = "Suspended"


def versioning_change(headers: Mapping[bytes, bytes], held: Mapping[str, str]) -> dict[str, str]:
    """Return what X-Versions-Enabled changes of a container.

    Args:
        headers: of the request.
        held: the container's values.

    Raises:
        SwiftError: 409, object lock needs the versions.
    """
    if VERSIONS_ENABLED not in headers:
        return {}
    is_on = is_true(headers[VERSIONS_ENABLED])
    if not is_on and held.get(OBJECT_LOCK) == ON:
        raise refuse("Object lock needs the versions of this container.", 409)
    return {VERSIONING: ON if is_on else _SUSPENDED}


def container_header(values: Mapping[str, str]) -> list[Header]:
    """Return the header that tells whether a container keeps versions, if it ever did."""
    state = values.get(VERSIONING)
    return [] if not state else [(b"X-Versions-Enabled", b"True" if state == ON else b"False")]


def version_headers(
    container: ContainerRecord, record: ObjectRecord, *, asked: bool
) -> list[Header]:
    """Return the headers that name a version, in a container that has them.

    Args:
        container: of the object.
        record: of the version.
        asked: whether it was asked for; else it is told where it can be.
    """
    if not is_versioned(container):
        return []
    headers = [version_header(record)]
    if not (asked or record.is_null):
        place = quote_path("", "v1", record.account, record.container, record.name)
        version = version_id(record).encode("ascii")
        headers.append((b"Content-Location", b"%b?version-id=%b" % (place, version)))
    return headers


def new_version_headers(record: ObjectRecord) -> list[Header]:
    """Return the header that names the version that a write made, if it made one."""
    return [] if record.is_null else [version_header(record)]


def version_header(record: ObjectRecord) -> Header:
    """Return the header that names a version."""
    return b"X-Object-Version-Id", version_id(record).encode("ascii")


def asked_version(request: Request, container: ContainerRecord, *, owner: bool) -> bytes | None:
    """Return the version that a request names, or nothing.

    Args:
        request: to answer.
        container: of the object.
        owner: whether the caller has an owner's rights there; an access rule does not suffice.

    Raises:
        SwiftError: 400, or 401 or 403.
    """
    if not request.query:
        return None
    text = request.parameters.raw(b"version-id")
    if not text:
        return None
    if text != NULL_VERSION and not is_versioned(container):
        raise SwiftError(400, "version-aware operations require that the container is versioned")
    version = parse_version(text, "Invalid version parameter")
    if version != NULL_VERSION and not owner:
        raise SwiftError(401 if request.identity is None else 403)
    return version


def parse_version(text: bytes, complaint: str) -> bytes:
    """Return the version of an id; of one that only another store can have made, none.

    Raises:
        SwiftError: 400, it is none.
    """
    if text == NULL_VERSION:
        return NULL_VERSION
    if _VERSION_ID.fullmatch(text):
        return bytes.fromhex(text.decode("ascii"))
    if _OTHER_ID.fullmatch(text):
        return _NO_VERSION
    raise SwiftError(400, complaint)


def marked_deleted(record: ObjectRecord) -> SwiftError:
    """Return the error for a version that marks a deletion."""
    kind = (b"Content-Type", DELETE_MARKER_TYPE.encode("ascii"))
    error = SwiftError(404)
    error.response = Response(404, [kind, version_header(record)])
    return error

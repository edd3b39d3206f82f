"""Versions of objects, as Swift's `object_versioning` shows them.

The versions are the store's own, and their state is the one that S3 shows and sets: what one door
keeps the other lists. So the newest version is always the current one: to restore an older one is
to write it again, and where the newest is deleted the one before it becomes current.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import dropwhile, islice

from storage.container.record import ContainerRecord
from storage.container.row import Row
from storage.container.versions import VersionEntry, VersionQuery
from storage.object.lock import HOLD, MODE, UNTIL
from storage.object.record import NULL_VERSION, OF_PAYLOAD, ObjectRecord
from storage.proxy.engine import Attributes, Engine, Payload
from storage.proxy.errors import ObjectMissingError, UnavailableError, VersionMissingError
from storage.s3.objects.versions import version_id
from storage.swift.accept import preferred
from storage.swift.body import PayloadBody
from storage.swift.conditions import match_condition
from storage.swift.containers import existing
from storage.swift.listing import read_query
from storage.swift.metadata import STATIC_LARGE
from storage.swift.request import Request
from storage.swift.response import Response, SwiftError, page, refuse
from storage.swift.selection import select_all
from storage.swift.settings import SwiftSettings
from storage.swift.static_large import is_static
from storage.swift.times import http_date, iso, whole_seconds
from storage.swift.versioning import (
    DELETE_MARKER_TYPE,
    container_header,
    parse_version,
    version_header,
)
from storage.swift.writes import Writes

REVERSED_MAX = 100_000
_EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
_NOT_COPIED = frozenset((*OF_PAYLOAD, MODE, UNTIL, HOLD))


class Versions:
    """Handles requests about single versions, and their listing.

    Args:
        engine: of the store.
        writes: store.
        settings: limits.
    """

    def __init__(self, engine: Engine, writes: Writes, settings: SwiftSettings) -> None:
        self._engine = engine
        self._writes = writes
        self._entries_max = settings.listing_entries_max

    async def delete(self, request: Request, version: bytes) -> Response:
        """DELETE with `version-id`: remove a version for good."""
        container, name = existing(request), request.target.object
        removed = await self._engine.delete_version(
            container, name, version, match_condition(request.headers)
        )
        current = await self._engine.object(container, name)
        now = b"null" if current is None else version_id(current).encode("ascii")
        return page(204, version_header(removed), (b"X-Object-Current-Version-Id", now))

    async def restore(self, request: Request, version: bytes) -> Response:
        """PUT with `version-id`: make a version the current one, by writing it again."""
        if version == NULL_VERSION:
            raise SwiftError(400, "Invalid version parameter")
        length = request.headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in request.headers:
            raise SwiftError(411)
        if (length or b"").strip(b"0") or (length is None and (await request.receive())["body"]):
            raise refuse("PUT version-id requests require a zero byte body")
        container, name = existing(request), request.target.object
        found = await self._engine.get_object(container, name, version)
        if found is None or not found[0].is_data:
            raise refuse("The specified version does not exist", 404)
        current = await self._engine.object(container, name)
        record = current
        if current is None or current.write_id != version:
            try:
                record = await self._write_again(container, *found)
            except ObjectMissingError as error:
                raise UnavailableError(f"{name}: deleted while it was restored") from error
        if record is None:
            raise VersionMissingError(name)
        modified = http_date(whole_seconds(record.changed))
        etag = (b"Etag", record.etag.encode("ascii"))
        return page(201, etag, (b"Last-Modified", modified), version_header(record))

    async def _write_again(
        self,
        container: ContainerRecord,
        record: ObjectRecord,
        opening: AbstractAsyncContextManager[Payload],
    ) -> ObjectRecord:
        system = {key: value for key, value in record.system.items() if key not in _NOT_COPIED}
        attributes = Attributes(record.content_type, record.metadata, system)
        if is_static(record):
            manifest = await self._engine.manifest(container, record)
            if manifest is not None:
                return await self._writes.put_composite(
                    container, record.name, attributes, manifest, etag=record.etag
                )
        selection = select_all(record)
        async with opening as payload, aclosing(selection.pieces(payload)) as pieces:
            return await self._writes.put(
                container,
                record.name,
                attributes,
                PayloadBody(pieces),
                size_bytes=record.size_bytes,
            )

    async def list_all(self, request: Request) -> Response:
        """GET of a container with `versions`: all versions, in JSON."""
        parameters, container = request.parameters, existing(request)
        try:
            accept = request.headers.get(b"accept", b"").decode("latin-1")
            form = preferred(accept, ["application/json"])
        except ValueError:
            raise SwiftError(400, "Invalid Accept header") from None
        if form is None or parameters.raw(b"format") in (b"plain", b"xml"):
            raise SwiftError(406)
        asked = read_query(parameters, self._entries_max, of_objects=False)
        marker = parameters.raw(b"version_marker")
        if marker and not asked.marker:
            raise SwiftError(400, "version_marker param requires marker")
        after = parse_version(marker, "invalid version_marker param") if marker else b""
        query = VersionQuery(asked.limit, asked.marker, after, asked.prefix, asked.delimiter)
        if asked.reverse:
            entries = await self._list_back(container, query)
        else:
            entries = await self._engine.list_versions(container, query)
        body = json.dumps([_shown(entry) for entry in entries]).encode("ascii")
        headers = [
            (b"Content-Type", b"application/json; charset=utf-8"),
            *container_header(container.values),
        ]
        return Response(200, headers, body)

    async def _list_back(
        self, container: ContainerRecord, query: VersionQuery
    ) -> list[VersionEntry]:
        """List versions from the last to the first, which takes a walk over all of them.

        Raises:
            SwiftError: 501, there are too many.
        """
        found: list[VersionEntry] = []
        onward = query._replace(limit=self._entries_max, key_marker="", version_marker=b"")
        while True:
            page_entries = await self._engine.list_versions(container, onward)
            found += page_entries
            if len(page_entries) < self._entries_max:
                break
            if len(found) > REVERSED_MAX:
                raise SwiftError(501, f"No more than {REVERSED_MAX} versions can be reversed.")
            last = page_entries[-1]
            onward = onward._replace(key_marker=last.name, version_marker=last.version)
        found.reverse()
        return list(islice(dropwhile(_is_before(query), found), query.limit))


def _is_before(query: VersionQuery) -> Callable[[VersionEntry], bool]:
    """Return what tells whether an entry of a reversed listing is on an earlier page."""
    key, version = query.key_marker.encode(), query.version_marker
    is_past = not key

    def judge(entry: VersionEntry) -> bool:
        nonlocal is_past
        if is_past or entry.name.encode() < key:
            return False
        is_past = entry.name.encode() == key and entry.version == version
        return True

    return judge


def _shown(entry: VersionEntry) -> dict[str, object]:
    row = entry.row
    if row is None:
        return {"subdir": entry.name}
    is_null = entry.version == NULL_VERSION
    shown = {
        "name": entry.name,
        "version_id": "null" if is_null else entry.version.hex(),
        "is_latest": entry.is_latest,
        "last_modified": iso(row.modified),
    }
    if entry.is_delete_marker:
        return shown | {"content_type": DELETE_MARKER_TYPE, "bytes": 0, "hash": _EMPTY_MD5}
    return shown | _facts(row)


def _facts(row: Row) -> dict[str, object]:
    facts: dict[str, object] = {
        "content_type": row.content_type,
        "bytes": row.size_bytes,
        "hash": row.etag,
    }
    if row.extra is not None and STATIC_LARGE in row.extra:
        facts |= {"hash": row.extra[STATIC_LARGE], "slo_etag": f'"{row.etag}"'}
    return facts

"""Copies inside the store: COPY, and PUT with X-Copy-From.

After OpenStack Swift (`swift.common.middleware.copy`), with one difference: "If-None-Match: *"
guards the place of the copy, as it does for any other PUT, and not the source.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, aclosing
from typing import NamedTuple

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Engine, Payload
from storage.proxy.errors import ObjectMissingError, UnavailableError
from storage.swift.authorization import Permission
from storage.swift.body import PayloadBody
from storage.swift.changes import copied_headers, new_attributes
from storage.swift.conditions import read_status, write_condition
from storage.swift.containers import existing
from storage.swift.dynamic_large import check_manifest, stands_for_segments, without_manifest
from storage.swift.gate import Gate
from storage.swift.metadata import MetadataRules, RequestHeaders
from storage.swift.objects import (
    LOOKS_MAX,
    Objects,
    announced_etag,
    created,
    metadata_headers,
    object_headers,
)
from storage.swift.request import Request
from storage.swift.response import Header, Response, SwiftError, refuse
from storage.swift.selection import Selection, select_asked, unsatisfiable
from storage.swift.settings import SwiftSettings
from storage.swift.slo_manifest import parse_pieces, raw_json
from storage.swift.slo_upload import ManifestUploads
from storage.swift.static_large import asks_for_manifest, is_static
from storage.swift.target import (
    Level,
    Target,
    parse_account_name,
    parse_object_path,
    quote_path,
)
from storage.swift.text import encode
from storage.swift.times import http_date, whole_seconds
from storage.swift.versioning import asked_version, marked_deleted, new_version_headers

_IF_NONE_MATCH = b"if-none-match"


class _Place(NamedTuple):
    """Where an object lies or shall lie."""

    container: ContainerRecord
    name: str
    version: bytes | None = None


class _Original(NamedTuple):
    """What is copied.

    Attributes:
        record: with the metadata.
        opening: opens the bytes.
        is_etag_md5: whether the record's ETag is the MD5 of the bytes.
    """

    record: ObjectRecord
    opening: AbstractAsyncContextManager[Payload]
    is_etag_md5: bool


class Copies:
    """Makes copies.

    Args:
        engine: of the store.
        gate: judges the place that the request's path does not name.
        objects: of the same API.
        uploads: of manifests.
        rules: of metadata.
        settings: limits.
        world: randomness.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        objects: Objects,
        uploads: ManifestUploads,
        rules: MetadataRules,
        settings: SwiftSettings,
        world: World,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._objects = objects
        self._uploads = uploads
        self._rules = rules
        self._size_bytes_max = settings.object_size_bytes_max
        self._random = world.random

    async def copy(self, request: Request) -> Response:
        """COPY: the path names the source, Destination the copy."""
        if not request.headers.get(b"destination"):
            raise SwiftError(412, "Destination header required")
        container = existing(request)
        version = asked_version(request, container, owner=request.is_owner)
        source = _Place(container, request.target.object, version)
        named = _named(request, "Destination", "Destination-Account")
        await self._look(source)  # what is missing is told before what is forbidden
        return await self._copy(
            request, source, await self._place(request, named, Permission.WRITE)
        )

    async def create(self, request: Request) -> Response:
        """PUT with X-Copy-From: the path names the copy, X-Copy-From the source."""
        if request.headers.get(b"content-length", b"").lstrip(b"0"):
            raise refuse("Copy requests require a zero byte body")
        named = _named(request, "X-Copy-From", "X-Copy-From-Account")
        source = await self._place(request, named, Permission.READ)
        _, is_owner = await self._gate.admit(request.caller, named, Permission.READ)
        version = asked_version(request, source.container, owner=is_owner)
        source = source._replace(version=version)
        return await self._copy(request, source, _Place(existing(request), request.target.object))

    async def _place(self, request: Request, target: Target, permission: Permission) -> _Place:
        """Return the place that a header names, if the caller may use it.

        Raises:
            SwiftError: 401, 403, or 404 where there is no such container.
        """
        record, _ = await self._gate.admit(request.caller, target, permission)
        if record is None:
            raise SwiftError(404)
        return _Place(record, target.object)

    async def _look(self, source: _Place) -> ObjectRecord:
        record = await self._objects.find(*source)
        if record is None:
            raise SwiftError(404)
        if not record.is_data:
            raise marked_deleted(record)
        return record

    async def _original(self, request: Request, source: _Place, record: ObjectRecord) -> _Original:
        """Return an object, or the whole that it stands for."""
        if record.system and stands_for_segments(request, record):
            joined = await self._objects.large.join(request.caller, record)
            return _Original(without_manifest(joined.record), joined.opening, False)
        opening = self._engine.open(source.container, record)
        return _Original(record, opening, not (record.manifest_size_bytes or record.is_sealed))

    async def _copy(self, request: Request, source: _Place, place: _Place) -> Response:
        self._objects.check_new_name(place.name)
        check_manifest(request.headers)
        for _ in range(LOOKS_MAX):
            held = await self._look(source)
            if is_static(held) and asks_for_manifest(request):
                return await self._copy_manifest(request, source, held, place)
            original = await self._original(request, source, held)
            record = original.record
            shown = object_headers(record)
            status = read_status(_on_source(request.headers), record)
            if status is not None:
                return Response(status, shown)
            selection = await self._select(request, source, record)
            if selection is None:
                return unsatisfiable(record, shown)
            if is_static(record):
                await self._objects.static.check_readable(
                    request.caller, source.container, record, selection
                )
            try:
                copy = await self._store(request.headers, original, selection, place)
            except ObjectMissingError:
                continue  # replaced while we looked
            return created(copy, *new_version_headers(copy), *_told(record, copy))
        raise UnavailableError(f"{source.name}: replaced again and again")

    async def _select(
        self, request: Request, source: _Place, record: ObjectRecord
    ) -> Selection | None:
        if is_static(record):
            part = await self._objects.static.part(request, source.container, record)
            if part is not None:
                return part.selection
        return select_asked(request.headers, record, self._random)

    async def _copy_manifest(
        self, request: Request, source: _Place, record: ObjectRecord, place: _Place
    ) -> Response:
        """Store the manifest of a static large object anew, for its place and its maker."""
        status = read_status(_on_source(request.headers), record)
        if status is not None:
            return Response(status, object_headers(record))
        manifest = await self._objects.static.manifest(source.container, record)
        pieces = parse_pieces(raw_json(manifest), (place.container.name, place.name))
        headers = copied_headers(request.headers, record, encode(record.content_type))
        condition = write_condition(_on_place(request.headers))
        response = await self._uploads.answer(
            request, place.container, place.name, pieces, headers, condition
        )
        return response._replace(headers=[*response.headers, *_told(record, record)])

    async def _store(
        self,
        headers: RequestHeaders,
        original: _Original,
        selection: Selection,
        place: _Place,
    ) -> ObjectRecord:
        if selection.length_bytes > self._size_bytes_max:
            raise SwiftError(413)
        merged = copied_headers(headers, original.record, selection.content_type)
        attributes = new_attributes(merged, place.name, self._rules, self._objects.now_s())
        is_verified = selection.status == 200 and original.is_etag_md5
        async with (
            original.opening as payload,
            aclosing(selection.pieces(payload)) as pieces,
        ):
            return await self._objects.writes.put(
                place.container,
                place.name,
                attributes,
                PayloadBody(pieces),
                size_bytes=selection.length_bytes,
                etag=original.record.etag if is_verified else announced_etag(headers),
                condition=write_condition(_on_place(headers)),
            )


def _named(request: Request, path_header: str, account_header: str) -> Target:
    """Return the object that two headers name; the account is the path's unless they say."""
    account = request.target.account
    value = request.headers.get(account_header.lower().encode("ascii"))
    if value is not None:
        account = parse_account_name(value)
    path = request.headers[path_header.lower().encode("ascii")]
    return Target(Level.OBJECT, account, *parse_object_path(path_header, path))


def _on_source(headers: RequestHeaders) -> RequestHeaders:
    """Return the headers whose conditions are about the source."""
    if headers.get(_IF_NONE_MATCH, b"").strip() != b"*":
        return headers
    return {name: value for name, value in headers.items() if name != _IF_NONE_MATCH}


def _on_place(headers: RequestHeaders) -> RequestHeaders:
    """Return the headers whose conditions are about what the copy replaces."""
    value = headers.get(_IF_NONE_MATCH, b"")
    return {_IF_NONE_MATCH: value} if value.strip() == b"*" else {}


def _told(source: ObjectRecord, copy: ObjectRecord) -> list[Header]:
    """Return what the response tells of source and copy."""
    return [
        (b"X-Copied-From-Account", quote_path(source.account)),
        (b"X-Copied-From", quote_path(source.container, source.name)),
        (b"X-Copied-From-Last-Modified", http_date(whole_seconds(source.changed))),
        *(
            header
            for header in metadata_headers(copy)
            if header[0].startswith((b"X-Object-Meta-", b"X-Delete-At"))
        ),
    ]

"""Objects: GET, HEAD, PUT, POST, DELETE. Copies are made by `copies`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, aclosing

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Condition, Engine, Payload
from storage.proxy.errors import (
    ObjectMissingError,
    PayloadLostError,
    PreconditionFailedError,
    UnavailableError,
)
from storage.swift.body import RequestBody, declared_length
from storage.swift.changes import amendment, new_attributes
from storage.swift.conditions import (
    delete_at_condition,
    match_condition,
    normalize_etag,
    read_status,
    requires_existence,
    write_condition,
)
from storage.swift.containers import existing
from storage.swift.dynamic_large import (
    DynamicLargeObjects,
    check_manifest,
    ignore_several_ranges,
    stands_for_segments,
)
from storage.swift.gate import Gate
from storage.swift.metadata import (
    OBJECT_SYSTEM_HEADERS,
    STATIC_LARGE,
    MetadataRules,
    RequestHeaders,
    header_name,
    object_header_name,
)
from storage.swift.request import Request
from storage.swift.response import Header, Response, SwiftError, page, refuse
from storage.swift.selection import Selection, select_all, select_asked, unsatisfiable
from storage.swift.settings import SwiftSettings
from storage.swift.static_large import (
    Part,
    StaticLargeObjects,
    asks_for_manifest,
    is_static,
    without_static,
)
from storage.swift.text import encode
from storage.swift.times import http_date, stamps, whole_seconds
from storage.swift.versioning import (
    asked_version,
    marked_deleted,
    new_version_headers,
    version_headers,
)
from storage.swift.versions import Versions
from storage.swift.writes import Writes

LOOKS_MAX = 8
"""How often a GET looks again after the object was replaced under its hands."""

STATIC_HEADER = (b"X-Static-Large-Object", b"True")
NO_SUCH_PART = b"The requested part number is not satisfiable"

_NS_PER_S = 1e9


class Objects:
    """Handles requests for objects.

    Args:
        engine: of the store.
        gate: says who may read segments.
        rules: of metadata.
        settings: limits.
        world: clock and randomness.

    Attributes:
        large: joins segments.
        writes: stores and deletes.
        static: knows static large objects.
        versions: answers about single versions.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        rules: MetadataRules,
        settings: SwiftSettings,
        world: World,
    ) -> None:
        self.large = DynamicLargeObjects(engine, gate)
        self.writes = Writes(engine, world.clock)
        self.static = StaticLargeObjects(engine, gate, self.writes, settings)
        self.versions = Versions(engine, self.writes, settings)
        self._engine = engine
        self._rules = rules
        self._settings = settings
        self._world = world

    async def read(self, request: Request) -> Response | None:
        """GET and HEAD: metadata and the payload, which is sent from here."""
        container = existing(request)
        for _ in range(LOOKS_MAX):
            try:
                return await self._read(request, container)
            except ObjectMissingError:
                if request.is_started:
                    raise
        raise UnavailableError(f"{request.target.object}: replaced again and again")

    async def _read(self, request: Request, container: ContainerRecord) -> Response | None:
        """Answer with an object as it is now.

        Raises:
            ObjectMissingError: it was replaced while we looked.
        """
        version = asked_version(request, container, owner=request.is_owner)
        found = await self._get(container, request.target.object, version)
        if found is None:
            raise SwiftError(412 if requires_existence(request.headers) else 404)
        record, opening = found
        if version is not None and not record.is_data:
            raise marked_deleted(record)
        named = version_headers(container, record, asked=version is not None)
        if record.system and is_static(record):
            if not asks_for_manifest(request):
                return await self._read_static(request, container, record, opening, named)
            record, opening = await self.static.show(request, container, record)
            headers = [*object_headers(without_static(record)), STATIC_HEADER]
        elif record.system and stands_for_segments(request, record):
            record, opening = await self.large.join(request.caller, record)
            headers = object_headers(record)
            headers[1] = quoted_etag(record)
            ignore_several_ranges(request)
        else:
            headers = object_headers(record)
        headers += named
        status = read_status(request.headers, record)
        if status is not None:
            return Response(status, headers)
        if request.method == "HEAD":
            return Response(200, headers, length_bytes=record.size_bytes)
        selection = self._select(request.headers, record)
        if selection is None:
            return unsatisfiable(record, headers)
        async with opening as payload:
            await _send(request, headers, selection, payload)
        return None

    async def _read_static(
        self,
        request: Request,
        container: ContainerRecord,
        record: ObjectRecord,
        opening: AbstractAsyncContextManager[Payload],
        named: list[Header],
    ) -> Response | None:
        """Answer with what a static large object is made of, or with a part of that.

        Raises:
            SwiftError: 409, the reader may not read a segment, or it is another one by now.
        """
        headers = object_headers(record) + named
        part = await self.static.part(request, container, record)
        status = read_status(request.headers, record)
        if status is not None:
            return Response(status, headers)
        selection = self._select(request.headers, record)
        if part is not None:
            headers.append((b"X-Parts-Count", b"%d" % part.parts))
            selection = part.selection
        if request.method == "HEAD":
            return _head_of_static(record, headers, part)
        if selection is None:
            response = unsatisfiable(record, headers)
            return response if part is None else response._replace(body=NO_SUCH_PART)
        await self.static.check_readable(request.caller, container, record, selection)
        try:
            async with opening as payload:
                await _send(request, headers, selection, payload)
        except PayloadLostError as error:
            if request.is_started:
                raise
            raise SwiftError(409) from error
        return None

    async def read_as(
        self, request: Request, container: ContainerRecord, name: str, status: int, *more: Header
    ) -> bool:
        """Answer with an object as the page of some status; tell whether it is there.

        Args:
            request: to answer.
            container: of the object.
            name: of the object.
            status: code.
            more: headers of the response.
        """
        found = await self._get(container, name)
        if found is None:
            return False
        record, opening = found
        headers = [*object_headers(record), *more]
        if request.method == "HEAD":
            await request.respond(Response(status, headers, length_bytes=record.size_bytes))
            return True
        try:
            async with opening as payload:
                await _send(request, headers, select_all(record)._replace(status=status), payload)
        except ObjectMissingError:
            if request.is_started:
                raise
            return False
        return True

    async def create(self, request: Request) -> Response:
        """PUT: store an object."""
        headers = request.headers
        condition = write_condition(headers)
        container = existing(request)
        version = asked_version(request, container, owner=True)
        if version is not None:
            return await self.versions.restore(request, version)
        check_manifest(headers)
        size_bytes_max = self._settings.object_size_bytes_max
        length_bytes = declared_length(headers, size_bytes_max)
        name = request.target.object
        self.check_new_name(name)
        attributes = new_attributes(headers, name, self._rules, self.now_s())
        record = await self.writes.put(
            container,
            name,
            attributes,
            RequestBody(request.receive, length_bytes, size_bytes_max),
            size_bytes=length_bytes,
            etag=announced_etag(headers),
            condition=condition,
        )
        return created(record, *new_version_headers(record))

    async def change(self, request: Request) -> Response:
        """POST: replace an object's metadata."""
        container = existing(request)
        if asked_version(request, container, owner=True) is not None:
            raise SwiftError(400, "POST to a specific version is not allowed")
        condition = match_condition(request.headers)
        check_manifest(request.headers)
        amend = amendment(request.headers, self._rules, self.now_s())

        def change(record: ObjectRecord) -> Attributes:
            if condition is not None:
                condition(record)
            return amend(record)

        if not self._fits(request.target.object):
            raise SwiftError(404)
        await self._engine.amend_object(container, request.target.object, change)
        return page(202)

    async def delete(self, request: Request) -> Response:
        """DELETE: remove an object."""
        container = existing(request)
        condition = _delete_condition(request.headers)
        if not self._fits(request.target.object):
            raise SwiftError(404)
        version = asked_version(request, container, owner=request.is_owner)
        if version is not None:
            return await self.versions.delete(request, version)
        deletion = await self.writes.delete(container, request.target.object, condition)
        marker = deletion.marker
        named = [] if marker is None else new_version_headers(marker)
        return page(204 if deletion.removed is not None else 404, *named)

    async def find(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> ObjectRecord | None:
        """Return an object's record, or nothing; a name over the limit has none."""
        return await self._engine.object(container, name, version) if self._fits(name) else None

    async def _get(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> tuple[ObjectRecord, AbstractAsyncContextManager[Payload]] | None:
        if not self._fits(name):
            return None
        return await self._engine.get_object(container, name, version)

    def check_new_name(self, name: str) -> None:
        """Refuse a name that is too long for an object.

        Raises:
            SwiftError: 400.
        """
        if not self._fits(name):
            size, longest = len(name.encode()), self._settings.object_name_bytes_max
            raise refuse(f"Object name length of {size} longer than {longest}")

    def now_s(self) -> float:
        """Return physical time in seconds since 1970."""
        return self._world.clock.wall_ns() / _NS_PER_S

    def _fits(self, name: str) -> bool:
        return len(name.encode()) <= self._settings.object_name_bytes_max

    def _select(self, headers: RequestHeaders, record: ObjectRecord) -> Selection | None:
        if b"range" not in headers:
            return select_all(record)
        return select_asked(headers, record, self._world.random)


async def _send(
    request: Request, headers: list[Header], selection: Selection, payload: Payload
) -> None:
    """Send a payload. What fails before its first byte is there to be sent is still an error."""
    whole = payload.whole
    if whole is not None and selection.status == 200:
        await request.start(200, headers, len(whole))
        await request.send_piece(whole, more=False)
        return
    headers[0] = (headers[0][0], selection.content_type)
    headers += selection.headers
    left_bytes = selection.length_bytes
    async with aclosing(selection.pieces(payload)) as pieces:
        async for piece in pieces:
            if not request.is_started:
                await request.start(selection.status, headers, selection.length_bytes)
            left_bytes -= len(piece)
            await request.send_piece(piece, more=left_bytes > 0)
    if not request.is_started:
        await request.start(selection.status, headers, 0)
        await request.send_piece(b"", more=False)


def _head_of_static(record: ObjectRecord, headers: list[Header], part: Part | None) -> Response:
    if part is None:
        return Response(200, headers, length_bytes=record.size_bytes)
    if part.selection is None:
        return unsatisfiable(record, headers)._replace(length_bytes=0)
    headers += part.selection.headers
    return Response(206, headers, length_bytes=part.selection.length_bytes)


def object_headers(record: ObjectRecord) -> list[Header]:
    """Return the headers that tell of an object; the first is its content type."""
    last_modified, x_timestamp = stamps(record.changed)
    headers = [
        (b"Content-Type", encode(record.content_type)),
        (b"Etag", record.etag.encode("ascii")),
        (b"Last-Modified", last_modified),
        (b"X-Timestamp", x_timestamp),
        (b"Accept-Ranges", b"bytes"),
    ]
    if record.metadata or record.system:
        headers += metadata_headers(record)
        if record.manifest_size_bytes and is_static(record):
            headers[1] = quoted_etag(record)
            headers.append(STATIC_HEADER)
            headers.append((b"X-Manifest-Etag", record.system[STATIC_LARGE].encode("ascii")))
    return headers


def quoted_etag(record: ObjectRecord) -> Header:
    """Return the ETag of an object that is made of segments."""
    return b"Etag", b'"%b"' % record.etag.encode("ascii")


def metadata_headers(record: ObjectRecord) -> list[Header]:
    """Return the headers that clients gave to an object."""
    headers = [(object_header_name(name), encode(value)) for name, value in record.metadata.items()]
    for name, value in record.system.items():
        if name in OBJECT_SYSTEM_HEADERS:
            headers.append((header_name(name), encode(value)))
    return headers


def created(record: ObjectRecord, *more: Header) -> Response:
    """Return the response to a write of an object."""
    return page(
        201,
        (b"Etag", record.etag.encode("ascii")),
        (b"Last-Modified", http_date(whole_seconds(record.changed))),
        *more,
    )


def announced_etag(headers: RequestHeaders) -> str | None:
    """Return the MD5 that a client expects its upload to have, if it tells."""
    tag = normalize_etag(headers.get(b"etag", b"").decode("latin-1"))
    return tag.lower() or None


def _delete_condition(headers: RequestHeaders) -> Condition | None:
    """Return what must be true of an object that is to be deleted, if anything.

    Raises:
        SwiftError: 400.
    """
    expires_s = delete_at_condition(headers)
    matches = match_condition(headers)
    if expires_s is None and matches is None:
        return None

    def judge(current: ObjectRecord | None, /) -> None:
        if current is None:
            return  # 404, whatever is required of it
        if matches is not None:
            matches(current)
        if expires_s is not None and current.delete_at_s != expires_s:
            raise PreconditionFailedError("X-If-Delete-At and X-Delete-At do not match")

    return judge

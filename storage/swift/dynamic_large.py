"""Dynamic large objects: an object that stands for all objects whose names have a prefix.

After OpenStack Swift (`swift.common.middleware.dlo`). What it stands for is looked up with each
request, in the reader's own name: who may not list or read the segments reads nothing. Unlike
Swift's, the length and ETag of one with more segments than a listing page has are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import NamedTuple, cast
from urllib.parse import unquote

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Engine, Payload
from storage.proxy.errors import ObjectMissingError, PayloadLostError
from storage.swift.authorization import Caller, Permission
from storage.swift.gate import Gate
from storage.swift.metadata import OBJECT_MANIFEST, STATIC_LARGE, RequestHeaders
from storage.swift.request import Request
from storage.swift.response import SwiftError
from storage.swift.target import Level, Target

SEGMENTS_MAX = 1_000_000
PAGE_ENTRIES = 10_000


def stands_for_segments(request: Request, record: ObjectRecord) -> bool:
    """Tell whether a request for an object is about the segments that it stands for."""
    if OBJECT_MANIFEST not in record.system:
        return False
    return not request.query or request.parameters.raw(b"multipart-manifest") != b"get"


def without_manifest(record: ObjectRecord) -> ObjectRecord:
    """Return the record of a whole that is about to become an object of its own."""
    system = {name: value for name, value in record.system.items() if name != OBJECT_MANIFEST}
    return record._replace(system=system)


def ignore_several_ranges(request: Request) -> None:
    """Have a request that asks for several ranges get the whole, as Swift does."""
    if b"," in request.headers.get(b"range", b""):
        del request.headers[b"range"]


def check_manifest(headers: RequestHeaders) -> None:
    """Refuse a manifest that is not "container/prefix", and the mark of the other kind.

    Raises:
        SwiftError: 400.
    """
    if STATIC_LARGE.encode("ascii") in headers:
        text = (
            "X-Static-Large-Object is a reserved header. To create a static large object add "
            "query param multipart-manifest=put."
        )
        raise SwiftError(400, text)
    value = headers.get(OBJECT_MANIFEST.encode("ascii"))
    if value is None:
        return
    container, _, prefix = value.partition(b"/")
    if not container or not prefix or prefix.startswith(b"/") or b"?" in value or b"&" in value:
        raise SwiftError(400, "X-Object-Manifest must be in the format container/prefix")


class _Segment(NamedTuple):
    name: str
    size_bytes: int
    etag: str


class Joined(NamedTuple):
    """A dynamic large object as it is now.

    Attributes:
        record: of the manifest, with the size and ETag of the whole.
        opening: opens the whole.
    """

    record: ObjectRecord
    opening: AbstractAsyncContextManager[Payload]


class DynamicLargeObjects:
    """Joins segments.

    Args:
        engine: of the store.
        gate: judges whether a reader may see the segments.
    """

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine = engine
        self._gate = gate

    async def join(self, caller: Caller, record: ObjectRecord) -> Joined:
        """Return what a manifest stands for.

        Args:
            caller: who reads it.
            record: of the manifest.

        Raises:
            SwiftError: 401, 403 or 404, of the segments' container; 409, there are too many.
        """
        name, _, prefix = unquote(record.system[OBJECT_MANIFEST]).partition("/")
        itself = Target(Level.CONTAINER, record.account, name, "")
        container, is_owner = await self._gate.admit(caller, itself, Permission.READ)
        if container is None:
            raise SwiftError(404)

        async def check(segment: str) -> None:
            if not is_owner:  # of others a rule may be about the name
                inside = Target(Level.OBJECT, record.account, name, segment)
                await self._gate.admit(caller, inside, Permission.READ)

        await check(prefix)
        segments = await self._segments(container, prefix)
        digest = hashlib.md5(usedforsecurity=False)
        for segment in segments:
            digest.update(segment.etag.encode("ascii"))
        whole = record._replace(
            size_bytes=sum(segment.size_bytes for segment in segments), etag=digest.hexdigest()
        )
        return Joined(whole, _open(_JoinedPayload(self._engine, container, segments, check)))

    async def _segments(self, container: ContainerRecord, prefix: str) -> list[_Segment]:
        segments: list[_Segment] = []
        query = Query(limit=PAGE_ENTRIES, prefix=prefix)
        while True:
            page = await self._engine.list_objects(container, query)
            segments += [
                _Segment(entry.name, entry.row.size_bytes, entry.row.etag)
                for entry in page
                if entry.row is not None
            ]
            if len(page) < PAGE_ENTRIES:
                return segments
            if len(segments) > SEGMENTS_MAX:
                raise SwiftError(409)
            query = query._replace(marker=page[-1].name)


class _JoinedPayload:
    """Segments one after the other, as one payload."""

    whole = None

    def __init__(
        self,
        engine: Engine,
        container: ContainerRecord,
        segments: Sequence[_Segment],
        check: Callable[[str], Awaitable[None]],
    ) -> None:
        self._check = check
        self._engine = engine
        self._container = container
        self._segments = segments

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes | memoryview, None]:
        """Yield the bytes from `start` up to `stop`; a chunk is valid until the next.

        Raises:
            SwiftError: 409, the first segment that is needed is not what was listed; 401 or 403,
                the reader may not read a segment.
            PayloadLostError: a later one is not, or no replica has undamaged bytes.
        """
        begin, is_first = 0, True
        for segment in self._segments:
            end = begin + segment.size_bytes
            if begin < stop and start < end:
                span = max(start, begin) - begin, min(stop, end) - begin
                try:
                    async with aclosing(self._read_segment(segment, *span)) as pieces:
                        async for piece in pieces:
                            is_first = False
                            yield piece
                except ObjectMissingError as error:
                    if is_first:
                        raise SwiftError(409) from error
                    raise PayloadLostError(f"segment {segment.name} is another one now") from error
            begin = end

    async def _read_segment(
        self, segment: _Segment, start: int, stop: int
    ) -> AsyncGenerator[bytes | memoryview, None]:
        await self._check(segment.name)
        found = await self._engine.get_object(self._container, segment.name)
        if found is None or found[0].size_bytes != segment.size_bytes:
            raise ObjectMissingError(f"segment {segment.name}")
        async with found[1] as payload:
            if payload.whole is not None:
                yield payload.whole[start:stop]
                return
            reading = cast(AsyncGenerator[bytes | memoryview, None], payload.read(start, stop))
            async with aclosing(reading) as pieces:
                async for piece in pieces:
                    yield piece


@asynccontextmanager
async def _open(payload: Payload) -> AsyncGenerator[Payload, None]:
    yield payload

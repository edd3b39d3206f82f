"""Reading a composite as one payload: one segment after the other, the next one opened ahead.

Only the segments that a range needs are opened. Each is found as any object is, through the
engine, and must be the very write that the manifest names: bytes that merely have the right name
never take its place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Final, Protocol, cast

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Payload, Unseal
from storage.proxy.errors import ObjectMissingError, PayloadLostError
from storage.proxy.manifest import Manifest, ManifestDamagedError, Segment, Span
from storage.proxy.sealed import OpenSealed

NESTING_MAX: Final = 10
"""Composites within composites; Swift's limit for static large objects."""
SEGMENTS_KNOWN_MAX: Final = 20_000
"""Of the manifests that a process keeps at hand; about half a KiB each."""

OpenedPayload = AbstractAsyncContextManager[Payload]


class FindContainer(Protocol):
    """Looks up a container."""

    def __call__(self, account: str, container: str, /) -> Awaitable[ContainerRecord | None]:
        """Return a living container, or nothing."""


class FindObject(Protocol):
    """Looks up an object and what is stored as its payload, be it a manifest."""

    def __call__(
        self, container: ContainerRecord, name: str, /
    ) -> Awaitable[tuple[ObjectRecord, OpenedPayload] | None]:
        """Return a living object, or nothing."""


class Composites:
    """The composites of a store.

    Args:
        find_container: in the store.
        find_object: in the store.
    """

    def __init__(self, find_container: FindContainer, find_object: FindObject) -> None:
        self._find_container = find_container
        self._find_object = find_object
        self._known: OrderedDict[bytes, Manifest] = OrderedDict()  # by write id: they never change
        self._known_segments = 0

    def open(
        self, record: ObjectRecord, stored: OpenedPayload, unseal: Unseal, depth: int = 0
    ) -> OpenComposite:
        """Return the context of a composite's payload.

        Args:
            record: of the composite.
            stored: its manifest, to open.
            unseal: has the keys of sealed segments.
            depth: in how many other composites it lies.
        """
        return OpenComposite(self, record, stored, unseal, depth)

    async def manifest(self, record: ObjectRecord, stored: OpenedPayload) -> Manifest:
        """Return the manifest of a composite.

        Raises:
            PayloadLostError: no replica has an undamaged one.
            ObjectMissingError: it was replaced meanwhile.
            UnavailableError: too few replicas answer.
        """
        known = self._known.get(record.write_id)
        if known is not None:
            self._known.move_to_end(record.write_id)
            return known
        async with stored as payload:
            data = payload.whole
            if data is None:
                pieces = bytearray()
                async for chunk in payload.read(0, record.manifest_size_bytes):
                    pieces += chunk
                data = bytes(pieces)
        try:
            manifest = Manifest.unpack(data)
        except ManifestDamagedError as error:
            raise PayloadLostError(f"{record.write_id.hex()}: {error}") from error
        self._remember(record.write_id, manifest)
        return manifest

    def _remember(self, write_id: bytes, manifest: Manifest) -> None:
        if write_id in self._known:
            return
        self._known[write_id] = manifest
        self._known_segments += _weight(manifest)
        while self._known_segments > SEGMENTS_KNOWN_MAX:
            _, oldest = self._known.popitem(last=False)
            self._known_segments -= _weight(oldest)

    async def open_segment(
        self, account: str, segment: Segment, unseal: Unseal, depth: int
    ) -> OpenedPayload:
        """Find a segment and return its payload, to open.

        Raises:
            PayloadLostError: it is gone, or it is not the one that the manifest names.
            UnavailableError: too few replicas answer.
        """
        container = await self._find_container(account, segment.container)
        found = None
        if container is not None:
            found = await self._find_object(container, segment.name)
        if found is None:
            raise PayloadLostError(f"segment {segment.number}, {segment.name!r}, is gone")
        record, stored = found
        wanted, found_there = segment.etag, record.etag
        if segment.write_id:
            wanted, found_there = segment.write_id.hex(), record.write_id.hex()
        if wanted != found_there:
            raise PayloadLostError(f"segment {segment.number}, {segment.name!r}, is another object")
        if record.size_bytes < segment.start + segment.size_bytes:
            raise PayloadLostError(f"segment {segment.number}, {segment.name!r}, is too short")
        if record.is_sealed:
            return OpenSealed(record, stored, unseal)
        if not record.manifest_size_bytes:
            return stored
        if depth >= NESTING_MAX:
            raise PayloadLostError(f"more than {NESTING_MAX} composites within each other")
        return self.open(record, stored, unseal, depth + 1)


def _weight(manifest: Manifest) -> int:
    return len(manifest.segments) + (len(manifest.inline) + len(manifest.note)) // 512


class InlinePayload:
    """The bytes that a manifest has inline, as an open payload.

    Args:
        data: all of them.

    Attributes:
        whole: as given.
    """

    def __init__(self, data: bytes) -> None:
        self.whole: bytes | None = data
        self._data = data

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`."""
        yield self._data[start:stop]


class CompositePayload:
    """The bytes of a composite.

    Args:
        composites: of the store.
        account: that it and its segments belong to.
        manifest: of it.
        unseal: has the keys of sealed segments.
        depth: in how many other composites it lies.

    Attributes:
        whole: never at hand.
        manifest: as given.
    """

    whole: bytes | None = None

    def __init__(
        self,
        composites: Composites,
        account: str,
        manifest: Manifest,
        unseal: Unseal,
        depth: int,
    ) -> None:
        self.manifest = manifest
        self._unseal = unseal
        self._composites = composites
        self._account = account
        self._depth = depth
        self._open: list[OpenedPayload] = []

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`; a chunk is valid until the next.

        Raises:
            PayloadLostError: a segment is gone, another object by now, or damaged everywhere.
            UnavailableError: too few replicas of a segment answer.
        """
        spans = self.manifest.spans(start, stop)
        span = next(spans, None)
        payload = await self._enter(span) if span is not None else None
        while span is not None and payload is not None:
            following = next(spans, None)
            ahead = await self._enter(following) if following is not None else None
            chunks = cast(AsyncGenerator[bytes | memoryview, None], payload.read(*span[1:]))
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
            await self._leave_first()
            span, payload = following, ahead

    async def _enter(self, span: Span) -> Payload:
        if span.segment.is_inline:
            opened: OpenedPayload = nullcontext(InlinePayload(self.manifest.inline))
            self._open.append(opened)
            return await opened.__aenter__()
        opened = await self._composites.open_segment(
            self._account, span.segment, self._unseal, self._depth
        )
        try:
            payload = await opened.__aenter__()
        except ObjectMissingError as error:
            raise PayloadLostError(f"segment {span.segment.number} was replaced") from error
        self._open.append(opened)
        return payload

    async def _leave_first(self) -> None:
        await self._open.pop(0).__aexit__(None, None, None)

    async def close(self) -> None:
        """Close the segments that are open."""
        while self._open:
            await self._leave_first()


class OpenComposite:
    """The context of a composite's payload; see `Composites.open`.

    On entry the manifest is read. A segment that is lost is found out when its turn comes.
    """

    __slots__ = ("_composites", "_depth", "_payload", "_record", "_stored", "_unseal")

    def __init__(
        self,
        composites: Composites,
        record: ObjectRecord,
        stored: OpenedPayload,
        unseal: Unseal,
        depth: int,
    ) -> None:
        self._composites = composites
        self._record = record
        self._stored = stored
        self._unseal = unseal
        self._depth = depth
        self._payload: CompositePayload | None = None

    async def __aenter__(self) -> CompositePayload:
        manifest = await self._composites.manifest(self._record, self._stored)
        account = self._record.account
        self._payload = CompositePayload(
            self._composites, account, manifest, self._unseal, self._depth
        )
        return self._payload

    async def __aexit__(self, *_: object) -> None:
        if self._payload is not None:
            await self._payload.close()

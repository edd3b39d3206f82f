"""What copies are taken from: found, allowed, and opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import NamedTuple, cast

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Body, Payload
from storage.s3.authorization import Resource
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.objects.conditions import check_source
from storage.s3.objects.copy_source import CopySource, parse_copy_source
from storage.s3.objects.versions import (
    is_delete_marker,
    is_versioned,
    parse_version_id,
    version_id,
)
from storage.s3.request import Request
from storage.s3.services import Services

SIZE_BYTES_MAX = 5 * 1024**3
"""Of a source, or a range of one."""


class Source(NamedTuple):
    """An object that is copied.

    Attributes:
        named: as the request has it.
        container: where it lies.
        record: of the object.
        opening: its payload, to open.
    """

    named: CopySource
    container: ContainerRecord
    record: ObjectRecord
    opening: AbstractAsyncContextManager[Payload]

    @asynccontextmanager
    async def body(self, start: int, stop: int) -> AsyncIterator[Body]:
        """Open the payload and give the bytes from `start` up to `stop`."""
        async with self.opening as payload:
            if start == stop:
                yield _Pieces(None)
                return
            reading = cast(AsyncGenerator[bytes | memoryview, None], payload.read(start, stop))
            async with aclosing(reading) as pieces:
                yield _Pieces(pieces)

    def headers(self) -> list[Header]:
        """Return the header that tells which version was copied."""
        if not is_versioned(self.container):
            return []
        return [(b"x-amz-copy-source-version-id", version_id(self.record).encode("ascii"))]


class Sources:
    """Finds the sources of copies.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._encryption = Encryption(services)
        self._names = services.names
        self._authorizer = services.authorizer

    async def find(self, request: Request) -> Source:
        """Return what a request copies from, once its conditions hold.

        Raises:
            S3Error: NoSuchBucket, NoSuchKey, NoSuchVersion, AccessDenied, PreconditionFailed, or
                InvalidRequest for a delete marker.
        """
        named = parse_copy_source(request.headers[b"x-amz-copy-source"])
        container = await self._names.find(named.bucket, request.identity)
        if container is None:
            raise S3Error("NoSuchBucket", BucketName=named.bucket)
        action = "s3:GetObject" if named.version is None else "s3:GetObjectVersion"
        version = None if named.version is None else parse_version_id(named.version)
        resource = Resource(container, named.bucket, named.key, version)
        await self._authorizer.authorize(request, action, resource)
        found = await self._engine.get_object(container, named.key, version)
        if found is None:
            if named.version is not None:
                raise S3Error("NoSuchVersion", Key=named.key, VersionId=named.version)
            raise S3Error("NoSuchKey", Key=named.key)
        record, opening = found
        if is_delete_marker(record):
            text = (
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id."
            )
            raise S3Error("InvalidRequest", text)
        check_source(request.headers, record)
        unseal = self._encryption.of_source(request, record)
        if unseal is not None:
            opening = self._engine.open(container, record, unseal)
        return Source(named, container, record, opening)


class _Pieces:
    """A payload as the body of an upload."""

    def __init__(self, pieces: AsyncIterator[bytes | memoryview] | None) -> None:
        self._pieces = pieces

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        if self._pieces is not None:
            async for piece in self._pieces:
                if piece:
                    return bytes(piece)
        return b""


def check_copy_size(size_bytes: int) -> None:
    """See that one request may copy so much.

    Raises:
        S3Error: InvalidRequest.
    """
    if size_bytes > SIZE_BYTES_MAX:
        text = (
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {SIZE_BYTES_MAX}"
        )
        raise S3Error("InvalidRequest", text)

"""GetObject and HeadObject."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

from storage.object.record import SEAL, ObjectRecord
from storage.proxy.engine import Payload
from storage.proxy.errors import ObjectMissingError, UnavailableError
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.lifecycle.expiration import Expiration
from storage.s3.objects.conditions import is_unmodified
from storage.s3.objects.finding import Finder, check_data
from storage.s3.objects.headers import (
    checksum_headers,
    object_headers,
    part_checksum_headers,
)
from storage.s3.objects.overrides import override_headers
from storage.s3.objects.ranges import Span, parse_part_number, select_range
from storage.s3.objects.versions import asked_version, is_versioned, version_header
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services

LOOKS_MAX = 8
"""How often a GET looks again after the object was replaced under its hands."""


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    reads = Reads(services)
    return {"GetObject": reads.read, "HeadObject": reads.read}


class Reads:
    """Serves objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._finder = Finder(services)
        self._encryption = Encryption(services)
        self._expiration = Expiration(services.configurations, services.settings)

    async def read(self, request: Request) -> Response | None:
        """GetObject and HeadObject: metadata and the payload, which is sent from here."""
        container, key, parameters = request.existing, request.key, request.parameters
        version = asked_version(parameters) if parameters else None
        for _ in range(LOOKS_MAX):
            found = await self._engine.get_object(container, key, version)
            if found is None:
                raise await self._finder.absent(request, version)
            record, opening = found
            if version is not None:
                check_data(request, record)
            headers = object_headers(record)
            unseal = self._encryption.of_existing(request, record)
            if SEAL in record.system:
                headers += self._encryption.headers(request, record)
                if unseal is not None:
                    opening = self._engine.open(container, record, unseal)
            if version is None:
                headers += await self._expiration.headers(container, record)
            if is_versioned(container):
                headers.append(version_header(record))
            if parameters:
                anonymous = request.identity is None
                headers = override_headers(headers, parameters, anonymous=anonymous)
            if is_unmodified(request.headers, record):
                return Response(304, headers)
            span = await self._select(request, record, headers)
            if request.method == "HEAD":
                return _head(headers, record, span)
            try:
                async with opening as payload:
                    await _send(request, headers, record, span, payload)
                return None
            except ObjectMissingError:
                if request.is_started:
                    raise
        raise UnavailableError(f"{key}: replaced again and again")

    async def _select(
        self, request: Request, record: ObjectRecord, headers: list[Header]
    ) -> Span | None:
        """Return the bytes that are asked for, nothing for all; add what tells of a part."""
        asked = request.parameters.get("partNumber")
        wants_checksum = request.headers.get(b"x-amz-checksum-mode", b"").upper() == b"ENABLED"
        if asked is None:
            span = select_range(request.headers, record)
            if span is None and wants_checksum:
                headers += checksum_headers(record.system)
            return span
        number = parse_part_number(asked)
        if b"range" in request.headers:
            text = "Cannot specify both Range header and partNumber query parameter"
            raise S3Error("InvalidRequest", text)
        return await self._part(request, record, number, headers, wants_checksum=wants_checksum)

    async def _part(
        self,
        request: Request,
        record: ObjectRecord,
        number: int,
        headers: list[Header],
        *,
        wants_checksum: bool,
    ) -> Span:
        """Return the bytes of a part; add how many parts there are, and its checksum."""
        manifest = await self._engine.manifest(request.existing, record)
        count = 1 if manifest is None else len(manifest.segments)
        span = (0, record.size_bytes) if manifest is None and number == 1 else None
        checksums = checksum_headers(record.system)
        if manifest is not None:
            span = manifest.part(number)
            checksums = part_checksum_headers(record.system, manifest.segment(number))
            headers.append((b"x-amz-mp-parts-count", b"%d" % count))
        if span is None:
            raise S3Error("InvalidPartNumber", ActualPartCount=count, PartNumberRequested=number)
        if wants_checksum:
            headers += checksums
        return Span(*span)


def _head(headers: list[Header], record: ObjectRecord, span: Span | None) -> Response:
    if span is None:
        return Response(200, headers, length_bytes=record.size_bytes)
    headers.append((b"Content-Range", span.content_range(record.size_bytes)))
    return Response(206, headers, length_bytes=span.stop - span.start)


async def _send(
    request: Request,
    headers: list[Header],
    record: ObjectRecord,
    span: Span | None,
    payload: Payload,
) -> None:
    """Send a payload. What fails before its first byte is there to be sent is still an error."""
    whole = payload.whole
    if whole is not None and span is None:
        await request.start(200, headers, len(whole))
        await request.send_piece(whole, more=False)
        return
    status, (start, stop) = 200, span or (0, record.size_bytes)
    if span is not None:
        status = 206
        headers.append((b"Content-Range", span.content_range(record.size_bytes)))
    left_bytes = stop - start
    if not left_bytes:
        await request.start(status, headers, 0)
        await request.send_piece(b"", more=False)
        return
    reading = cast(AsyncGenerator[bytes | memoryview, None], payload.read(start, stop))
    async with aclosing(reading) as pieces:
        async for piece in pieces:
            if not request.is_started:
                await request.start(status, headers, left_bytes)
            left_bytes -= len(piece)
            await request.send_piece(piece, more=left_bytes > 0)

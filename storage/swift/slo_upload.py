"""Uploads of the manifests of static large objects."""

from __future__ import annotations

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Condition
from storage.proxy.errors import BodyTooLargeError
from storage.swift.body import RequestBody, declared_length
from storage.swift.changes import new_attributes
from storage.swift.conditions import write_condition
from storage.swift.containers import existing
from storage.swift.metadata import MetadataRules, RequestHeaders
from storage.swift.objects import Objects, announced_etag, created, quoted_etag
from storage.swift.report import Report, ReportFormat, choose_report_format
from storage.swift.request import Request
from storage.swift.response import PAGES, Response, SwiftError, reason
from storage.swift.settings import SwiftSettings
from storage.swift.slo_manifest import Piece, parse_pieces
from storage.swift.slow_answer import ACCEPTED, answer_slowly
from storage.swift.static_large import BadSegmentsError
from storage.swift.text import is_true
from storage.swift.times import http_date, whole_seconds
from storage.swift.versioning import new_version_headers

_ROOT = "upload"


class ManifestUploads:
    """Handles `multipart-manifest=put`.

    Args:
        objects: of the same API.
        rules: of metadata.
        settings: limits.
    """

    def __init__(self, objects: Objects, rules: MetadataRules, settings: SwiftSettings) -> None:
        self._objects = objects
        self._rules = rules
        self._bytes_max = settings.slo_manifest_bytes_max

    async def create(self, request: Request) -> Response | None:
        """PUT: store a manifest; a slow one is answered while it is checked."""
        if b"x-copy-from" in request.headers:
            raise SwiftError(405, "Multipart Manifest PUTs cannot be COPY requests")
        condition = write_condition(request.headers)
        container, name = existing(request), request.target.object
        self._objects.check_new_name(name)
        pieces = parse_pieces(await self._read(request), (container.name, name))
        if not is_true(request.parameters.raw(b"heartbeat")):
            return await self.answer(request, container, name, pieces, request.headers, condition)

        async def work(_: Request, report: Report) -> None:
            await self._report(request, container, pieces, condition, report)

        await answer_slowly(request, Report(_ROOT, {}), work, ACCEPTED)
        return None

    async def _read(self, request: Request) -> bytes:
        """Return the body.

        Raises:
            SwiftError: 411 or 413.
        """
        limit = self._bytes_max
        too_large = SwiftError(413, f"Manifest File > {limit} bytes")
        length = request.headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > len(str(limit)) or int(length) > limit):
            raise too_large
        body = RequestBody(request.receive, declared_length(request.headers, limit), limit)
        pieces: list[bytes] = []
        try:
            while data := await body.receive():
                pieces.append(data)
        except BodyTooLargeError:
            raise too_large from None
        return b"".join(pieces)

    async def answer(
        self,
        request: Request,
        container: ContainerRecord,
        name: str,
        pieces: list[Piece],
        headers: RequestHeaders,
        condition: Condition | None,
    ) -> Response:
        """Store a manifest and return the response.

        Args:
            request: by whom.
            container: of the object.
            name: of the object.
            pieces: of the manifest.
            headers: with the metadata.
            condition: on what is there.
        """
        try:
            record = await self._store(request, container, name, pieces, headers, condition)
        except BadSegmentsError as error:
            accepted = choose_report_format(request.headers.get(b"accept", b""))
            form = accepted or ReportFormat("text/plain")
            body = form.opening + form.write_facts({}, error.errors, _ROOT)
            return Response(400, [form.header], body)
        status, (kind, _, modified), body, _ = created(record)
        headers_sent = [kind, quoted_etag(record), modified, *new_version_headers(record)]
        return Response(status, headers_sent, body)

    async def _report(
        self,
        request: Request,
        container: ContainerRecord,
        pieces: list[Piece],
        condition: Condition | None,
        report: Report,
    ) -> None:
        name = request.target.object
        try:
            record = await self._store(request, container, name, pieces, request.headers, condition)
        except BadSegmentsError as error:
            report.status, report.body, report.errors = 400, reason(400), error.errors
            return
        except SwiftError as error:
            status, _, body, _ = error.response
            report.status = status
            report.body = reason(status) if body == PAGES.get(status) else body.decode()
            return
        report.status = 201
        report.details = {
            "Etag": quoted_etag(record)[1].decode(),
            "Last Modified": http_date(whole_seconds(record.changed)).decode(),
        }

    async def _store(
        self,
        request: Request,
        container: ContainerRecord,
        name: str,
        pieces: list[Piece],
        headers: RequestHeaders,
        condition: Condition | None,
    ) -> ObjectRecord:
        attributes = new_attributes(headers, name, self._rules, self._objects.now_s())
        return await self._objects.static.store(
            request.caller,
            container,
            name,
            attributes,
            pieces,
            etag=announced_etag(request.headers),
            condition=condition,
        )

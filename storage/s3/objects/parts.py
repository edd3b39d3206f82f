"""The parts of multipart uploads: UploadPart, UploadPartCopy, ListParts."""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.checksums import ChecksumPlan
from storage.proxy.engine import Attributes
from storage.proxy.errors import ObjectMissingError, UnavailableError
from storage.proxy.multipart import PartPage
from storage.s3.checksums import Algorithm, Checksum
from storage.s3.dates import iso
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.objects.attributes import STANDARD, STORAGE_CLASS, refuse_not_implemented
from storage.s3.objects.headers import (
    checksum_system,
    etag_header,
    quoted_etag,
    stored_checksums,
)
from storage.s3.objects.keep_alive import answer_slowly
from storage.s3.objects.multipart_refusals import multipart_refusals
from storage.s3.objects.ranges import PART_NUMBER_MAX, Span, parse_copy_range, parse_part_number
from storage.s3.objects.read import LOOKS_MAX
from storage.s3.objects.sources import Source, Sources, check_copy_size
from storage.s3.objects.uploading import CheckedBody, StreamedBody, check_size
from storage.s3.owner import owner_content
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content

PARTS_MAX = 1000
_COPY_RANGE = b"x-amz-copy-source-range"


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    parts = UploadedParts(services)
    return {
        "UploadPart": parts.create,
        "UploadPartCopy": parts.copy,
        "ListParts": parts.list,
    }


class UploadedParts:
    """Stores and lists parts.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._multipart = services.multipart
        self._size_bytes_max = services.settings.object_size_bytes_max
        self._sources = Sources(services)
        self._encryption = Encryption(services)

    async def create(self, request: Request) -> Response:
        """UploadPart."""
        number, upload_id = _part_number(request), request.parameters.text("uploadId")
        if not request.body.is_declared:
            raise S3Error("MissingContentLength")
        with multipart_refusals(upload_id):
            upload = await self._multipart.find(request.existing, request.key, upload_id)
            body = PartBody(request, upload.plan)
            check_size(body.length_bytes, self._size_bytes_max)
            sealing = self._encryption.of_part(request, upload.attributes.system)
            taken = sealing.take(body.attributes, body, body.length_bytes, body.etag)
            record = await self._multipart.upload_part(
                request.existing,
                upload,
                number,
                taken.attributes,
                taken.body,
                size_bytes=taken.size_bytes,
                etag=taken.etag,
            )
        return Response(200, [etag_header(record), *body.headers, *sealing.headers])

    async def copy(self, request: Request) -> Response | None:
        """UploadPartCopy: a part that is an object of the store, or a range of one."""
        number, upload_id = _part_number(request), request.parameters.text("uploadId")

        async def work() -> Response:
            for _ in range(LOOKS_MAX):
                source = await self._sources.find(request)
                try:
                    with multipart_refusals(upload_id):
                        record = await self._copy(request, source, number, upload_id)
                except ObjectMissingError:
                    continue  # replaced while we looked
                content: list[tuple[str, Content]] = [
                    ("LastModified", iso(record.created)),
                    ("ETag", quoted_etag(record)),
                ]
                content += [
                    (algorithm.element, text) for algorithm, text in stored_checksums(record.system)
                ]
                told = [*source.headers(), *self._encryption.headers(request, record)]
                return document("CopyPartResult", content, *told)
            raise UnavailableError(f"{request.key}: its source is replaced again and again")

        return await answer_slowly(request, work)

    async def _copy(
        self, request: Request, source: Source, number: int, upload_id: str
    ) -> ObjectRecord:
        upload = await self._multipart.find(request.existing, request.key, upload_id)
        asked, size_bytes = request.headers.get(_COPY_RANGE), source.record.size_bytes
        span = Span(0, size_bytes) if asked is None else parse_copy_range(asked, size_bytes)
        size_bytes = span.stop - span.start
        check_copy_size(size_bytes)
        sealing = self._encryption.of_part(request, upload.attributes.system)
        async with source.body(*span) as payload:
            body = StreamedBody(payload, _algorithm(upload.plan))

            def attributes() -> Attributes:
                return Attributes("", {}, checksum_system(body.finish()))

            taken = sealing.take(attributes, body, size_bytes)
            return await self._multipart.upload_part(
                request.existing,
                upload,
                number,
                taken.attributes,
                taken.body,
                size_bytes=taken.size_bytes,
            )

    async def list(self, request: Request) -> Response:
        """ListParts."""
        parameters, upload_id = request.parameters, request.parameters.text("uploadId")
        after = parameters.integer("part-number-marker", 0, 0, PART_NUMBER_MAX)
        limit = parameters.integer("max-parts", PARTS_MAX, 0, PARTS_MAX)
        with multipart_refusals(upload_id):
            page = await self._multipart.list_parts(
                request.existing, request.key, upload_id, after=after, limit=limit
            )
        return document("ListPartsResult", _listing(request, page, after, limit))


class PartBody:
    """A part that is hashed while it is received, in the algorithm of its upload as well.

    It has a `CheckedBody` and is none: a compiled class cannot be inherited from.

    Args:
        request: whose body it is.
        plan: of the upload.

    Attributes:
        length_bytes: see `CheckedBody`.
        etag: see `CheckedBody`.
        headers: of the response: the checksum that the client announced, or the upload's.

    Raises:
        S3Error: InvalidDigest or InvalidRequest.
    """

    __slots__ = ("_checked", "_planned", "etag", "headers", "length_bytes")

    def __init__(self, request: Request, plan: ChecksumPlan | None) -> None:
        algorithm = _algorithm(plan)
        self._checked = checked = CheckedBody(request, algorithm)
        self.length_bytes, self.etag = checked.length_bytes, checked.etag
        self.headers: list[Header] = []
        self._planned = None
        if checked.algorithm is not algorithm:
            if algorithm is not Algorithm.CRC64NVME:
                found, expected = checked.algorithm.value.lower(), algorithm.value.lower()
                text = (
                    "Checksum Type mismatch occurred, expected checksum Type: "
                    f"{expected}, actual checksum Type: {found}"
                )
                raise S3Error("InvalidRequest", text)
            self._planned = algorithm.new()

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end; see `CheckedBody`."""
        data = await self._checked.receive()
        if self._planned is not None:
            self._planned.update(data)
        return data

    def attributes(self) -> Attributes:
        """Check the part, which has ended, and return what is kept with it.

        Raises:
            S3Error: BadDigest or InvalidRequest.
        """
        checksum = self._checked.finish()
        if checksum is not None:
            name = checksum.algorithm.header.encode("ascii")
            self.headers = [(name, checksum.text.encode("ascii"))]
        if self._planned is not None:
            checksum = Checksum(Algorithm.CRC64NVME, self._planned.digest())
        return Attributes("", {}, checksum_system(checksum))


def _algorithm(plan: ChecksumPlan | None) -> Algorithm:
    return Algorithm.CRC64NVME if plan is None else Algorithm(plan.algorithm.value)


def _part_number(request: Request) -> int:
    """Return the number of the part that a request writes.

    Raises:
        S3Error: InvalidArgument, or NotImplemented for what no part can be written with.
    """
    refuse_not_implemented(request.headers)
    return parse_part_number(request.parameters.text("partNumber"))


def _listing(request: Request, page: PartPage, after: int, limit: int) -> Content:
    upload, owner = page.upload, request.existing.account
    plan = upload.plan
    last = page.parts[-1][0] if page.parts else after
    content: list[tuple[str, Content]] = [
        ("Bucket", request.bucket),
        ("Key", request.key),
        ("UploadId", upload.id),
        ("Initiator", owner_content(upload.initiator or owner)),
        ("Owner", owner_content(upload.initiator or owner)),
        ("StorageClass", upload.attributes.system.get(STORAGE_CLASS, STANDARD)),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", last),
        ("MaxParts", limit),
        ("IsTruncated", page.is_truncated),
        ("ChecksumAlgorithm", None if plan is None else str(plan.algorithm)),
        ("ChecksumType", None if plan is None else str(plan.type)),
    ]
    for number, record in page.parts:
        part: list[tuple[str, Content]] = [
            ("PartNumber", number),
            ("LastModified", iso(record.created)),
            ("ETag", quoted_etag(record)),
            ("Size", record.size_bytes),
        ]
        part += [(one.element, text) for one, text in stored_checksums(record.system)]
        content.append(("Part", part))
    return content

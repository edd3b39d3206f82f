"""Multipart uploads: CreateMultipartUpload, AbortMultipartUpload, ListMultipartUploads."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from storage.proxy.checksums import ChecksumAlgorithm, ChecksumPlan, ChecksumType
from storage.proxy.uploads import Upload, UploadPage, UploadQuery
from storage.s3.dates import iso
from storage.s3.encryption.service import Encryption
from storage.s3.errors import S3Error
from storage.s3.granting import Granting
from storage.s3.integrity import upload_checksum
from storage.s3.objects.attributes import STANDARD, STORAGE_CLASS, new_attributes
from storage.s3.objects.conditions import RequestHeaders
from storage.s3.objects.lock_rights import authorize_lock
from storage.s3.objects.multipart_refusals import multipart_refusals
from storage.s3.owner import owner_content
from storage.s3.replication.pending import pending
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content, url_encode
from storage.timestamp import at_milliseconds

UPLOADS_MAX = 1000
_DEFAULT_PLAN = ChecksumPlan(ChecksumAlgorithm.CRC64NVME, ChecksumType.FULL_OBJECT)
_NS_PER_S = 1e9


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    uploads = MultipartUploads(services)
    return {
        "CreateMultipartUpload": uploads.create,
        "AbortMultipartUpload": uploads.abort,
        "ListMultipartUploads": uploads.list,
    }


class MultipartUploads:
    """Begins, ends and lists uploads.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._multipart = services.multipart
        self._configurations = services.configurations
        self._authorizer = services.authorizer
        self._encryption = Encryption(services)
        self._granting = Granting(services.engine, services.settings)
        self._clock = services.world.clock

    async def create(self, request: Request) -> Response:
        """CreateMultipartUpload."""
        container, headers = request.existing, request.headers
        plan = checksum_plan(headers)
        now_s = self._clock.wall_ns() / _NS_PER_S
        attributes = new_attributes(headers, container, now_s)
        await authorize_lock(self._authorizer, request)
        granted = await self._granting.for_object(request, container)
        sealing = await self._encryption.of_new(request)
        status = await pending(self._configurations, container, request.key, attributes)
        system = {**attributes.system, **granted, **status, **sealing.for_parts()}
        attributes = attributes._replace(system=system)
        identity = request.identity
        upload = await self._multipart.create(
            container,
            request.key,
            attributes,
            plan=plan or _DEFAULT_PLAN,
            initiator="" if identity is None else identity.account,
        )
        content = (("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload.id))
        response = document("InitiateMultipartUploadResult", content)
        told = [*response.headers, *sealing.headers]
        if plan is not None:
            told += (
                (b"x-amz-checksum-algorithm", plan.algorithm.encode("ascii")),
                (b"x-amz-checksum-type", plan.type.encode("ascii")),
            )
        return response._replace(headers=told)

    async def abort(self, request: Request) -> Response:
        """AbortMultipartUpload."""
        upload_id = request.parameters.text("uploadId")
        with multipart_refusals(upload_id):
            await self._multipart.abort(request.existing, request.key, upload_id)
        return Response(204)

    async def list(self, request: Request) -> Response:
        """ListMultipartUploads."""
        parameters = request.parameters
        encoding = parameters.get("encoding-type")
        if encoding not in (None, "url"):
            text = "Invalid Encoding Method specified in Request"
            raise S3Error("InvalidArgument", text, ArgumentName="encoding-type")
        key_marker = parameters.text("key-marker")
        query = UploadQuery(
            parameters.integer("max-uploads", UPLOADS_MAX, 0, UPLOADS_MAX),
            key_marker,
            parameters.text("upload-id-marker") if key_marker else "",
            parameters.text("prefix"),
            parameters.text("delimiter"),
        )
        page = await self._multipart.list_uploads(request.existing, query)
        return document("ListMultipartUploadsResult", _listing(request, query, page, encoding))


def checksum_plan(headers: RequestHeaders) -> ChecksumPlan | None:
    """Return what a request wants the checksum of its object to be, or nothing.

    Raises:
        S3Error: InvalidRequest.
    """
    asked = upload_checksum(headers)
    if asked is None:
        return None
    return ChecksumPlan(ChecksumAlgorithm(asked[0].value), ChecksumType(asked[1].value))


def object_location(request: Request) -> str:
    """Return the URL of the object that a request is about."""
    path = request.key if request.signed.host_bucket else f"{request.bucket}/{request.key}"
    host = quote(request.header(b"host"), safe=":[]")
    return f"{request.scope.get('scheme', 'http')}://{host}/{quote(path)}"


def _listing(
    request: Request, query: UploadQuery, page: UploadPage, encoding: str | None
) -> Content:
    def show(name: str) -> str:
        return url_encode(name) if encoding else name

    content: list[tuple[str, Content]] = [
        ("Bucket", request.bucket),
        ("KeyMarker", show(query.key_marker)),
        ("UploadIdMarker", query.id_marker),
        ("NextKeyMarker", show(page.next_key_marker) or None),
        ("NextUploadIdMarker", page.next_id_marker or None),
        ("Prefix", show(query.prefix)),
        ("Delimiter", show(query.delimiter) or None),
        ("EncodingType", encoding),
        ("MaxUploads", query.limit),
        ("IsTruncated", bool(page.next_key_marker)),
    ]
    owner = request.existing.account
    content += [("Upload", _upload(one, show(one.key), owner)) for one in page.uploads]
    content += [("CommonPrefixes", (("Prefix", show(one)),)) for one in page.prefixes]
    return content


def _upload(upload: Upload, key: str, owner: str) -> Content:
    plan = upload.plan
    return (
        ("Key", key),
        ("UploadId", upload.id),
        ("Initiator", owner_content(upload.initiator or owner)),
        ("Owner", owner_content(upload.initiator or owner)),
        ("StorageClass", upload.attributes.system.get(STORAGE_CLASS, STANDARD)),
        ("Initiated", iso(at_milliseconds(upload.initiated_ms))),
        ("ChecksumAlgorithm", None if plan is None else str(plan.algorithm)),
        ("ChecksumType", None if plan is None else str(plan.type)),
    )

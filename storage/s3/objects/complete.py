"""CompleteMultipartUpload."""

from __future__ import annotations

from collections.abc import Mapping

from storage.container.record import ContainerRecord
from storage.proxy.checksums import ChecksumPlan
from storage.proxy.completion import CompletedPart
from storage.proxy.multipart_errors import NoSuchUploadError
from storage.proxy.uploads import Completion, Upload
from storage.s3.checksums import BY_HEADER, Algorithm, parse_checksum
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.objects.conditions import RequestHeaders, write_condition
from storage.s3.objects.documents import parse_document
from storage.s3.objects.keep_alive import answer_slowly
from storage.s3.objects.multipart import object_location
from storage.s3.objects.multipart_refusals import multipart_refusals
from storage.s3.objects.ranges import PART_NUMBER_MAX
from storage.s3.objects.versions import NULL, is_versioned, versioning_of
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content, Element

_TYPE = b"x-amz-checksum-type"
_SIZE = b"x-amz-mp-object-size"
_SIZE_DIGITS_MAX = 18


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"CompleteMultipartUpload": Completions(services).complete}


class Completions:
    """Makes objects of uploads.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._multipart = services.multipart
        self._encryption = Encryption(services)
        self._document_bytes_max = services.settings.document_bytes_max

    async def complete(self, request: Request) -> Response | None:
        """CompleteMultipartUpload. On cancel: what was begun is brought to an end first."""
        container, key, headers = request.existing, request.key, request.headers
        upload_id = request.parameters.text("uploadId")
        body = await request.document(self._document_bytes_max)
        root = parse_document(body, "CompleteMultipartUpload")
        upload = await self._find(container, key, upload_id)
        plan = None if upload is None else upload.plan
        told = self._encryption.headers_of(request, upload.attributes.system) if upload else []
        parts, checksum = _parts(root, plan), _announced_checksum(headers, plan)
        size_bytes, condition = _announced_size(headers), write_condition(headers, key)

        async def work() -> Response:
            with multipart_refusals(upload_id):
                completion = await self._multipart.complete(
                    container,
                    key,
                    upload_id,
                    parts,
                    checksum=checksum,
                    size_bytes=size_bytes,
                    condition=condition,
                    versioned=versioning_of(container),
                )
            return _answer(request, completion, plan, told)

        return await answer_slowly(request, work)

    async def _find(self, container: ContainerRecord, key: str, upload_id: str) -> Upload | None:
        """Return the upload; nothing where its object may be there already."""
        try:
            return await self._multipart.find(container, key, upload_id)
        except NoSuchUploadError:
            return None


def _parts(root: Element, plan: ChecksumPlan | None) -> list[CompletedPart]:
    """Return the parts that a document names.

    Args:
        root: of the document.
        plan: of the upload; checksums of another algorithm are passed over.

    Raises:
        S3Error: MalformedXML, or InvalidArgument for a part's number.
    """
    if not 1 <= len(root.children) <= PART_NUMBER_MAX:
        raise S3Error("MalformedXML")
    checksum = "" if plan is None else Algorithm(plan.algorithm.value).element
    return [_part(element, checksum) for element in root]


def _part(element: Element, checksum: str) -> CompletedPart:
    number, etag = element.value("PartNumber"), element.value("ETag")
    if element.name != "Part" or number is None or etag is None:
        raise S3Error("MalformedXML")
    number = number.strip()
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise S3Error("MalformedXML")
    if not 1 <= int(number) <= PART_NUMBER_MAX:
        raise S3Error(
            "InvalidArgument",
            f"PartNumber must be between 1 and {PART_NUMBER_MAX}",
            ArgumentName="PartNumber",
            ArgumentValue=number,
        )
    announced = (element.value(checksum) or "").strip()
    return CompletedPart(int(number), etag.strip().strip('"'), announced)


def _announced_checksum(headers: RequestHeaders, plan: ChecksumPlan | None) -> str:
    """Return the checksum that the object must have, or nothing.

    Raises:
        S3Error: InvalidRequest, it is none, or of another algorithm or type than the upload's.
    """
    if plan is None:
        return ""
    kind = headers.get(_TYPE)
    if kind is not None and kind.decode("latin-1").upper() != plan.type:
        text = (
            f"The upload was created using the {plan.type} checksum mode. The complete request "
            "must use the same checksum mode."
        )
        raise S3Error("InvalidRequest", text)
    found = {name: value for name in BY_HEADER if (value := headers.get(name.encode("ascii")))}
    wanted = Algorithm(plan.algorithm.value).header
    if found.keys() - {wanted}:
        text = f"Checksum Type mismatch occurred, expected checksum Type: {plan.algorithm.lower()}"
        raise S3Error("InvalidRequest", text)
    text = found.get(wanted, b"").decode("latin-1")
    if text and parse_checksum(BY_HEADER[wanted], text.partition("-")[0]) is None:
        raise S3Error("InvalidRequest", f"Value for {wanted} header is invalid.")
    return text


def _announced_size(headers: RequestHeaders) -> int | None:
    """Return the size that the object must have, if it is announced.

    Raises:
        S3Error: InvalidArgument.
    """
    value = headers.get(_SIZE)
    if value is None:
        return None
    if not value.isdigit() or len(value) > _SIZE_DIGITS_MAX:
        raise S3Error(
            "InvalidArgument",
            ArgumentName=_SIZE.decode(),
            ArgumentValue=value.decode("latin-1"),
        )
    return int(value)


def _answer(
    request: Request, completion: Completion, plan: ChecksumPlan | None, told: list[Header]
) -> Response:
    content: list[tuple[str, Content]] = [
        ("Location", object_location(request)),
        ("Bucket", request.bucket),
        ("Key", request.key),
        ("ETag", f'"{completion.etag}"'),
    ]
    if plan is not None and completion.checksum:
        content += (
            (Algorithm(plan.algorithm.value).element, completion.checksum),
            ("ChecksumType", str(plan.type)),
        )
    headers = list(told)
    if is_versioned(request.existing):
        version = NULL if completion.is_null else completion.write_id.hex()
        headers.append((b"x-amz-version-id", version.encode("ascii")))
    return document("CompleteMultipartUploadResult", content, *headers)

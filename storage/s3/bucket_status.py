"""What a bucket is set to in one word: versioning, who pays, acceleration.

Besides, what AWS answers for features that a bucket does not use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from storage.s3.errors import S3Error
from storage.s3.marks import OBJECT_LOCK, ON, VERSIONING
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import parse_document, read_body
from storage.s3.xml import Element

_NO_MFA = "MfaDelete needs a device that only AWS gives out"


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    status = BucketStatus(services)
    return {
        "GetBucketVersioning": status.versioning,
        "PutBucketVersioning": status.set_versioning,
        "GetBucketRequestPayment": status.payer,
        "PutBucketRequestPayment": status.set_payer,
        "GetBucketAccelerateConfiguration": _empty("AccelerateConfiguration"),
        "PutBucketAccelerateConfiguration": status.set_acceleration,
        "GetBucketAnalyticsConfiguration": _missing("NoSuchConfiguration"),
        "GetBucketIntelligentTieringConfiguration": _missing("NoSuchConfiguration"),
        "GetBucketMetricsConfiguration": _missing("NoSuchConfiguration"),
        "ListBucketAnalyticsConfigurations": _no_items("ListBucketAnalyticsConfigurationResult"),
        "ListBucketIntelligentTieringConfigurations": _no_items(
            "ListBucketIntelligentTieringConfigurationsOutput"
        ),
        "ListBucketMetricsConfigurations": _no_items("ListMetricsConfigurationsResult"),
    }


class BucketStatus:
    """Handles requests for what a bucket is set to.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._document_bytes_max = services.settings.document_bytes_max

    async def versioning(self, request: Request) -> Response:
        """GetBucketVersioning: nothing at all where it was never switched on."""
        status = request.existing.values.get(VERSIONING)
        return document("VersioningConfiguration", (("Status", status),))

    async def set_versioning(self, request: Request) -> Response:
        """PutBucketVersioning.

        Raises:
            S3Error: IllegalVersioningConfigurationException, or InvalidBucketState where object
                lock needs the versions.
        """
        record = request.existing
        asked = await self._read(request, "VersioningConfiguration")
        status = asked.value("Status")
        if (asked.value("MfaDelete") or "Disabled") != "Disabled":
            raise S3Error("NotImplemented", _NO_MFA)
        if status is None:
            raise S3Error("IllegalVersioningConfigurationException")
        if status not in (ON, "Suspended"):
            raise S3Error("MalformedXML")
        if status != ON and record.values.get(OBJECT_LOCK) == ON:
            message = (
                "An Object Lock configuration is present on this bucket, so the versioning state "
                "cannot be changed."
            )
            raise S3Error("InvalidBucketState", message)
        await self._engine.update_container(record.account, record.name, {VERSIONING: status})
        return Response(200)

    async def payer(self, request: Request) -> Response:
        """GetBucketRequestPayment: always the owner."""
        return document("RequestPaymentConfiguration", (("Payer", "BucketOwner"),))

    async def set_payer(self, request: Request) -> Response:
        """PutBucketRequestPayment: nobody is charged here."""
        asked = await self._read(request, "RequestPaymentConfiguration")
        return _accept(asked.value("Payer"), "BucketOwner", "Requester")

    async def set_acceleration(self, request: Request) -> Response:
        """PutBucketAccelerateConfiguration: there is nothing to speed up with."""
        asked = await self._read(request, "AccelerateConfiguration")
        return _accept(asked.value("Status"), "Suspended", ON)

    async def _read(self, request: Request, root: str) -> Element:
        return parse_document(await read_body(request, self._document_bytes_max), root)


def _accept(value: str | None, usual: str, other: str) -> Response:
    """Answer to a setting that has one value here and two elsewhere.

    Raises:
        S3Error: NotImplemented, or MalformedXML for what is neither.
    """
    if value == usual:
        return Response(200)
    raise S3Error("NotImplemented" if value == other else "MalformedXML")


def _empty(root: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return document(root, ())

    return answer


def _no_items(root: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return document(root, (("IsTruncated", False),))

    return answer


def _missing(code: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raise S3Error(code, BucketName=request.bucket)

    return answer

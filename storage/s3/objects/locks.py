"""Object lock: retention and legal hold of versions, and the configuration of buckets.

What a lock forbids is kept by the engine, on every path; here are only the requests.
"""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Versioning
from storage.proxy.errors import LockedError, ObjectMissingError
from storage.s3.errors import S3Error
from storage.s3.marks import OBJECT_LOCK, ON
from storage.s3.objects.delete import LOCKED, may_bypass
from storage.s3.objects.documents import read_document
from storage.s3.objects.finding import Finder
from storage.s3.objects.retention import (
    BUCKET_DEFAULT,
    HOLD,
    MODE,
    UNTIL,
    configuration_xml,
    default_retention,
    parse_configuration,
    parse_hold,
    parse_retention,
    retention_of,
)
from storage.s3.objects.versions import asked_version, version_headers, versioning_of
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services

_NS_PER_S = 1e9


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    locks = Locks(services)
    return {
        "GetObjectRetention": locks.read_retention,
        "PutObjectRetention": locks.change_retention,
        "GetObjectLegalHold": locks.read_hold,
        "PutObjectLegalHold": locks.change_hold,
        "GetObjectLockConfiguration": locks.read_configuration,
        "PutObjectLockConfiguration": locks.change_configuration,
    }


class Locks:
    """Shows and changes locks.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._authorizer = services.authorizer
        self._clock = services.world.clock
        self._finder = Finder(services)
        self._document_bytes_max = services.settings.document_bytes_max

    async def read_retention(self, request: Request) -> Response:
        """GetObjectRetention."""
        _check_bucket(request)
        record = await self._finder.find(request)
        retention = retention_of(record.system)
        if retention is None:
            raise S3Error("NoSuchObjectLockConfiguration")
        return document("Retention", retention.to_xml())

    async def change_retention(self, request: Request) -> Response:
        """PutObjectRetention."""
        _check_bucket(request)
        now_s = self._clock.wall_ns() / _NS_PER_S
        root = await read_document(request, "Retention", self._document_bytes_max)
        retention = parse_retention(root, now_s)
        bypass = await may_bypass(self._authorizer, request, request.key)
        changes = {} if retention is None else retention.to_system()
        return await self._amend(request, (MODE, UNTIL), changes, bypass=bypass)

    async def read_hold(self, request: Request) -> Response:
        """GetObjectLegalHold."""
        _check_bucket(request)
        record = await self._finder.find(request)
        status = record.system.get(HOLD)
        if status is None:
            raise S3Error("NoSuchObjectLockConfiguration")
        return document("LegalHold", (("Status", status),))

    async def change_hold(self, request: Request) -> Response:
        """PutObjectLegalHold."""
        _check_bucket(request)
        root = await read_document(request, "LegalHold", self._document_bytes_max)
        return await self._amend(request, (HOLD,), {HOLD: parse_hold(root)})

    async def _amend(
        self,
        request: Request,
        removed: tuple[str, ...],
        added: dict[str, str],
        *,
        bypass: bool = False,
    ) -> Response:
        def change(record: ObjectRecord) -> Attributes:
            kept = {name: value for name, value in record.system.items() if name not in removed}
            return Attributes(record.content_type, record.metadata, kept | added)

        version = asked_version(request.parameters)
        try:
            record = await self._engine.amend_object(
                request.existing, request.key, change, version, bypass_governance=bypass
            )
        except ObjectMissingError:
            raise await self._finder.absent_to_change(request) from None
        except LockedError:
            raise S3Error("AccessDenied", LOCKED) from None
        return Response(200, version_headers(request, record))

    async def read_configuration(self, request: Request) -> Response:
        """GetObjectLockConfiguration."""
        values = request.existing.values
        if OBJECT_LOCK not in values:
            raise S3Error("ObjectLockConfigurationNotFoundError", BucketName=request.bucket)
        return document("ObjectLockConfiguration", configuration_xml(default_retention(values)))

    async def change_configuration(self, request: Request) -> Response:
        """PutObjectLockConfiguration: turn it on for good, and set what new objects get."""
        container = request.existing
        root = await read_document(request, "ObjectLockConfiguration", self._document_bytes_max)
        default = parse_configuration(root)
        if versioning_of(container) is not Versioning.ENABLED:
            text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            raise S3Error("InvalidBucketState", text)
        values = {
            OBJECT_LOCK: ON,
            BUCKET_DEFAULT: "" if default is None else str(default),
        }
        await self._engine.update_container(container.account, container.name, values)
        return Response(200)


def _check_bucket(request: Request) -> None:
    """See that the bucket's objects may be locked.

    Raises:
        S3Error: InvalidRequest.
    """
    if OBJECT_LOCK not in request.existing.metadata:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")

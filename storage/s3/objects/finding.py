"""Finds the object that a request means, and says why there is none."""

from __future__ import annotations

from storage.object.record import ObjectRecord
from storage.proxy.engine import Engine
from storage.proxy.errors import ObjectMissingError
from storage.s3.authorization import Resource
from storage.s3.dates import http_date
from storage.s3.errors import S3Error
from storage.s3.objects.versions import (
    DELETE_MARKER,
    asked_version,
    is_delete_marker,
    is_versioned,
    version_header,
)
from storage.s3.request import Request
from storage.s3.services import Services


class Finder:
    """Finds objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine: Engine = services.engine
        self._authorizer = services.authorizer

    async def find(self, request: Request) -> ObjectRecord:
        """Return the record of the object, or the version of it, that a request names.

        Raises:
            S3Error: as `absent` and `check_data` say.
        """
        version = asked_version(request.parameters)
        record = await self._engine.object(request.existing, request.key, version)
        if record is None:
            raise await self.absent(request, version)
        check_data(request, record)
        return record

    async def absent(self, request: Request, version: bytes | None) -> S3Error:
        """Return what to say where nothing was found.

        Who may not list the bucket is not told what it lacks.

        Returns:
            NoSuchVersion, NoSuchKey, or AccessDenied.
        """
        key = request.key
        if version is not None:
            shown = request.parameters.text("versionId")
            return S3Error("NoSuchVersion", Key=key, VersionId=shown)
        bucket = Resource(request.container, request.bucket)
        try:
            await self._authorizer.authorize(request, "s3:ListBucket", bucket)
        except S3Error as error:
            return error
        if is_versioned(request.existing):
            marker = await self._engine.current_version(request.existing, key)
            if marker is not None and is_delete_marker(marker):
                return S3Error(
                    "NoSuchKey", headers=(DELETE_MARKER, version_header(marker)), Key=key
                )
        return S3Error("NoSuchKey", Key=key)

    async def absent_to_change(self, request: Request) -> S3Error:
        """Return what to say where the engine found nothing to amend."""
        try:
            await self.find(request)
        except S3Error as error:
            return error
        return S3Error("NoSuchKey", Key=request.key)  # it came back since


def check_data(request: Request, record: ObjectRecord) -> None:
    """Refuse to show a delete marker as an object.

    Raises:
        S3Error: MethodNotAllowed.
    """
    if is_delete_marker(record):
        headers = (
            DELETE_MARKER,
            version_header(record),
            (b"Last-Modified", http_date(record.created)),
            (b"Allow", b"DELETE"),
        )
        raise S3Error(
            "MethodNotAllowed",
            headers=headers,
            Method=request.method,
            ResourceType="DeleteMarker",
        )
    if not record.is_data:
        raise ObjectMissingError(record.name)

"""GetObjectTagging, PutObjectTagging, DeleteObjectTagging."""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.proxy.errors import ObjectMissingError
from storage.s3.authorization import Resource
from storage.s3.objects.documents import read_document
from storage.s3.objects.finding import Finder
from storage.s3.objects.tags import TAGS, format_stored, parse_xml, tags_of, to_xml
from storage.s3.objects.versions import asked_version, version_headers
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    tagging = Tagging(services)
    return {
        "GetObjectTagging": tagging.read,
        "PutObjectTagging": tagging.change,
        "DeleteObjectTagging": tagging.delete,
    }


class Tagging:
    """Shows and changes the tags of objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._authorizer = services.authorizer
        self._finder = Finder(services)
        self._document_bytes_max = services.settings.document_bytes_max

    async def read(self, request: Request) -> Response:
        """GetObjectTagging."""
        record = await self._finder.find(request)
        return document("Tagging", to_xml(tags_of(record)), *version_headers(request, record))

    async def change(self, request: Request) -> Response:
        """PutObjectTagging; a policy may ask for the tags, so they are read first."""
        root = await read_document(request, "Tagging", self._document_bytes_max)
        request.tags = tags = parse_xml(root)
        version = asked_version(request.parameters)
        action = "s3:PutObjectTagging" if version is None else "s3:PutObjectVersionTagging"
        resource = Resource(request.container, request.bucket, request.key, version)
        await self._authorizer.authorize(request, action, resource)
        record = await self._amend(request, tags)
        return Response(200, version_headers(request, record))

    async def delete(self, request: Request) -> Response:
        """DeleteObjectTagging."""
        record = await self._amend(request, {})
        return Response(204, version_headers(request, record))

    async def _amend(self, request: Request, tags: Mapping[str, str]) -> ObjectRecord:
        def change(record: ObjectRecord) -> Attributes:
            system = {name: value for name, value in record.system.items() if name != TAGS}
            if tags:
                system[TAGS] = format_stored(tags)
            return Attributes(record.content_type, record.metadata, system)

        version = asked_version(request.parameters)
        try:
            return await self._engine.amend_object(request.existing, request.key, change, version)
        except ObjectMissingError:
            raise await self._finder.absent_to_change(request) from None

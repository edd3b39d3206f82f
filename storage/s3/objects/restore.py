"""RestoreObject: nothing here is ever archived."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.errors import S3Error
from storage.s3.objects.attributes import STANDARD, STORAGE_CLASS
from storage.s3.objects.documents import read_document
from storage.s3.objects.finding import Finder
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services

ARCHIVES = frozenset(("GLACIER", "DEEP_ARCHIVE"))
"""Storage classes whose objects S3 keeps out of reach; here they are restored from the start."""


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"RestoreObject": Restores(services).restore}


class Restores:
    """Answers requests to restore objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._finder = Finder(services)
        self._document_bytes_max = services.settings.document_bytes_max

    async def restore(self, request: Request) -> Response:
        """RestoreObject."""
        await read_document(request, "RestoreRequest", self._document_bytes_max)
        record = await self._finder.find(request)
        storage_class = record.system.get(STORAGE_CLASS, STANDARD)
        if storage_class not in ARCHIVES:
            text = "Restore is not allowed for the object's current storage class"
            raise S3Error("InvalidObjectState", text, StorageClass=storage_class)
        return Response(200)

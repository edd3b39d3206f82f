"""Which inventories of a bucket are written (PutBucketInventoryConfiguration and its kin)."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.errors import S3Error
from storage.s3.inventory.configuration import (
    CONFIGURATIONS_MAX,
    INVENTORY,
    LIST_ROOT,
    ROOT,
    Inventory,
    content_of,
    format_all,
    parse_all,
    read_inventory,
)
from storage.s3.request import Request
from storage.s3.response import XML, Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import as_sent, parse_document, read_body
from storage.s3.xml import Element


class Inventories:
    """Handles requests for inventory configurations.

    Two that are changed at the same time may lose one of the changes.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._configurations = services.configurations
        self._size_bytes_max = services.settings.document_bytes_max

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetBucketInventoryConfiguration": self.get,
            "ListBucketInventoryConfigurations": self.list_all,
            "PutBucketInventoryConfiguration": self.put,
            "DeleteBucketInventoryConfiguration": self.delete,
        }

    async def get(self, request: Request) -> Response:
        """GetBucketInventoryConfiguration."""
        held = await self._all(request)
        found = held.get(request.parameters.get("id") or "")
        if found is None:
            raise S3Error("NoSuchConfiguration", BucketName=request.bucket)
        return document(ROOT, content_of(found[1]))

    async def list_all(self, request: Request) -> Response:
        """ListBucketInventoryConfigurations: all on one page."""
        found = await self._configurations.get(request.existing, INVENTORY, as_sent)
        if found is None:
            return document(LIST_ROOT, (("IsTruncated", False),))
        return Response(200, [XML], found)

    async def put(self, request: Request) -> Response:
        """PutBucketInventoryConfiguration."""
        root = parse_document(await read_body(request, self._size_bytes_max), ROOT)
        wanted = read_inventory(root)
        if wanted.id != request.parameters.get("id"):
            raise S3Error("InvalidArgument", "The ids of document and request differ")
        elements = {name: element for name, (_, element) in (await self._all(request)).items()}
        elements[wanted.id] = root
        if len(elements) > CONFIGURATIONS_MAX:
            raise S3Error("InvalidArgument", f"A bucket has {CONFIGURATIONS_MAX} at most")
        await self._configurations.put(request.existing, INVENTORY, format_all(elements))
        return Response(200)

    async def delete(self, request: Request) -> Response:
        """DeleteBucketInventoryConfiguration."""
        elements = {name: element for name, (_, element) in (await self._all(request)).items()}
        if elements.pop(request.parameters.get("id") or "", None) is None:
            raise S3Error("NoSuchConfiguration", BucketName=request.bucket)
        if elements:
            await self._configurations.put(request.existing, INVENTORY, format_all(elements))
        else:
            await self._configurations.delete(request.existing, INVENTORY)
        return Response(204)

    async def _all(self, request: Request) -> Mapping[str, tuple[Inventory, Element]]:
        found = await self._configurations.get(request.existing, INVENTORY, parse_all)
        return found or {}

"""Lifecycle rules of buckets (GetBucketLifecycleConfiguration and its kin)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping

from storage.s3.errors import Header
from storage.s3.lifecycle.document import parse_lifecycle, with_ids
from storage.s3.lifecycle.expiration import LIFECYCLE
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import DocumentKind, Documents, read_body

KIND = DocumentKind(
    LIFECYCLE,
    parse_lifecycle,
    "NoSuchLifecycleConfiguration",
    "BucketLifecycleConfiguration",
)
ID_BYTES = 36
_MINIMUM: Header = (
    b"x-amz-transition-default-minimum-object-size",
    b"all_storage_classes_128K",
)


class Lifecycles:
    """Handles requests for lifecycle rules.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._documents = Documents(services, KIND)
        self._configurations = services.configurations
        self._size_bytes_max = services.settings.document_bytes_max
        self._random = services.world.random

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetBucketLifecycleConfiguration": self.get,
            "PutBucketLifecycleConfiguration": self.put,
            "DeleteBucketLifecycle": self._documents.delete,
        }

    async def get(self, request: Request) -> Response:
        """GetBucketLifecycleConfiguration."""
        found = await self._documents.get(request)
        return found._replace(headers=[*found.headers, _MINIMUM])

    async def put(self, request: Request) -> Response:
        """PutBucketLifecycleConfiguration; rules without an id get one."""
        data = with_ids(await read_body(request, self._size_bytes_max), self._draw_id)
        await self._configurations.put(request.existing, LIFECYCLE, data)
        return Response(200, [_MINIMUM])

    def _draw_id(self) -> str:
        return urlsafe_b64encode(self._random.randbytes(ID_BYTES)).decode("ascii")

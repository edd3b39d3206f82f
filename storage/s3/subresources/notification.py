"""Who is told of what happens in a bucket (PutBucketNotificationConfiguration and its kin)."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from storage.s3.events.configuration import (
    NOTIFICATION,
    ROOT,
    check_targets,
    parse_notification,
    with_ids,
)
from storage.s3.request import Request
from storage.s3.response import XML, Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import as_sent, read_body

ID_BYTES = 16


class Notifications:
    """Handles requests for notification configurations.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._configurations = services.configurations
        self._settings = services.settings
        self._random = services.world.random

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetBucketNotificationConfiguration": self.get,
            "PutBucketNotificationConfiguration": self.put,
        }

    async def get(self, request: Request) -> Response:
        """GetBucketNotificationConfiguration; where there is none, an empty one."""
        found = await self._configurations.get(request.existing, NOTIFICATION, as_sent)
        return document(ROOT, ()) if found is None else Response(200, [XML], found)

    async def put(self, request: Request) -> Response:
        """PutBucketNotificationConfiguration; an empty one ends all notifications."""
        data = with_ids(
            await read_body(request, self._settings.document_bytes_max),
            lambda: str(UUID(bytes=self._random.randbytes(ID_BYTES))),
        )
        rules = parse_notification(data)
        check_targets(rules, self._settings.notification_targets)
        if rules:
            await self._configurations.put(request.existing, NOTIFICATION, data)
        else:
            await self._configurations.delete(request.existing, NOTIFICATION)
        return Response(200)

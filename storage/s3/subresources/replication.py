"""Where objects of a bucket are sent as well (PutBucketReplication and its kin)."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.errors import S3Error
from storage.s3.marks import ON, VERSIONING
from storage.s3.replication.configuration import (
    REPLICATION,
    check_destinations,
    parse_replication,
)
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import DocumentKind, Documents, read_body

KIND = DocumentKind(
    REPLICATION,
    parse_replication,
    "ReplicationConfigurationNotFoundError",
    "BucketReplication",
)


class Replication:
    """Handles requests for replication rules.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._documents = Documents(services, KIND)
        self._configurations = services.configurations
        self._settings = services.settings

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {**self._documents.handlers(), "PutBucketReplication": self.put}

    async def put(self, request: Request) -> Response:
        """PutBucketReplication.

        Raises:
            S3Error: InvalidRequest: the bucket keeps no versions, or a destination is not known.
        """
        data = await read_body(request, self._settings.document_bytes_max)
        rules = parse_replication(data)
        if request.existing.values.get(VERSIONING) != ON:
            message = "Versioning must be 'Enabled' on the bucket to apply a replication config"
            raise S3Error("InvalidRequest", message)
        check_destinations(rules, self._settings.replication_targets)
        await self._configurations.put(request.existing, REPLICATION, data)
        return Response(200)

"""Where a bucket's access log goes (PutBucketLogging, GetBucketLogging)."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.access_logs.configuration import LOGGING, ROOT, parse_logging, takes_logs
from storage.s3.errors import S3Error
from storage.s3.gate import POLICY, read_policy
from storage.s3.request import Request
from storage.s3.response import XML, Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import as_sent, read_body


class Logging:
    """Handles requests for the logging of a bucket.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._configurations = services.configurations
        self._engine = services.engine
        self._size_bytes_max = services.settings.document_bytes_max

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {"GetBucketLogging": self.get, "PutBucketLogging": self.put}

    async def get(self, request: Request) -> Response:
        """GetBucketLogging; where nothing is logged, an empty document."""
        found = await self._configurations.get(request.existing, LOGGING, as_sent)
        return document(ROOT, ()) if found is None else Response(200, [XML], found)

    async def put(self, request: Request) -> Response:
        """PutBucketLogging; an empty document ends it.

        Raises:
            S3Error: InvalidTargetBucketForLogging: there is no such bucket of the same owner, or
                it does not take logs.
        """
        data = await read_body(request, self._size_bytes_max)
        wanted, source = parse_logging(data), request.existing
        if wanted is None:
            await self._configurations.delete(source, LOGGING)
            return Response(200)
        target = await self._engine.container(source.account, wanted.bucket)
        if target is None:
            raise S3Error("InvalidTargetBucketForLogging", TargetBucket=wanted.bucket)
        policy = await self._configurations.get(target, POLICY, read_policy)
        if not takes_logs(source, target, wanted.prefix, policy):
            message = (
                "You must give the log-delivery group WRITE and READ_ACP permissions to the "
                "target bucket, or let the logging service put objects by its policy."
            )
            raise S3Error("InvalidTargetBucketForLogging", message, TargetBucket=wanted.bucket)
        await self._configurations.put(source, LOGGING, data)
        return Response(200)

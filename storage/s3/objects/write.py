"""PutObject."""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.granting import Granting
from storage.s3.lifecycle.expiration import Expiration
from storage.s3.objects.attributes import new_attributes
from storage.s3.objects.conditions import write_condition
from storage.s3.objects.headers import checksum_headers, checksum_system, etag_header
from storage.s3.objects.lock_rights import authorize_lock
from storage.s3.objects.retention import asks_for_lock
from storage.s3.objects.uploading import CheckedBody, check_announced, check_size
from storage.s3.objects.versions import version_headers, versioning_of
from storage.s3.replication.pending import pending
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services

_NS_PER_S = 1e9


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"PutObject": Writes(services).create}


class Writes:
    """Stores objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._authorizer = services.authorizer
        self._clock = services.world.clock
        self._size_bytes_max = services.settings.object_size_bytes_max
        self._granting = Granting(services.engine, services.settings)
        self._encryption = Encryption(services)
        self._configurations = services.configurations
        self._expiration = Expiration(services.configurations, services.settings)

    async def create(self, request: Request) -> Response:
        """PutObject. On cancel: the outcome is unknown; never half an object."""
        container, key, headers = request.existing, request.key, request.headers
        if not request.body.is_declared:
            raise S3Error("MissingContentLength")
        body = CheckedBody(request)
        check_size(body.length_bytes, self._size_bytes_max)
        if asks_for_lock(headers):
            check_announced(headers)
            await authorize_lock(self._authorizer, request)
        given = new_attributes(headers, container, self._clock.wall_ns() / _NS_PER_S)
        acl = await self._granting.for_object(request, container)
        status = await pending(self._configurations, container, key, given)
        sealing = await self._encryption.of_new(request)

        def attributes() -> Attributes:
            system = {**given.system, **acl, **status, **checksum_system(body.finish())}
            return given._replace(system=system)

        upload = sealing.take(attributes, body, body.length_bytes, body.etag)
        record = await self._engine.put_object(
            container,
            key,
            upload.attributes,
            upload.body,
            size_bytes=upload.size_bytes,
            etag=upload.etag,
            condition=write_condition(headers, key),
            versioned=versioning_of(container),
        )
        expiration = await self._expiration.headers(container, record)
        told = written_headers(request, record)
        return Response(200, [*told, *sealing.headers, *expiration])


def written_headers(request: Request, record: ObjectRecord) -> list[Header]:
    """Return the headers that tell of an object which was written."""
    return [
        etag_header(record),
        *checksum_headers(record.system),
        *version_headers(request, record),
    ]

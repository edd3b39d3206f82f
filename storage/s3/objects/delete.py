"""DeleteObject: an object, one version of it, or a delete marker in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from storage.object.record import ObjectRecord
from storage.proxy.engine import Condition
from storage.proxy.errors import LockedError, ObjectMissingError, VersionMissingError
from storage.s3.authorization import Authorizer, Resource
from storage.s3.errors import Header, S3Error
from storage.s3.objects.conditions import delete_condition
from storage.s3.objects.versions import (
    DELETE_MARKER,
    asked_version,
    is_delete_marker,
    version_header,
    versioning_of,
)
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services

_BYPASS = b"x-amz-bypass-governance-retention"
LOCKED = "Access Denied because object protected by object lock."


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"DeleteObject": Deletes(services).delete}


class Deleted(NamedTuple):
    """What a deletion did.

    Attributes:
        version: the version that is gone, where one was named and was there.
        marker: the delete marker that was left.
    """

    version: ObjectRecord | None = None
    marker: ObjectRecord | None = None


class Deletes:
    """Deletes objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._authorizer = services.authorizer

    async def delete(self, request: Request) -> Response:
        """DeleteObject."""
        version = asked_version(request.parameters)
        condition = delete_condition(request.headers, request.key)
        bypass = await may_bypass(self._authorizer, request, request.key)
        deleted = await self.remove(request, request.key, version, condition, bypass=bypass)
        headers: list[Header] = []
        if version is not None:
            named = request.parameters.text("versionId").encode("ascii")
            headers.append((b"x-amz-version-id", named))
            if deleted.version is not None and is_delete_marker(deleted.version):
                headers.append(DELETE_MARKER)
        elif deleted.marker is not None:
            headers += (DELETE_MARKER, version_header(deleted.marker))
        return Response(204, headers)

    async def remove(
        self,
        request: Request,
        key: str,
        version: bytes | None,
        condition: Condition | None,
        *,
        bypass: bool,
    ) -> Deleted:
        """Delete an object, or one version of it; that nothing is there is no error.

        Args:
            request: names the bucket.
            key: of the object.
            version: the one that shall go for good; nothing for the object as a whole.
            condition: what must be true of it.
            bypass: whether a retention of mode GOVERNANCE is no obstacle.

        Raises:
            S3Error: AccessDenied where object lock forbids it; what the condition raises.
        """
        container = request.existing
        try:
            if version is not None:
                record = await self._engine.delete_version(
                    container, key, version, condition, bypass_governance=bypass
                )
                return Deleted(version=record)
            deletion = await self._engine.delete_object(
                container, key, condition, versioned=versioning_of(container)
            )
            return Deleted(marker=deletion.marker)
        except (ObjectMissingError, VersionMissingError):
            return Deleted()
        except LockedError:
            raise S3Error("AccessDenied", LOCKED) from None


async def may_bypass(authorizer: Authorizer, request: Request, key: str) -> bool:
    """Tell whether a request sets aside what is kept in mode GOVERNANCE.

    Raises:
        S3Error: AccessDenied, it asks for that and may not.
    """
    if request.headers.get(_BYPASS, b"").lower() != b"true":
        return False
    resource = Resource(request.container, request.bucket, key)
    await authorizer.authorize(request, "s3:BypassGovernanceRetention", resource)
    return True

"""Access control lists of buckets and objects: the sub-resource `acl`."""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.proxy.errors import ObjectMissingError
from storage.s3.access import Ownership
from storage.s3.acl import ACL, Acl, format_acl
from storage.s3.acl_request import acl_of_headers, acl_of_xml, acl_to_xml
from storage.s3.errors import S3Error
from storage.s3.gate import bucket_acl, object_acl, ownership_of
from storage.s3.granting import Granting, block_of, refuse_public
from storage.s3.objects.finding import Finder
from storage.s3.objects.versions import asked_version, version_headers
from storage.s3.owner import canonical_id, display_name
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import parse_document, read_body

_ROOT = "AccessControlPolicy"


class Acls:
    """Handles requests for lists.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._settings = services.settings
        self._granting = Granting(services.engine, services.settings)
        self._finder = Finder(services)

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetBucketAcl": self.get_buckets,
            "PutBucketAcl": self.put_buckets,
            "GetObjectAcl": self.get_objects,
            "PutObjectAcl": self.put_objects,
        }

    async def get_buckets(self, request: Request) -> Response:
        """GetBucketAcl."""
        return document(_ROOT, acl_to_xml(bucket_acl(request.existing), _names(request)))

    async def put_buckets(self, request: Request) -> Response:
        """PutBucketAcl."""
        container = request.existing
        acl = await self._asked(request, canonical_id(container.account))
        refuse_public(acl, block_of(container))
        values = {ACL: "" if acl.is_default else format_acl(acl)}
        await self._engine.update_container(container.account, container.name, values)
        return Response(200)

    async def get_objects(self, request: Request) -> Response:
        """GetObjectAcl."""
        record = await self._finder.find(request)
        acl = object_acl(request.existing, record)
        content = acl_to_xml(acl, _names(request))
        return document(_ROOT, content, *version_headers(request, record))

    async def put_objects(self, request: Request) -> Response:
        """PutObjectAcl."""
        container = request.existing
        owner = object_acl(container, await self._finder.find(request)).owner
        acl = await self._asked(request, owner)
        kept = await self._granting.keep_on_object(container, acl)

        def change(record: ObjectRecord) -> Attributes:
            if object_acl(container, record).owner != owner:
                raise ObjectMissingError(record.name)  # another object took the name meanwhile
            system = {name: value for name, value in record.system.items() if name != ACL}
            return Attributes(record.content_type, record.metadata, system | kept)

        version = asked_version(request.parameters)
        try:
            record = await self._engine.amend_object(container, request.key, change, version)
        except ObjectMissingError:
            raise await self._finder.absent_to_change(request) from None
        return Response(200, version_headers(request, record))

    async def _asked(self, request: Request, owner: str) -> Acl:
        """Return the list that a request sets, in its headers or in its body.

        Raises:
            S3Error: AccessControlListNotSupported where lists mean nothing, MissingSecurityHeader
                without any list, UnexpectedContent for two, or what is wrong with the one.
        """
        container = request.existing
        acl = acl_of_headers(request.headers, owner, canonical_id(container.account))
        body = await read_body(request, self._settings.document_bytes_max)
        if acl is not None and body:
            raise S3Error("UnexpectedContent")
        if acl is None and not body:
            raise S3Error("MissingSecurityHeader", MissingHeaderName="x-amz-acl")
        if ownership_of(container, self._settings) is Ownership.ENFORCED:
            raise S3Error("AccessControlListNotSupported")
        return acl or acl_of_xml(parse_document(body, _ROOT), owner)


def _names(request: Request) -> dict[str, str]:
    """Return the names for display that are known: the bucket's owner's and the caller's."""
    accounts = [request.existing.account]
    if request.identity is not None:
        accounts.append(request.identity.account)
    return {canonical_id(account): display_name(account) for account in accounts}

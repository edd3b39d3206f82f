"""Public access block and ownership controls: small documents that are kept as bucket metadata.

Every request reads the bucket's metadata anyway, so neither costs a look at a document.
"""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.access import OWNERSHIP, PUBLIC_BLOCK, Ownership, PublicBlock, parse_public_block
from storage.s3.errors import S3Error
from storage.s3.gate import bucket_acl
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import (
    allow_only,
    boolean,
    only,
    parse_document,
    read_body,
)

_BLOCK_ROOT = "PublicAccessBlockConfiguration"
_BLOCK_ELEMENTS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)
_CONTROLS_ROOT = "OwnershipControls"


class PublicAccess:
    """Handles requests for the public access block and the ownership controls.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._size_bytes_max = services.settings.document_bytes_max

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetPublicAccessBlock": self.get_block,
            "PutPublicAccessBlock": self.put_block,
            "DeletePublicAccessBlock": self.delete_block,
            "GetBucketOwnershipControls": self.get_controls,
            "PutBucketOwnershipControls": self.put_controls,
            "DeleteBucketOwnershipControls": self.delete_controls,
        }

    async def get_block(self, request: Request) -> Response:
        """GetPublicAccessBlock."""
        stored = request.existing.values.get(PUBLIC_BLOCK)
        if not stored:
            raise S3Error("NoSuchPublicAccessBlockConfiguration", BucketName=request.bucket)
        block = parse_public_block(stored)
        return document(_BLOCK_ROOT, zip(_BLOCK_ELEMENTS, block, strict=True))

    async def put_block(self, request: Request) -> Response:
        """PutPublicAccessBlock."""
        root = parse_document(await read_body(request, self._size_bytes_max), _BLOCK_ROOT)
        allow_only(root, *_BLOCK_ELEMENTS)
        block = PublicBlock(*(boolean(only(root, name)) for name in _BLOCK_ELEMENTS))
        return await self._set(request, PUBLIC_BLOCK, block.format())

    async def delete_block(self, request: Request) -> Response:
        """DeletePublicAccessBlock; that there was none is no error."""
        return await self._set(request, PUBLIC_BLOCK, "", status=204)

    async def get_controls(self, request: Request) -> Response:
        """GetBucketOwnershipControls."""
        stored = request.existing.values.get(OWNERSHIP)
        if not stored:
            raise S3Error("OwnershipControlsNotFoundError", BucketName=request.bucket)
        return document(_CONTROLS_ROOT, (("Rule", (("ObjectOwnership", stored),)),))

    async def put_controls(self, request: Request) -> Response:
        """PutBucketOwnershipControls."""
        root = parse_document(await read_body(request, self._size_bytes_max), _CONTROLS_ROOT)
        rules = root.all("Rule")
        if len(rules) != 1 or len(root.children) != 1:
            raise S3Error("MalformedXML")
        allow_only(rules[0], "ObjectOwnership")
        try:
            ownership = Ownership(only(rules[0], "ObjectOwnership"))
        except ValueError:
            raise S3Error("MalformedXML") from None
        if ownership is Ownership.ENFORCED and not bucket_acl(request.existing).is_default:
            raise S3Error("InvalidBucketAclWithObjectOwnership")
        return await self._set(request, OWNERSHIP, ownership.value)

    async def delete_controls(self, request: Request) -> Response:
        """DeleteBucketOwnershipControls; that there were none is no error."""
        return await self._set(request, OWNERSHIP, "", status=204)

    async def _set(self, request: Request, name: str, value: str, *, status: int = 200) -> Response:
        container = request.existing
        await self._engine.update_container(container.account, container.name, {name: value})
        return Response(status)

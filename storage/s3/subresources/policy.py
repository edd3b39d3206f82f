"""Policies of buckets: PutBucketPolicy and its kin, and GetBucketPolicyStatus."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.errors import S3Error
from storage.s3.gate import POLICY, bucket_acl, read_policy
from storage.s3.granting import block_of
from storage.s3.policy import Kind, PolicyError, is_public, parse_policy
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import as_sent, read_body

_JSON = (b"Content-Type", b"application/json")


class BucketPolicies:
    """Handles requests for a bucket's policy.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._configurations = services.configurations
        self._size_bytes_max = services.settings.document_bytes_max

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetBucketPolicy": self.get,
            "PutBucketPolicy": self.put,
            "DeleteBucketPolicy": self.delete,
            "GetBucketPolicyStatus": self.status,
        }

    async def get(self, request: Request) -> Response:
        """GetBucketPolicy."""
        found = await self._configurations.get(request.existing, POLICY, as_sent)
        if found is None:
            raise S3Error("NoSuchBucketPolicy", BucketName=request.bucket)
        return Response(200, [_JSON], found)

    async def put(self, request: Request) -> Response:
        """PutBucketPolicy."""
        data = await read_body(request, self._size_bytes_max)
        try:
            policy = parse_policy(data.decode(), Kind.BUCKET, request.bucket)
        except UnicodeDecodeError:
            raise S3Error("MalformedPolicy") from None
        except PolicyError as error:
            raise S3Error("MalformedPolicy", str(error)) from None
        if block_of(request.existing).policy and is_public(policy):
            raise S3Error("AccessDenied")
        await self._configurations.put(request.existing, POLICY, data)
        return Response(204)

    async def delete(self, request: Request) -> Response:
        """DeleteBucketPolicy; that there was none is no error."""
        await self._configurations.delete(request.existing, POLICY)
        return Response(204)

    async def status(self, request: Request) -> Response:
        """GetBucketPolicyStatus: whether policy or list make the bucket public.

        AWS knows no status of a bucket without a policy; Ceph and MinIO do, and no client minds.
        """
        container = request.existing
        policy = await self._configurations.get(container, POLICY, read_policy)
        by_list = bucket_acl(container).is_public and not block_of(container).ignore_acls
        is_open = by_list or (policy is not None and is_public(policy))
        return document("PolicyStatus", (("IsPublic", is_open),))

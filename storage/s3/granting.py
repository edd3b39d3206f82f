"""The lists and owners that new buckets and objects get from the requests that make them."""

from __future__ import annotations

from collections.abc import Mapping

from storage.container.record import ContainerRecord
from storage.proxy.engine import Engine
from storage.s3.access import OWNERSHIP, PUBLIC_BLOCK, Ownership, PublicBlock, parse_public_block
from storage.s3.acl import ACL, ANONYMOUS_ID, Acl, format_acl, private
from storage.s3.acl_request import ACL_HEADERS, acl_of_headers
from storage.s3.errors import S3Error
from storage.s3.gate import OBJECT_ACLS, ownership_of
from storage.s3.owner import canonical_id
from storage.s3.request import Request
from storage.s3.settings import S3Settings

FULL_CONTROL_OF_BUCKET_OWNER = b"bucket-owner-full-control"
_CANNED = b"x-amz-acl"


class Granting:
    """Works out what a request grants.

    Args:
        engine: of the store.
        settings: what holds for buckets that say nothing.
    """

    def __init__(self, engine: Engine, settings: S3Settings) -> None:
        self._engine = engine
        self._settings = settings

    def for_bucket(self, request: Request) -> dict[str, str]:
        """Return the metadata that a new bucket gets by its request's headers.

        Raises:
            S3Error: InvalidArgument, InvalidRequest, UnresolvableGrantByEmailAddress, or
                InvalidBucketAclWithObjectOwnership.
        """
        owner = _writer(request, "")
        values: dict[str, str] = {}
        asked = request.header(b"x-amz-object-ownership")
        if asked:
            values[OWNERSHIP] = parse_ownership(asked).value
        acl = acl_of_headers(request.headers, owner, owner)
        if acl is not None and not acl.is_default:
            if values.get(OWNERSHIP) == Ownership.ENFORCED.value:
                raise S3Error("InvalidBucketAclWithObjectOwnership")
            values[ACL] = format_acl(acl)
        return values

    async def for_object(
        self,
        request: Request,
        container: ContainerRecord,
        headers: Mapping[bytes, bytes] | None = None,
    ) -> dict[str, str]:
        """Return the system metadata that a new object gets: its list, unless it is the usual one.

        The first list in a bucket leaves a mark there, without which no request looks for any.

        Args:
            request: that makes the object, or begins its upload in parts.
            container: the bucket.
            headers: where they are not the request's own: those of a form.

        Raises:
            S3Error: AccessControlListNotSupported, AccessDenied where public lists are blocked,
                or what is wrong with the headers.
        """
        headers = request.headers if headers is None else headers
        bucket_owner = canonical_id(container.account)
        has_headers = not headers.keys().isdisjoint(ACL_HEADERS)
        owner = _writer(request, bucket_owner)
        if not has_headers and owner == bucket_owner:
            return {}
        ownership = ownership_of(container, self._settings)
        if ownership is Ownership.ENFORCED:
            if has_headers and not _grants_all_to_bucket_owner(headers):
                raise S3Error("AccessControlListNotSupported")
            return {}
        if ownership is Ownership.PREFERRED and _grants_all_to_bucket_owner(headers):
            owner = bucket_owner
        acl = acl_of_headers(headers, owner, bucket_owner) or private(owner)
        return await self.keep_on_object(container, acl)

    async def keep_on_object(self, container: ContainerRecord, acl: Acl) -> dict[str, str]:
        """Return a list as an object's system metadata has it, and mark the bucket.

        Raises:
            S3Error: AccessDenied, public lists are blocked.
        """
        refuse_public(acl, block_of(container))
        if acl == private(canonical_id(container.account)):
            return {}
        if not container.values.get(OBJECT_ACLS):
            await self._engine.update_container(
                container.account, container.name, {OBJECT_ACLS: "1"}
            )
        return {ACL: format_acl(acl)}


def parse_ownership(value: str) -> Ownership:
    """Return an ownership rule.

    Raises:
        S3Error: InvalidArgument, there is none of this name.
    """
    try:
        return Ownership(value)
    except ValueError:
        raise S3Error(
            "InvalidArgument",
            f"Invalid x-amz-object-ownership header: {value}",
            ArgumentName="x-amz-object-ownership",
            ArgumentValue=value,
        ) from None


def block_of(container: ContainerRecord) -> PublicBlock:
    """Return what "Block Public Access" keeps a bucket from."""
    return parse_public_block(container.values.get(PUBLIC_BLOCK, ""))


def refuse_public(acl: Acl, block: PublicBlock) -> None:
    """Return where a list may be set.

    Raises:
        S3Error: AccessDenied, it is public, and such lists are blocked.
    """
    if block.acls and acl.is_public:
        raise S3Error("AccessDenied")


def _writer(request: Request, bucket_owner: str) -> str:
    """Return who will own what a request makes; resellers act for the bucket's owner."""
    identity = request.identity
    if identity is None:
        return ANONYMOUS_ID
    if identity.is_reseller_admin and bucket_owner:
        return bucket_owner
    return canonical_id(identity.account)


def _grants_all_to_bucket_owner(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(_CANNED) == FULL_CONTROL_OF_BUCKET_OWNER

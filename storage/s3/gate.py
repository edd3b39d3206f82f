"""The gate: gathers what the decision of `access` rests on.

A request of the bucket owner's administrator to a bucket that has neither policy nor lists passes
without a look at anything.
"""

from __future__ import annotations

from functools import lru_cache

from atoll.world import World
from storage.auth.keys import AccessKey
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Engine
from storage.s3.access import (
    OWNERSHIP,
    PUBLIC_BLOCK,
    Facts,
    Ownership,
    PublicBlock,
    Rights,
    caller_of,
    is_allowed,
    is_denied,
    parse_public_block,
)
from storage.s3.acl import (
    ACL,
    PERMISSION_ON_BUCKET,
    PERMISSION_ON_OBJECT,
    Acl,
    parse_acl,
    private,
)
from storage.s3.authorization import Resource
from storage.s3.condition_keys import EXISTING_TAG, Circumstances, RequestKeys
from storage.s3.configuration import Configurations
from storage.s3.errors import S3Error
from storage.s3.owner import canonical_id, display_name
from storage.s3.policy import Caller, Kind, Policy, Question, parse_policy
from storage.s3.request import Request
from storage.s3.settings import S3Settings

OBJECT_ACLS = "x-s3-object-acls"
"""In a bucket's metadata: an object in it may have a list of its own."""

POLICY = "policy"
POLICIES_KNOWN_MAX = 1024
_RULES = frozenset((ACL, OBJECT_ACLS, "x-s3-config-policy"))
"""What may keep the owner from something."""

_NS_PER_S = 1_000_000_000


class Gate:
    """Decides whether a request may do something; see `storage.s3.authorization.Authorizer`.

    Args:
        engine: of the store.
        configurations: documents of buckets.
        settings: the region, and what holds for buckets that say nothing.
        world: the clock.
    """

    def __init__(
        self, engine: Engine, configurations: Configurations, settings: S3Settings, world: World
    ) -> None:
        self._engine = engine
        self._configurations = configurations
        self._settings = settings
        self._clock = world.clock

    async def authorize(self, request: Request, action: str, resource: Resource) -> None:
        """Return when the request may do it.

        Raises:
            S3Error: AccessDenied.
        """
        identity, container = request.identity, resource.container
        if (
            identity is not None
            and container is not None
            and identity.account == container.account
            and identity.account in identity.groups
            and container.metadata.keys().isdisjoint(_RULES)
            and (request.access_key is None or not request.access_key.is_limited)
        ):
            return
        if identity is not None and identity.is_reseller_admin:
            return
        if not await self._is_allowed(request, action, resource):
            raise S3Error("AccessDenied")

    async def policy(self, container: ContainerRecord) -> Policy | None:
        """Return a bucket's policy, if it has one."""
        return await self._configurations.get(container, POLICY, read_policy)

    async def _is_allowed(self, request: Request, action: str, resource: Resource) -> bool:
        facts, record = await self._facts(request, action, resource)
        if action not in PERMISSION_ON_OBJECT or record is not None:
            return is_allowed(facts)
        # Whether an object is missing is told to those who may list the bucket, and to no others.
        if is_denied(facts):
            return False
        bucket = resource._replace(key="")
        return is_allowed((await self._facts(request, "s3:ListBucket", bucket))[0])

    async def _facts(
        self, request: Request, action: str, resource: Resource
    ) -> tuple[Facts, ObjectRecord | None]:
        """Gather what the decision rests on, and the object's record where that is needed."""
        key, container = request.access_key, resource.container
        role_arn, arn = ("", "") if key is None else (key.role_arn, key.arn)
        caller = caller_of(request.identity, role_arn, arn)
        rights = rights_of(key)
        if container is None:
            question = self._question(request, caller, action, resource, None)
            return Facts(question, rights, caller.account, None, None, "", PublicBlock()), None
        policy = await self.policy(container)
        record = await self._record(request, action, resource, policy)
        facts = Facts(
            self._question(request, caller, action, resource, record),
            rights,
            display_name(container.account),
            policy,
            self._acl(container, action, record),
            canonical_id(container.account),
            parse_public_block(container.values.get(PUBLIC_BLOCK, "")),
        )
        return facts, record

    def _question(
        self,
        request: Request,
        caller: Caller,
        action: str,
        resource: Resource,
        record: ObjectRecord | None,
    ) -> Question:
        container = resource.container
        circumstances = Circumstances(
            request,
            caller,
            "" if container is None else display_name(container.account),
            record,
            self._clock.wall_ns() / _NS_PER_S,
            self._settings.region,
        )
        return Question(caller, action, resource.arn, RequestKeys(circumstances))

    def _acl(
        self, container: ContainerRecord, action: str, record: ObjectRecord | None
    ) -> Acl | None:
        """Return the list that governs an action, or nothing where none can."""
        if ownership_of(container, self._settings) is Ownership.ENFORCED:
            return None
        if action in PERMISSION_ON_OBJECT:
            return object_acl(container, record)
        return bucket_acl(container) if action in PERMISSION_ON_BUCKET else None

    async def _record(
        self, request: Request, action: str, resource: Resource, policy: Policy | None
    ) -> ObjectRecord | None:
        """Return the record of the object that is asked for, where it bears on the decision."""
        container = resource.container
        if container is None or not resource.key:
            return None
        reads_tags = policy is not None and any(
            name.startswith(EXISTING_TAG) for name in policy.keys
        )
        if not reads_tags and action not in PERMISSION_ON_OBJECT:
            return None
        return await self._engine.object(container, resource.key, resource.version)


def ownership_of(container: ContainerRecord, settings: S3Settings) -> Ownership:
    """Return who owns new objects in a bucket."""
    return Ownership(container.values.get(OWNERSHIP) or settings.ownership_default)


def bucket_acl(container: ContainerRecord) -> Acl:
    """Return a bucket's access control list."""
    stored = container.values.get(ACL)
    return parse_acl(stored) if stored else private(canonical_id(container.account))


def object_acl(container: ContainerRecord, record: ObjectRecord | None) -> Acl:
    """Return an object's access control list."""
    stored = "" if record is None else record.system.get(ACL, "")
    return parse_acl(stored) if stored else private(canonical_id(container.account))


def read_policy(document: bytes) -> Policy:
    """Return the policy in a stored document.

    Raises:
        PolicyError: it is none; it was when it was stored.
    """
    return parse_policy(document.decode(), Kind.BUCKET)


def rights_of(key: AccessKey | None) -> Rights:
    """Return what the policies of whom a key stands for say."""
    if key is None:
        return Rights()
    return Rights(_policies(key.identity_policies), _policies(key.session_policies))


@lru_cache(maxsize=POLICIES_KNOWN_MAX)
def _policies(texts: tuple[str, ...] | None) -> tuple[Policy, ...] | None:
    return None if texts is None else tuple(parse_policy(text, Kind.IDENTITY) for text in texts)

"""What S3's rules forbid at other front doors."""

from __future__ import annotations

from typing import Any

from bucket_steps import BUCKET, make_bucket, set_policy
from s3_harness import S3, Client

from storage.auth.authenticator import Identity
from storage.s3.configuration import Configurations
from storage.s3.veto import Veto
from storage.swift.authorization import Caller, Permission
from storage.swift.gate import Gate
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level, Target

BOB = Identity("bob:bob", "AUTH_bob", frozenset(("bob:bob",)), False, False, 0)


async def forbids(s3: S3, identity: Identity | None, action: str, key: str = "") -> bool:
    store = s3.memory.store
    container = await store.container("AUTH_test", BUCKET)
    assert container is not None
    return await Veto(Configurations(store)).forbids(container, identity, action, key)


async def block(client: Client, **settings: bool) -> None:
    await client.call(
        "PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration=settings
    )


async def test_nothing_is_forbidden_where_nothing_is_said(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await set_policy(tester, {"Action": "s3:*"})
    await block(tester, BlockPublicAcls=True, BlockPublicPolicy=True)
    for identity in (BOB, None):
        assert not await forbids(s3, identity, "s3:GetObject", "a")


async def test_a_denial_holds_whatever_its_conditions(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    denial: dict[str, Any] = {
        "Effect": "Deny",
        "Action": "s3:GetObject",
        "Principal": {"AWS": "arn:aws:iam::bob:user/bob"},
        "Resource": f"arn:aws:s3:::{BUCKET}/a*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "never"}},
    }
    await set_policy(tester, denial)
    assert await forbids(s3, BOB, "s3:GetObject", "a")
    assert not await forbids(s3, None, "s3:GetObject", "a")
    assert not await forbids(s3, BOB, "s3:PutObject", "a")
    assert not await forbids(s3, BOB, "s3:GetObject", "b")
    await set_policy(tester, {**denial, "Resource": f"arn:aws:s3:::{BUCKET}/${{aws:username}}/*"})
    assert await forbids(s3, BOB, "s3:GetObject", "b")


async def test_the_block_closes_to_the_public(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    for setting in ("IgnorePublicAcls", "RestrictPublicBuckets"):
        await block(tester, **{setting: True})
        assert await forbids(s3, None, "s3:GetObject", "a")
        assert not await forbids(s3, BOB, "s3:GetObject", "a")


async def test_swift_asks_about_those_whom_an_access_rule_lets_in(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    store = s3.memory.store
    rules = {"x-container-read": ".r:*,bob:bob", "x-container-write": "bob:bob"}
    await store.update_container("AUTH_test", BUCKET, rules)
    gate = Gate(store, SwiftSettings(), Veto(Configurations(store)))
    target = Target(Level.OBJECT, "AUTH_test", BUCKET, "a")
    owner = Identity("test:tester", "AUTH_test", frozenset(("AUTH_test",)), False, False, 0)

    async def admitted(identity: Identity | None, permission: Permission) -> bool:
        try:
            await gate.admit(Caller(identity), target, permission)
        except SwiftError:
            return False
        return True

    assert await admitted(None, Permission.READ)
    assert await admitted(BOB, Permission.WRITE)
    await block(tester, IgnorePublicAcls=True)
    assert not await admitted(None, Permission.READ)
    assert await admitted(BOB, Permission.READ)
    await set_policy(tester, {"Effect": "Deny", "Action": "s3:DeleteObject"})
    assert await admitted(BOB, Permission.READ)
    assert not await admitted(BOB, Permission.WRITE)
    assert await admitted(owner, Permission.WRITE)

"""What S3's rules forbid at other front doors."""

from __future__ import annotations

from typing import Any

from bucket_steps import BUCKET, make_bucket, set_policy
from s3_harness import S3, Client

from storage.auth.authenticator import Identity
from storage.s3.configuration import Configurations
from storage.s3.veto import Veto

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

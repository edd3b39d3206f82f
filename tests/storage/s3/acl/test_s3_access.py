"""The decision: who may do what, by policies, lists, ownership and the public access block."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.auth.authenticator import Identity
from storage.s3.access import (
    Facts,
    PublicBlock,
    Rights,
    caller_of,
    is_allowed,
    parse_public_block,
)
from storage.s3.acl import Acl, Grant, Permission, canned, private
from storage.s3.owner import canonical_id
from storage.s3.policy import ANONYMOUS, Caller, Kind, Policy, Question, parse_policy

ANNS_ID, BOBS_ID = canonical_id("AUTH_ann"), canonical_id("AUTH_bob")


def identity(user: str, *, is_admin: bool) -> Identity:
    account = f"AUTH_{user.partition(':')[0]}"
    groups = frozenset((user, account)) if is_admin else frozenset((user,))
    return Identity(user, account, groups, False, False, 0)


ANN = caller_of(identity("ann:ann", is_admin=True))
ANNS_MAN = caller_of(identity("ann:man", is_admin=False))
BOB = caller_of(identity("bob:bob", is_admin=True))
BOBS_MAN = caller_of(identity("bob:man", is_admin=False))
ALL = {"ann": ANN, "ann's man": ANNS_MAN, "bob": BOB, "bob's man": BOBS_MAN, "nobody": ANONYMOUS}


def bucket_policy(effect: str, principal: Any, action: str) -> Policy:
    resources = ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"]
    fields = {"Effect": effect, "Principal": principal, "Action": action, "Resource": resources}
    return parse_policy(json.dumps({"Statement": fields}), Kind.BUCKET, "photos")


def own_policy(effect: str, action: str) -> Policy:
    fields = {"Effect": effect, "Action": action, "Resource": "*"}
    return parse_policy(json.dumps({"Statement": fields}), Kind.IDENTITY)


def may(caller: Caller, action: str = "s3:GetObject", **changed: Any) -> bool:
    resource = "arn:aws:s3:::photos/cat"
    facts = Facts(
        Question(caller, action, resource, {}),
        Rights(),
        "ann",
        None,
        private(ANNS_ID),
        ANNS_ID,
        PublicBlock(),
    )
    return is_allowed(facts._replace(**changed))


def who_may(action: str = "s3:GetObject", **changed: Any) -> set[str]:
    return {name for name, caller in ALL.items() if may(caller, action, **changed)}


def test_by_default_only_the_accounts_administrators_may() -> None:
    assert who_may() == {"ann"}
    assert who_may("s3:PutBucketPolicy", acl=None) == {"ann"}


@pytest.mark.parametrize(
    ("name", "action", "allowed"),
    [
        ("public-read", "s3:GetObject", set(ALL)),
        ("public-read", "s3:GetObjectAcl", {"ann"}),
        ("public-read", "s3:PutObject", {"ann"}),
        ("public-read-write", "s3:PutObject", set(ALL)),
        ("authenticated-read", "s3:ListBucket", set(ALL) - {"nobody"}),
        ("log-delivery-write", "s3:PutObject", {"ann"}),
    ],
)
def test_lists(name: str, action: str, allowed: set[str]) -> None:
    assert who_may(action, acl=canned(name, ANNS_ID, ANNS_ID)) == allowed


def test_a_grant_to_an_account_is_one_to_its_users_who_have_no_policies() -> None:
    acl = Acl(ANNS_ID, (Grant(BOBS_ID, Permission.READ),))
    assert who_may(acl=acl) == {"bob", "bob's man"}
    assert not may(BOBS_MAN, acl=acl, rights=Rights(policies=()))
    assert may(BOBS_MAN, acl=acl, rights=Rights(policies=(own_policy("Allow", "s3:*"),)))


def test_an_owner_who_took_back_the_own_grant_can_still_mend_the_list() -> None:
    nothing = Acl(ANNS_ID, ())
    assert who_may("s3:PutObject", acl=nothing) == set()
    assert who_may("s3:GetBucketAcl", acl=nothing) == {"ann"}
    assert who_may("s3:PutBucketAcl", acl=nothing) == {"ann"}


def test_an_object_of_another_account_is_that_accounts() -> None:
    theirs = private(BOBS_ID)
    everything = bucket_policy("Allow", "*", "s3:*")
    assert who_may(acl=theirs) == {"bob", "bob's man"}
    assert who_may(acl=theirs, policy=everything) == {"bob", "bob's man"}
    assert who_may("s3:DeleteObject", acl=private(ANNS_ID)) == {"ann"}
    shared = canned("bucket-owner-full-control", BOBS_ID, ANNS_ID)
    assert "ann" in who_may(acl=shared)


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("*", set(ALL)),
        ({"AWS": "arn:aws:iam::bob:root"}, {"ann", "bob", "bob's man"}),
        ({"AWS": "arn:aws:iam::bob:user/man"}, {"ann", "bob's man"}),
        ({"AWS": "arn:aws:iam::ann:user/man"}, {"ann", "ann's man"}),
        ({"AWS": "arn:aws:iam::ann:root"}, {"ann", "ann's man"}),
    ],
)
def test_policies_of_buckets(principal: Any, allowed: set[str]) -> None:
    assert who_may(policy=bucket_policy("Allow", principal, "s3:GetObject")) == allowed
    assert who_may(policy=bucket_policy("Allow", principal, "s3:PutObject")) == {"ann"}


def test_a_policy_that_names_the_account_leaves_it_to_the_account() -> None:
    by_account = bucket_policy("Allow", {"AWS": "arn:aws:iam::ann:root"}, "s3:GetObject")
    by_name = bucket_policy("Allow", {"AWS": "arn:aws:iam::ann:user/man"}, "s3:GetObject")
    limited = Rights(policies=())
    assert not may(ANNS_MAN, policy=by_account, rights=limited)
    assert may(ANNS_MAN, policy=by_name, rights=limited)
    assert may(ANNS_MAN, rights=Rights(policies=(own_policy("Allow", "s3:Get*"),)))


def test_a_denial_closes_to_all_but_the_root_who_must_mend_it() -> None:
    deny = bucket_policy("Deny", "*", "s3:*")
    assert who_may(policy=deny, acl=canned("public-read", ANNS_ID, ANNS_ID)) == set()
    assert who_may("s3:PutBucketPolicy", policy=deny, acl=None) == {"ann"}
    assert who_may("s3:DeleteBucketPolicy", policy=deny, acl=None) == {"ann"}


def test_a_session_has_no_more_rights_than_its_policies() -> None:
    reads = Rights(session=(own_policy("Allow", "s3:GetObject"),))
    assert may(ANN, rights=reads)
    assert not may(ANN, "s3:PutObject", rights=reads)
    assert not may(ANN, rights=Rights(session=()))


def test_the_public_access_block() -> None:
    public = canned("public-read", ANNS_ID, ANNS_ID)
    assert who_may(acl=public, block=PublicBlock(ignore_acls=True)) == {"ann"}
    assert who_may(acl=public, block=PublicBlock(acls=True, policy=True)) == set(ALL)
    everything = bucket_policy("Allow", "*", "s3:*")
    closed = PublicBlock(restrict=True)
    assert who_may(policy=everything, block=closed) == {"ann", "ann's man"}
    named = bucket_policy("Allow", {"AWS": "bob"}, "s3:*")
    assert "bob" in who_may(policy=named, block=closed)


def test_without_lists_a_list_opens_nothing() -> None:
    assert who_may(acl=None) == {"ann"}


@given(st.tuples(*[st.booleans()] * 4))
def test_the_stored_form_of_the_block(digits: tuple[bool, bool, bool, bool]) -> None:
    block = PublicBlock(*digits)
    assert parse_public_block(block.format()) == block
    assert parse_public_block("") == PublicBlock()


VERBS = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetObjectAcl"])
LISTS = st.sampled_from(["private", "public-read", "public-read-write", "authenticated-read"])


@given(st.sampled_from(sorted(ALL)), VERBS, LISTS, st.booleans(), st.booleans())
def test_whatever_opens_a_denial_closes(
    name: str, action: str, acl: str, is_own: bool, is_allowed_too: bool
) -> None:
    changed: dict[str, Any] = {"acl": canned(acl, ANNS_ID, ANNS_ID)}
    if is_own and name != "nobody":
        changed["rights"] = Rights(policies=(own_policy("Deny", action),))
        changed["policy"] = bucket_policy("Allow", "*", "s3:*")
    else:
        changed["policy"] = bucket_policy("Deny", "*", action)
    assert not may(ALL[name], action, **changed)

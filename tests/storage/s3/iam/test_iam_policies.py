"""Policies of users, groups and roles, inline and managed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from iam_harness import Iam, IamFault, iam_of, make_user, policy, trust
from s3_harness import ApiError, Client

FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ALL_S3 = policy("Allow", "s3:*")
NONE = policy("Deny", "*")


@pytest.fixture(params=["User", "Group", "Role"])
async def bearer(request: pytest.FixtureRequest, admin: Iam) -> tuple[str, dict[str, str]]:
    """The kind of something that can be given policies, and the parameter that names it."""
    title: str = request.param
    more = {"AssumeRolePolicyDocument": trust({"AWS": "test"})} if title == "Role" else {}
    await admin.call(f"Create{title}", **{f"{title}Name": "one"}, **more)
    return title, {f"{title}Name": "one"}


async def test_inline_policies(admin: Iam, bearer: tuple[str, dict[str, str]]) -> None:
    title, named = bearer
    missing = {f"{title}Name": "nobody"}
    document = {"PolicyName": "p", "PolicyDocument": ALL_S3}
    for who, operation, more in (
        (missing, f"Put{title}Policy", document),
        (missing, f"Get{title}Policy", {"PolicyName": "p"}),
        (missing, f"List{title}Policies", {}),
        (named, f"Get{title}Policy", {"PolicyName": "p"}),
        (named, f"Delete{title}Policy", {"PolicyName": "p"}),
    ):
        with pytest.raises(IamFault, match="404"):
            await admin.call(operation, **who, **more)
    for text in (NONE, ALL_S3):
        await admin.call(f"Put{title}Policy", **named, PolicyName="p", PolicyDocument=text)
    found = await admin.call(f"Get{title}Policy", **named, PolicyName="p")
    assert json.loads(_decoded(found["PolicyDocument"])) == json.loads(ALL_S3)
    await admin.call(f"Put{title}Policy", **named, PolicyName="q", PolicyDocument=NONE)
    assert (await admin.call(f"List{title}Policies", **named))["PolicyNames"] == ["p", "q"]
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call(f"Delete{title}", **named)
    for name in ("p", "q"):
        await admin.call(f"Delete{title}Policy", **named, PolicyName=name)
    assert (await admin.call(f"List{title}Policies", **named))["PolicyNames"] == []
    await admin.call(f"Delete{title}", **named)


async def test_attached_policies(admin: Iam, bearer: tuple[str, dict[str, str]]) -> None:
    title, named = bearer
    for arn in ("arn:aws:iam::aws:policy/Nothing", "arn:aws:iam::other:policy/own", "x" * 20):
        with pytest.raises(IamFault, match="NoSuchEntity"):
            await admin.call(f"Attach{title}Policy", **named, PolicyArn=arn)
    for arn in (FULL, FULL, READ_ONLY):
        await admin.call(f"Attach{title}Policy", **named, PolicyArn=arn)
    listed = (await admin.call(f"ListAttached{title}Policies", **named))["AttachedPolicies"]
    assert [one["PolicyArn"] for one in listed] == [FULL, READ_ONLY]
    assert listed[0]["PolicyName"] == "AmazonS3FullAccess"
    entities = await admin.call("ListEntitiesForPolicy", PolicyArn=FULL)
    assert [one[f"{title}Name"] for one in entities[f"Policy{title}s"]] == ["one"]
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call(f"Delete{title}", **named)
    for arn in (FULL, READ_ONLY):
        await admin.call(f"Detach{title}Policy", **named, PolicyArn=arn)
        with pytest.raises(IamFault, match="NoSuchEntity"):
            await admin.call(f"Detach{title}Policy", **named, PolicyArn=arn)
    await admin.call(f"Delete{title}", **named)


@pytest.mark.parametrize(
    "document",
    [
        "nonsense",
        json.dumps({"Version": "2012-10-17"}),
        json.dumps({"Version": "2010-10-17", "Statement": json.loads(ALL_S3)["Statement"]}),
        policy("Allow", "s3:*", Principal="*"),
        json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Deny",
                    "Action": "*", "Resource": "*"}] * 2}),
    ],
)  # fmt: skip
async def test_what_is_no_policy_is_refused(admin: Iam, document: str) -> None:
    await admin.call("CreateUser", UserName="alice")
    with pytest.raises(IamFault) as caught:
        await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=document)
    assert (caught.value.status, caught.value.code) == (400, "MalformedPolicyDocument")


async def test_all_inline_policies_together_have_a_limit(admin: Iam) -> None:
    await admin.call("CreateUser", UserName="alice")
    long = policy("Allow", "s3:*", "arn:aws:s3:::" + "b" * 1000)
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=long)
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=long)
    with pytest.raises(IamFault, match="LimitExceeded"):
        await admin.call("PutUserPolicy", UserName="alice", PolicyName="q", PolicyDocument=long)


async def create(admin: Iam, name: str, text: str, **more: Any) -> str:
    made = await admin.call("CreatePolicy", PolicyName=name, PolicyDocument=text, **more)
    arn: str = made["Policy"]["Arn"]
    return arn


async def test_a_managed_policy_and_its_versions(admin: Iam) -> None:
    arn = await create(admin, "own", NONE, Path="/x/", Description="d")
    assert arn == "arn:aws:iam::test:policy/x/own"
    with pytest.raises(IamFault, match="EntityAlreadyExists"):
        await create(admin, "OWN", NONE)
    alice = await make_user(admin, "alice")
    await admin.call("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")
    made = await admin.call(
        "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALL_S3, SetAsDefault=True
    )
    assert made["PolicyVersion"]["VersionId"] == "v2"
    await alice.call("ListBuckets")
    found = await admin.call("GetPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert json.loads(_decoded(found["PolicyVersion"]["Document"])) == json.loads(ALL_S3)
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    await admin.call("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")
    shown = (await admin.call("GetPolicy", PolicyArn=arn))["Policy"]
    assert (shown["DefaultVersionId"], shown["AttachmentCount"]) == ("v1", 1)
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call("DeletePolicy", PolicyArn=arn)
    await admin.call("DetachUserPolicy", UserName="alice", PolicyArn=arn)
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call("DeletePolicy", PolicyArn=arn)
    await admin.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    await admin.call("DeletePolicy", PolicyArn=arn)
    with pytest.raises(IamFault, match="NoSuchEntity"):
        await admin.call("GetPolicy", PolicyArn=arn)


async def test_a_policy_has_five_versions_and_numbers_never_come_again(admin: Iam) -> None:
    arn = await create(admin, "own", NONE)
    for _ in range(4):
        await admin.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=NONE)
    with pytest.raises(IamFault, match="LimitExceeded"):
        await admin.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=NONE)
    await admin.call("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
    made = await admin.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=NONE)
    assert made["PolicyVersion"]["VersionId"] == "v6"
    listed = (await admin.call("ListPolicyVersions", PolicyArn=arn))["Versions"]
    assert [one["VersionId"] for one in listed] == ["v1", "v2", "v3", "v4", "v6"]
    assert [one["IsDefaultVersion"] for one in listed] == [True, False, False, False, False]


async def test_lists_of_policies(admin: Iam) -> None:
    arn = await create(admin, "own", NONE)

    async def arns(**parameters: Any) -> set[str]:
        return {one["Arn"] for one in (await admin.call("ListPolicies", **parameters))["Policies"]}

    assert await arns(Scope="Local") == {arn}
    assert FULL in await arns(Scope="AWS")
    assert {arn, FULL} < await arns()
    assert await arns(OnlyAttached=True) == set()
    with pytest.raises(IamFault, match="AccessDenied"):
        await admin.call("DeletePolicy", PolicyArn=FULL)


async def test_groups(admin: Iam, tester: Client) -> None:
    made = (await admin.call("CreateGroup", GroupName="Staff", Path="/g/"))["Group"]
    assert made["Arn"] == "arn:aws:iam::test:group/g/Staff"
    with pytest.raises(IamFault, match="EntityAlreadyExists"):
        await admin.call("CreateGroup", GroupName="staff")
    alice = await make_user(admin, "alice")
    for _ in range(2):
        await admin.call("AddUserToGroup", GroupName="staff", UserName="alice")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")
    await admin.call("AttachGroupPolicy", GroupName="staff", PolicyArn=FULL)
    await alice.call("ListBuckets")
    await admin.call("UpdateGroup", GroupName="staff", NewGroupName="Crew")
    await admin.call("UpdateUser", UserName="alice", NewUserName="alicia")
    found = await admin.call("GetGroup", GroupName="crew")
    assert found["Group"]["GroupId"] == made["GroupId"]
    assert [user["UserName"] for user in found["Users"]] == ["alicia"]
    of_user = (await admin.call("ListGroupsForUser", UserName="alicia"))["Groups"]
    assert [group["GroupName"] for group in of_user] == ["Crew"]
    assert len((await admin.call("ListGroups"))["Groups"]) == 1
    with pytest.raises(IamFault, match="DeleteConflict"):
        await admin.call("DeleteGroup", GroupName="crew")
    await alice.call("ListBuckets")
    await admin.call("RemoveUserFromGroup", GroupName="crew", UserName="alicia")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")


async def test_a_denial_in_a_group_wins(admin: Iam) -> None:
    alice = await make_user(admin, "alice", ALL_S3)
    await admin.call("CreateGroup", GroupName="g")
    await admin.call("PutGroupPolicy", GroupName="g", PolicyName="p", PolicyDocument=NONE)
    await alice.call("ListBuckets")
    await admin.call("AddUserToGroup", GroupName="g", UserName="alice")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")


async def test_a_user_with_iam_rights_manages_the_account(admin: Iam) -> None:
    await admin.call("CreateGroup", GroupName="admins")
    arn = "arn:aws:iam::aws:policy/IAMFullAccess"
    await admin.call("AttachGroupPolicy", GroupName="admins", PolicyArn=arn)
    alice = await make_user(admin, "alice")
    await admin.call("AddUserToGroup", GroupName="admins", UserName="alice")
    await iam_of(alice).call("CreateUser", UserName="bob")
    assert (await admin.call("GetUser", UserName="bob"))["User"]["UserName"] == "bob"


def _decoded(document: Any) -> str:
    """Return a document that the parser left percent-encoded: botocore's clients decode later."""
    return unquote(document)

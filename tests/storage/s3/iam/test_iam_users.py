"""Users and their access keys, and what users may do in S3."""

from __future__ import annotations

import pytest
from iam_harness import Iam, IamFault, iam_of, make_user, policy
from s3_harness import S3, ApiError, Client

ALL_S3 = policy("Allow", "s3:*")


async def names(iam: Iam, **parameters: object) -> list[str]:
    found, marker = [], {}
    while True:
        page = await iam.call("ListUsers", **parameters, **marker)
        found += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            return found
        marker = {"Marker": page["Marker"]}


async def test_a_user_comes_and_goes(admin: Iam) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    made = (await admin.call("CreateUser", UserName="Alice", Path="/staff/", Tags=tags))["User"]
    assert made["Arn"] == "arn:aws:iam::test:user/staff/Alice"
    assert made["UserId"].startswith("AIDA")
    assert made["Tags"] == tags
    assert (await admin.call("GetUser", UserName="alice"))["User"] == made
    assert await names(admin, PathPrefix="/staff/") == ["Alice"]
    await admin.call("UpdateUser", UserName="alice", NewUserName="Bob", NewPath="/")
    assert (await admin.call("GetUser", UserName="bob"))["User"]["UserId"] == made["UserId"]
    await admin.call("DeleteUser", UserName="bob")
    for operation in ("GetUser", "DeleteUser", "ListAccessKeys", "ListUserPolicies"):
        with pytest.raises(IamFault, match="404") as caught:
            await admin.call(operation, UserName="Bob")
        assert caught.value.code == "NoSuchEntity"


@pytest.mark.parametrize("name", ["alice", "ALICE", "tester"])
async def test_a_name_is_given_once(admin: Iam, name: str) -> None:
    await admin.call("CreateUser", UserName="Alice")
    with pytest.raises(IamFault) as caught:
        await admin.call("CreateUser", UserName=name)
    assert (caught.value.status, caught.value.code) == (409, "EntityAlreadyExists")


async def test_lists_come_in_pages_in_the_order_of_names(admin: Iam) -> None:
    for name in ("Ad", "ac", "Ab", "aa"):
        await admin.call("CreateUser", UserName=name, Path=f"/x/{name}/")
    for size in (1, 2, 3, 100):
        assert await names(admin, PathPrefix="/x/", MaxItems=size) == ["aa", "Ab", "ac", "Ad"]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("CreateUser", {"UserName": "a b"}, "ValidationError"),
        ("CreateUser", {"UserName": "é"}, "ValidationError"),
        ("CreateUser", {"UserName": "a" * 65}, "ValidationError"),
        ("CreateUser", {"UserName": "a", "Path": "nope"}, "ValidationError"),
        ("CreateUser", {"UserName": "a", "PermissionsBoundary": "x" * 20}, "InvalidInput"),
        ("ListUsers", {"MaxItems": 1001}, "ValidationError"),
        ("TagUser", {"UserName": "tester", "Tags": []}, "UnmodifiableEntity"),
        ("DeleteUser", {"UserName": "tester"}, "UnmodifiableEntity"),
        ("CreateAccessKey", {"UserName": "tester"}, "UnmodifiableEntity"),
        (
            "PutUserPolicy",
            {"UserName": "member", "PolicyName": "p", "PolicyDocument": ALL_S3},
            "UnmodifiableEntity",
        ),
    ],
)
async def test_what_is_refused(
    admin: Iam, operation: str, parameters: dict[str, object], code: str
) -> None:
    with pytest.raises(IamFault) as caught:
        await admin.call(operation, **parameters)
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_users_of_the_file_are_shown(admin: Iam) -> None:
    assert await names(admin) == ["member", "tester"]
    shown = (await admin.call("GetUser"))["User"]
    assert shown["Arn"] == "arn:aws:iam::test:user/tester"
    assert (await admin.call("ListAccessKeys"))["AccessKeyMetadata"] == []


async def test_accounts_do_not_see_each_other(admin: Iam, stranger: Iam) -> None:
    await admin.call("CreateUser", UserName="alice")
    assert await names(stranger) == ["admin"]
    await stranger.call("CreateUser", UserName="alice")
    await admin.call("DeleteUser", UserName="alice")
    assert await names(stranger) == ["admin", "alice"]


async def test_tags(admin: Iam) -> None:
    await admin.call("CreateUser", UserName="alice", Tags=[{"Key": "a", "Value": "1"}])
    more = [{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}]
    await admin.call("TagUser", UserName="alice", Tags=more)
    assert (await admin.call("ListUserTags", UserName="alice"))["Tags"] == more
    await admin.call("UntagUser", UserName="alice", TagKeys=["a"])
    assert (await admin.call("ListUserTags", UserName="alice"))["Tags"] == more[1:]


async def test_a_user_may_do_what_the_policies_say(s3: S3, admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    alice = await make_user(admin, "alice")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListBuckets")
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=ALL_S3)
    await alice.call("ListBuckets")
    await alice.call("PutObject", Bucket="photos", Key="one", Body=b"1")
    deny = policy("Deny", "s3:GetObject", "arn:aws:s3:::photos/secret*")
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="q", PolicyDocument=deny)
    await alice.call("GetObject", Bucket="photos", Key="one")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("GetObject", Bucket="photos", Key="secrets")
    await admin.call("DeleteUserPolicy", UserName="alice", PolicyName="p")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("GetObject", Bucket="photos", Key="one")


async def test_a_bucket_policy_lets_a_user_in_or_keeps_one_out(admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    alice = await make_user(admin, "alice")
    arn = (await admin.call("GetUser", UserName="alice"))["User"]["Arn"]
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListObjects", Bucket="photos")
    bucket = "arn:aws:s3:::photos"
    allow = policy("Allow", "s3:ListBucket", bucket, Principal={"AWS": arn})
    await tester.call("PutBucketPolicy", Bucket="photos", Policy=allow)
    await alice.call("ListObjects", Bucket="photos")
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=ALL_S3)
    deny = policy("Deny", "s3:ListBucket", bucket, Principal={"AWS": arn})
    await tester.call("PutBucketPolicy", Bucket="photos", Policy=deny)
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListObjects", Bucket="photos")


async def test_policy_variables_name_the_user(admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="homes")
    own = policy("Allow", "s3:PutObject", "arn:aws:s3:::homes/${aws:username}/*")
    alice = await make_user(admin, "alice", own)
    await alice.call("PutObject", Bucket="homes", Key="alice/x", Body=b"")
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("PutObject", Bucket="homes", Key="bob/x", Body=b"")


async def test_across_accounts_both_sides_must_agree(admin: Iam, s3: S3) -> None:
    other = s3.clients["other:admin"]
    await other.call("CreateBucket", Bucket="theirs")
    alice = await make_user(admin, "alice", ALL_S3)
    with pytest.raises(ApiError, match="AccessDenied"):
        await alice.call("ListObjects", Bucket="theirs")
    allow = policy("Allow", "s3:*", "arn:aws:s3:::theirs", Principal={"AWS": "test"})
    await other.call("PutBucketPolicy", Bucket="theirs", Policy=allow)
    await alice.call("ListObjects", Bucket="theirs")
    bob = await make_user(admin, "bob")
    with pytest.raises(ApiError, match="AccessDenied"):
        await bob.call("ListObjects", Bucket="theirs")


async def test_keys_count_and_end_at_once(admin: Iam) -> None:
    alice = await make_user(admin, "alice", ALL_S3)
    listed = (await admin.call("ListAccessKeys", UserName="alice"))["AccessKeyMetadata"]
    assert [(one["AccessKeyId"], one["Status"]) for one in listed] == [(alice.access_key, "Active")]
    used = await admin.call("GetAccessKeyLastUsed", AccessKeyId=alice.access_key)
    assert used["UserName"] == "alice"
    key = {"UserName": "alice", "AccessKeyId": alice.access_key}
    await alice.call("ListBuckets")
    await admin.call("UpdateAccessKey", **key, Status="Inactive")
    with pytest.raises(ApiError, match="InvalidAccessKeyId"):
        await alice.call("ListBuckets")
    with pytest.raises(IamFault, match="InvalidClientTokenId"):
        await iam_of(alice).call("GetCallerIdentity")
    await admin.call("UpdateAccessKey", **key, Status="Active")
    await alice.call("ListBuckets")
    await admin.call("DeleteAccessKey", **key)
    with pytest.raises(ApiError, match="InvalidAccessKeyId"):
        await alice.call("ListBuckets")
    with pytest.raises(IamFault, match="NoSuchEntity"):
        await admin.call("DeleteAccessKey", **key)


async def test_a_user_has_two_keys_at_most(admin: Iam) -> None:
    await make_user(admin, "alice")
    await admin.call("CreateAccessKey", UserName="alice")
    with pytest.raises(IamFault) as caught:
        await admin.call("CreateAccessKey", UserName="alice")
    assert (caught.value.status, caught.value.code) == (409, "LimitExceeded")


async def test_a_user_who_has_something_is_not_deleted(admin: Iam) -> None:
    alice = await make_user(admin, "alice", ALL_S3)
    arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    await admin.call("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    await admin.call("CreateGroup", GroupName="g")
    await admin.call("AddUserToGroup", GroupName="g", UserName="alice")
    for operation, parameters in (
        ("DeleteAccessKey", {"UserName": "alice", "AccessKeyId": alice.access_key}),
        ("DeleteUserPolicy", {"UserName": "alice", "PolicyName": "p0"}),
        ("DetachUserPolicy", {"UserName": "alice", "PolicyArn": arn}),
        ("RemoveUserFromGroup", {"UserName": "alice", "GroupName": "g"}),
    ):
        with pytest.raises(IamFault) as caught:
            await admin.call("DeleteUser", UserName="alice")
        assert (caught.value.status, caught.value.code) == (409, "DeleteConflict")
        await admin.call(operation, **parameters)
    await admin.call("DeleteUser", UserName="alice")


async def test_who_may_call_iam(admin: Iam, member: Iam) -> None:
    with pytest.raises(IamFault, match="AccessDenied"):
        await member.call("ListUsers")
    alice = iam_of(await make_user(admin, "alice"))
    with pytest.raises(IamFault, match="AccessDenied"):
        await alice.call("GetUser")
    await admin.call(
        "PutUserPolicy",
        UserName="alice",
        PolicyName="self",
        PolicyDocument=policy(
            "Allow", ["iam:GetUser", "iam:*AccessKey*"], "arn:aws:iam::test:user/${aws:username}"
        ),
    )
    assert (await alice.call("GetUser"))["User"]["UserName"] == "alice"
    made = await alice.call("CreateAccessKey")
    assert made["AccessKey"]["UserName"] == "alice"
    await admin.call("CreateUser", UserName="bob")
    for operation in ("GetUser", "CreateAccessKey", "DeleteUser", "PutUserPolicy"):
        more = {"PolicyName": "p", "PolicyDocument": ALL_S3} if "Policy" in operation else {}
        with pytest.raises(IamFault, match="403") as caught:
            await alice.call(operation, UserName="bob", **more)
        assert caught.value.code == "AccessDenied"


async def test_an_unchanged_directory_is_read_once(s3: S3, admin: Iam) -> None:
    alice = await make_user(admin, "alice", ALL_S3)
    await alice.call("ListBuckets")
    reads = []
    get_object = s3.memory.store.get_object

    async def counted(*arguments: object) -> object:
        reads.append(arguments)
        return await get_object(*arguments)  # type: ignore[arg-type]

    s3.memory.store.get_object = counted  # type: ignore[method-assign, assignment]
    await alice.call("ListBuckets")
    assert not reads


async def test_an_account_summary(admin: Iam) -> None:
    await admin.call("CreateUser", UserName="alice")
    summary = (await admin.call("GetAccountSummary"))["SummaryMap"]
    assert (summary["Users"], summary["UsersQuota"]) == (3, 5000)

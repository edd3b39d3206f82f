"""Sessions: of users, of roles, of federated users; and who one is."""

from __future__ import annotations

from typing import Any

import pytest
from iam_harness import Iam, IamFault, SessionClient, iam_of, make_user, policy, s3_of, trust
from s3_harness import S3, ApiError, Client

from atoll.world.simulated import SimulatedClock

ALL_S3 = policy("Allow", "s3:*")
READ = policy("Allow", ["s3:GetObject", "s3:ListBucket"])
ROLE = "arn:aws:iam::test:role/reader"
ALICE = "arn:aws:iam::test:user/alice"


async def make_role(admin: Iam, text: str, *policies: str, name: str = "reader") -> None:
    await admin.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=text)
    for number, one in enumerate(policies):
        await admin.call(
            "PutRolePolicy", RoleName=name, PolicyName=f"p{number}", PolicyDocument=one
        )


async def assume(iam: Iam, role: str = ROLE, **parameters: Any) -> SessionClient:
    answer = await iam.call("AssumeRole", RoleArn=role, RoleSessionName="tea", **parameters)
    return s3_of(iam.s3, answer["Credentials"])


def advance(s3: S3, seconds: int) -> None:
    clock = s3.memory.world.clock
    assert isinstance(clock, SimulatedClock)
    clock.offset_ns += int(seconds * 1e9)


async def test_who_one_is(s3: S3, admin: Iam, member: Iam) -> None:
    who = await admin.call("GetCallerIdentity")
    assert (who["Account"], who["Arn"]) == ("test", "arn:aws:iam::test:user/tester")
    assert who["UserId"] == (await admin.call("GetUser"))["User"]["UserId"]
    assert (await member.call("GetCallerIdentity"))["Arn"].endswith("user/member")
    alice = await make_user(admin, "alice")
    who = await iam_of(alice).call("GetCallerIdentity")
    assert who["Arn"] == ALICE
    assert who["UserId"] == (await admin.call("GetUser", UserName="alice"))["User"]["UserId"]
    await make_role(admin, trust({"AWS": ALICE}))
    session = await assume(iam_of(alice))
    who = await iam_of(session).call("GetCallerIdentity")
    assert who["Arn"] == "arn:aws:sts::test:assumed-role/reader/tea"
    role = (await admin.call("GetRole", RoleName="reader"))["Role"]
    assert who["UserId"] == f"{role['RoleId']}:tea"


async def test_a_session_of_a_user_has_the_users_rights_as_of_now(
    s3: S3, admin: Iam, tester: Client
) -> None:
    alice = await make_user(admin, "alice", ALL_S3)
    answer = await iam_of(alice).call("GetSessionToken", DurationSeconds=900)
    session = s3_of(s3, answer["Credentials"])
    await session.call("ListBuckets")
    query = session.presign("GET", "/")
    assert (await s3.anonymous.request("GET", "/", query)).status == 403  # without its token
    await admin.call("DeleteUserPolicy", UserName="alice", PolicyName="p0")
    with pytest.raises(ApiError, match="AccessDenied"):
        await session.call("ListBuckets")
    with pytest.raises(IamFault, match="AccessDenied"):
        await iam_of(session).call("GetSessionToken")


async def test_a_session_of_a_user_of_the_file(s3: S3, admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    session = s3_of(s3, (await admin.call("GetSessionToken"))["Credentials"])
    await session.call("PutObject", Bucket="photos", Key="k", Body=b"by a session")
    assert (await session.call("ListBuckets"))["Buckets"][0]["Name"] == "photos"
    await iam_of(session).call("CreateUser", UserName="bob")


async def test_a_session_ends(s3: S3, admin: Iam) -> None:
    session = s3_of(s3, (await admin.call("GetSessionToken", DurationSeconds=900))["Credentials"])
    advance(s3, 890)
    await session.call("ListBuckets")
    advance(s3, 11)
    with pytest.raises(ApiError, match="ExpiredToken"):
        await session.call("ListBuckets")
    with pytest.raises(IamFault) as caught:
        await iam_of(session).call("GetCallerIdentity")
    assert (caught.value.status, caught.value.code) == (403, "ExpiredToken")


async def test_a_token_belongs_to_one_key_and_cannot_be_changed(s3: S3, admin: Iam) -> None:
    one = s3_of(s3, (await admin.call("GetSessionToken"))["Credentials"])
    two = s3_of(s3, (await admin.call("GetSessionToken"))["Credentials"])
    middle = len(one.token) // 2
    other = "B" if one.token[middle] == "A" else "A"
    changed = one.token[:middle] + other + one.token[middle + 1 :]
    for token in (two.token, changed, "nonsense", "é", one.token[:-4], "A" * 5000):
        forged = SessionClient(s3, one.access_key, one.secret, token)
        if token.isascii():
            with pytest.raises(ApiError, match="InvalidToken"):
                await forged.call("ListBuckets")
            with pytest.raises(IamFault, match="InvalidClientTokenId"):
                await iam_of(forged).call("GetCallerIdentity")
        else:
            assert await s3.app._authentication._sessions.open(one.access_key, token) is None
    with pytest.raises(ApiError, match="InvalidAccessKeyId"):
        await SessionClient(s3, one.access_key, one.secret).call("ListBuckets")
    wrong = SessionClient(s3, one.access_key, two.secret, one.token)
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        await wrong.call("ListBuckets")


async def test_a_role_gives_its_rights_and_no_others(s3: S3, admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="k", Body=b"1")
    alice = await make_user(admin, "alice", policy("Allow", "s3:PutObject"))
    await make_role(admin, trust({"AWS": ALICE}), READ)
    session = await assume(iam_of(alice))
    await session.call("GetObject", Bucket="photos", Key="k")
    with pytest.raises(ApiError, match="404"):
        await session.call("HeadObject", Bucket="photos", Key="missing")
    with pytest.raises(ApiError, match="AccessDenied"):
        await session.call("PutObject", Bucket="photos", Key="k", Body=b"2")
    await admin.call("DeleteRolePolicy", RoleName="reader", PolicyName="p0")
    with pytest.raises(ApiError, match="AccessDenied"):
        await session.call("GetObject", Bucket="photos", Key="k")
    await admin.call("DeleteRole", RoleName="reader")
    with pytest.raises(ApiError, match="InvalidToken"):
        await session.call("GetObject", Bucket="photos", Key="k")
    await make_role(admin, trust({"AWS": ALICE}), ALL_S3)  # another of the same name
    with pytest.raises(ApiError, match="InvalidToken"):
        await session.call("GetObject", Bucket="photos", Key="k")


async def test_a_bucket_policy_names_a_role_or_a_session(admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await make_role(admin, trust({"AWS": "*"}))
    session = await assume(admin)
    for arn in (ROLE, "arn:aws:sts::test:assumed-role/reader/tea"):
        allow = policy("Allow", "s3:ListBucket", "arn:aws:s3:::photos", Principal={"AWS": arn})
        await tester.call("PutBucketPolicy", Bucket="photos", Policy=allow)
        await session.call("ListObjects", Bucket="photos")
        await tester.call("DeleteBucketPolicy", Bucket="photos")
        with pytest.raises(ApiError, match="AccessDenied"):
            await session.call("ListObjects", Bucket="photos")


@pytest.mark.parametrize(
    ("principal", "rights", "may"),
    [
        ({"AWS": ALICE}, None, True),
        ({"AWS": ALICE}, policy("Deny", "sts:AssumeRole"), False),
        ({"AWS": "test"}, None, False),
        ({"AWS": "arn:aws:iam::test:root"}, policy("Allow", "sts:AssumeRole", ROLE), True),
        ({"AWS": "arn:aws:iam::test:root"}, policy("Allow", "sts:AssumeRole", ROLE + "s"), False),
        ({"AWS": "arn:aws:iam::test:user/bob"}, policy("Allow", "sts:*"), False),
        ({"AWS": "other"}, policy("Allow", "*"), False),
        ("*", None, True),
    ],
)
async def test_who_may_assume_a_role(
    admin: Iam, principal: Any, rights: str | None, may: bool
) -> None:
    alice = iam_of(await make_user(admin, "alice", *([rights] if rights else [])))
    await make_role(admin, trust(principal))
    if may:
        await assume(alice)
        return
    with pytest.raises(IamFault) as caught:
        await assume(alice)
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")


async def test_even_an_administrator_needs_to_be_trusted(admin: Iam) -> None:
    await make_role(admin, trust({"AWS": ALICE}))
    with pytest.raises(IamFault, match="AccessDenied"):
        await assume(admin)
    await admin.call(
        "UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=trust({"AWS": "test"})
    )
    await assume(admin)


async def test_a_role_for_another_account(s3: S3, admin: Iam, stranger: Iam) -> None:
    await s3.clients["test:tester"].call("CreateBucket", Bucket="photos")
    await make_role(admin, trust({"AWS": "other"}), READ)
    session = await assume(stranger)
    await session.call("ListObjects", Bucket="photos")
    bob = iam_of(await make_user(stranger, "bob"))
    with pytest.raises(IamFault, match="AccessDenied"):
        await assume(bob)
    await stranger.call(
        "PutUserPolicy",
        UserName="bob",
        PolicyName="p",
        PolicyDocument=policy("Allow", "sts:AssumeRole", ROLE),
    )
    await assume(bob)


async def test_an_external_id(admin: Iam) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "sesame"}}
    await make_role(admin, trust({"AWS": "test"}, Condition=condition))
    await assume(admin, ExternalId="sesame")
    for wrong in ({}, {"ExternalId": "barley"}):
        with pytest.raises(IamFault, match="AccessDenied"):
            await assume(admin, **wrong)


async def test_a_session_policy_narrows(s3: S3, admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="k", Body=b"1")
    await make_role(admin, trust({"AWS": "test"}), READ)
    session = await assume(admin, Policy=policy("Allow", ["s3:GetObject", "s3:PutObject"]))
    await session.call("GetObject", Bucket="photos", Key="k")
    for operation, more in (("ListObjects", {}), ("PutObject", {"Key": "k", "Body": b"2"})):
        with pytest.raises(ApiError, match="AccessDenied"):
            await session.call(operation, Bucket="photos", **more)
    arns = [{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}]
    with pytest.raises(ApiError, match="AccessDenied"):
        await (await assume(admin, PolicyArns=arns)).call("GetObject", Bucket="photos", Key="k")


async def test_a_policy_narrows_a_reseller_administrator(s3: S3) -> None:
    root = iam_of(s3.clients["ops:root"])
    await s3.clients["test:tester"].call("CreateBucket", Bucket="photos")
    answer = await root.call("GetFederationToken", Name="guest", Policy=policy("Allow", "s3:Get*"))
    guest = s3_of(s3, answer["Credentials"])
    with pytest.raises(ApiError, match="AccessDenied"):
        await guest.call("ListObjects", Bucket="photos")


async def test_a_federated_user(s3: S3, admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="k", Body=b"1")
    answer = await admin.call("GetFederationToken", Name="guest", Policy=READ)
    assert answer["FederatedUser"]["Arn"] == "arn:aws:sts::test:federated-user/guest"
    guest = s3_of(s3, answer["Credentials"])
    await guest.call("GetObject", Bucket="photos", Key="k")
    with pytest.raises(ApiError, match="AccessDenied"):
        await guest.call("DeleteObject", Bucket="photos", Key="k")
    with pytest.raises(IamFault, match="AccessDenied"):
        await iam_of(guest).call("ListUsers")
    bare = s3_of(s3, (await admin.call("GetFederationToken", Name="bare"))["Credentials"])
    with pytest.raises(ApiError, match="AccessDenied"):
        await bare.call("GetObject", Bucket="photos", Key="k")
    alice = iam_of(await make_user(admin, "alice", READ))
    with pytest.raises(IamFault, match="AccessDenied"):
        await alice.call("GetFederationToken", Name="guest", Policy=READ)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"DurationSeconds": 43201}, "ValidationError"),
        ({"Policy": "nonsense"}, "MalformedPolicyDocument"),
        ({"Policy": policy("Allow", "s3:*", "arn:aws:s3:::" + "b" * 2048)}, "PackedPolicyTooLarge"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::test:policy/none"}]}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, "InvalidInput"),
        ({"role": "arn:aws:iam::test:user/alice"}, "ValidationError"),
        ({"role": "arn:aws:iam::test:role/x/reader"}, "AccessDenied"),
        ({"role": "arn:aws:iam::nobody:role/reader"}, "AccessDenied"),
    ],
)
async def test_what_is_refused(admin: Iam, parameters: dict[str, Any], code: str) -> None:
    await make_role(admin, trust({"AWS": "test"}))
    with pytest.raises(IamFault) as caught:
        await assume(admin, **parameters)
    assert caught.value.code == code


async def test_a_role_may_allow_longer_sessions_but_not_to_other_roles(s3: S3, admin: Iam) -> None:
    await make_role(admin, trust({"AWS": "*"}), policy("Allow", "sts:AssumeRole"))
    await admin.call("UpdateRole", RoleName="reader", MaxSessionDuration=7200)
    session = await assume(admin, DurationSeconds=7200)
    await assume(iam_of(session), DurationSeconds=3600)
    with pytest.raises(IamFault, match="ValidationError"):
        await assume(iam_of(session), DurationSeconds=7200)
    advance(s3, 7180)
    await iam_of(session).call("GetCallerIdentity")


async def test_roles_are_shown(admin: Iam) -> None:
    await make_role(admin, trust({"AWS": "test"}))
    await admin.call("UpdateRole", RoleName="reader", Description="reads")
    role = (await admin.call("GetRole", RoleName="READER"))["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("reads", 3600)
    assert (await admin.call("ListRoles"))["Roles"][0]["Arn"] == ROLE
    await admin.call("TagRole", RoleName="reader", Tags=[{"Key": "a", "Value": "b"}])
    assert (await admin.call("ListRoleTags", RoleName="reader"))["Tags"][0]["Key"] == "a"
    for text in (policy("Allow", "sts:AssumeRole"), "{}", trust({"AWS": "test"}, Resource="*")):
        with pytest.raises(IamFault, match="MalformedPolicyDocument"):
            await admin.call("CreateRole", RoleName="x", AssumeRolePolicyDocument=text)


async def test_a_presigned_identity(s3: S3, admin: Iam) -> None:
    answer = await admin.get("GetCallerIdentity")
    assert answer.status == 200
    assert b"arn:aws:iam::test:user/tester" in answer.body


async def test_conditions_know_a_session_by_its_id(admin: Iam, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await make_role(admin, trust({"AWS": "test"}), READ)
    role_id = (await admin.call("GetRole", RoleName="reader"))["Role"]["RoleId"]
    session = await assume(admin)
    await session.call("ListObjects", Bucket="photos")
    for condition in (
        {"StringLike": {"aws:userid": f"{role_id}:*"}},
        {"ArnEquals": {"aws:PrincipalArn": ROLE}},
        {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
    ):
        deny = policy("Deny", "s3:*", "arn:aws:s3:::photos", Principal="*", Condition=condition)
        await tester.call("PutBucketPolicy", Bucket="photos", Policy=deny)
        with pytest.raises(ApiError, match="AccessDenied"):
            await session.call("ListObjects", Bucket="photos")
        await tester.call("ListObjects", Bucket="photos")

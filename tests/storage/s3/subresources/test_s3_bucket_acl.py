"""Lists of buckets and objects, set and obeyed (ceph/s3-tests: bucket_acl_*, object_acl_*,
access_bucket_*, object ownership)."""

from __future__ import annotations

from typing import Any

import pytest
from bucket_steps import (
    ALL_USERS,
    BUCKET,
    OTHER_ID,
    TESTER_ID,
    make_bucket,
    may,
    refused,
    set_policy,
    who_may,
)
from s3_harness import S3, Client

ALL = {"owner", "member", "other", "nobody"}
OWNER = {"ID": TESTER_ID, "DisplayName": "test"}
FULL = {"Grantee": {"Type": "CanonicalUser", **OWNER}, "Permission": "FULL_CONTROL"}


def to_group(permission: str) -> dict[str, Any]:
    return {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": permission}


def to_other(permission: str) -> dict[str, Any]:
    return {"Grantee": {"Type": "CanonicalUser", "ID": OTHER_ID}, "Permission": permission}


async def test_canned_lists_of_a_bucket(tester: Client) -> None:
    await make_bucket(tester, ACL="public-read")
    found = await tester.call("GetBucketAcl", Bucket=BUCKET)
    assert found["Owner"] == OWNER
    assert found["Grants"] == [FULL, to_group("READ")]
    await tester.call("PutBucketAcl", Bucket=BUCKET, ACL="private")
    assert (await tester.call("GetBucketAcl", Bucket=BUCKET))["Grants"] == [FULL]
    assert await refused(tester, "PutBucketAcl", Bucket=BUCKET, ACL="open") == "InvalidArgument"


async def test_canned_lists_of_an_object(tester: Client) -> None:
    await make_bucket(tester)
    await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL="public-read-write")
    found = await tester.call("GetObjectAcl", Bucket=BUCKET, Key="a")
    assert found["Grants"] == [FULL, to_group("READ"), to_group("WRITE")]
    await tester.call("PutObject", Bucket=BUCKET, Key="a")
    found = await tester.call("GetObjectAcl", Bucket=BUCKET, Key="a")
    assert found["Grants"] == [FULL]
    await tester.call("PutObjectAcl", Bucket=BUCKET, Key="a", ACL="public-read")
    found = await tester.call("GetObjectAcl", Bucket=BUCKET, Key="a")
    assert (found["Owner"], found["Grants"]) == (OWNER, [FULL, to_group("READ")])
    missing = await refused(tester, "PutObjectAcl", Bucket=BUCKET, Key="x", ACL="private")
    assert missing == "NoSuchKey"


async def test_a_list_as_document(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    grants = [to_other("FULL_CONTROL"), FULL]
    policy = {"Owner": OWNER, "Grants": grants}
    await tester.call("PutBucketAcl", Bucket=BUCKET, AccessControlPolicy=policy)
    other = s3.clients["other:admin"]
    found = await other.call("GetBucketAcl", Bucket=BUCKET)
    with_name = {**to_other("FULL_CONTROL")["Grantee"], "DisplayName": "other"}
    assert found["Grants"] == [{"Grantee": with_name, "Permission": "FULL_CONTROL"}, FULL]
    theirs = {"Owner": {"ID": OTHER_ID}, "Grants": grants}
    asked = {"Bucket": BUCKET, "AccessControlPolicy": theirs}
    assert await refused(tester, "PutBucketAcl", **asked) == "AccessDenied"
    await tester.call("PutObjectAcl", Bucket=BUCKET, Key="a", AccessControlPolicy=policy)
    assert await may(other, "GetObject", Bucket=BUCKET, Key="a")


@pytest.mark.parametrize(
    ("permission", "reads", "writes", "reads_acl", "writes_acl"),
    [
        ("READ", True, False, False, False),
        ("WRITE", False, True, False, False),
        ("READ_ACP", False, False, True, False),
        ("WRITE_ACP", False, False, False, True),
        ("FULL_CONTROL", True, True, True, True),
    ],
)
async def test_a_grant_on_a_bucket_to_another_account(
    s3: S3,
    tester: Client,
    permission: str,
    reads: bool,
    writes: bool,
    reads_acl: bool,
    writes_acl: bool,
) -> None:
    await make_bucket(tester)
    policy = {"Owner": OWNER, "Grants": [FULL, to_other(permission)]}
    await tester.call("PutBucketAcl", Bucket=BUCKET, AccessControlPolicy=policy)
    other = s3.clients["other:admin"]
    assert await may(other, "ListObjectsV2", Bucket=BUCKET) is reads
    assert await may(other, "HeadBucket", Bucket=BUCKET) is reads
    assert await may(other, "PutObject", Bucket=BUCKET, Key="b") is writes
    assert await may(other, "GetBucketAcl", Bucket=BUCKET) is reads_acl
    assert await may(other, "PutBucketAcl", Bucket=BUCKET, ACL="private") is writes_acl


async def test_grants_in_headers(tester: Client) -> None:
    await make_bucket(tester)
    grants = {"GrantRead": f"id={OTHER_ID}", "GrantFullControl": f'id="{TESTER_ID}"'}
    await tester.call("PutBucketAcl", Bucket=BUCKET, **grants)
    found = await tester.call("GetBucketAcl", Bucket=BUCKET)
    assert found["Grants"] == [FULL, to_other("READ")]
    await tester.call("PutObject", Bucket=BUCKET, Key="a", **grants)
    found = await tester.call("GetObjectAcl", Bucket=BUCKET, Key="a")
    assert found["Grants"] == [FULL, to_other("READ")]
    for wrong in ("id=_foo", "uri=http://nobody"):
        code = await refused(tester, "PutBucketAcl", Bucket=BUCKET, GrantRead=wrong)
        assert code == "InvalidArgument"
    mail = "emailAddress=x@example.com"
    code = await refused(tester, "PutBucketAcl", Bucket=BUCKET, GrantRead=mail)
    assert code == "UnresolvableGrantByEmailAddress"


async def test_requests_that_set_no_list_or_two(tester: Client) -> None:
    await make_bucket(tester)
    answer = await tester.request("PUT", f"/{BUCKET}", "acl")
    assert (answer.status, answer.code) == (400, "MissingSecurityHeader")
    headers = {"x-amz-acl": "private"}
    answer = await tester.request("PUT", f"/{BUCKET}", "acl", headers, b"<AccessControlPolicy/>")
    assert answer.code == "UnexpectedContent"
    answer = await tester.request("PUT", f"/{BUCKET}", "acl", body=b"<AccessControlPolicy/>")
    assert answer.code == "MalformedACLError"
    answer = await tester.request("PUT", f"/{BUCKET}", "acl", body=b"<!DOCTYPE a><a/>")
    assert answer.code == "MalformedXML"


@pytest.mark.parametrize(
    ("bucket_acl", "object_acl", "lists", "reads", "writes"),
    [
        ("private", "private", False, False, False),
        ("private", "public-read", False, True, False),
        ("private", "public-read-write", False, True, False),
        ("public-read", "private", True, False, False),
        ("public-read", "public-read", True, True, False),
        ("public-read-write", "private", True, False, True),
        ("public-read-write", "public-read", True, True, True),
    ],
)
async def test_access_to_a_bucket_and_its_objects(
    s3: S3,
    tester: Client,
    bucket_acl: str,
    object_acl: str,
    lists: bool,
    reads: bool,
    writes: bool,
) -> None:
    await make_bucket(tester, "b", ACL=bucket_acl)
    await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL=object_acl)
    for client in (s3.clients["other:admin"], s3.anonymous):
        assert await may(client, "GetObject", Bucket=BUCKET, Key="a") is reads
        assert await may(client, "GetObject", Bucket=BUCKET, Key="b") is False
        assert await may(client, "ListObjects", Bucket=BUCKET) is lists
        assert await may(client, "PutObject", Bucket=BUCKET, Key="new") is writes
        assert await may(client, "GetObjectAcl", Bucket=BUCKET, Key="a") is False


async def test_an_owner_who_took_all_grants_back(tester: Client) -> None:
    await make_bucket(tester, "a")
    nothing = {"Owner": OWNER, "Grants": []}
    await tester.call("PutBucketAcl", Bucket=BUCKET, AccessControlPolicy=nothing)
    assert not await may(tester, "PutObject", Bucket=BUCKET, Key="b")
    assert await may(tester, "GetObject", Bucket=BUCKET, Key="a")
    assert (await tester.call("GetBucketAcl", Bucket=BUCKET)).get("Grants", []) == []
    await tester.call("PutBucketAcl", Bucket=BUCKET, ACL="private")
    assert await may(tester, "PutObject", Bucket=BUCKET, Key="b")


async def test_an_object_is_its_writers(s3: S3, tester: Client) -> None:
    await make_bucket(tester, ACL="public-read-write")
    other = s3.clients["other:admin"]
    await other.call("PutObject", Bucket=BUCKET, Key="a")
    assert await who_may(s3, "GetObject", Key="a") == {"other"}
    found = await other.call("GetObjectAcl", Bucket=BUCKET, Key="a")
    assert found["Owner"] == {"ID": OTHER_ID, "DisplayName": "other"}
    await set_policy(tester, {"Action": "s3:GetObject"})
    assert await who_may(s3, "GetObject", Key="a") == {"other"}
    await other.call("PutObject", Bucket=BUCKET, Key="b", ACL="bucket-owner-read")
    assert await who_may(s3, "GetObject", Key="b") == {"owner", "other"}
    assert await refused(tester, "GetObjectAcl", Bucket=BUCKET, Key="b") == "AccessDenied"
    await other.call("PutObject", Bucket=BUCKET, Key="c", ACL="bucket-owner-full-control")
    found = await tester.call("GetObjectAcl", Bucket=BUCKET, Key="c")
    assert [grant["Permission"] for grant in found["Grants"]] == ["FULL_CONTROL"] * 2
    await tester.call("PutObjectAcl", Bucket=BUCKET, Key="c", ACL="public-read")
    found = await other.call("GetObjectAcl", Bucket=BUCKET, Key="c")
    assert found["Owner"]["ID"] == OTHER_ID
    await tester.call("DeleteObject", Bucket=BUCKET, Key="a")


async def test_what_another_account_wrote_stays_theirs(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await set_policy(tester, {"Action": "s3:PutObject"})
    await s3.clients["other:admin"].call("PutObject", Bucket=BUCKET, Key="a")
    await tester.call("DeleteBucketPolicy", Bucket=BUCKET)
    assert await who_may(s3, "GetObject", Key="a") == {"other"}
    assert await may(tester, "DeleteObject", Bucket=BUCKET, Key="a")


async def test_an_owner_who_grants_only_others_has_no_grant(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await tester.call("PutObject", Bucket=BUCKET, Key="a", GrantRead=f"id={OTHER_ID}")
    assert await who_may(s3, "GetObject", Key="a") == {"other"}
    await tester.call("PutObjectAcl", Bucket=BUCKET, Key="a", ACL="private")
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}


async def test_a_copy_is_given_its_own_list(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL="public-read")
    await tester.call("CopyObject", Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")
    assert await who_may(s3, "GetObject", Key="a") == ALL
    assert await who_may(s3, "GetObject", Key="b") == {"owner"}
    copied = {"Key": "c", "CopySource": f"{BUCKET}/a", "ACL": "authenticated-read"}
    await tester.call("CopyObject", Bucket=BUCKET, **copied)
    assert await who_may(s3, "GetObject", Key="c") == ALL - {"nobody"}


async def block(tester: Client, **settings: bool) -> None:
    await tester.call(
        "PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration=settings
    )


async def test_public_lists_can_be_blocked(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL="public-read")
    await block(tester, BlockPublicAcls=True)
    for acl in ("public-read", "public-read-write", "authenticated-read"):
        for operation in ("PutObject", "PutObjectAcl"):
            asked = {"Bucket": BUCKET, "Key": "a", "ACL": acl}
            assert await refused(tester, operation, **asked) == "AccessDenied"
        assert await refused(tester, "PutBucketAcl", Bucket=BUCKET, ACL=acl) == "AccessDenied"
    assert await who_may(s3, "GetObject", Key="a") == ALL
    await block(tester, IgnorePublicAcls=True)
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}


async def set_ownership(tester: Client, ownership: str) -> None:
    rules = {"Rules": [{"ObjectOwnership": ownership}]}
    await tester.call("PutBucketOwnershipControls", Bucket=BUCKET, OwnershipControls=rules)


async def test_ownership_controls_are_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester, ObjectOwnership="BucketOwnerEnforced")
    found = await tester.call("GetBucketOwnershipControls", Bucket=BUCKET)
    assert found["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    await tester.call("DeleteBucketOwnershipControls", Bucket=BUCKET)
    code = await refused(tester, "GetBucketOwnershipControls", Bucket=BUCKET)
    assert code == "OwnershipControlsNotFoundError"
    body = b"<OwnershipControls><Rule><ObjectOwnership>Mine</ObjectOwnership></Rule>"
    answer = await tester.request(
        "PUT", f"/{BUCKET}", "ownershipControls", body=body + b"</OwnershipControls>"
    )
    assert answer.code == "MalformedXML"
    asked = {"Bucket": "other-photos", "ObjectOwnership": "Mine"}
    assert await refused(tester, "CreateBucket", **asked) == "InvalidArgument"


async def test_where_lists_mean_nothing(s3: S3, tester: Client) -> None:
    await make_bucket(tester, ACL="public-read-write")
    await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL="public-read")
    asked = {
        "Bucket": BUCKET,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    }
    code = await refused(tester, "PutBucketOwnershipControls", **asked)
    assert code == "InvalidBucketAclWithObjectOwnership"
    await tester.call("PutBucketAcl", Bucket=BUCKET, ACL="private")
    await set_ownership(tester, "BucketOwnerEnforced")
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}
    not_supported = "AccessControlListNotSupported"
    assert await refused(tester, "PutBucketAcl", Bucket=BUCKET, ACL="private") == not_supported
    for operation in ("PutObject", "PutObjectAcl"):
        asked = {"Bucket": BUCKET, "Key": "a", "ACL": "public-read"}
        assert await refused(tester, operation, **asked) == not_supported
    full = "bucket-owner-full-control"
    await tester.call("PutObject", Bucket=BUCKET, Key="b", ACL=full)
    await set_policy(tester, {"Action": "s3:PutObject"})
    other = s3.clients["other:admin"]
    await other.call("PutObject", Bucket=BUCKET, Key="c")
    assert await who_may(s3, "GetObject", Key="c") == {"owner"}


async def test_where_the_bucket_owner_is_preferred(s3: S3, tester: Client) -> None:
    await make_bucket(tester, ACL="public-read-write", ObjectOwnership="BucketOwnerPreferred")
    other = s3.clients["other:admin"]
    await other.call("PutObject", Bucket=BUCKET, Key="a", ACL="bucket-owner-full-control")
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}
    await other.call("PutObject", Bucket=BUCKET, Key="b")
    assert await who_may(s3, "GetObject", Key="b") == {"other"}


async def test_a_new_bucket_has_lists_or_an_enforced_owner(tester: Client) -> None:
    asked = {"Bucket": BUCKET, "ACL": "public-read", "ObjectOwnership": "BucketOwnerEnforced"}
    code = await refused(tester, "CreateBucket", **asked)
    assert code == "InvalidBucketAclWithObjectOwnership"
    assert await refused(tester, "HeadBucket", Bucket=BUCKET) != ""

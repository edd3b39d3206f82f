"""Policies of buckets, set and obeyed (ceph/s3-tests: bucket_policy_*, block_public_*)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bucket_steps import (
    BUCKET,
    everybody,
    make_bucket,
    may,
    policy,
    refused,
    set_policy,
    who_may,
)
from s3_harness import S3, Client

ALL = {"owner", "member", "other", "nobody"}


async def test_a_policy_is_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester)
    assert await refused(tester, "GetBucketPolicy", Bucket=BUCKET) == "NoSuchBucketPolicy"
    text = policy({"Action": "s3:ListBucket"})
    await tester.call("PutBucketPolicy", Bucket=BUCKET, Policy=text)
    answer = await tester.request("GET", f"/{BUCKET}", "policy")
    assert (answer.status, answer["content-type"]) == (200, "application/json")
    assert json.loads(answer.body) == json.loads(text)
    assert (await tester.request("DELETE", f"/{BUCKET}", "policy")).status == 204
    assert (await tester.request("DELETE", f"/{BUCKET}", "policy")).status == 204
    assert await refused(tester, "GetBucketPolicy", Bucket=BUCKET) == "NoSuchBucketPolicy"


async def test_what_is_no_policy_changes_nothing(tester: Client) -> None:
    await make_bucket(tester)
    for text in ("", "{}", "\xff", policy({"Action": "s3:Nothing"}), policy().replace("[", "")):
        answer = await tester.request("PUT", f"/{BUCKET}", "policy", body=text.encode("latin-1"))
        assert (answer.status, answer.code) == (400, "MalformedPolicy")
    others = policy({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::others/*"})
    answer = await tester.request("PUT", f"/{BUCKET}", "policy", body=others.encode())
    assert answer.xml("Error").value("Message") == "Policy has invalid resource"
    assert await refused(tester, "GetBucketPolicy", Bucket=BUCKET) == "NoSuchBucketPolicy"


async def test_a_policy_opens_what_it_names(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    assert await who_may(s3, "ListObjectsV2") == {"owner"}
    await set_policy(tester, {"Action": "s3:ListBucket"})
    assert await who_may(s3, "ListObjectsV2") == ALL
    assert await who_may(s3, "ListObjects") == ALL
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}
    await set_policy(tester, {"Action": "s3:GetObject", "Principal": {"AWS": "other"}})
    assert await who_may(s3, "GetObject", Key="a") == {"owner", "other"}
    assert await who_may(s3, "ListObjectsV2") == {"owner"}
    await tester.call("DeleteBucketPolicy", Bucket=BUCKET)
    assert await who_may(s3, "GetObject", Key="a") == {"owner"}


async def test_a_denial_closes_to_the_owner_who_can_mend_it(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    await set_policy(tester, {"Effect": "Deny", "Action": "s3:*"})
    assert await who_may(s3, "GetObject", Key="a") == set()
    assert await who_may(s3, "PutObject", Key="b") == set()
    assert await who_may(s3, "GetBucketPolicy") == {"owner"}
    await tester.call("DeleteBucketPolicy", Bucket=BUCKET)
    assert await may(tester, "GetObject", Bucket=BUCKET, Key="a")


@pytest.mark.parametrize(
    ("action", "operation", "parameters"),
    [
        ("s3:PutObject", "PutObject", {"Key": "b"}),
        ("s3:DeleteObject", "DeleteObject", {"Key": "a"}),
        ("s3:GetObjectTagging", "GetObjectTagging", {"Key": "a"}),
        ("s3:PutObjectTagging", "PutObjectTagging", {"Key": "a", "Tagging": {"TagSet": []}}),
        ("s3:GetObjectAcl", "GetObjectAcl", {"Key": "a"}),
        ("s3:PutObjectAcl", "PutObjectAcl", {"Key": "a", "ACL": "private"}),
        ("s3:GetBucketAcl", "GetBucketAcl", {}),
        ("s3:GetBucketPolicy", "GetBucketPolicy", {}),
        ("s3:GetBucketLocation", "GetBucketLocation", {}),
        ("s3:GetBucketCORS", "GetBucketCors", {}),
    ],
)
async def test_each_operation_has_its_action(
    s3: S3, tester: Client, action: str, operation: str, parameters: dict[str, Any]
) -> None:
    await make_bucket(tester, "a")
    other = s3.clients["other:admin"]
    assert not await may(other, operation, Bucket=BUCKET, **parameters)
    await set_policy(tester, {"Action": action, "Principal": {"AWS": "other"}})
    assert await may(other, operation, Bucket=BUCKET, **parameters)
    assert not await may(s3.anonymous, operation, Bucket=BUCKET, **parameters)


async def test_conditions_read_the_request(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    other = s3.clients["other:admin"]

    async def puts(**headers: Any) -> bool:
        return await may(other, "PutObject", Bucket=BUCKET, Key="b", **headers)

    await set_policy(
        tester,
        {"Action": "s3:PutObject"},
        {
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Condition": {"StringLike": {"s3:x-amz-acl": "public*"}},
        },
    )
    assert await puts()
    assert await puts(ACL="private")
    assert not await puts(ACL="public-read")
    condition = {"StringEquals": {"s3:RequestObjectTag/security": "public"}}
    await set_policy(tester, {"Action": "s3:PutObject", "Condition": condition})
    assert not await puts()
    assert not await puts(Tagging="security=private")
    assert await puts(Tagging="security=public&x=y")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"StringEquals": {"s3:prefix": "a/", "s3:delimiter": "/"}}, True),
        ({"StringEquals": {"s3:prefix": "b/"}}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "4"}}, False),
        ({"StringEquals": {"s3:authType": "REST-HEADER"}}, True),
        ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, True),
        ({"StringEquals": {"aws:username": "admin"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::other:user/*"}}, True),
        ({"StringEquals": {"s3:ResourceAccount": "test"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2001-01-01T00:00:00Z"}}, True),
        ({"StringLike": {"aws:Referer": "http://example.com/*"}}, False),
        ({"Null": {"aws:Referer": "true"}}, True),
    ],
)
async def test_condition_keys(s3: S3, tester: Client, condition: Any, holds: bool) -> None:
    await make_bucket(tester)
    await set_policy(tester, {"Action": "s3:ListBucket", "Condition": condition})
    other = s3.clients["other:admin"]
    asked = {"Prefix": "a/", "Delimiter": "/", "MaxKeys": 5}
    assert await may(other, "ListObjectsV2", Bucket=BUCKET, **asked) is holds


async def test_a_presigned_request_says_so(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    other = s3.clients["other:admin"]
    condition = {
        "StringEquals": {"s3:authType": "REST-QUERY-STRING"},
        "NumericLessThan": {"s3:signatureAge": "60000"},
    }
    await set_policy(tester, {"Action": "s3:GetObject", "Condition": condition})
    query = other.presign("GET", f"/{BUCKET}/a")
    answer = await s3.send("GET", f"/{BUCKET}/a", query, {"host": "s3.localhost"})
    assert answer.status == 200
    assert not await may(other, "GetObject", Bucket=BUCKET, Key="a")


async def test_tags_that_an_object_has_open_it(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a", "b")
    tags = {"TagSet": [{"Key": "security", "Value": "public"}]}
    await tester.call("PutObjectTagging", Bucket=BUCKET, Key="a", Tagging=tags)
    condition = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
    actions = ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"]
    await set_policy(tester, {"Action": actions, "Condition": condition})
    other = s3.clients["other:admin"]
    for operation in ("GetObject", "GetObjectTagging", "HeadObject", "DeleteObject"):
        assert not await may(other, operation, Bucket=BUCKET, Key="b")
        assert await may(other, operation, Bucket=BUCKET, Key="a")


async def test_tags_in_the_body_are_judged_as_well(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    condition = {"StringEquals": {"s3:RequestObjectTag/security": "public"}}
    keys = {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["security", "x"]}}
    await set_policy(tester, {"Action": "s3:PutObjectTagging", "Condition": {**condition, **keys}})
    other = s3.clients["other:admin"]

    async def tags(**given: str) -> bool:
        listed = {"TagSet": [{"Key": key, "Value": value} for key, value in given.items()]}
        return await may(other, "PutObjectTagging", Bucket=BUCKET, Key="a", Tagging=listed)

    assert not await tags(security="private")
    assert not await tags(security="public", other="")
    assert await tags(security="public", x="")


async def test_a_copy_needs_both_ends(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "public/a", "private/a")
    other = s3.clients["other:admin"]
    await other.call("CreateBucket", Bucket="theirs")
    source = {"Bucket": "theirs", "Key": "x"}
    await set_policy(
        tester, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/public/*"}
    )
    assert await may(other, "CopyObject", CopySource=f"{BUCKET}/public/a", **source)
    assert not await may(other, "CopyObject", CopySource=f"{BUCKET}/private/a", **source)
    condition = {"StringLike": {"s3:x-amz-copy-source": f"{BUCKET}/public/*"}}
    await set_policy(
        tester,
        {"Action": "s3:GetObject"},
        {"Action": "s3:PutObject", "Condition": condition},
    )
    here = {"Bucket": BUCKET, "Key": "new"}
    assert await may(other, "CopyObject", CopySource=f"{BUCKET}/public/a", **here)
    assert not await may(other, "CopyObject", CopySource=f"{BUCKET}/private/a", **here)


async def test_who_may_not_list_is_not_told_what_lacks(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await set_policy(tester, {"Action": "s3:GetObject"})
    assert await refused(s3.anonymous, "GetObject", Bucket=BUCKET, Key="x") == "AccessDenied"
    assert await refused(tester, "GetObject", Bucket=BUCKET, Key="x") == "NoSuchKey"
    await set_policy(tester, {"Action": "s3:ListBucket"})
    assert await refused(s3.anonymous, "GetObject", Bucket=BUCKET, Key="x") == "NoSuchKey"


async def status_of(tester: Client) -> bool:
    found = await tester.call("GetBucketPolicyStatus", Bucket=BUCKET)
    return bool(found["PolicyStatus"]["IsPublic"])


async def test_the_status_tells_whether_a_bucket_is_public(tester: Client) -> None:
    await make_bucket(tester)
    assert not await status_of(tester)
    await set_policy(tester, {"Action": "s3:ListBucket"})
    assert await status_of(tester)
    inside = {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}
    await set_policy(tester, {"Action": "s3:ListBucket", "Condition": inside})
    assert not await status_of(tester)
    await tester.call("PutBucketAcl", Bucket=BUCKET, ACL="public-read")
    assert await status_of(tester)


async def block(tester: Client, **settings: bool) -> None:
    await tester.call(
        "PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration=settings
    )


async def test_the_public_access_block_is_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester)
    missing = "NoSuchPublicAccessBlockConfiguration"
    assert await refused(tester, "GetPublicAccessBlock", Bucket=BUCKET) == missing
    await block(tester, BlockPublicAcls=True, RestrictPublicBuckets=True)
    found = await tester.call("GetPublicAccessBlock", Bucket=BUCKET)
    assert found["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True,
    }
    await tester.call("DeletePublicAccessBlock", Bucket=BUCKET)
    assert await refused(tester, "GetPublicAccessBlock", Bucket=BUCKET) == missing


async def test_public_policies_can_be_blocked(tester: Client) -> None:
    await make_bucket(tester)
    await block(tester, BlockPublicPolicy=True)
    text = policy({"Action": "s3:GetObject"})
    assert await refused(tester, "PutBucketPolicy", Bucket=BUCKET, Policy=text) == "AccessDenied"
    await set_policy(tester, {"Action": "s3:GetObject", "Principal": {"AWS": "other"}})


async def test_a_restricted_public_policy_lets_in_the_account_only(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    await set_policy(tester, {"Action": "s3:GetObject"})
    assert await who_may(s3, "GetObject", Key="a") == ALL
    await block(tester, RestrictPublicBuckets=True)
    assert await who_may(s3, "GetObject", Key="a") == {"owner", "member"}


async def test_resellers_pass_everywhere(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "a")
    await set_policy(tester, {"Effect": "Deny", "Action": "s3:*"})
    assert await may(s3.clients["ops:root"], "GetObject", Bucket=BUCKET, Key="a")


async def test_a_service_without_a_bucket_is_for_administrators(s3: S3) -> None:
    found = {kind for kind, one in everybody(s3).items() if await may(one, "ListBuckets")}
    assert found == {"owner", "other"}

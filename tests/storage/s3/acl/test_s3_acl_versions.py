"""Each version of an object has a list of its own."""

from __future__ import annotations

from bucket_steps import BUCKET, make_bucket, may, set_policy
from s3_harness import S3, Client


async def test_the_version_that_is_asked_for_is_the_one_that_is_judged(
    s3: S3, tester: Client
) -> None:
    await make_bucket(tester)
    await tester.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    private = await tester.call("PutObject", Bucket=BUCKET, Key="a", Body=b"old")
    public = await tester.call("PutObject", Bucket=BUCKET, Key="a", ACL="public-read")
    old, new = private["VersionId"], public["VersionId"]
    other = s3.clients["other:admin"]
    await other.call("CreateBucket", Bucket="theirs")
    for version, allowed in ((old, False), (new, True)):
        named = {"Bucket": BUCKET, "Key": "a", "VersionId": version}
        assert await may(s3.anonymous, "GetObject", **named) is allowed
        source = f"{BUCKET}/a?versionId={version}"
        copied = {"Bucket": "theirs", "Key": "a", "CopySource": source}
        assert await may(other, "CopyObject", **copied) is allowed
    assert await may(s3.anonymous, "GetObject", Bucket=BUCKET, Key="a")
    acl = {"Bucket": BUCKET, "Key": "a", "VersionId": old, "ACL": "public-read"}
    await tester.call("PutObjectAcl", **acl)
    assert await may(s3.anonymous, "GetObject", Bucket=BUCKET, Key="a", VersionId=old)


async def test_a_version_has_actions_of_its_own(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    await tester.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    put = await tester.call("PutObject", Bucket=BUCKET, Key="a")
    await set_policy(tester, {"Action": "s3:GetObject"})
    named = {"Bucket": BUCKET, "Key": "a"}
    assert await may(s3.anonymous, "GetObject", **named)
    assert not await may(s3.anonymous, "GetObject", **named, VersionId=put["VersionId"])
    await set_policy(tester, {"Action": "s3:GetObjectVersion"})
    assert await may(s3.anonymous, "GetObject", **named, VersionId=put["VersionId"])

"""Tags of buckets."""

from __future__ import annotations

from bucket_steps import BUCKET, make_bucket, refused
from s3_harness import Client


async def test_tags_are_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester)
    assert await refused(tester, "GetBucketTagging", Bucket=BUCKET) == "NoSuchTagSet"
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    await tester.call("PutBucketTagging", Bucket=BUCKET, Tagging={"TagSet": tags})
    assert (await tester.call("GetBucketTagging", Bucket=BUCKET))["TagSet"] == tags
    more = {"TagSet": [*tags, {"Key": "k50", "Value": "v"}]}
    assert await refused(tester, "PutBucketTagging", Bucket=BUCKET, Tagging=more) == "BadRequest"
    twice = {"TagSet": tags[:1] * 2}
    assert await refused(tester, "PutBucketTagging", Bucket=BUCKET, Tagging=twice) == "InvalidTag"
    await tester.call("DeleteBucketTagging", Bucket=BUCKET)
    assert await refused(tester, "GetBucketTagging", Bucket=BUCKET) == "NoSuchTagSet"

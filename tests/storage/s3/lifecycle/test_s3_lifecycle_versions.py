"""The lifecycle worker on buckets that keep versions."""

from __future__ import annotations

import pytest
from bucket_steps import BUCKET, make_bucket
from lifecycle_steps import keys_of, pass_days, rule, set_rules, worker_of
from s3_harness import S3, Client

from storage.s3.lifecycle.worker import Lifecycle


@pytest.fixture
def worker(s3: S3) -> Lifecycle:
    return worker_of(s3)


async def test_versions(s3: S3, tester: Client, worker: Lifecycle) -> None:
    await make_bucket(tester)
    enabled = {"Status": "Enabled"}
    await tester.call("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration=enabled)
    await set_rules(
        tester,
        rule(
            Expiration={"Days": 10},
            NoncurrentVersionExpiration={"NoncurrentDays": 2, "NewerNoncurrentVersions": 1},
        ),
    )
    for number in range(4):
        await tester.call("PutObject", Bucket=BUCKET, Key="a", Body=str(number).encode())
    pass_days(s3, 4)

    async def kept() -> list[bytes]:
        found = await tester.call("ListObjectVersions", Bucket=BUCKET)
        versions = [one["VersionId"] for one in found.get("Versions", [])]
        return [
            (await tester.call("GetObject", Bucket=BUCKET, Key="a", VersionId=one))["Body"].read()
            for one in versions
        ]

    assert await kept() == [b"3", b"2", b"1", b"0"]
    assert (await worker.run_once()).removed == 2
    assert await kept() == [b"3", b"2"]
    pass_days(s3, 8)
    report = await worker.run_once()
    assert (report.expired, report.removed) == (1, 0)
    assert await keys_of(tester) == []
    assert await kept() == [b"3", b"2"]
    pass_days(s3, 4)
    assert (await worker.run_once()).removed == 1  # one noncurrent version is always kept


async def test_a_delete_marker_with_nothing_behind_it_goes(
    s3: S3, tester: Client, worker: Lifecycle
) -> None:
    await make_bucket(tester)
    await tester.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    await set_rules(tester, rule(Expiration={"ExpiredObjectDeleteMarker": True}))
    await tester.call("PutObject", Bucket=BUCKET, Key="held")
    for key in ("bare", "held"):
        await tester.call("DeleteObject", Bucket=BUCKET, Key=key)
    assert (await worker.run_once()).removed == 1
    found = await tester.call("ListObjectVersions", Bucket=BUCKET)
    assert [marker["Key"] for marker in found["DeleteMarkers"]] == ["held"]

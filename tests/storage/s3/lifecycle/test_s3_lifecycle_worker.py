"""The lifecycle worker on real buckets, day by day (ceph/s3-tests: lifecycle_expiration_*)."""

from __future__ import annotations

from typing import Any

import pytest
from bucket_steps import BUCKET, make_bucket
from lifecycle_steps import keys_of, pass_days, rule, set_rules, worker_of
from s3_harness import S3, Client

from storage.s3.lifecycle.worker import Lifecycle, LifecycleReport


@pytest.fixture
def worker(s3: S3) -> Lifecycle:
    return worker_of(s3)


async def test_objects_expire_by_prefix_and_days(s3: S3, tester: Client, worker: Lifecycle) -> None:
    await make_bucket(tester, "expire1/foo", "expire1/bar", "expire5/foo", "keep/foo")
    await set_rules(
        tester,
        rule(Filter={"Prefix": "expire1/"}, Expiration={"Days": 1}),
        rule(Filter={"Prefix": "expire5/"}, Expiration={"Days": 5}),
    )
    assert (await worker.run_once()) == LifecycleReport(versions=4, is_complete=True)
    pass_days(s3, 2)
    assert (await worker.run_once()).expired == 2
    assert await keys_of(tester) == ["expire5/foo", "keep/foo"]
    pass_days(s3, 4)
    assert (await worker.run_once()).expired == 1
    assert await keys_of(tester) == ["keep/foo"]


async def test_objects_expire_by_tags_and_size(s3: S3, tester: Client, worker: Lifecycle) -> None:
    await make_bucket(tester, "a", "b", "long-name-long-content")
    for key, value in (("a", "yes"), ("b", "no")):
        tags = {"TagSet": [{"Key": "expire", "Value": value}]}
        await tester.call("PutObjectTagging", Bucket=BUCKET, Key=key, Tagging=tags)
    await set_rules(
        tester,
        rule(Filter={"Tag": {"Key": "expire", "Value": "yes"}}, Expiration={"Days": 1}),
        rule(Filter={"ObjectSizeGreaterThan": 10}, Expiration={"Days": 1}),
    )
    pass_days(s3, 2)
    assert (await worker.run_once()).expired == 2
    assert await keys_of(tester) == ["b"]


async def test_a_disabled_rule_does_nothing(s3: S3, tester: Client, worker: Lifecycle) -> None:
    await make_bucket(tester, "a")
    await set_rules(tester, rule(Expiration={"Days": 1}, Status="Disabled"))
    pass_days(s3, 9)
    assert (await worker.run_once()).expired == 0


async def test_what_was_written_anew_stays(s3: S3, tester: Client, worker: Lifecycle) -> None:
    await make_bucket(tester, "a", "b")
    await set_rules(tester, rule(Expiration={"Days": 1}))
    pass_days(s3, 2)
    await tester.call("PutObject", Bucket=BUCKET, Key="a")
    assert (await worker.run_once()).expired == 1
    assert await keys_of(tester) == ["a"]


async def test_what_is_replaced_while_it_is_judged_stays(
    s3: S3, tester: Client, worker: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_bucket(tester, "a")
    await set_rules(tester, rule(Expiration={"Days": 1}))
    pass_days(s3, 2)
    store = s3.memory.store
    delete = store.delete_object

    async def delete_late(*args: Any, **more: Any) -> Any:
        await tester.call("PutObject", Bucket=BUCKET, Key="a", Body=b"new")
        return await delete(*args, **more)

    monkeypatch.setattr(store, "delete_object", delete_late)
    report = await worker.run_once()
    assert (report.expired, report.kept) == (0, 1)
    assert await keys_of(tester) == ["a"]


async def test_uploads_that_were_not_completed_are_aborted(
    s3: S3, tester: Client, worker: Lifecycle
) -> None:
    await make_bucket(tester)
    for key in ("a/1", "a/2", "b"):
        await tester.call("CreateMultipartUpload", Bucket=BUCKET, Key=key)
    abort = {"DaysAfterInitiation": 2}
    await set_rules(tester, rule(Filter={"Prefix": "a/"}, AbortIncompleteMultipartUpload=abort))
    pass_days(s3, 1)
    assert (await worker.run_once()).aborted == 0
    pass_days(s3, 2)
    assert (await worker.run_once()).aborted == 2
    found = await tester.call("ListMultipartUploads", Bucket=BUCKET)
    assert [upload["Key"] for upload in found["Uploads"]] == ["b"]


async def test_a_walk_goes_on_where_the_last_one_ended(
    s3: S3, tester: Client, worker: Lifecycle
) -> None:
    buckets = ["one", "two", "without-rules", "zwo"]
    for bucket in buckets:
        await tester.call("CreateBucket", Bucket=bucket)
        for number in range(5):
            await tester.call("PutObject", Bucket=bucket, Key=f"k{number}")
        if bucket != "without-rules":
            await set_rules(tester, rule(Expiration={"Days": 1}), bucket=bucket)
    pass_days(s3, 2)
    reports = []
    while not reports or not reports[-1].is_complete:
        reports.append(await worker_of(s3).run_once(versions_max=4))
    assert [report.expired for report in reports] == [4, 4, 4, 3]
    assert sum(report.versions for report in reports) == 15
    assert [await keys_of(tester, bucket) for bucket in buckets] == [
        [], [], [f"k{number}" for number in range(5)], [],
    ]  # fmt: skip
    assert (await worker.run_once()).is_complete


async def test_a_bucket_that_is_gone_ends_no_walk(
    s3: S3, tester: Client, worker: Lifecycle
) -> None:
    for bucket in ("one", "two"):
        await tester.call("CreateBucket", Bucket=bucket)
        await set_rules(tester, rule(Expiration={"Days": 1}), bucket=bucket)
        await tester.call("PutObject", Bucket=bucket, Key="a")
        await tester.call("PutObject", Bucket=bucket, Key="b")
    assert not (await worker.run_once(versions_max=1)).is_complete
    for key in "ab":
        await tester.call("DeleteObject", Bucket="one", Key=key)
    await tester.call("DeleteBucket", Bucket="one")
    report = await worker.run_once()
    assert (report.versions, report.is_complete) == (2, True)


async def test_clients_are_told_when_an_object_expires(tester: Client) -> None:
    await make_bucket(tester, "days1/foo", "tagged")
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    await tester.call("PutObjectTagging", Bucket=BUCKET, Key="tagged", Tagging=tags)
    await set_rules(
        tester,
        rule(ID="rule 1", Filter={"Prefix": "days1/"}, Expiration={"Days": 1}),
        rule(ID="rule2", Filter={"Tag": tags["TagSet"][0]}, Expiration={"Date": "2101-01-01"}),
    )
    found = await tester.call("HeadObject", Bucket=BUCKET, Key="days1/foo")
    assert found["Expiration"].startswith('expiry-date="')
    assert found["Expiration"].endswith(' 00:00:00 GMT", rule-id="rule%201"')
    found = await tester.call("GetObject", Bucket=BUCKET, Key="tagged")
    assert found["Expiration"] == 'expiry-date="Sat, 01 Jan 2101 00:00:00 GMT", rule-id="rule2"'
    found = await tester.call("PutObject", Bucket=BUCKET, Key="days1/new")
    assert "rule%201" in found["Expiration"]
    found = await tester.call("PutObject", Bucket=BUCKET, Key="other")
    assert "Expiration" not in found

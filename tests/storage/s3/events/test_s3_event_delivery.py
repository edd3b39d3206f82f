"""What happens in a bucket is told to whoever its rules name: at least once, in order."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import trio
from events_steps import OTHER, REDIS, SETTINGS, WEBHOOK, Hook, keeper, left_events, rule
from memory_store import BytesBody
from s3_harness import S3, Client, s3_api
from trio.testing import MockClock

from storage.container.record import ContainerRecord
from storage.proxy.engine import Attributes
from storage.s3.configuration import Configurations
from storage.s3.events.configuration import NOTIFICATION


@pytest.fixture
async def s3() -> AsyncIterator[S3]:
    async with s3_api(SETTINGS) as api:
        yield api


@pytest.fixture
async def hook(s3: S3, nursery: trio.Nursery) -> Hook:
    hook = Hook()
    nursery.start_soon(hook.serve, s3.memory.world, "hook:8080")
    return hook


async def listen(client: Client, *rules: object, bucket: str = "photos") -> None:
    await client.call("CreateBucket", Bucket=bucket)
    await change(client, *rules, bucket=bucket)


async def change(client: Client, *rules: object, bucket: str = "photos") -> None:
    await client.call(
        "PutBucketNotificationConfiguration",
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": rules},
    )


async def test_a_webhook_is_told_of_a_put(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule() | {"Id": "mine"})
    made = await tester.call("PutObject", Bucket="photos", Key="a b/ü", Body=b"four")
    async with keeper(s3):
        await trio.sleep(1)
    assert left_events(s3) == 0
    (message,) = hook.messages
    (record,) = message["Records"]
    assert record["eventSource"] == "aws:s3"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["userIdentity"] == {"principalId": "test:tester"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    told = record["s3"]
    assert told["configurationId"] == "mine"
    assert told["bucket"]["name"] == "photos"
    assert told["object"]["key"] == "a+b/%C3%BC"
    assert told["object"]["size"] == 4
    assert told["object"]["eTag"] == made["ETag"].strip('"')
    assert "versionId" not in told["object"]
    assert record["atoll"]["numbers"] == {"0": 1}
    assert "POST /in?x=1 HTTP/1.1" in hook.heads[0]
    assert "Authorization: Basic bWU6c2VjcmV0" in hook.heads[0]


async def test_every_kind_has_its_name(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(
        tester, rule(WEBHOOK, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")
    )
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1")
    await tester.call("CopyObject", Bucket="photos", Key="b", CopySource="photos/a")
    await tester.call("PutObjectTagging", Bucket="photos", Key="a", Tagging=tags)
    await tester.call("DeleteObjectTagging", Bucket="photos", Key="a")
    await tester.call("DeleteObject", Bucket="photos", Key="a")
    await tester.call(
        "PutBucketVersioning", Bucket="photos", VersioningConfiguration={"Status": "Enabled"}
    )
    marker = await tester.call("DeleteObject", Bucket="photos", Key="b")
    await tester.call("DeleteObject", Bucket="photos", Key="b", VersionId=marker["VersionId"])
    upload = await tester.call("CreateMultipartUpload", Bucket="photos", Key="c")
    where = {"Bucket": "photos", "Key": "c", "UploadId": upload["UploadId"]}
    part = await tester.call("UploadPart", **where, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    await tester.call("CompleteMultipartUpload", **where, MultipartUpload=parts)
    async with keeper(s3):
        await trio.sleep(1)
    assert hook.told == [
        ("ObjectCreated:Put", "a"),
        ("ObjectCreated:Copy", "b"),
        ("ObjectTagging:Put", "a"),
        ("ObjectTagging:Delete", "a"),
        ("ObjectRemoved:Delete", "a"),
        ("ObjectRemoved:DeleteMarkerCreated", "b"),
        ("ObjectRemoved:Delete", "b"),
        ("ObjectCreated:CompleteMultipartUpload", "c"),
    ]
    records = [message["Records"][0] for message in hook.messages]
    assert [one["atoll"]["numbers"] for one in records] == [{"0": n} for n in range(1, 9)]
    sequencers = [one["s3"]["object"]["sequencer"] for one in records]
    assert sequencers == sorted(set(sequencers))
    assert records[5]["s3"]["object"]["versionId"] == marker["VersionId"]


async def test_other_doors_are_heard_too(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule())
    store = s3.memory.store
    container = await store.container("AUTH_test", "photos")
    assert isinstance(container, ContainerRecord)
    attributes = Attributes("text/plain", {}, {})
    await store.put_object(container, "swift", attributes, BytesBody(b"1"), size_bytes=1)
    async with keeper(s3):
        await trio.sleep(1)
    assert hook.told == [("ObjectCreated:Put", "swift")]


async def test_rules_choose_by_prefix_suffix_and_kind(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule(WEBHOOK, "s3:ObjectCreated:Put", Prefix="in/", Suffix=".jpg"))
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg"):
        await tester.call("PutObject", Bucket="photos", Key=key, Body=b"")
    await tester.call("CopyObject", Bucket="photos", Key="in/b.jpg", CopySource="photos/in/a.jpg")
    async with keeper(s3):
        await trio.sleep(1)
    assert hook.told == [("ObjectCreated:Put", "in/a.jpg")]
    assert left_events(s3) == 0


async def test_what_was_refused_is_sent_again(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule())
    hook.answers += [503, 500]
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    await tester.call("PutObject", Bucket="photos", Key="b", Body=b"")
    counts = Counter[str]()
    async with keeper(s3, counts):
        await trio.sleep(10)
    assert hook.told == [("ObjectCreated:Put", "a"), ("ObjectCreated:Put", "b")]
    assert counts == {"events_retried": 2, "events_delivered": 2}
    assert left_events(s3) == 0


async def test_a_keeper_that_dies_leaves_what_it_did_not_tell(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule())
    hook.answers += [503] * 2
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    async with keeper(s3):
        await trio.sleep(0.3)
    assert left_events(s3) == 1
    async with keeper(s3):
        await trio.sleep(10)
    assert hook.told == [("ObjectCreated:Put", "a")]
    assert left_events(s3) == 0


async def test_a_damaged_event_stops_no_other(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule())
    for key in "abc":
        await tester.call("PutObject", Bucket="photos", Key=key, Body=b"")
    with s3.memory.devices[0].index.batch() as batch:
        batch.put("events", b"\2" + (2).to_bytes(8), b"damaged!")
    counts = Counter[str]()
    async with keeper(s3, counts):
        await trio.sleep(5)
    assert hook.told == [("ObjectCreated:Put", "a"), ("ObjectCreated:Put", "c")]
    assert counts == {"events_delivered": 2, "events_damaged": 1}
    assert left_events(s3) == 1


async def test_a_document_that_is_no_configuration_is_none(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule())
    store = s3.memory.store
    bucket = await store.container("AUTH_test", "photos")
    assert bucket is not None
    await Configurations(store).put(bucket, NOTIFICATION, b"<damaged")
    await listen(tester, rule(), bucket="others")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    await tester.call("PutObject", Bucket="others", Key="b", Body=b"")
    async with keeper(s3):
        await trio.sleep(1)
    assert hook.told == [("ObjectCreated:Put", "b")]
    assert left_events(s3) == 0


async def test_a_dead_target_keeps_no_other_waiting(
    s3: S3, tester: Client, hook: Hook, autojump_clock: MockClock
) -> None:
    await listen(tester, rule(), rule(OTHER, "s3:ObjectRemoved:*"))
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    await tester.call("DeleteObject", Bucket="photos", Key="a")
    await tester.call("PutObject", Bucket="photos", Key="b", Body=b"")
    async with keeper(s3):
        await trio.sleep(2)
        assert hook.told == [("ObjectCreated:Put", "a"), ("ObjectCreated:Put", "b")]
    assert left_events(s3) == 1


@pytest.mark.parametrize("limits", [{"age_s_max": 20}, {"backlog_max": 1}])
async def test_what_is_too_old_or_too_much_is_dropped_and_counted(
    s3: S3, tester: Client, limits: dict[str, float], autojump_clock: MockClock
) -> None:
    await listen(tester, rule(OTHER))
    for key in "abc":
        await tester.call("PutObject", Bucket="photos", Key=key, Body=b"")
    counts = Counter[str]()
    async with keeper(s3, counts, interval_s=1.0, **limits):
        await trio.sleep(60)
    left = 1 if "backlog_max" in limits else 0
    assert counts["events_dropped"] == 3 - left
    assert left_events(s3) == left


async def test_replicas_tell_an_event_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with s3_api(SETTINGS, devices=3, replicas=3) as s3:
        hook = Hook()
        nursery.start_soon(hook.serve, s3.memory.world, "hook:8080")
        tester = s3.clients["test:tester"]
        await listen(tester, rule())
        await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
        assert left_events(s3) == 3
        async with keeper(s3):
            await trio.sleep(1)
        assert hook.told == [("ObjectCreated:Put", "a")]
        assert set(hook.messages[0]["Records"][0]["atoll"]["numbers"]) <= {"0", "1", "2"}
        assert left_events(s3) == 0


async def test_no_event_without_a_configuration(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    assert left_events(s3) == 0
    await change(tester, rule())
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    assert left_events(s3) == 1
    await change(tester)
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    assert left_events(s3) == 1


async def test_a_redis_list_takes_events(
    s3: S3, tester: Client, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    listener = await s3.memory.world.network.listen("redis:6379")
    asked = b""

    async def serve() -> None:
        nonlocal asked
        stream = await listener.accept()
        for answer in (b"+OK\r\n", b"+OK\r\n", b":1\r\n"):
            asked += await stream.receive()
            await stream.send(answer)

    nursery.start_soon(serve)
    await listen(tester, rule(REDIS))
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    async with keeper(s3):
        await trio.sleep(1)
    assert asked.startswith(b"*2\r\n$4\r\nAUTH\r\n$4\r\npass\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n")
    assert b"*3\r\n$5\r\nRPUSH\r\n$8\r\nhappened\r\n" in asked
    assert left_events(s3) == 0
    await listener.aclose()

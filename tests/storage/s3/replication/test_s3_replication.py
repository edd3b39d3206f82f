"""What is written into a bucket appears in another store's, whose front door checks signatures."""

from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from typing import Any

import pytest
import trio
from s3_harness import S3, ApiError, Client, s3_api
from trio.testing import MockClock

from atoll.world import Stream
from storage.proxy.sealed import refuse
from storage.s3.events.delivery import REFUSALS_MAX, Delivery
from storage.s3.replication.remote import check_remotes
from storage.s3.replication.replicator import Replicator
from storage.s3.settings import S3Settings

THERE, BACK, AWAY = "arn:aws:s3:::copies", "arn:aws:s3:::photos", "arn:minio:replication::x:away"
KEYS = "http://TEST-TESTER:testing-secret@"
SETTINGS = S3Settings(
    replication_targets={
        THERE: f"{KEYS}s3.localhost:80/copies",
        BACK: f"{KEYS}s3.localhost:80/photos",
        AWAY: f"{KEYS}away:80/copies",
    },
    replication_timeout_s=2.0,
)


async def serve(s3: S3) -> None:
    """Answer HTTP at s3.localhost with the application itself."""
    listener = await s3.memory.world.network.listen("s3.localhost:80")
    try:
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(talk, s3, await listener.accept())
    finally:
        with trio.CancelScope(shield=True):
            await listener.aclose()


async def talk(s3: S3, stream: Stream) -> None:
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            if not (more := await stream.receive()):
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in lines)
        while len(data) < int(headers["content-length"]):
            if not (more := await stream.receive()):
                return
            data += more
        length = int(headers["content-length"])
        body, data = data[:length], data[length:]
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        answer = await s3.send(method, path, query, headers, [body])
        status_line = f"HTTP/1.1 {answer.status} It\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        await stream.send(status_line.encode() + answer.body)


@pytest.fixture
async def s3(nursery: trio.Nursery) -> AsyncIterator[S3]:
    async with s3_api(SETTINGS) as api:
        nursery.start_soon(serve, api)
        yield api


@pytest.fixture
async def tester(s3: S3) -> Client:
    client = s3.clients["test:tester"]
    for bucket in ("photos", "copies"):
        await client.call("CreateBucket", Bucket=bucket)
        await client.call(
            "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    return client


def rule(arn: str = THERE, **fields: Any) -> dict[str, Any]:
    return {
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": arn},
        **fields,
    }


async def replicate(client: Client, *rules: Any, bucket: str = "photos") -> None:
    configuration = {"Role": "arn:aws:iam::test:role/r", "Rules": rules}
    await client.call("PutBucketReplication", Bucket=bucket, ReplicationConfiguration=configuration)


@asynccontextmanager
async def keeper(s3: S3, counts: Counter[str], age_s_max: float = 3600) -> AsyncIterator[None]:
    def count(name: str, more: int) -> None:
        counts[name] += more

    memory = s3.memory
    replicas = {number: device.replica for number, device in memory.devices.items()}
    routers = (Replicator(memory.world, memory.store, SETTINGS).route,)
    delivery = Delivery(
        memory.world, replicas, routers, count, age_s_max=age_s_max, backlog_max=100
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(delivery.run, 0.5)
        yield
        nursery.cancel_scope.cancel()


async def settle(s3: S3, seconds: float = 5, age_s_max: float = 3600) -> Counter[str]:
    counts = Counter[str]()
    async with keeper(s3, counts, age_s_max):
        await trio.sleep(seconds)
    return counts


async def missing(client: Client, key: str, bucket: str = "copies") -> bool:
    try:
        await client.call("HeadObject", Bucket=bucket, Key=key)
    except ApiError as error:
        return error.status == 404
    return False


async def test_an_object_is_sent_with_all_that_it_carries(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    body = bytes(range(256)) * 700
    made = await tester.call(
        "PutObject",
        Bucket="photos",
        Key="a b/ü",
        Body=body,
        ContentType="image/x",
        CacheControl="no-store",
        Metadata={"colour": "red"},
        Tagging="k=v&l=w",
    )
    await settle(s3)
    found = await tester.call("GetObject", Bucket="copies", Key="a b/ü")
    assert found["Body"].read() == body
    assert (found["ContentType"], found["CacheControl"]) == ("image/x", "no-store")
    assert found["Metadata"]["colour"] == "red"
    assert found["Metadata"]["atoll-replica"] == made["VersionId"]
    tags = await tester.call("GetObjectTagging", Bucket="copies", Key="a b/ü")
    assert tags["TagSet"] == [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]
    source = await tester.call("HeadObject", Bucket="photos", Key="a b/ü")
    assert source["ReplicationStatus"] == "COMPLETED"
    assert source["VersionId"] == made["VersionId"]


async def test_what_is_not_sent_yet_is_pending_and_what_came_is_a_replica(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule(Filter={"Prefix": "sent/"}))
    for key in ("sent/a", "kept"):
        await tester.call("PutObject", Bucket="photos", Key=key, Body=b"1")
    await tester.call("CopyObject", Bucket="photos", Key="sent/c", CopySource="photos/kept")
    upload = await tester.call("CreateMultipartUpload", Bucket="photos", Key="sent/b")
    where = {"Bucket": "photos", "Key": "sent/b", "UploadId": upload["UploadId"]}
    part = await tester.call("UploadPart", **where, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    await tester.call("CompleteMultipartUpload", **where, MultipartUpload=parts)
    for status in ("PENDING", "COMPLETED"):
        for key in ("sent/a", "sent/b", "sent/c"):
            found = await tester.call("HeadObject", Bucket="photos", Key=key)
            assert found["ReplicationStatus"] == status
        await settle(s3)
    found = await tester.call("HeadObject", Bucket="photos", Key="kept")
    assert "ReplicationStatus" not in found
    found = await tester.call("GetObject", Bucket="copies", Key="sent/a")
    assert found["ReplicationStatus"] == "REPLICA"


async def test_tags_and_delete_markers_follow(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1")
    await tester.call("PutObject", Bucket="photos", Key="b", Body=b"1")
    tags = {"TagSet": [{"Key": "k", "Value": "v w+"}]}
    await tester.call("PutObjectTagging", Bucket="photos", Key="a", Tagging=tags)
    await tester.call("DeleteObject", Bucket="photos", Key="b")
    await settle(s3)
    found = await tester.call("GetObjectTagging", Bucket="copies", Key="a")
    assert found["TagSet"] == tags["TagSet"]
    assert await missing(tester, "b")
    assert not await missing(tester, "a")


async def test_rules_choose(s3: S3, tester: Client, autojump_clock: MockClock) -> None:
    joined = {"And": {"Prefix": "t/", "Tags": [{"Key": "k", "Value": "v"}]}}
    off = {"Status": "Disabled"}
    await replicate(
        tester,
        rule(ID="p", Filter={"Prefix": "p/"}, DeleteMarkerReplication=off),
        rule(ID="t", Filter=joined, Priority=2, DeleteMarkerReplication=off),
        rule(ID="off", Priority=3, Status="Disabled"),
    )
    await tester.call("PutObject", Bucket="photos", Key="p/a", Body=b"")
    await tester.call("PutObject", Bucket="photos", Key="t/a", Body=b"", Tagging="k=v")
    await tester.call("PutObject", Bucket="photos", Key="t/b", Body=b"", Tagging="k=w")
    await tester.call("PutObject", Bucket="photos", Key="o", Body=b"")
    await settle(s3)
    await tester.call("DeleteObject", Bucket="photos", Key="p/a")
    await settle(s3)
    listed = await tester.call("ListObjectsV2", Bucket="copies")
    assert [entry["Key"] for entry in listed["Contents"]] == ["p/a", "t/a"]


async def test_two_buckets_that_replicate_to_each_other_come_to_rest(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    await replicate(tester, rule(BACK), bucket="copies")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1")
    await tester.call("PutObject", Bucket="copies", Key="b", Body=b"2")
    await settle(s3, 30)
    await tester.call("DeleteObject", Bucket="photos", Key="a")
    await settle(s3, 30)
    for bucket in ("photos", "copies"):
        found = await tester.call("ListObjectVersions", Bucket=bucket)
        assert [version["Key"] for version in found["Versions"]] == ["a", "b"]
        assert [marker["Key"] for marker in found["DeleteMarkers"]] == ["a"]


async def test_what_never_arrives_has_failed(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule(AWAY))
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1")
    counts = await settle(s3, 60, age_s_max=20)
    assert counts["events_dropped"] == 1
    found = await tester.call("HeadObject", Bucket="photos", Key="a")
    assert found["ReplicationStatus"] == "FAILED"


@pytest.mark.parametrize("mode", ["AES256", "aws:kms"])
async def test_what_the_store_encrypted_is_encrypted_there(
    s3: S3, tester: Client, mode: str, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    body = bytes(range(256)) * 700
    where = {"Bucket": "photos", "Key": "a", "ServerSideEncryption": mode}
    await tester.call("PutObject", **where, Body=body)
    await settle(s3)
    found = await tester.call("GetObject", Bucket="copies", Key="a")
    assert found["Body"].read() == body
    assert found["ServerSideEncryption"] == mode
    source = await tester.call("HeadObject", Bucket="photos", Key="a")
    assert source["ReplicationStatus"] == "COMPLETED"


async def test_what_a_customer_encrypted_fails_at_once_and_stops_no_other(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b64encode(b"a" * 32).decode()}
    key["SSECustomerKeyMD5"] = b64encode(md5(b"a" * 32, usedforsecurity=False).digest()).decode()
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1", **key)
    upload = await tester.call("CreateMultipartUpload", Bucket="photos", Key="b", **key)
    where = {"Bucket": "photos", "Key": "b", "UploadId": upload["UploadId"]}
    part = await tester.call("UploadPart", **where, PartNumber=1, Body=b"x", **key)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    await tester.call("CompleteMultipartUpload", **where, MultipartUpload=parts)
    await tester.call("PutObject", Bucket="photos", Key="c", Body=b"3")
    counts = await settle(s3, seconds=2)
    assert counts == {"events_dropped": 2, "events_delivered": 1}
    for name in "ab":
        found = await tester.call("HeadObject", Bucket="photos", Key=name, **key)
        assert found["ReplicationStatus"] == "FAILED"
    assert not await missing(tester, "c")


async def test_what_does_not_open_stops_the_others_for_moments(
    s3: S3, tester: Client, autojump_clock: MockClock
) -> None:
    await replicate(tester, rule())
    s3.memory.store.unseal = refuse
    await tester.call(
        "PutObject", Bucket="photos", Key="a", Body=b"1", ServerSideEncryption="AES256"
    )
    await tester.call("PutObject", Bucket="photos", Key="b", Body=b"2")
    counts = await settle(s3, seconds=40)
    assert counts == {"events_retried": REFUSALS_MAX, "events_dropped": 1, "events_delivered": 1}
    found = await tester.call("HeadObject", Bucket="photos", Key="a")
    assert found["ReplicationStatus"] == "FAILED"
    assert not await missing(tester, "b")


async def test_a_configuration_is_shown_and_removed(tester: Client) -> None:
    await replicate(tester, rule(ID="x"))
    found = await tester.call("GetBucketReplication", Bucket="photos")
    assert found["ReplicationConfiguration"]["Rules"] == [rule(ID="x")]
    await tester.call("DeleteBucketReplication", Bucket="photos")
    with pytest.raises(ApiError) as caught:
        await tester.call("GetBucketReplication", Bucket="photos")
    assert caught.value.code == "ReplicationConfigurationNotFoundError"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([rule("arn:aws:s3:::unknown")], "InvalidRequest"),
        ([rule(), rule()], "InvalidRequest"),
        ([rule(ID="x"), rule(ID="x", Priority=2)], "InvalidArgument"),
        ([rule(Filter={"Tag": {"Key": "k", "Value": "v"}})], "InvalidRequest"),
        ([rule(ExistingObjectReplication={"Status": "Enabled"})], "NotImplemented"),
        ([rule(Status="Perhaps")], "MalformedXML"),
    ],
)
async def test_what_makes_no_sense_is_refused(tester: Client, rules: Any, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        await replicate(tester, *rules)
    assert caught.value.code == code


async def test_a_bucket_must_keep_versions(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="plain")
    with pytest.raises(ApiError) as caught:
        await replicate(tester, rule(), bucket="plain")
    assert caught.value.code == "InvalidRequest"


def test_remote_buckets_are_checked_at_start() -> None:
    assert check_remotes(SETTINGS.replication_targets) is None
    assert check_remotes({"copies": f"{KEYS}host/b"})
    assert check_remotes({THERE: "http://host/b"})
    assert check_remotes({THERE: f"{KEYS}host/"})
    assert check_remotes({THERE: f"{KEYS}host/a/b"})

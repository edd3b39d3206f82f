"""What was asked of a bucket is written as objects into the bucket that it names."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from s3_harness import S3, ApiError, Client, s3_api
from trio.testing import MockClock

from storage.s3.access_logs.gatherer import Gatherer

LINE = re.compile(r'(?:"[^"]*"|\[[^]]*\]|\S+)')


class Logged:
    """The application as a worker runs it: what it answers is recorded."""

    def __init__(self, s3: S3) -> None:
        self._app = s3.app
        self.gatherer = Gatherer(s3.memory.world, s3.memory.store, s3.region)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        status, sent_bytes = 0, 0

        async def watched(message: Any) -> None:
            nonlocal status, sent_bytes
            status = message.get("status", status)
            sent_bytes += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, watched)
        self.gatherer.record(scope["atoll"]["s3"], status, sent_bytes, 0.25)


@pytest.fixture
async def s3() -> AsyncIterator[S3]:
    async with s3_api() as api:
        yield api


@pytest.fixture
def logged(s3: S3) -> Gatherer:
    app = Logged(s3)
    s3.app = app  # type: ignore[assignment]
    return app.gatherer


async def make(client: Client, **target: Any) -> None:
    for bucket in ("photos", "logs"):
        await client.call("CreateBucket", Bucket=bucket)
    await client.call("PutBucketAcl", Bucket="logs", ACL="log-delivery-write")
    await log_to(client, **target)


async def log_to(client: Client, **target: Any) -> None:
    enabled = {"TargetBucket": "logs", "TargetPrefix": "p/", **target}
    await client.call(
        "PutBucketLogging", Bucket="photos", BucketLoggingStatus={"LoggingEnabled": enabled}
    )


async def read_logs(client: Client) -> dict[str, list[list[str]]]:
    """Return the fields of all lines by log object."""
    listed = await client.call("ListObjectsV2", Bucket="logs")
    found = {}
    for entry in listed.get("Contents", []):
        answer = await client.request("GET", "/logs/" + entry["Key"])
        found[entry["Key"]] = [LINE.findall(line) for line in answer.body.decode().splitlines()]
    return found


async def test_requests_are_logged_as_aws_writes_them(
    s3: S3, logged: Gatherer, tester: Client
) -> None:
    await make(tester)
    await tester.call("PutObject", Bucket="photos", Key="a b", Body=b"four")
    await tester.request("GET", "/photos/a%20b", "", {"user-agent": 'x "y"', "referer": "z"})
    await s3.anonymous.request("GET", "/photos/none")
    await logged.flush()
    ((name, lines),) = (await read_logs(tester)).items()
    assert re.fullmatch(r"p/\d{4}(-\d\d){5}-[0-9A-F]{16}", name)
    assert {len(line) for line in lines} == {26}
    put, get, refused = (line for line in lines if ".OBJECT" in line[6])
    assert put[1] == "photos"
    assert re.fullmatch(r"\[\d\d/\w{3}/\d{4}(:\d\d){3} \+0000\]", put[2])
    assert put[3:5] == ["127.0.0.1", "test:tester"]
    assert put[6:8] == ["REST.PUT.OBJECT", "a%2520b"]
    assert put[9:11] == ["200", "-"]
    assert get[8] == '"GET /photos/a%20b HTTP/1.1"'
    assert get[11] == "4"
    assert get[13] == "250"
    assert get[15:17] == ['"z"', '"x %22y%22"']
    assert get[19] == "SigV4"
    assert get[21] == "AuthHeader"
    assert refused[4] == "-"
    assert refused[9:11] == ["403", "AccessDenied"]
    assert logged.dropped == 0


async def test_names_can_have_folders_of_source_and_date(logged: Gatherer, tester: Client) -> None:
    form = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    await make(tester, TargetObjectKeyFormat=form)
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    await logged.flush()
    (name,) = await read_logs(tester)
    assert re.match(r"p/test/us-east-1/photos/\d{4}/\d\d/\d\d/\d{4}-", name)


async def test_what_is_not_asked_for_is_not_logged(logged: Gatherer, tester: Client) -> None:
    await make(tester)
    await logged.flush()
    before = await read_logs(tester)
    await tester.call("PutObject", Bucket="logs", Key="a", Body=b"")
    await tester.call("PutBucketLogging", Bucket="photos", BucketLoggingStatus={})
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    found = await tester.call("GetBucketLogging", Bucket="photos")
    assert "LoggingEnabled" not in found
    await logged.flush()
    await tester.call("DeleteObject", Bucket="logs", Key="a")
    assert (await read_logs(tester)).keys() == before.keys()


async def test_a_target_must_take_logs(logged: Gatherer, tester: Client) -> None:
    for bucket in ("photos", "logs"):
        await tester.call("CreateBucket", Bucket=bucket)
    with pytest.raises(ApiError) as caught:
        await log_to(tester)
    assert caught.value.code == "InvalidTargetBucketForLogging"
    with pytest.raises(ApiError):
        await log_to(tester, TargetBucket="nowhere")
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/p/*",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::photos"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    await tester.call("PutBucketPolicy", Bucket="logs", Policy=json.dumps(policy))
    await log_to(tester)
    found = await tester.call("GetBucketLogging", Bucket="photos")
    assert found["LoggingEnabled"]["TargetPrefix"] == "p/"
    with pytest.raises(ApiError):
        await log_to(tester, TargetPrefix="q/")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    await tester.call("DeleteBucketPolicy", Bucket="logs")
    await logged.flush()
    assert not await read_logs(tester)
    assert logged.dropped


async def test_a_worker_writes_at_an_interval_and_when_it_stops(
    logged: Gatherer, tester: Client, autojump_clock: MockClock
) -> None:
    await make(tester)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(logged.run, 60.0)
        await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
        await trio.sleep(61)
        assert len(await read_logs(tester)) == 1
        await tester.call("PutObject", Bucket="photos", Key="b", Body=b"")
        nursery.cancel_scope.cancel()
    assert len(await read_logs(tester)) == 2


async def test_lines_without_room_are_dropped_and_counted(
    logged: Gatherer, tester: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(tester)
    await logged.flush()
    monkeypatch.setattr("storage.s3.access_logs.gatherer.GATHERED_BYTES_MAX", 1000)
    for _ in range(10):
        await tester.call("PutObject", Bucket="photos", Key="a", Body=b"")
    assert 5 < logged.dropped < 10

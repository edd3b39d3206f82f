"""Notification configurations: shown as they were set, refused where AWS refuses them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from events_steps import OTHER, SETTINGS, WEBHOOK, rule
from s3_harness import S3, ApiError, Client, s3_api

from storage.s3.events.targets import check_targets


@pytest.fixture
async def s3() -> AsyncIterator[S3]:
    async with s3_api(SETTINGS) as api:
        yield api


async def put(client: Client, **document: Any) -> None:
    await client.call("CreateBucket", Bucket="photos")
    await client.call(
        "PutBucketNotificationConfiguration",
        Bucket="photos",
        NotificationConfiguration=document,
    )


async def test_a_configuration_is_shown_as_it_was_set(tester: Client) -> None:
    topic = {"Id": "t", "TopicArn": OTHER, "Events": ["s3:ObjectRemoved:*"]}
    await put(
        tester,
        TopicConfigurations=[topic],
        QueueConfigurations=[rule(WEBHOOK, Prefix="a", Suffix="z")],
    )
    found = await tester.call("GetBucketNotificationConfiguration", Bucket="photos")
    assert found["TopicConfigurations"] == [topic]
    (queue,) = found["QueueConfigurations"]
    assert len(queue.pop("Id")) == 36
    assert queue["Filter"]["Key"]["FilterRules"] == [
        {"Name": "Prefix", "Value": "a"},
        {"Name": "Suffix", "Value": "z"},
    ]


async def test_without_one_an_empty_one_is_shown(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    found = await tester.call("GetBucketNotificationConfiguration", Bucket="photos")
    assert "QueueConfigurations" not in found


@pytest.mark.parametrize(
    "rules",
    [
        [rule("arn:aws:sqs:us-east-1:1:unknown")],
        [rule(WEBHOOK, "s3:ObjectEaten:*")],
        [rule(WEBHOOK, "ObjectCreated:*")],
        [rule(WEBHOOK, "s3:ObjectCreated:*", "s3:ObjectCreated:Put")],
        [rule(WEBHOOK), rule(OTHER, "s3:ObjectCreated:Put")],
        [rule(WEBHOOK, prefix="a"), rule(OTHER, prefix="ab")],
        [rule(WEBHOOK, suffix=".jpg"), rule(OTHER, suffix="g")],
        [rule(WEBHOOK, middle="a")],
        [rule() | {"Id": "x"}, rule(OTHER, "s3:ObjectRemoved:*") | {"Id": "x"}],
    ],
)
async def test_what_aws_refuses_is_refused(tester: Client, rules: list[dict[str, Any]]) -> None:
    with pytest.raises(ApiError) as caught:
        await put(tester, QueueConfigurations=rules)
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    "rules",
    [
        [rule(WEBHOOK, prefix="a"), rule(OTHER, prefix="b")],
        [rule(WEBHOOK, prefix="a", suffix="x"), rule(OTHER, prefix="ab", suffix="y")],
        [rule(WEBHOOK), rule(OTHER, "s3:ObjectRemoved:Delete")],
    ],
)
async def test_what_cannot_be_mistaken_is_taken(tester: Client, rules: list[Any]) -> None:
    await put(tester, QueueConfigurations=rules)
    found = await tester.call("GetBucketNotificationConfiguration", Bucket="photos")
    assert len(found["QueueConfigurations"]) == len(rules)


def test_targets_are_checked_at_start() -> None:
    assert check_targets(SETTINGS.notification_targets) is None
    assert check_targets({"hook": "http://hook/"})
    assert check_targets({"arn:x": "smtp://hook/"})
    assert check_targets({"arn:x": "http:///"})

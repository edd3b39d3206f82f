"""A webhook and a Redis that run in the test's own world, and a keeper's delivery."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from s3_harness import S3

from atoll.world import Stream, World
from storage.s3.events.delivery import Delivery
from storage.s3.events.notifier import Notifier
from storage.s3.settings import S3Settings

WEBHOOK = "arn:minio:sqs::hook:webhook"
OTHER = "arn:aws:sns:us-east-1:1:other"
REDIS = "arn:minio:sqs::list:redis"
SETTINGS = S3Settings(
    notification_targets={
        WEBHOOK: "http://me:secret@hook:8080/in?x=1",
        OTHER: "http://other:80/",
        REDIS: "redis://:pass@redis/2?list=happened",
    },
    notification_timeout_s=2.0,
)


@dataclass
class Hook:
    """What a webhook received; it answers with the statuses it is given, then with 200."""

    heads: list[str] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Kinds and keys in order."""
        records = [record for message in self.messages for record in message["Records"]]
        return [(one["eventName"], one["s3"]["object"]["key"]) for one in records]

    async def serve(self, world: World, address: str) -> None:
        listener = await world.network.listen(address)
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    nursery.start_soon(self._talk, await listener.accept())
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()

    async def _talk(self, stream: Stream) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                if not (more := await stream.receive()):
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            while len(data) < length:
                data += await stream.receive()
            body, data = data[:length], data[length:]
            status = self.answers.pop(0) if self.answers else 200
            if status == 200:
                self.heads.append(head.decode())
                self.messages.append(json.loads(body))
            await stream.send(b"HTTP/1.1 %d It\r\nContent-Length: 2\r\n\r\nok" % status)


@asynccontextmanager
async def keeper(
    s3: S3, counts: Counter[str] | None = None, **limits: float
) -> AsyncIterator[None]:
    """Run a delivery; nothing is left of it afterwards but what the devices hold."""
    world, memory = s3.memory.world, s3.memory
    counted = Counter[str]() if counts is None else counts

    def count(name: str, more: int) -> None:
        counted[name] += more

    delivery = Delivery(
        world,
        {number: device.replica for number, device in memory.devices.items()},
        (Notifier(world, memory.store, SETTINGS).route,),
        count,
        age_s_max=limits.get("age_s_max", 3600.0),
        backlog_max=int(limits.get("backlog_max", 100)),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(delivery.run, limits.get("interval_s", 0.1))
        yield
        nursery.cancel_scope.cancel()


def left_events(s3: S3) -> int:
    """How many events the devices still hold."""
    found = 0
    for device in s3.memory.devices.values():
        with device.index.snapshot() as snapshot:
            found += sum(bytes(key)[:1] == b"\2" for key, _ in snapshot.scan("events", b""))
    return found


def rule(arn: str = WEBHOOK, *kinds: str, **affixes: str) -> dict[str, Any]:
    """A queue configuration."""
    made: dict[str, Any] = {"QueueArn": arn, "Events": kinds or ("s3:ObjectCreated:*",)}
    if affixes:
        rules = [{"Name": name, "Value": value} for name, value in affixes.items()]
        made["Filter"] = {"Key": {"FilterRules": rules}}
    return made

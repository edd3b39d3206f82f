"""Steps that the tests of lifecycle rules share."""

from __future__ import annotations

from typing import Any

from bucket_steps import BUCKET
from s3_harness import S3, Client

from storage.proxy.multipart import Multipart
from storage.s3.lifecycle.worker import Lifecycle

DAY_S = 86_400


def worker_of(s3: S3) -> Lifecycle:
    """Return a worker that remembers nothing."""
    memory = s3.memory
    multipart = Multipart(memory.world, memory.clock, memory.store)
    return Lifecycle(memory.world, memory.store, multipart)


def pass_days(s3: S3, days: float) -> None:
    s3.memory.world.clock.offset_ns += int(days * DAY_S * 10**9)  # type: ignore[attr-defined]


def rule(**fields: Any) -> dict[str, Any]:
    return {"Status": "Enabled", "Filter": {"Prefix": ""}, **fields}


async def set_rules(client: Client, *rules: dict[str, Any], bucket: str = BUCKET) -> None:
    await client.call(
        "PutBucketLifecycleConfiguration",
        Bucket=bucket,
        LifecycleConfiguration={"Rules": list(rules)},
    )


async def keys_of(client: Client, bucket: str = BUCKET) -> list[str]:
    found = await client.call("ListObjectsV2", Bucket=bucket)
    return [entry["Key"] for entry in found.get("Contents", [])]

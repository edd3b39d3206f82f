"""What the tests of S3's operations on objects share."""

from s3_harness import S3, Client

ACCOUNT = "AUTH_test"


async def keep_versions(s3: S3, bucket: str, status: str = "Enabled") -> None:
    """Have a bucket keep versions, or stop to."""
    await s3.memory.store.update_container(ACCOUNT, bucket, {"x-s3-versioning": status})


async def allow_locks(s3: S3, bucket: str) -> None:
    """Have a bucket keep versions that can be locked."""
    values = {"x-s3-versioning": "Enabled", "x-s3-object-lock": "Enabled"}
    await s3.memory.store.update_container(ACCOUNT, bucket, values)


async def body_of(client: Client, bucket: str, key: str, **more: object) -> bytes:
    """Return the bytes of an object."""
    got = await client.call("GetObject", Bucket=bucket, Key=key, **more)
    read: bytes = got["Body"].read()
    return read

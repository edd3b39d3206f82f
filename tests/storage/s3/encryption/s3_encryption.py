"""What the tests of encryption share: keys, and a look at what is stored."""

from base64 import b64encode
from hashlib import md5

from s3_harness import S3

BUCKET = "bucket"
KEY_A, KEY_B = b"a" * 32, b"b" * 32
KMS = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "testkey-1"}
S3_MANAGED = {"ServerSideEncryption": "AES256"}


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def customer(key: bytes = KEY_A, prefix: str = "SSECustomer") -> dict[str, str]:
    """Return the parameters of botocore that bring a key."""
    return {
        f"{prefix}Algorithm": "AES256",
        f"{prefix}Key": base64(key),
        f"{prefix}KeyMD5": base64(md5(key, usedforsecurity=False).digest()),
    }


def of_source(key: bytes = KEY_A) -> dict[str, str]:
    return customer(key, "CopySourceSSECustomer")


def pattern(size: int) -> bytes:
    """Return bytes that are known again wherever a piece of them is."""
    return b"".join(b"plain%011d" % number for number in range(size // 16 + 1))[:size]


def stored_bytes(s3: S3) -> bytes:
    """Return everything that the devices hold: files and index."""
    files = [bytes(content.written) for content in s3.memory.disk.files.values()]
    tables = [
        value
        for device in s3.memory.devices.values()
        for table in device.index.tables.values()
        for value in table.values.values()
    ]
    return b"\n".join(files + tables)

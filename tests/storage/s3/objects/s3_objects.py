"""What the tests of S3's operations on objects share."""

from base64 import b64encode
from hashlib import md5
from unittest.mock import patch

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from s3_harness import HOST, REGION, S3, Client

from native import crc32

ACCOUNT = "AUTH_test"


async def body_of(client: Client, bucket: str, key: str, **more: object) -> bytes:
    """Return the bytes of an object."""
    got = await client.call("GetObject", Bucket=bucket, Key=key, **more)
    read: bytes = got["Body"].read()
    return read


def md5_hex(data: bytes) -> str:
    """Return the MD5 of some bytes."""
    return md5(data, usedforsecurity=False).hexdigest()


def sign_trailing(s3: S3, client: Client, path: str, headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of an upload whose chunks are not signed and have a trailer."""
    request = AWSRequest("PUT", f"https://{HOST}{path}", {"host": HOST, **headers})
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    with patch.object(auth, "get_current_datetime", s3.now):
        credentials = Credentials(client.access_key, client.secret)
        auth.S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}


def crc32_of(data: bytes) -> str:
    """Return the CRC32 of some bytes as a header has it."""
    return b64encode(crc32(data).to_bytes(4)).decode()

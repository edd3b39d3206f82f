"""Encrypted objects through other doors: forms, websites, Swift; and what the log is told."""

from pathlib import Path

import pytest
from s3_encryption import (
    BUCKET,
    KEY_A,
    KMS,
    S3_MANAGED,
    base64,
    customer,
    of_source,
    pattern,
)
from s3_harness import KMS_KEYS, S3, ApiError, Client
from swift_harness import SECRET, USERS
from swift_harness import Client as SwiftClient

import atoll.log
from atoll.config import LogSettings
from atoll.log import Sink
from storage.auth.static_users import StaticUsers
from storage.proxy.errors import SealedError
from storage.s3.encryption.segments import PLAIN_SIZE_BYTES
from storage.swift.app import SwiftApp
from storage.swift.settings import SwiftSettings

OBJECT = {"Bucket": BUCKET, "Key": "key"}
BOUNDARY = "boundary"


@pytest.fixture
async def swift(s3: S3) -> SwiftClient:
    """The Swift API on the same store, asked by the same account."""
    users = StaticUsers(USERS, SECRET, s3.memory.world.clock)
    app = SwiftApp(s3.memory.store, users, SwiftSettings(), s3.memory.world)
    grant = await users.authenticate("test:tester", "testing")
    assert grant is not None
    return SwiftClient(app, grant.token)


async def multipart(client: Client, key: str, parts: list[bytes], mode: dict[str, str]) -> None:
    place = {"Bucket": BUCKET, "Key": key}
    begun = await client.call("CreateMultipartUpload", **place, **mode)
    named = []
    keys = mode if "SSECustomerKey" in mode else {}
    for number, data in enumerate(parts, start=1):
        asked = {**place, "UploadId": begun["UploadId"], "PartNumber": number, "Body": data}
        put = await client.call("UploadPart", **asked, **keys)
        named.append({"PartNumber": number, "ETag": put["ETag"]})
    await client.call(
        "CompleteMultipartUpload",
        **place,
        UploadId=begun["UploadId"],
        MultipartUpload={"Parts": named},
    )


@pytest.mark.parametrize("mode", [S3_MANAGED, KMS], ids=["sse-s3", "sse-kms"])
async def test_swift_reads_what_the_store_has_keys_for(
    client: Client, swift: SwiftClient, mode: dict[str, str]
) -> None:
    data = pattern(2 * PLAIN_SIZE_BYTES)
    await client.call("PutObject", **OBJECT, Body=data, **mode)
    await multipart(client, "parts", [data, b"end"], mode)
    for key, whole in (("key", data), ("parts", data + b"end")):
        got = await swift.request("GET", f"/v1/AUTH_test/bucket/{key}")
        assert (got.status, got.body) == (200, whole)
        part = await swift.request(
            "GET", f"/v1/AUTH_test/bucket/{key}", {"range": "bytes=65530-65540"}
        )
        assert part.body == whole[65530:65541]
        copied = await swift.request(
            "COPY", f"/v1/AUTH_test/bucket/{key}", {"destination": "bucket/copy"}
        )
        assert copied.status == 201
        assert (await swift.request("GET", "/v1/AUTH_test/bucket/copy")).body == whole
    posted = await swift.request("POST", "/v1/AUTH_test/bucket/key", {"x-object-meta-a": "b"})
    assert posted.status == 202
    assert (await swift.request("GET", "/v1/AUTH_test/bucket/key")).body == data


async def test_swift_never_gets_a_customers_object(client: Client, swift: SwiftClient) -> None:
    data = pattern(5000)
    await client.call("PutObject", **OBJECT, Body=data, **customer())
    await multipart(client, "parts", [data], customer())
    for key in ("key", "parts"):
        got = await swift.request("GET", f"/v1/AUTH_test/bucket/{key}")
        assert got.status == 403
        assert data[:16] not in got.body
        copied = await swift.request(
            "COPY", f"/v1/AUTH_test/bucket/{key}", {"destination": "bucket/copy"}
        )
        assert copied.status == 403
    assert (await swift.request("HEAD", "/v1/AUTH_test/bucket/key")).status == 200


async def test_a_store_without_keys_hands_out_nothing(s3: S3, client: Client) -> None:
    await client.call("PutObject", **OBJECT, Body=pattern(5000), **S3_MANAGED)
    store = s3.memory.store
    container = await store.container("AUTH_test", BUCKET)
    assert container is not None

    def refuse(record: object) -> object:
        raise SealedError("no keys here")

    store.unseal = refuse  # type: ignore[assignment]
    with pytest.raises(ApiError):
        await client.call("GetObject", **OBJECT)


def form(**fields: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\nfile data'
    return "".join([*parts, f"--{BOUNDARY}\r\n{file}\r\n--{BOUNDARY}--\r\n"]).encode()


@pytest.mark.parametrize("default", [False, True])
async def test_the_file_of_a_form(s3: S3, client: Client, default: bool) -> None:
    await client.call("PutBucketAcl", Bucket=BUCKET, ACL="public-read-write")
    fields = {"key": "key", "acl": "public-read"}
    if default:
        rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        await client.call(
            "PutBucketEncryption",
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={"Rules": rules},
        )
    else:
        fields["x-amz-server-side-encryption"] = "AES256"
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await s3.anonymous.request("POST", "/bucket", headers=headers, body=form(**fields))
    assert answer.status == 204
    assert answer["x-amz-server-side-encryption"] == "AES256"
    head = await client.request("HEAD", "/bucket/key")
    assert head["x-amz-server-side-encryption"] == "AES256"
    assert head["content-length"] == "9"


async def test_the_file_of_a_form_with_a_customers_key(s3: S3, client: Client) -> None:
    await client.call("PutBucketAcl", Bucket=BUCKET, ACL="public-read-write")
    given = customer()
    name = "x-amz-server-side-encryption-customer-"
    fields = {
        "key": "key",
        f"{name}algorithm": "AES256",
        f"{name}key": given["SSECustomerKey"],
        f"{name}key-MD5": given["SSECustomerKeyMD5"],
    }
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await s3.anonymous.request("POST", "/bucket", headers=headers, body=form(**fields))
    assert answer.status == 204
    with pytest.raises(ApiError):
        await client.call("GetObject", **OBJECT)


async def test_no_key_is_ever_logged(s3: S3, client: Client, tmp_path: Path) -> None:
    file = (tmp_path / "log").open("wb")
    settings = LogSettings(level="debug", format="json")
    atoll.log.configure(settings, "test", s3.memory.world.clock, Sink(file.fileno()))
    try:
        for mode in (customer(), KMS, S3_MANAGED):
            await client.call("PutObject", **OBJECT, Body=pattern(5000), **mode)
            keys = mode if "SSECustomerKey" in mode else {}
            await client.call("GetObject", **OBJECT, **keys)
            if keys:
                await client.call(
                    "CopyObject", Bucket=BUCKET, Key="c", CopySource="bucket/key", **of_source()
                )
        device = next(iter(s3.memory.devices.values()))
        device.index.failed = True  # what fails inside of the server is logged with its causes
        for more in (customer(), KMS):
            with pytest.raises(ApiError):
                await client.call("PutObject", **OBJECT, Body=b"x", **more)
    finally:
        atoll.log.configure(LogSettings(), "", s3.memory.world.clock)
        file.close()
    text = (tmp_path / "log").read_text()
    assert "request failed" in text
    secrets = [KEY_A, *(key for one in KMS_KEYS.values() for key in one.versions.values())]
    for secret in secrets:
        for shown in (base64(secret), secret.hex(), secret.decode(), repr(secret)):
            assert shown not in text

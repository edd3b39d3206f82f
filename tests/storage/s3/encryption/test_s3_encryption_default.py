"""The default encryption of buckets, as ceph/s3-tests has it: sse_s3_default_*."""

from typing import Any

import pytest
from s3_encryption import BUCKET, KMS, customer
from s3_harness import S3, ApiError, Client

OBJECT = {"Bucket": BUCKET, "Key": "key"}


def rule(algorithm: str, **more: Any) -> dict[str, Any]:
    return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}, **more}


def kms_rule(key: str, **more: Any) -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"ApplyServerSideEncryptionByDefault": default, **more}


async def set_default(client: Client, given: dict[str, Any]) -> None:
    await client.call(
        "PutBucketEncryption",
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={"Rules": [given]},
    )


async def test_a_default_is_shown_and_removed(client: Client) -> None:
    async def refused() -> None:
        with pytest.raises(ApiError) as error:
            await client.call("GetBucketEncryption", Bucket=BUCKET)
        assert error.value.status == 404
        assert error.value.code == "ServerSideEncryptionConfigurationNotFoundError"

    await refused()
    await set_default(client, kms_rule("testkey-1", BucketKeyEnabled=True))
    got = await client.call("GetBucketEncryption", Bucket=BUCKET)
    shown = got["ServerSideEncryptionConfiguration"]["Rules"]
    assert shown == [kms_rule("testkey-1", BucketKeyEnabled=True)]
    await client.call("DeleteBucketEncryption", Bucket=BUCKET)
    await client.call("DeleteBucketEncryption", Bucket=BUCKET)
    await refused()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (rule("AES256"), ("AES256", None, None)),
        (rule("aws:kms"), ("aws:kms", "aws/s3", None)),
        (kms_rule("testkey-2", BucketKeyEnabled=True), ("aws:kms", "testkey-2", True)),
    ],
)
async def test_a_default_holds_for_all_that_name_none(
    client: Client, given: dict[str, Any], told: tuple[str, str | None, bool | None]
) -> None:
    def shown(answer: dict[str, Any]) -> tuple[Any, ...]:
        names = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
        return tuple(answer.get(name) for name in names)

    await client.call("PutObject", Bucket=BUCKET, Key="before", Body=b"before")
    await set_default(client, given)
    assert shown(await client.call("HeadObject", Bucket=BUCKET, Key="before")) == (None,) * 3
    assert shown(await client.call("PutObject", **OBJECT, Body=b"data")) == told
    assert shown(await client.call("HeadObject", **OBJECT)) == told
    copy = {"Bucket": BUCKET, "Key": "copy", "CopySource": "bucket/before"}
    assert shown(await client.call("CopyObject", **copy)) == told
    begun = await client.call("CreateMultipartUpload", Bucket=BUCKET, Key="parts")
    assert shown(begun) == told
    other = await client.call("PutObject", Bucket=BUCKET, Key="other", Body=b"x", **KMS)
    assert other["SSEKMSKeyId"] == "testkey-1"
    await client.call("PutObject", Bucket=BUCKET, Key="own", Body=b"x", **customer())
    got = await client.call("GetObject", Bucket=BUCKET, Key="own", **customer())
    assert got["SSECustomerAlgorithm"] == "AES256"


async def test_customers_keys_can_be_blocked(client: Client) -> None:
    blocked = (
        "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"
    )
    assert (await put(client, f"<Rule>{blocked}</Rule>")) == (200, "")
    with pytest.raises(ApiError) as refused:
        await client.call("PutObject", **OBJECT, Body=b"x", **customer())
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")
    plain = await client.call("PutObject", **OBJECT, Body=b"x")
    assert "ServerSideEncryption" not in plain


async def put(client: Client, inner: str) -> tuple[int, str]:
    root = "ServerSideEncryptionConfiguration"
    body = f"<{root}>{inner}</{root}>".encode()
    answer = await client.request("PUT", "/bucket", "encryption=", body=body)
    return answer.status, answer.code if answer.body else ""


def default(inner: str) -> str:
    name = "ApplyServerSideEncryptionByDefault"
    return f"<Rule><{name}>{inner}</{name}></Rule>"


AES = "<SSEAlgorithm>AES256</SSEAlgorithm>"


@pytest.mark.parametrize(
    ("inner", "status", "code"),
    [
        ("", 400, "MalformedXML"),
        ("<Other/>", 400, "MalformedXML"),
        (default(AES) * 2, 400, "MalformedXML"),
        (default(""), 400, "MalformedXML"),
        (default(AES * 2), 400, "MalformedXML"),
        (default("<SSEAlgorithm>DES</SSEAlgorithm>"), 400, "MalformedXML"),
        (default("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>"), 501, "NotImplemented"),
        (default(AES + "<KMSMasterKeyID>k</KMSMasterKeyID>"), 400, "InvalidArgument"),
        ("<Rule><BucketKeyEnabled>maybe</BucketKeyEnabled></Rule>", 400, "MalformedXML"),
        ("<Rule><BlockedEncryptionTypes><A/></BlockedEncryptionTypes></Rule>", 400, "MalformedXML"),
    ],
)
async def test_documents_that_are_refused(
    client: Client, inner: str, status: int, code: str
) -> None:
    assert await put(client, inner) == (status, code)


async def test_a_policy_can_demand_encryption(client: Client, s3: S3) -> None:
    policy = """{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}}]}"""
    await client.call("PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    with pytest.raises(ApiError) as refused:
        await client.call("PutObject", **OBJECT, Body=b"x")
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")
    await client.call("PutObject", **OBJECT, Body=b"x", ServerSideEncryption="AES256")

"""What a bucket is set to in one word, and what is answered for features that are off."""

from __future__ import annotations

import pytest
from s3_harness import ApiError, Client


@pytest.fixture
async def bucket(tester: Client) -> str:
    await tester.call("CreateBucket", Bucket="photos")
    return "photos"


async def test_versioning_is_switched(tester: Client, bucket: str) -> None:
    assert "Status" not in await tester.call("GetBucketVersioning", Bucket=bucket)
    for status in ("Enabled", "Suspended", "Enabled"):
        setting = {"Status": status}
        await tester.call("PutBucketVersioning", Bucket=bucket, VersioningConfiguration=setting)
        assert (await tester.call("GetBucketVersioning", Bucket=bucket))["Status"] == status


async def test_object_lock_needs_versions(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="vault", ObjectLockEnabledForBucket=True)
    assert (await tester.call("GetBucketVersioning", Bucket="vault"))["Status"] == "Enabled"
    with pytest.raises(ApiError) as error:
        await tester.call(
            "PutBucketVersioning",
            Bucket="vault",
            VersioningConfiguration={"Status": "Suspended"},
        )
    assert (error.value.status, error.value.code) == (409, "InvalidBucketState")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<nonsense", "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (b"<VersioningConfiguration/>", "IllegalVersioningConfigurationException"),
        (
            b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>",
            "MalformedXML",
        ),
        (
            (
                b"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
                b"</VersioningConfiguration>"
            ),
            "NotImplemented",
        ),
    ],
)
async def test_wrong_documents(tester: Client, bucket: str, document: bytes, code: str) -> None:
    answer = await tester.request("PUT", f"/{bucket}", "versioning", body=document)
    assert answer.code == code
    assert "Status" not in await tester.call("GetBucketVersioning", Bucket=bucket)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("GetBucketRequestPayment", {"Payer": "BucketOwner"}),
        ("GetBucketAccelerateConfiguration", {}),
        ("ListBucketAnalyticsConfigurations", {"IsTruncated": False}),
        ("ListBucketIntelligentTieringConfigurations", {"IsTruncated": False}),
        ("ListBucketMetricsConfigurations", {"IsTruncated": False}),
    ],
)
async def test_what_is_off(
    tester: Client, bucket: str, operation: str, expected: dict[str, object]
) -> None:
    answer = await tester.call(operation, Bucket=bucket)
    answer.pop("ResponseMetadata")
    assert answer == expected


@pytest.mark.parametrize("kind", ["Analytics", "IntelligentTiering", "Metrics"])
async def test_configurations_that_nobody_made(tester: Client, bucket: str, kind: str) -> None:
    with pytest.raises(ApiError) as error:
        await tester.call(f"GetBucket{kind}Configuration", Bucket=bucket, Id="one")
    assert (error.value.status, error.value.code) == (404, "NoSuchConfiguration")


@pytest.mark.parametrize(
    ("operation", "more", "code"),
    [
        ("PutBucketRequestPayment", {"RequestPaymentConfiguration": {"Payer": "BucketOwner"}}, ""),
        (
            "PutBucketRequestPayment",
            {"RequestPaymentConfiguration": {"Payer": "Requester"}},
            "NotImplemented",
        ),
        (
            "PutBucketAccelerateConfiguration",
            {"AccelerateConfiguration": {"Status": "Suspended"}},
            "",
        ),
        (
            "PutBucketAccelerateConfiguration",
            {"AccelerateConfiguration": {"Status": "Enabled"}},
            "NotImplemented",
        ),
    ],
)
async def test_what_cannot_be_switched_on(
    tester: Client, bucket: str, operation: str, more: dict[str, object], code: str
) -> None:
    if not code:
        await tester.call(operation, Bucket=bucket, **more)
        return
    with pytest.raises(ApiError) as error:
        await tester.call(operation, Bucket=bucket, **more)
    assert error.value.code == code

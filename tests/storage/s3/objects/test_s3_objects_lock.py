"""Object lock, as ceph/s3-tests has it: test_object_lock_*."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from s3_harness import S3, ApiError, Client
from s3_objects import crc32_of

from storage.s3.errors import S3Error
from storage.s3.objects.retention import format_date, parse_date
from storage.s3.objects.uploading import check_announced

BUCKET = "bucket"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return tester


def after(s3: S3, **more: float) -> datetime:
    return (s3.now() + timedelta(**more)).replace(tzinfo=UTC)


async def put(client: Client, **more: Any) -> str:
    stored = await client.call(
        "PutObject", Bucket=BUCKET, Key="key", Body=b"x", **{"ContentMD5": MD5_OF_X, **more}
    )
    version: str = stored["VersionId"]
    return version


MD5_OF_X = "ndTkYSaMgDT1yFZOFVxnpg=="


async def retain(
    client: Client, mode: str, until: datetime, *, bypass: bool = False, **more: Any
) -> None:
    if bypass:
        more["BypassGovernanceRetention"] = True
    await client.call(
        "PutObjectRetention",
        Bucket=BUCKET,
        Key="key",
        Retention={"Mode": mode, "RetainUntilDate": until},
        **more,
    )


async def hold(client: Client, status: str) -> None:
    await client.call("PutObjectLegalHold", Bucket=BUCKET, Key="key", LegalHold={"Status": status})


async def delete(client: Client, version: str, *, bypass: bool = False) -> None:
    more = {"BypassGovernanceRetention": True} if bypass else {}
    await client.call("DeleteObject", Bucket=BUCKET, Key="key", VersionId=version, **more)


async def refused(ask: Any, status: int, code: str) -> None:
    with pytest.raises(ApiError) as error:
        await ask
    assert (error.value.status, error.value.code) == (status, code)


async def configure(client: Client, rule: dict[str, Any] | None = None) -> None:
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if rule is not None:
        configuration["Rule"] = {"DefaultRetention": rule}
    await client.call(
        "PutObjectLockConfiguration", Bucket=BUCKET, ObjectLockConfiguration=configuration
    )


@pytest.mark.parametrize(
    "rule",
    [{"Mode": "GOVERNANCE", "Days": 1}, {"Mode": "COMPLIANCE", "Years": 3}, None],
)
async def test_the_configuration(client: Client, rule: dict[str, Any] | None) -> None:
    await configure(client, rule)
    got = await client.call("GetObjectLockConfiguration", Bucket=BUCKET)
    expected: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if rule is not None:
        expected["Rule"] = {"DefaultRetention": rule}
    assert got["ObjectLockConfiguration"] == expected


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "governance", "Days": 1}, "MalformedXML"),
        ({"Mode": "abc", "Days": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidRetentionPeriod"),
        ({"Mode": "GOVERNANCE", "Years": -1}, "InvalidRetentionPeriod"),
        ({"Mode": "GOVERNANCE", "Days": 36_501}, "InvalidRetentionPeriod"),
    ],
)
async def test_configurations_that_are_refused(
    client: Client, rule: dict[str, Any], code: str
) -> None:
    await refused(configure(client, rule), 400, code)


async def test_a_bucket_without_locks(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket=BUCKET)
    await tester.call("PutObject", Bucket=BUCKET, Key="key")
    await refused(
        tester.call("GetObjectLockConfiguration", Bucket=BUCKET),
        404,
        "ObjectLockConfigurationNotFoundError",
    )
    await refused(configure(tester), 409, "InvalidBucketState")
    until = after(s3, days=1)
    for ask in (
        retain(tester, "GOVERNANCE", until),
        hold(tester, "ON"),
        tester.call("GetObjectRetention", Bucket=BUCKET, Key="key"),
        tester.call("GetObjectLegalHold", Bucket=BUCKET, Key="key"),
        tester.call("PutObject", Bucket=BUCKET, Key="key", ObjectLockLegalHoldStatus="ON"),
    ):
        await refused(ask, 400, "InvalidRequest")
    await tester.call(
        "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )
    await configure(tester)  # it can be turned on later


async def test_retention_is_shown(s3: S3, client: Client) -> None:
    version = await put(client)
    for operation in ("GetObjectRetention", "GetObjectLegalHold"):
        ask = client.call(operation, Bucket=BUCKET, Key="key")
        await refused(ask, 404, "NoSuchObjectLockConfiguration")
    until = after(s3, days=1)
    await retain(client, "GOVERNANCE", until, VersionId=version)
    got = await client.call("GetObjectRetention", Bucket=BUCKET, Key="key")
    assert got["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    await hold(client, "ON")
    got = await client.call("GetObjectLegalHold", Bucket=BUCKET, Key="key")
    assert got["LegalHold"] == {"Status": "ON"}
    head = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] == until
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    await hold(client, "OFF")
    await delete(client, version, bypass=True)


async def test_a_lock_in_the_headers(s3: S3, client: Client) -> None:
    until = after(s3, days=1)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    await put(client, **lock, ObjectLockLegalHoldStatus="ON")
    head = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert {name: head[name] for name in lock} == lock
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    for change in (
        {"ObjectLockMode": "abc", "ObjectLockRetainUntilDate": until},
        {"ObjectLockMode": "COMPLIANCE"},
        {"ObjectLockRetainUntilDate": until},
        {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": after(s3, days=-1)},
        {"ObjectLockLegalHoldStatus": "abc"},
    ):
        await refused(put(client, **change), 400, "InvalidArgument")


async def test_a_lock_with_nothing_but_a_signed_hash_of_the_body(client: Client) -> None:
    await client.call("PutObject", Bucket=BUCKET, Key="key", ObjectLockLegalHoldStatus="ON")
    for unsigned in ({}, {b"x-amz-content-sha256": b"UNSIGNED-PAYLOAD"}):
        with pytest.raises(S3Error, match="InvalidRequest"):
            check_announced(unsigned)


async def test_the_bucket_s_default(s3: S3, client: Client) -> None:
    await configure(client, {"Mode": "COMPLIANCE", "Days": 2})
    version = await put(client)
    head = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] == after(s3, days=2)
    await refused(delete(client, version, bypass=True), 403, "AccessDenied")
    own = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": after(s3, days=1)}
    await put(client, **own)
    head = await client.call("HeadObject", Bucket=BUCKET, Key="key")
    assert {name: head[name] for name in own} == own


async def test_governance(s3: S3, client: Client) -> None:
    version = await put(client)
    until = after(s3, days=2)
    await retain(client, "GOVERNANCE", until)
    await refused(delete(client, version), 403, "AccessDenied")
    await refused(retain(client, "GOVERNANCE", after(s3, days=1)), 403, "AccessDenied")
    await retain(client, "GOVERNANCE", after(s3, days=3))
    await retain(client, "GOVERNANCE", after(s3, days=1), bypass=True)
    await client.call("DeleteObject", Bucket=BUCKET, Key="key")  # leaves a marker only
    named = f"<Object><Key>key</Key><VersionId>{version}</VersionId></Object>"
    document = f"<Delete>{named}</Delete>".encode()
    headers = {"x-amz-checksum-crc32": crc32_of(document)}
    answer = await client.request("POST", "/bucket", "delete", headers, document)
    assert [one.value("Code") for one in answer.xml("DeleteResult")] == ["AccessDenied"]
    await delete(client, version, bypass=True)


async def test_compliance(s3: S3, client: Client) -> None:
    version = await put(client)
    await retain(client, "COMPLIANCE", after(s3, days=2))
    await refused(delete(client, version, bypass=True), 403, "AccessDenied")
    for mode, days in (("COMPLIANCE", 1), ("GOVERNANCE", 3)):
        ask = retain(client, mode, after(s3, days=days), bypass=True)
        await refused(ask, 403, "AccessDenied")
    await retain(client, "COMPLIANCE", after(s3, days=3))


async def test_a_legal_hold(client: Client) -> None:
    version = await put(client)
    await hold(client, "ON")
    with pytest.raises(ApiError) as error:
        await delete(client, version, bypass=True)
    assert error.value.code == "AccessDenied"
    assert "object lock" in error.value.parsed["Error"]["Message"]
    await hold(client, "OFF")
    await delete(client, version)


async def test_only_some_may_bypass(s3: S3, client: Client) -> None:
    version = await put(client)
    await retain(client, "GOVERNANCE", after(s3, days=1))
    stranger = s3.clients["other:admin"]
    await refused(delete(stranger, version, bypass=True), 403, "AccessDenied")


@pytest.mark.parametrize(
    ("subresource", "document", "code"),
    [
        ("retention", "<Retention><Mode>abc</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>", "MalformedXML"),  # noqa: E501
        ("retention", "<Retention><Mode>GOVERNANCE</Mode></Retention>", "MalformedXML"),
        ("retention", "<Retention><RetainUntilDate>{}</RetainUntilDate></Retention>", "MalformedXML"),  # noqa: E501
        ("retention", "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>", "MalformedXML"),  # noqa: E501
        ("retention", "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2001-01-01T00:00:00Z</RetainUntilDate></Retention>", "InvalidArgument"),  # noqa: E501
        ("legal-hold", "<LegalHold><Status>abc</Status></LegalHold>", "MalformedXML"),
        ("legal-hold", "<LegalHold/>", "MalformedXML"),
    ],
)  # fmt: skip
async def test_documents_that_are_refused(
    client: Client, subresource: str, document: str, code: str
) -> None:
    await put(client)
    body = document.format("2094-01-01T00:00:00Z").encode()
    answer = await client.request("PUT", "/bucket/key", subresource, body=body)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T00:00:10.123Z", 10),
        ("1970-01-01T01:00:10.123456789+01:00", 10),
        ("1970-01-02", 86_400),
        ("1970-01-01T00:00", 0),
        ("1970-13-01", None),
        ("", None),
        ("tomorrow", None),
    ],
)
def test_dates(text: str, second: int | None) -> None:
    assert parse_date(text) == second
    if second is not None:
        assert parse_date(format_date(second)) == second


async def test_a_lock_needs_a_right_of_its_own(s3: S3, client: Client) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["s3:PutObject", "s3:PutObjectLegalHold"],
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    await client.call("PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    stranger = s3.clients["other:admin"]
    await put(stranger, ObjectLockLegalHoldStatus="OFF")
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": after(s3, days=1)}
    await refused(put(stranger, **lock), 403, "AccessDenied")
    ask = stranger.call("CreateMultipartUpload", Bucket=BUCKET, Key="key", **lock)
    await refused(ask, 403, "AccessDenied")

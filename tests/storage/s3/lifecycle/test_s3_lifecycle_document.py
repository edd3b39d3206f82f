"""The document LifecycleConfiguration (ceph/s3-tests: lifecycle_set_*, lifecycle_get_*)."""

from __future__ import annotations

from typing import Any

import pytest
from bucket_steps import BUCKET, make_bucket, refused
from s3_harness import Client

from storage.s3.errors import S3Error
from storage.s3.lifecycle.document import parse_lifecycle
from storage.s3.lifecycle.rules import Filter, Rule

RULE = {
    "ID": "r",
    "Status": "Enabled",
    "Filter": {"Prefix": "a/"},
    "Expiration": {"Days": 1},
}


async def set_rules(client: Client, *rules: dict[str, Any]) -> None:
    await client.call(
        "PutBucketLifecycleConfiguration",
        Bucket=BUCKET,
        LifecycleConfiguration={"Rules": list(rules)},
    )


async def rules_of(client: Client) -> list[dict[str, Any]]:
    found = await client.call("GetBucketLifecycleConfiguration", Bucket=BUCKET)
    rules: list[dict[str, Any]] = found["Rules"]
    return rules


async def test_rules_are_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester)
    missing = "NoSuchLifecycleConfiguration"
    asked = "GetBucketLifecycleConfiguration"
    assert await refused(tester, asked, Bucket=BUCKET) == missing
    tag = {"Key": "k", "Value": "v"}
    rules = [
        RULE,
        {**RULE, "ID": "s", "Filter": {"And": {"Prefix": "b", "Tags": [tag, {**tag, "Key": "l"}]}}},
        {
            "ID": "t",
            "Status": "Disabled",
            "Filter": {"ObjectSizeGreaterThan": 5},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
        {
            "ID": "u",
            "Prefix": "",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
    ]
    await set_rules(tester, *rules)
    assert await rules_of(tester) == rules
    await tester.call("DeleteBucketLifecycle", Bucket=BUCKET)
    assert await refused(tester, asked, Bucket=BUCKET) == missing


async def test_rules_without_an_id_get_one(tester: Client) -> None:
    await make_bucket(tester)
    bare = {name: value for name, value in RULE.items() if name != "ID"}
    await set_rules(tester, bare, {**bare, "ID": "given"})
    one, two = await rules_of(tester)
    assert len(one["ID"]) == 48
    assert two["ID"] == "given"


def document(inner: str = "<Expiration><Days>1</Days></Expiration>", **fields: str) -> bytes:
    given = {"Status": "Enabled", "Filter": "", **fields}
    texts = "".join(f"<{name}>{text}</{name}>" for name, text in given.items())
    return f"<LifecycleConfiguration><Rule>{texts}{inner}</Rule></LifecycleConfiguration>".encode()


def noncurrent(days: str, kept: str) -> str:
    return (
        "<NoncurrentVersionExpiration>"
        f"<NoncurrentDays>{days}</NoncurrentDays>"
        f"<NewerNoncurrentVersions>{kept}</NewerNoncurrentVersions>"
        "</NoncurrentVersionExpiration>"
    )


def expiration(inner: str) -> str:
    return f"<Expiration>{inner}</Expiration>"


TAG = "<Tag><Key>k</Key><Value>v</Value></Tag>"
MARKER = "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
ABORT = "<DaysAfterInitiation>1</DaysAfterInitiation>"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<LifecycleConfiguration/>", "MalformedXML"),
        (b"<Lifecycle/>", "MalformedXML"),
        (document(Status="enabled"), "MalformedXML"),
        (document(Status="Invalid"), "MalformedXML"),
        (document(ID="x" * 256), "InvalidArgument"),
        (document(Prefix=""), "MalformedXML"),
        (document(Extra=""), "MalformedXML"),
        (document(""), "InvalidRequest"),
        (document(expiration("")), "MalformedXML"),
        (document(expiration("<Days>0</Days>")), "InvalidArgument"),
        (document(expiration("<Days>-1</Days>")), "InvalidArgument"),
        (document(expiration("<Days>x</Days>")), "MalformedXML"),
        (document(expiration("<Days>1</Days><Date>2020-01-01</Date>")), "MalformedXML"),
        (document(expiration("<Date>2020-01-01T01:00:00Z</Date>")), "InvalidArgument"),
        (document(expiration("<Date>20200101T</Date>")), "MalformedXML"),
        (document(expiration(MARKER), Filter=TAG), "InvalidRequest"),
        (document(noncurrent("0", "1")), "InvalidArgument"),
        (document(noncurrent("1", "0")), "InvalidArgument"),
        (document(noncurrent("1", "101")), "InvalidArgument"),
        (document(Filter=TAG + TAG), "MalformedXML"),
        (document(Filter=f"<And>{TAG}{TAG}</And>"), "InvalidRequest"),
        (document(Filter="<Tag><Key>k</Key></Tag>"), "MalformedXML"),
        (document(Filter="<ObjectSizeLessThan>0</ObjectSizeLessThan>"), "InvalidRequest"),
        (document(AbortIncompleteMultipartUpload=ABORT, Filter=TAG), "InvalidRequest"),
        (document(Transition="<Days>1</Days>"), "NotImplemented"),
    ],
)
def test_documents_that_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_lifecycle(data)
    assert caught.value.code == code


def test_two_rules_of_one_id_are_refused() -> None:
    twice = document(ID="a").replace(
        b"</LifecycleConfiguration>",
        document(ID="a").removeprefix(b"<LifecycleConfiguration>"),
    )
    with pytest.raises(S3Error, match="unique"):
        parse_lifecycle(twice)


def test_what_a_document_says() -> None:
    (rule,) = parse_lifecycle(document(expiration("<Date>2020-01-01T00:00:00Z</Date>"), ID="a"))
    assert rule == Rule("a", True, Filter(), at_s=1_577_836_800)
    sizes = "<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>"
    sizes += "<ObjectSizeLessThan>5</ObjectSizeLessThan>"
    both = f"<And><Prefix>p</Prefix>{TAG}{sizes}</And>"
    (rule,) = parse_lifecycle(document(noncurrent("4", "2"), Filter=both, Status="Disabled"))
    filter_ = Filter("p", (("k", "v"),), 1, 5)
    assert rule == Rule("", False, filter_, noncurrent_days=4, noncurrent_kept=2)

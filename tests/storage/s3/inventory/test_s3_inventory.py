"""Inventories: configured as at AWS, written once a period, true to what the bucket holds."""

import csv
import gzip
import hashlib
import json
from functools import partial
from typing import Any

import pytest
from s3_harness import S3, ApiError, Client

from storage.s3.inventory import worker as worker_module
from storage.s3.inventory.worker import InventoryWorker

DAY_S = 86_400
md5 = partial(hashlib.md5, usedforsecurity=False)


def wanted(name: str = "all", **fields: Any) -> dict[str, Any]:
    target = {"Bucket": "arn:aws:s3:::lists", "Format": "CSV", "Prefix": "in/"}
    return {
        "Id": name,
        "IsEnabled": True,
        "IncludedObjectVersions": "Current",
        "Destination": {"S3BucketDestination": target},
        "Schedule": {"Frequency": "Daily"},
        **fields,
    }


async def put(client: Client, configuration: dict[str, Any]) -> None:
    await client.call(
        "PutBucketInventoryConfiguration",
        Bucket="photos",
        Id=configuration["Id"],
        InventoryConfiguration=configuration,
    )


@pytest.fixture
async def tester(s3: S3) -> Client:
    client = s3.clients["test:tester"]
    for bucket in ("photos", "lists"):
        await client.call("CreateBucket", Bucket=bucket)
    return client


def worker_of(s3: S3) -> InventoryWorker:
    return InventoryWorker(s3.memory.world, s3.memory.store)


def pass_days(s3: S3, days: float) -> None:
    s3.memory.world.clock.offset_ns += int(days * DAY_S * 10**9)  # type: ignore[attr-defined]


async def names(client: Client, suffix: str) -> list[str]:
    listed = await client.call("ListObjectsV2", Bucket="lists")
    found = [entry["Key"] for entry in listed.get("Contents", [])]
    return [name for name in found if name.endswith(suffix)]


async def read(client: Client, name: str) -> bytes:
    return (await client.request("GET", f"/lists/{name}")).body


async def read_rows(client: Client) -> list[list[str]]:
    """Return the lines of the only inventory, whose sums are right."""
    (name,) = await names(client, "manifest.json")
    text = await read(client, name)
    checksum = await read(client, name.replace(".json", ".checksum"))
    assert checksum.decode() == md5(text).hexdigest()
    manifest, rows = json.loads(text), []
    for file in manifest["files"]:
        data = await read(client, file["key"])
        assert (len(data), md5(data).hexdigest()) == (file["size"], file["MD5checksum"])
        rows += list(csv.reader(gzip.decompress(data).decode().splitlines()))
    columns = manifest["fileSchema"].split(", ")
    assert {len(row) for row in rows} <= {len(columns)}
    return [columns, *rows]


async def test_an_inventory_lists_the_bucket(
    s3: S3, tester: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "ROWS_A_FILE_MAX", 2)
    monkeypatch.setattr(worker_module, "PAGE", 3)
    fields = ["ETag", "Size", "StorageClass", "LastModifiedDate", "IsMultipartUploaded"]
    await put(tester, wanted(OptionalFields=fields, Filter={"Prefix": "a"}))
    for key in ("a b", "a,c", 'a"d', "ae", "af", "b"):
        await tester.call("PutObject", Bucket="photos", Key=key, Body=key.encode())
    assert (await worker_of(s3).run_once()).written == 1
    columns, *rows = await read_rows(tester)
    assert columns[:3] == ["Bucket", "Key", "Size"]
    assert [row[1] for row in rows] == ["a+b", "a%22d", "a%2Cc", "ae", "af"]
    assert rows[0][2] == "3"
    assert rows[0][4:] == ["STANDARD", md5(b"a b").hexdigest(), "false"]
    assert len(await names(tester, ".csv.gz")) == 3
    assert all(name.startswith("in/photos/all/") for name in await names(tester, ""))


async def test_versions_are_listed_where_they_are_asked_for(s3: S3, tester: Client) -> None:
    status = {"Status": "Enabled"}
    await tester.call("PutBucketVersioning", Bucket="photos", VersioningConfiguration=status)
    made = await tester.call("PutObject", Bucket="photos", Key="a", Body=b"1")
    marker = await tester.call("DeleteObject", Bucket="photos", Key="a")
    await put(tester, wanted(IncludedObjectVersions="All", OptionalFields=["Size"]))
    await worker_of(s3).run_once()
    columns, *rows = await read_rows(tester)
    assert columns == ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size"]
    assert rows == [
        ["photos", "a", marker["VersionId"], "true", "true", ""],
        ["photos", "a", made["VersionId"], "false", "false", "1"],
    ]


async def test_each_period_has_one(s3: S3, tester: Client) -> None:
    await put(tester, wanted("day"))
    await put(tester, wanted("week", Schedule={"Frequency": "Weekly"}))
    await put(tester, wanted("off", IsEnabled=False))
    assert (await worker_of(s3).run_once()).written == 2
    assert (await worker_of(s3).run_once()).written == 0
    written = 0
    for _ in range(14):
        pass_days(s3, 1)
        written += (await worker_of(s3).run_once()).written
    assert written == 14 + 2


async def test_a_target_can_refuse(s3: S3, tester: Client) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::lists/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    await tester.call("PutBucketPolicy", Bucket="lists", Policy=policy)
    await put(tester, wanted())
    report = await worker_of(s3).run_once()
    assert (report.written, report.refused) == (0, 1)
    assert not await names(tester, "")


async def test_configurations_are_kept_by_id(tester: Client) -> None:
    one, two = wanted("one"), wanted("two", OptionalFields=["Size"])
    await put(tester, one)
    await put(tester, two)
    found = await tester.call("GetBucketInventoryConfiguration", Bucket="photos", Id="two")
    assert found["InventoryConfiguration"] == two
    listed = await tester.call("ListBucketInventoryConfigurations", Bucket="photos")
    assert listed["InventoryConfigurationList"] == [one, two]
    for name in ("one", "two"):
        await tester.call("DeleteBucketInventoryConfiguration", Bucket="photos", Id=name)
        with pytest.raises(ApiError) as caught:
            await tester.call("GetBucketInventoryConfiguration", Bucket="photos", Id=name)
        assert caught.value.code == "NoSuchConfiguration"
    listed = await tester.call("ListBucketInventoryConfigurations", Bucket="photos")
    assert "InventoryConfigurationList" not in listed


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"IncludedObjectVersions": "Some"}, "MalformedXML"),
        ({"Schedule": {"Frequency": "Hourly"}}, "MalformedXML"),
        ({"OptionalFields": ["Colour"]}, "NotImplemented"),
        (
            {
                "Destination": {
                    "S3BucketDestination": {"Bucket": "arn:aws:s3:::lists", "Format": "Parquet"}
                }
            },
            "NotImplemented",
        ),
        (
            {"Destination": {"S3BucketDestination": {"Bucket": "lists", "Format": "CSV"}}},
            "InvalidArgument",
        ),
    ],
)
async def test_what_there_is_not_is_refused(
    tester: Client, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(ApiError) as caught:
        await put(tester, wanted(**fields))
    assert caught.value.code == code

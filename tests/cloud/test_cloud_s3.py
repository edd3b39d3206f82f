"""S3 on a real cloud, through boto3: the first key, further keys, both doors to one bucket."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running_cloud import RunningCloud
from swift_client import SwiftClient

pytestmark = pytest.mark.slow


def s3_client(cloud: RunningCloud, known: dict[str, str], **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=cloud.credentials()["AWS_ENDPOINT_URL"],
        region_name=cloud.credentials()["AWS_REGION"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


@pytest.fixture
def running(cloud: RunningCloud) -> RunningCloud:
    cloud.start("--workers", "2")
    return cloud


def keys_of(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.splitlines())


def test_one_bucket_has_two_doors(running: RunningCloud) -> None:
    s3 = s3_client(running, running.credentials())
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="cats/one.jpg", Body=b"meow")
    with SwiftClient(running) as swift:
        assert swift.get("/photos/cats/one.jpg").body == b"meow"
        assert swift.put("/photos/dogs/two.jpg", b"woof").status == 201
        assert swift.put("/albums").status == 201
        assert swift.put("/albums/o", b"here").status == 201
    assert s3.get_object(Bucket="photos", Key="dogs/two.jpg")["Body"].read() == b"woof"
    listed = s3.list_objects_v2(Bucket="photos", Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["cats/", "dogs/"]
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["albums", "photos"]
    assert s3.get_object(Bucket="albums", Key="o")["Body"].read() == b"here"
    s3.delete_object(Bucket="albums", Key="o")
    s3.delete_bucket(Bucket="albums")
    with SwiftClient(running) as swift:
        assert swift.get("/albums").status == 404


@pytest.mark.parametrize(
    "config",
    [{"s3": {"addressing_style": "path"}}, {"signature_version": "s3"}],
    ids=["path style", "signature version 2"],
)
def test_ways_to_ask(running: RunningCloud, config: dict[str, Any]) -> None:
    s3 = s3_client(running, running.credentials(), **config)
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="one", Body=b"meow")
    assert s3.get_object(Bucket="photos", Key="one")["Body"].read() == b"meow"


def test_keys_come_and_go(running: RunningCloud) -> None:
    first = running.credentials()
    s3_client(running, first).create_bucket(Bucket="photos")
    made = running.atoll("key", "create", "--user", "demo:admin")
    assert (made.returncode, made.stderr) == (0, "")
    key = keys_of(made.stdout)
    s3 = s3_client(running, key)
    s3.put_object(Bucket="photos", Key="one", Body=b"meow")
    listed = running.atoll("key", "list").stdout
    assert key["AWS_ACCESS_KEY_ID"] in listed
    assert first["AWS_ACCESS_KEY_ID"] in listed
    assert key["AWS_SECRET_ACCESS_KEY"] not in listed
    assert running.atoll("key", "delete", key["AWS_ACCESS_KEY_ID"]).returncode == 0
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.get_object(Bucket="photos", Key="one")
    assert running.atoll("key", "delete", key["AWS_ACCESS_KEY_ID"]).returncode == 1
    assert running.atoll("key", "delete", first["AWS_ACCESS_KEY_ID"]).returncode == 2
    nobody = running.atoll("key", "create", "--user", "demo:nobody")
    assert (nobody.returncode, len(nobody.stderr.splitlines())) == (2, 1)


def test_keys_need_a_running_cloud(cloud: RunningCloud) -> None:
    done = cloud.atoll("key", "create")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no cloud runs" in done.stderr

"""Lifecycle rules on a real cloud: the keeper follows them, and clients are told."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from running_cloud import RunningCloud, wait_for

pytestmark = pytest.mark.slow

RESTLESS = ("--set", "s3.lifecycle_interval_s=1", "--set", "s3.lifecycle_day_s=1")


def s3_client(cloud: RunningCloud) -> Any:
    known = cloud.credentials()
    return boto3.client(
        "s3",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        region_name=known["AWS_REGION"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_the_keeper_follows_the_rules(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1", *RESTLESS)
    s3 = s3_client(cloud)
    s3.create_bucket(Bucket="photos")
    rule = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "old/"},
        "Expiration": {"Days": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket="photos", LifecycleConfiguration={"Rules": [rule]})
    assert 'rule-id="old"' in s3.put_object(Bucket="photos", Key="old/a")["Expiration"]
    s3.put_object(Bucket="photos", Key="new/a")

    def keys() -> list[str]:
        found = s3.list_objects_v2(Bucket="photos")
        return [entry["Key"] for entry in found.get("Contents", [])]

    wait_for(lambda: keys() == ["new/a"], patience_s=15)
    wait_for(lambda: cloud.role("keeper")["status"].get("lifecycle_expired") == 1)

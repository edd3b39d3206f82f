"""A worker writes the access logs of buckets when it is stopped."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from running_cloud import RunningCloud

pytestmark = pytest.mark.slow


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


def test_what_was_asked_is_logged_when_the_worker_stops(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1")
    s3 = s3_client(cloud)
    for bucket in ("photos", "logs"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_acl(Bucket="logs", ACL="log-delivery-write")
    enabled = {"TargetBucket": "logs", "TargetPrefix": ""}
    s3.put_bucket_logging(Bucket="photos", BucketLoggingStatus={"LoggingEnabled": enabled})
    s3.put_object(Bucket="photos", Key="a", Body=b"x")
    s3.get_object(Bucket="photos", Key="a")["Body"].read()
    cloud.restart("--workers", "1")
    s3 = s3_client(cloud)
    (entry,) = s3.list_objects_v2(Bucket="logs")["Contents"]
    text = s3.get_object(Bucket="logs", Key=entry["Key"])["Body"].read().decode()
    asked = [line.split('"')[0].split()[-2:] for line in text.splitlines()]
    assert [what for what in asked if what[0].endswith("OBJECT")] == [
        ["REST.PUT.OBJECT", "a"],
        ["REST.GET.OBJECT", "a"],
    ]

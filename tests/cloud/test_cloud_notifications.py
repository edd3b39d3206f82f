"""Events of acknowledged writes reach a webhook, whoever is killed in between."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from running_cloud import RunningCloud, wait_for

pytestmark = pytest.mark.slow

ARN = "arn:minio:sqs::hook:webhook"


class Receiver:
    """What a webhook was told; it refuses every third event once."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.port = 0
        self._asked = 0

    def take(self, body: bytes) -> int:
        self._asked += 1
        if self._asked % 3 == 0:
            return 503
        self.records += json.loads(body)["Records"]
        return 200

    def keys(self) -> set[str]:
        return {record["s3"]["object"]["key"] for record in list(self.records)}


@contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = found.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def s3_client(cloud: RunningCloud) -> Any:
    known = cloud.credentials()
    return boto3.client(
        "s3",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        region_name=known["AWS_REGION"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def test_no_event_of_an_acknowledged_write_is_lost(cloud: RunningCloud) -> None:
    with receiver() as hook:
        targets = f's3.notification_targets={{"{ARN}" = "http://127.0.0.1:{hook.port}/"}}'
        flags = ("--workers", "1", "--set", targets, "--set", "s3.notification_interval_s=0.05")
        cloud.start(*flags)
        s3 = s3_client(cloud)
        s3.create_bucket(Bucket="photos")
        rule = {"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="photos", NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        stored: set[str] = set()
        for number, victim in enumerate(("keeper", "disk-0", "worker-0", "keeper", "disk-0")):
            for one in range(12):
                key = f"{number}/{one}"
                if one == 6:
                    cloud.kill(victim)
                try:
                    s3.put_object(Bucket="photos", Key=key, Body=b"x")
                except (ClientError, BotoCoreError):
                    continue  # nothing was promised
                stored.add(key)
            cloud.wait_until_running()
        assert len(stored) > 30
        wait_for(lambda: stored <= hook.keys())
        sequencers: dict[str, set[str]] = {}
        for record in hook.records:
            told = record["s3"]["object"]
            sequencers.setdefault(told["key"], set()).add(told["sequencer"])
        assert all(len(found) == 1 for found in sequencers.values()), "one write, two events"
        numbers = {record["atoll"]["numbers"]["0"] for record in hook.records}
        assert numbers == set(range(1, max(numbers) + 1))

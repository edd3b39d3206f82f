"""An event as it is told: S3's event message structure, version 2.

S3 User Guide, "Event message structure".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote_plus

from storage.object.event import Event
from storage.s3.dates import iso
from storage.s3.owner import canonical_id

EVENT_VERSION = "2.2"


def event_message(event: Event, rule_id: str, region: str, holders: Mapping[int, int]) -> bytes:
    """Return an event as JSON.

    Args:
        event: that happened.
        rule_id: of the configuration that asked for it.
        region: of the bucket.
        holders: the devices that hold the event → its number among theirs of the bucket. Numbers
            are dense: a reader that is told of all events of a bucket, and meets a device's number
            without having seen the one before, missed an event.
    """
    described: dict[str, object] = {
        "key": quote_plus(event.name, safe="/"),
        "sequencer": event.id.hex().upper(),
    }
    if event.etag:
        described |= {"size": event.size_bytes, "eTag": event.etag}
    if event.version:
        described["versionId"] = event.version
    record = {
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": iso(event.id),
        "eventName": event.kind,
        "userIdentity": {"principalId": event.requester or "atoll:system"},
        "requestParameters": {"sourceIPAddress": event.source},
        "responseElements": {"x-amz-request-id": event.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule_id,
            "bucket": {
                "name": event.container,
                "ownerIdentity": {"principalId": canonical_id(event.account)},
                "arn": f"arn:aws:s3:::{event.container}",
            },
            "object": described,
        },
        "atoll": {
            "eventId": f"{event.container_id.hex()}-{event.id.hex()}",
            "numbers": {str(device): number for device, number in sorted(holders.items())},
        },
    }
    return json.dumps({"Records": [record]}, separators=(",", ":")).encode()

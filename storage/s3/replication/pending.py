"""What an object says of its replication before the keeper has come to it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from storage.container.record import ContainerRecord
from storage.proxy.engine import Attributes
from storage.s3.configuration import Configurations, pointer_of
from storage.s3.marks import REPLICA, REPLICATION_STATUS
from storage.s3.objects.tags import TAGS
from storage.s3.replication.configuration import REPLICATION, parse_replication, rules_for


async def pending(
    configurations: Configurations, bucket: ContainerRecord, name: str, given: Attributes
) -> Mapping[str, str]:
    """Return the system metadata that says that a new object is to be sent; none where it is not.

    S3 User Guide, "Getting replication status information".

    Args:
        configurations: documents of buckets.
        bucket: its container.
        name: of the object.
        given: what it carries; what came from another store is sent on to none.
    """
    if not pointer_of(bucket, REPLICATION) or REPLICA in given.metadata:
        return {}
    rules = await configurations.get_sound(bucket, REPLICATION, parse_replication) or ()
    tags = dict(parse_qsl(given.system.get(TAGS, ""), keep_blank_values=True))
    return {REPLICATION_STATUS: "PENDING"} if rules_for(rules, name, tags, is_marker=False) else {}

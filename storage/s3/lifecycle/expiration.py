"""The header x-amz-expiration: when an object expires, and by which rule."""

from __future__ import annotations

from email.utils import formatdate
from urllib.parse import quote

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.s3.configuration import Configurations, pointer_of
from storage.s3.errors import Header
from storage.s3.lifecycle.document import parse_lifecycle
from storage.s3.lifecycle.rules import Version, expiry_of
from storage.s3.objects.tags import tags_of
from storage.s3.settings import S3Settings
from storage.timestamp import milliseconds

LIFECYCLE = "lifecycle"
_MS_PER_S = 1000


class Expiration:
    """Tells clients when objects expire.

    Args:
        configurations: documents of buckets.
        settings: how long a day is.
    """

    def __init__(self, configurations: Configurations, settings: S3Settings) -> None:
        self._configurations = configurations
        self._day_s = settings.lifecycle_day_s

    async def headers(self, container: ContainerRecord, record: ObjectRecord) -> list[Header]:
        """Return the header for the current version of an object; none where it stays."""
        if not pointer_of(container, LIFECYCLE):
            return []
        rules = await self._configurations.get(container, LIFECYCLE, parse_lifecycle) or ()
        created_s = milliseconds(record.created) / _MS_PER_S
        version = Version(record.name, created_s, record.size_bytes, tags=tags_of(record))
        found = expiry_of(rules, version, self._day_s)
        if found is None:
            return []
        date = formatdate(found[0], usegmt=True)
        value = f'expiry-date="{date}", rule-id="{quote(found[1].id)}"'
        return [(b"x-amz-expiration", value.encode("ascii"))]

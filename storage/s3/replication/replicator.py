"""Sends to other stores what happens in buckets that have replication rules.

An object that came from another store says so in its metadata, and is sent on to none: two buckets
that replicate to each other do not go round in circles. For the same reason a delete marker is
sent only where there still is an object.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.object.event import Event
from storage.object.record import NULL_VERSION, ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import ObjectMissingError, PayloadLostError, SealedError
from storage.s3.configuration import Configurations
from storage.s3.encryption.seal import Mode, seal_of
from storage.s3.events.errand import (
    Errand,
    ErrandFailedError,
    ErrandHopelessError,
    ErrandRefusedError,
)
from storage.s3.marks import REPLICA, REPLICATION_STATUS
from storage.s3.objects.headers import object_headers
from storage.s3.objects.tags import TAGS, tags_of
from storage.s3.replication.configuration import REPLICATION, parse_replication, rules_for
from storage.s3.replication.remote import RemoteBucket
from storage.s3.settings import S3Settings
from storage.s3.xml import document

_SENT_HEADERS = (b"content-", b"cache-control", b"expires", b"x-amz-meta-", b"x-amz-website-")


class Replicator:
    """Finds what must be sent because of an event, and sends it.

    Args:
        world: clock and network.
        engine: of the store.
        settings: what the operator set up.
    """

    def __init__(self, world: World, engine: Engine, settings: S3Settings) -> None:
        self._engine = engine
        self._configurations = Configurations(engine)
        self._remotes: Mapping[str, RemoteBucket] = {
            arn: RemoteBucket(world, url, settings.replication_timeout_s)
            for arn, url in settings.replication_targets.items()
        }

    async def route(self, event: Event) -> list[Errand]:
        """Return an errand for each destination of an event's object."""
        if not event.kind or (event.kind.endswith(":Delete") and "Tagging" not in event.kind):
            return []  # what is deleted for good here stays there
        bucket = await self._engine.container(event.account, event.container)
        if bucket is None or bucket.id != event.container_id:
            return []
        rules = await self._configurations.get_sound(bucket, REPLICATION, parse_replication)
        if not rules:
            return []
        is_marker = event.kind.endswith(":DeleteMarkerCreated")
        record = None if is_marker else await self._find(bucket, event)
        if not is_marker and (record is None or REPLICA in record.metadata):
            return []
        tags = {} if record is None else tags_of(record)
        return [
            Errand(
                f"replication {rule.arn}",
                partial(self._send, bucket, event, self._remotes[rule.arn]),
                None if is_marker else partial(self._mark, bucket, event, "FAILED"),
            )
            for rule in rules_for(rules, event.name, tags, is_marker=is_marker)
            if rule.arn in self._remotes
        ]

    async def _find(self, bucket: ContainerRecord, event: Event) -> ObjectRecord | None:
        """Return the version that an event is about, if it is still there."""
        found = await self._engine.object(bucket, event.name, _version(event))
        return found if found is not None and found.is_data else None

    async def _send(
        self,
        bucket: ContainerRecord,
        event: Event,
        remote: RemoteBucket,
        _holders: Mapping[int, int],
    ) -> None:
        if event.kind.endswith(":DeleteMarkerCreated"):
            if await remote.ask("GET", event.name, "tagging") != 404:
                await remote.ask("DELETE", event.name)
            return
        record = await self._find(bucket, event)
        if record is None:
            return  # deleted for good meanwhile
        if event.kind.startswith("ObjectTagging"):
            await self._send_tags(record, remote)
        elif event.kind.startswith("ObjectCreated"):
            try:
                await self._send_object(bucket, record, remote)
            except (SealedError, PayloadLostError) as error:
                raise ErrandRefusedError(str(error)) from error
            await self._mark(bucket, event, "COMPLETED")

    async def _send_tags(self, record: ObjectRecord, remote: RemoteBucket) -> None:
        tags = [("Tag", (("Key", key), ("Value", value))) for key, value in tags_of(record).items()]
        await remote.ask("PUT", record.name, "tagging", {}, document("Tagging", [("TagSet", tags)]))

    async def _send_object(
        self, bucket: ContainerRecord, record: ObjectRecord, remote: RemoteBucket
    ) -> None:
        seal = seal_of(record.system)
        if seal is not None and seal.mode is Mode.CUSTOMER:
            raise ErrandHopelessError("the customer has the key")
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in object_headers(record)
            if name.lower().startswith(_SENT_HEADERS)
        }
        headers[f"x-amz-meta-{REPLICA}"] = record.version_id.hex()
        if seal is not None:
            headers["x-amz-server-side-encryption"] = seal.mode.value  # with a key from there
        if record.system.get(TAGS):
            headers["x-amz-tagging"] = record.system[TAGS]
        body = self._read(bucket, record)
        status = await remote.ask("PUT", record.name, "", headers, body, record.size_bytes)
        if status == 404:
            raise ErrandFailedError("the destination is not there")

    async def _read(self, bucket: ContainerRecord, record: ObjectRecord) -> AsyncIterator[bytes]:
        """Yield an object's bytes."""
        async with self._engine.open(bucket, record) as payload:
            if payload.whole is not None:
                yield bytes(payload.whole)
                return
            async for piece in payload.read(0, record.size_bytes):
                yield bytes(piece)

    async def _mark(self, bucket: ContainerRecord, event: Event, status: str) -> None:
        """Note in the object how sending it ended, as HEAD shows it."""

        def change(record: ObjectRecord) -> Attributes:
            system = {**record.system, REPLICATION_STATUS: status}
            return Attributes(record.content_type, record.metadata, system)

        try:
            await self._engine.amend_object(bucket, event.name, change, _version(event))
        except ObjectMissingError:
            return  # deleted meanwhile: there is nothing to note


def _version(event: Event) -> bytes:
    return bytes.fromhex(event.version) if event.version not in ("", "null") else NULL_VERSION

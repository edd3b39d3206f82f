"""How this door writes objects: by what the container says of versions and object lock.

Both doors share a container's objects, so both must keep its versions, and neither may store an
object without the protection that the bucket gives to new ones.
"""

from __future__ import annotations

from atoll.world import Clock
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Body, Condition, Deletion, Engine
from storage.proxy.manifest import Manifest
from storage.s3.objects.attributes import lock_system
from storage.s3.objects.versions import versioning_of

_NS_PER_S = 1e9


class Writes:
    """Stores and deletes objects.

    Args:
        engine: of the store.
        clock: physical time, from which retention counts.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def put(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        body: Body,
        *,
        size_bytes: int | None = None,
        etag: str | None = None,
        condition: Condition | None = None,
    ) -> ObjectRecord:
        """Store an object; see `storage.proxy.engine.Engine.put_object`."""
        return await self._engine.put_object(
            container,
            name,
            self._protected(container, attributes),
            body,
            size_bytes=size_bytes,
            etag=etag,
            condition=condition,
            versioned=versioning_of(container),
        )

    async def put_composite(
        self,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        manifest: Manifest,
        *,
        etag: str,
        condition: Condition | None = None,
    ) -> ObjectRecord:
        """Store a composite; see `storage.proxy.engine.Engine.put_composite`."""
        return await self._engine.put_composite(
            container,
            name,
            self._protected(container, attributes),
            manifest.pack(),
            size_bytes=manifest.size_bytes,
            etag=etag,
            condition=condition,
            versioned=versioning_of(container),
        )

    async def delete(
        self, container: ContainerRecord, name: str, condition: Condition | None = None
    ) -> Deletion:
        """Delete an object; see `storage.proxy.engine.Engine.delete_object`.

        Where versions are kept a marker is left even if nothing is there: `removed` tells.
        """
        return await self._engine.delete_object(
            container, name, condition, versioned=versioning_of(container)
        )

    def _protected(self, container: ContainerRecord, attributes: Attributes) -> Attributes:
        lock = lock_system({}, container, self._clock.wall_ns() / _NS_PER_S)
        if not lock:
            return attributes
        return attributes._replace(system={**attributes.system, **lock})

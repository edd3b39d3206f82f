"""A store in memory with a bucket, and multipart uploads on it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from memory_store import BytesBody, MemoryStore, build_ring, memory_store

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.placement import Placement
from storage.proxy.checksums import ChecksumPlan
from storage.proxy.completion import CompletedPart
from storage.proxy.engine import Attributes
from storage.proxy.multipart import Multipart, MultipartSettings
from storage.proxy.store import Store
from storage.proxy.uploads import Completion, Upload
from storage.reserved import parts_of, uploads_of

ACCOUNT, BUCKET = "AUTH_a", "b"
OBJECT = Attributes("text/plain", {"color": "red"}, {"content-encoding": "identity"})
PART = Attributes("", {}, {})


@dataclass
class Env:
    """A bucket in a store, with its uploads."""

    memory: MemoryStore
    multipart: Multipart
    bucket: ContainerRecord
    placement: Placement

    @property
    def store(self) -> Store:
        return self.memory.store

    async def begin(self, key: str, plan: ChecksumPlan | None = None) -> Upload:
        return await self.multipart.create(self.bucket, key, OBJECT, plan=plan, initiator="me")

    async def part(
        self, upload: Upload, number: int, data: bytes, system: dict[str, str] | None = None
    ) -> CompletedPart:
        attributes = Attributes("", {}, system or {})
        record = await self.multipart.upload_part(
            self.bucket, upload, number, attributes, BytesBody(data)
        )
        assert record.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
        return CompletedPart(number, record.etag)

    async def complete(
        self, upload: Upload, parts: Sequence[CompletedPart], **options: Any
    ) -> Completion:
        return await self.multipart.complete(self.bucket, upload.key, upload.id, parts, **options)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes | None:
        found = await self.store.get_object(self.bucket, key)
        if found is None:
            return None
        record, opened = found
        data = b""
        async with opened as payload:
            if payload.whole is not None:
                return payload.whole[start:stop]
            stop = record.size_bytes if stop is None else stop
            chunks: Any = payload.read(start, stop)
            async with aclosing(chunks):
                async for chunk in chunks:
                    data += chunk
        return data

    async def names(self, container: str) -> list[str]:
        record = await self.store.container(ACCOUNT, container)
        if record is None:
            return []
        return [entry.name for entry in await self.store.list_objects(record, Query())]

    async def part_names(self) -> list[str]:
        return await self.names(parts_of(BUCKET))

    async def upload_names(self) -> list[str]:
        return await self.names(uploads_of(BUCKET))


@asynccontextmanager
async def multipart_env(*, part_size_bytes_min: int = 1000, **options: Any) -> AsyncIterator[Env]:
    """Open a store with a bucket."""
    async with memory_store(**options) as memory:
        await memory.store.create_container(ACCOUNT, BUCKET, {})
        bucket = await memory.store.container(ACCOUNT, BUCKET)
        assert bucket is not None
        settings = MultipartSettings(
            part_size_bytes_min=part_size_bytes_min, object_size_bytes_max=10_000_000
        )
        multipart = Multipart(memory.world, memory.clock, memory.store, settings)
        ring = build_ring(options.get("devices", 1), options.get("replicas", 1))
        yield Env(memory, multipart, bucket, Placement(ring, ring, {0: ring}))

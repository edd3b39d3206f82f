"""The sweeper of parts: finds those that nothing names, whatever became of who should have said so.

Uploads and replaced composites remove their parts themselves, at once or through `due`. What a
crash keeps from being said is found here: parts without an upload or a composite, and what a
deleted bucket left. A round is bounded, and the next one goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from atoll.world import World
from storage.container.listing import Query
from storage.container.record import TABLE, ContainerRecord, read_container
from storage.device.index import Index, IndexFailedError
from storage.placement import Placement
from storage.proxy.part_reclaim import PartReclaimer
from storage.proxy.parts import Parts, initiated_ms, upload_of
from storage.proxy.store import Store
from storage.proxy.uploads import Uploads
from storage.reserved import parts_of, uploads_of
from storage.seal import DamagedError

CONTAINERS_PER_ROUND: Final = 1000
UPLOADS_PER_ROUND: Final = 64
_PARTS, _UPLOADS = parts_of(""), uploads_of("")


class PartSweeper:
    """Sweeps the hidden containers whose first voter is a device of this node.

    Args:
        world: clock.
        store: the engine.
        placement: the rings.
        indexes: of the devices of this node, by number.
        age_s_min: younger uploads are left alone: their requests may be under way.
    """

    def __init__(
        self,
        world: World,
        store: Store,
        placement: Placement,
        indexes: Mapping[int, Index],
        age_s_min: float,
    ) -> None:
        self._world = world
        self._store = store
        self._placement = placement
        self._indexes = indexes
        self._age_ms_min = int(1000 * age_s_min)
        self._reclaimer = PartReclaimer(store)
        self._parts = Parts(store)
        self._uploads = Uploads(store)
        self._device, self._key = 0, b""
        self._container: ContainerRecord | None = None
        self._marker = ""

    async def run_once(self) -> int:
        """Sweep the next page; return how many parts and uploads were removed.

        On cancel: the rest is removed by a later call.

        Raises:
            StoreError: a device does not answer; what was removed stays removed.
        """
        if self._container is None:
            self._container, self._marker = self._next_container(), ""
        container = self._container
        if container is None:
            return 0
        self._container = None  # what cannot be swept keeps nothing else from it
        kind = _PARTS if container.name.startswith(_PARTS) else _UPLOADS
        name = container.name.removeprefix(kind)
        bucket = await self._store.container(container.account, name)
        if bucket is None:
            return await self._reclaimer.forget_bucket(container.account, name)
        sweep = self._sweep_parts if kind == _PARTS else self._sweep_uploads
        removed, is_done = await sweep(container, bucket)
        self._container = None if is_done else container
        return removed

    async def _sweep_parts(
        self, container: ContainerRecord, bucket: ContainerRecord
    ) -> tuple[int, bool]:
        removed = 0
        for _ in range(UPLOADS_PER_ROUND):
            name = await self._parts.next_upload(container, self._marker)
            if name is None:
                return removed, True
            self._marker = name
            key, upload_id = upload_of(name)
            if self._is_old(upload_id):
                removed += await self._reclaimer.reclaim(
                    bucket.account, bucket.name, key, upload_id
                )
        return removed, False

    async def _sweep_uploads(
        self, container: ContainerRecord, bucket: ContainerRecord
    ) -> tuple[int, bool]:
        """Remove uploads that were begun in an earlier life of the bucket."""
        query = Query(UPLOADS_PER_ROUND, self._marker)
        entries = await self._store.list_objects(container, query)
        removed = 0
        for entry in entries:
            self._marker = entry.name
            removed += await self._uploads.discard_foreign(container, bucket, entry.name)
        return removed, len(entries) < UPLOADS_PER_ROUND

    def _is_old(self, upload_id: str) -> bool:
        now_ms = self._world.clock.wall_ns() // 1_000_000
        return initiated_ms(upload_id) + self._age_ms_min <= now_ms

    def _next_container(self) -> ContainerRecord | None:
        """Return the next hidden container; nothing where a round's share has none.

        After the last one of the last device the next call begins at the first.
        """
        numbers = sorted(self._indexes)
        if self._device >= len(numbers):
            self._device, self._key = 0, b""
        number = numbers[self._device]
        try:
            found = self._scan(number)
        except IndexFailedError:
            found = None  # the audit fails the device
            self._key = b""
        if not self._key:
            self._device += 1
        return found

    def _scan(self, number: int) -> ContainerRecord | None:
        """Walk a share of a device's containers up to a hidden one; remember where it ended."""
        with self._indexes[number].snapshot() as snapshot:
            seen = 0
            for raw_key, _ in snapshot.scan(TABLE, self._key):
                key = bytes(raw_key)
                seen += 1
                self._key = key + b"\0"
                try:
                    record = read_container(snapshot, key)
                except DamagedError:
                    continue  # the audit counts it
                if record is not None and self._is_ours(number, key, record):
                    return record
                if seen == CONTAINERS_PER_ROUND:
                    return None
        self._key = b""
        return None

    def _is_ours(self, number: int, key: bytes, record: ContainerRecord) -> bool:
        is_hidden = record.alive and record.name.startswith((_PARTS, _UPLOADS))
        return is_hidden and self._placement.container(key)[0] == number

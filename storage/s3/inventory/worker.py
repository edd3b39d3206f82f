"""The inventory worker: writes the inventories of all buckets that are due.

A reconciler. When an inventory was written last stands in the store, so a keeper that starts again
writes none twice; one that dies within an inventory begins it anew, and files of data that no
manifest names are left.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from uuid import UUID

from atoll.log import get_logger
from atoll.world import World
from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.container.versions import VersionQuery
from storage.proxy.engine import Attributes, Engine
from storage.reserved import BUCKET_NAMES, SYSTEM_ACCOUNT, ensure_container
from storage.s3.configuration import Configurations, pointer_of
from storage.s3.gate import POLICY, read_policy
from storage.s3.inventory.configuration import INVENTORY, Inventory, parse_all
from storage.s3.inventory.rows import LOCK_FIELDS, csv_line, schema_of
from storage.s3.policy import Caller, Question, Verdict

PAGE = 1000
ROWS_A_FILE_MAX = 100_000
SERVICE = "s3.amazonaws.com"
MANIFEST_VERSION = "2016-11-30"
_PROGRESS = "inventory"
_DAY_S = 86_400
_THURSDAY_TO_SUNDAY = 4  # 1970 began on a Thursday
_NS_PER_S = 1_000_000_000
_GZIP = 31
log = get_logger(part="inventory")


@dataclass(slots=True)
class InventoryReport:
    """What one round did.

    Attributes:
        written: inventories.
        refused: that were due and whose target does not take them.
    """

    written: int = 0
    refused: int = 0


class InventoryWorker:
    """Writes inventories.

    Args:
        world: clock and randomness.
        engine: the store.
    """

    def __init__(self, world: World, engine: Engine) -> None:
        self._world = world
        self._engine = engine
        self._configurations = Configurations(engine)

    async def run_once(self) -> InventoryReport:
        """Write what is due. On cancel: what is not written is written later."""
        report = InventoryReport()
        now_s = self._world.clock.wall_ns() // _NS_PER_S
        async with aclosing(self._buckets()) as buckets:
            async for bucket in buckets:
                known = await self._configurations.get(bucket, INVENTORY, parse_all) or {}
                for inventory, _ in known.values():
                    if not inventory.is_enabled:
                        continue
                    mark, period = f"{bucket.name}\0{inventory.id}", _period(inventory, now_s)
                    if await self._last(mark) == period:
                        continue
                    if await self._write(bucket, inventory, now_s):
                        report.written += 1
                    else:
                        report.refused += 1
                    await self._keep(mark, period)
        return report

    async def _buckets(self) -> AsyncGenerator[ContainerRecord, None]:
        """Yield the buckets that have inventories."""
        claims = await self._engine.container(SYSTEM_ACCOUNT, BUCKET_NAMES)
        marker = ""
        while claims is not None:
            page = await self._engine.list_objects(claims, Query(limit=PAGE, marker=marker))
            for entry in page:
                claim = await self._engine.object(claims, entry.name)
                if claim is None:
                    continue
                bucket = await self._engine.container(claim.system["account"], entry.name)
                if bucket is not None and pointer_of(bucket, INVENTORY):
                    yield bucket
            if len(page) < PAGE:
                return
            marker = page[-1].name

    async def _write(self, bucket: ContainerRecord, inventory: Inventory, now_s: int) -> bool:
        """Write an inventory; tell whether its target takes it."""
        target = await self._engine.container(bucket.account, inventory.target)
        place = f"{bucket.name}/{inventory.id}"
        if inventory.target_prefix:
            place = f"{inventory.target_prefix}/{place}"
        if target is None or not await self._may_write(target, f"{place}/"):
            log.warning("inventory refused", bucket=bucket.name, inventory=inventory.id)
            return False
        files: list[dict[str, object]] = []
        async with aclosing(self._files(bucket, inventory)) as made:
            async for data in made:
                unique = UUID(bytes=self._world.random.randbytes(16))
                name = f"{place}/data/{unique}.csv.gz"
                await self._put(target, name, data, "application/gzip")
                checksum = md5(data, usedforsecurity=False).hexdigest()
                files.append({"key": name, "size": len(data), "MD5checksum": checksum})
        manifest = {
            "sourceBucket": bucket.name,
            "destinationBucket": f"arn:aws:s3:::{target.name}",
            "version": MANIFEST_VERSION,
            "creationTimestamp": str(now_s * 1000),
            "fileFormat": "CSV",
            "fileSchema": ", ".join(schema_of(inventory)),
            "files": files,
        }
        text = json.dumps(manifest, indent=2).encode()
        folder = f"{place}/{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H-%MZ}"
        await self._put(target, f"{folder}/manifest.json", text, "application/json")
        digest = md5(text, usedforsecurity=False).hexdigest().encode()
        await self._put(target, f"{folder}/manifest.checksum", digest, "text/plain")
        return True

    async def _may_write(self, target: ContainerRecord, key: str) -> bool:
        """Tell whether the target's policy lets the service in; without one its owner does."""
        policy = await self._configurations.get(target, POLICY, read_policy)
        if policy is None:
            return True
        caller = Caller("service", "", f"Service:{SERVICE}", is_root=False)
        question = Question(caller, "s3:PutObject", f"arn:aws:s3:::{target.name}/{key}", {})
        return policy.judge(question) is not Verdict.DENIED

    async def _files(
        self, bucket: ContainerRecord, inventory: Inventory
    ) -> AsyncGenerator[bytes, None]:
        """Yield compressed files of lines; where there are none, nothing."""
        packer, packed, rows = zlib.compressobj(wbits=_GZIP), bytearray(), 0
        needs_lock = any(field in LOCK_FIELDS for field in inventory.fields)
        query = VersionQuery(limit=PAGE, prefix=inventory.prefix)
        while True:
            page = await self._engine.list_versions(bucket, query)
            for entry in page:
                is_current = entry.is_latest and not entry.is_delete_marker
                if not (is_current or inventory.all_versions):
                    continue
                system: dict[str, str] = {}
                if needs_lock:
                    found = await self._engine.object(bucket, entry.name, entry.version)
                    system = {} if found is None else found.system
                packed += packer.compress(csv_line(inventory, bucket.name, entry, system))
                rows += 1
                if rows == ROWS_A_FILE_MAX:
                    yield bytes(packed + packer.flush())
                    packer, packed, rows = zlib.compressobj(wbits=_GZIP), bytearray(), 0
            if len(page) < PAGE:
                break
            query = query._replace(key_marker=page[-1].name, version_marker=page[-1].version)
        if rows:
            yield bytes(packed + packer.flush())

    async def _put(self, container: ContainerRecord, name: str, data: bytes, kind: str) -> None:
        attributes = Attributes(kind, {}, {})
        await self._engine.put_object(
            container, name, attributes, _Body(data), size_bytes=len(data)
        )

    async def _last(self, mark: str) -> str:
        """Return the period that an inventory was written in last."""
        container = await self._engine.container(SYSTEM_ACCOUNT, _PROGRESS)
        record = None if container is None else await self._engine.object(container, mark)
        return "" if record is None else record.system.get("period", "")

    async def _keep(self, mark: str, period: str) -> None:
        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, _PROGRESS)
        attributes = Attributes("", {}, {"period": period})
        await self._engine.put_object(container, mark, attributes, _Body(b""), size_bytes=0)


def _period(inventory: Inventory, now_s: int) -> str:
    """Return the day, or the week from a Sunday on, that is now."""
    day = now_s // _DAY_S
    return f"week {(day + _THURSDAY_TO_SUNDAY) // 7}" if inventory.is_weekly else f"day {day}"


class _Body:
    """Bytes as the body of an upload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return all of them, then none."""
        data, self._data = self._data, b""
        return data

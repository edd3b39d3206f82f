"""The parts of multipart uploads: ordinary objects in a hidden container beside their bucket.

A part is named `key NUL upload-id / number / attempt`. A part that is uploaded again is another
object, and the newest counts: what a completion has chosen can never be replaced under it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

import trio

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Body, Engine
from storage.proxy.errors import ContainerMissingError, ObjectMissingError, StoreError
from storage.reserved import parts_of
from storage.timestamp import TIMESTAMP_SIZE_BYTES, milliseconds

PART_NUMBER_MAX: Final = 10_000
_PAST_ATTEMPTS: Final = "~"  # sorts after every attempt
_PAGE: Final = 1000
_DELETIONS_AT_ONCE: Final = 16
_READS_AT_ONCE: Final = 64


class Part(NamedTuple):
    """An attempt at a part, as the listing knows it.

    Attributes:
        number: of the part.
        name: of the object.
        written: timestamp of the attempt; the newest of a number counts.
    """

    number: int
    name: str
    written: bytes


def upload_prefix(key: str, upload_id: str) -> str:
    """Return what the names of all parts of an upload begin with."""
    return f"{key}\0{upload_id}/"


def upload_of(part_name: str) -> tuple[str, str]:
    """Return the key and the upload id in the name of a part."""
    key, _, rest = part_name.rpartition("\0")
    return key, rest.partition("/")[0]


def initiated_ms(upload_id: str) -> int:
    """Return when an upload was begun, in milliseconds since 1970."""
    return milliseconds(bytes.fromhex(upload_id[: 2 * TIMESTAMP_SIZE_BYTES]))


def part_name(key: str, upload_id: str, number: int, attempt: bytes) -> str:
    """Return the name of an attempt at a part."""
    return _number_prefix(key, upload_id, number) + attempt.hex()


def _number_prefix(key: str, upload_id: str, number: int) -> str:
    return f"{upload_prefix(key, upload_id)}{number:05d}/"


class Parts:
    """The parts of all uploads.

    Args:
        engine: the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def attempts(
        self, bucket: ContainerRecord, key: str, upload_id: str, number: int
    ) -> list[Part]:
        """Return what is there of a part."""
        container = await self._engine.container(bucket.account, parts_of(bucket.name))
        prefix = _number_prefix(key, upload_id, number)
        return [] if container is None else await self._list(container, prefix)

    async def put(
        self,
        bucket: ContainerRecord,
        name: str,
        attributes: Attributes | Callable[[], Attributes],
        body: Body,
        size_bytes: int | None,
        etag: str | None,
    ) -> ObjectRecord:
        """Store an attempt at a part under a name from `part_name`; see `Engine.put_object`.

        Raises:
            ContainerMissingError: the bucket has no uploads (any more).
        """
        container = await self._engine.container(bucket.account, parts_of(bucket.name))
        if container is None:
            raise ContainerMissingError(bucket.name)
        return await self._engine.put_object(
            container, name, attributes, body, size_bytes=size_bytes, etag=etag
        )

    async def drop_older(self, bucket: ContainerRecord, newest: ObjectRecord) -> None:
        """Delete the attempts that a newer one replaces. Only while no completion may see them."""
        container = await self._engine.container(bucket.account, parts_of(bucket.name))
        if container is not None:
            attempts = await self._list(container, newest.name.rpartition("/")[0] + "/")
            older = [one.name for one in attempts if one.written < newest.created]
            await self.delete(container, older)

    async def newest(
        self, bucket: ContainerRecord, key: str, upload_id: str, after: int = 0, limit: int = 0
    ) -> list[Part]:
        """Return the attempt that counts of each part, by number.

        Args:
            bucket: of the upload.
            key: of the upload.
            upload_id: of the upload.
            after: only greater numbers.
            limit: parts at most; 0 for all.
        """
        container = await self._engine.container(bucket.account, parts_of(bucket.name))
        if container is None:
            return []
        marker = _number_prefix(key, upload_id, after) + _PAST_ATTEMPTS
        prefix = upload_prefix(key, upload_id)
        found: dict[int, Part] = {}
        while True:
            page = await self._list(container, prefix, marker)
            for part in page:
                held = found.get(part.number)
                if held is None or part.written > held.written:
                    found[part.number] = part
            if len(page) < _PAGE or 0 < limit < len(found):
                return list(found.values())[: limit or None]
            marker = page[-1].name

    async def records(
        self, bucket: ContainerRecord, parts: Iterable[Part]
    ) -> dict[int, ObjectRecord]:
        """Return the records of attempts that are still there, by part number."""
        container = await self._engine.container(bucket.account, parts_of(bucket.name))
        found: dict[int, ObjectRecord] = {}
        if container is not None:
            for place, part in enumerate(parts):
                if place % _READS_AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()  # the records of a device are read at once
                record = await self._engine.object(container, part.name)
                if record is not None:
                    found[part.number] = record
        return found

    async def discard(
        self, account: str, bucket: str, prefix: str, keep: Collection[str] = ()
    ) -> int:
        """Delete all attempts whose names begin with a prefix, but for some; return how many.

        On cancel: some are deleted.
        """
        container = await self._engine.container(account, parts_of(bucket))
        if container is None:
            return 0
        discarded, marker = 0, ""
        while True:
            page = await self._list(container, prefix, marker)
            names = [part.name for part in page if part.name not in keep]
            await self.delete(container, names)
            discarded += len(names)
            if len(page) < _PAGE:
                return discarded
            marker = page[-1].name

    async def next_upload(self, container: ContainerRecord, marker: str) -> str | None:
        """Return the name of the first part after the upload of another part.

        Args:
            container: of parts.
            marker: name of a part; empty for the beginning.
        """
        past = marker and upload_prefix(*upload_of(marker)) + _PAST_ATTEMPTS
        entries = await self._engine.list_objects(container, Query(1, past))
        return entries[0].name if entries else None

    async def _list(self, container: ContainerRecord, prefix: str, marker: str = "") -> list[Part]:
        await trio.lowlevel.checkpoint()
        entries = await self._engine.list_objects(container, Query(_PAGE, marker, "", prefix))
        return [
            Part(int(entry.name.rsplit("/", 2)[1]), entry.name, entry.row.timestamp)
            for entry in entries
            if entry.row is not None
        ]

    async def delete(self, container: ContainerRecord, names: Iterable[str]) -> None:
        """Delete objects, some at once; one that is gone already is no concern."""
        gate = trio.CapacityLimiter(_DELETIONS_AT_ONCE)
        failures: list[StoreError] = []

        async def delete(name: str) -> None:
            async with gate:
                try:
                    await self._engine.delete_object(container, name)
                except (ObjectMissingError, ContainerMissingError):
                    return
                except StoreError as error:
                    failures.append(error)

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(delete, name)
        if failures:
            raise failures[0]

"""Documents that configure a bucket: policy, lifecycle, CORS and the rest.

A document is an object in a hidden container beside the bucket's. The bucket's own metadata
points to it by its write id, so a request of a bucket without one pays nothing, and a document
that was read and parsed is good for as long as the pointer stays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

from atoll.log import get_logger
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import ObjectMissingError, UnavailableError
from storage.reserved import configuration_of, ensure_container
from storage.s3.errors import S3Error

DOCUMENTS_KNOWN_MAX = 1024
LOOKS_MAX = 8
_POINTER = "x-s3-config-"

log = get_logger(part="configurations")

T = TypeVar("T")


class Configurations:
    """The configuration documents of all buckets.

    Args:
        engine: of the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._parsed: OrderedDict[tuple[bytes, str, str, object], object] = OrderedDict()

    async def get(
        self, bucket: ContainerRecord, kind: str, parse: Callable[[bytes], T]
    ) -> T | None:
        """Return what a document says, or nothing where the bucket has none of its kind.

        Args:
            bucket: its container.
            kind: in lower case: "policy", "cors".
            parse: of the document's bytes; what it returns is kept and must not be changed.

        Raises:
            UnavailableError: the document was replaced again and again.
        """
        pointer = pointer_of(bucket, kind)
        if not pointer:
            return None
        known = bucket.id, kind, pointer, parse
        if known in self._parsed:
            self._parsed.move_to_end(known)
            return cast(T, self._parsed[known])
        data = await self._read(bucket, kind, pointer)
        if data is None:
            return None
        parsed = parse(data)
        self._parsed[known] = parsed
        if len(self._parsed) > DOCUMENTS_KNOWN_MAX:
            self._parsed.popitem(last=False)
        return parsed

    async def get_sound(
        self, bucket: ContainerRecord, kind: str, parse: Callable[[bytes], T]
    ) -> T | None:
        """Return what a document says, as `get`; one that makes no sense is as if there were none.

        For background work, which has nobody to tell and other buckets to care for.

        Raises:
            UnavailableError: the document was replaced again and again.
        """
        try:
            return await self.get(bucket, kind, parse)
        except S3Error as error:
            log.error("document ignored", bucket=bucket.name, kind=kind, reason=str(error))
            return None

    async def put(self, bucket: ContainerRecord, kind: str, document: bytes) -> None:
        """Store a document in the place of the one that is there.

        On cancel: the old document or the new one is in force.

        Raises:
            ContainerMissingError: the bucket was deleted meanwhile.
        """
        container = await ensure_container(
            self._engine, bucket.account, configuration_of(bucket.name)
        )
        record = await self._engine.put_object(
            container,
            kind,
            Attributes("", {}, {}),
            _Document(document),
            size_bytes=len(document),
        )
        await self._point(bucket, kind, record)

    async def _point(self, bucket: ContainerRecord, kind: str, document: ObjectRecord) -> None:
        pointer = {_POINTER + kind: document.write_id.hex()}
        await self._engine.update_container(bucket.account, bucket.name, pointer)

    async def delete(self, bucket: ContainerRecord, kind: str) -> bool:
        """Remove a document; tell whether there was one.

        Raises:
            ContainerMissingError: the bucket was deleted meanwhile.
        """
        if not pointer_of(bucket, kind):
            return False
        await self._engine.update_container(bucket.account, bucket.name, {_POINTER + kind: ""})
        container = await self._engine.container(bucket.account, configuration_of(bucket.name))
        if container is not None:
            try:
                await self._engine.delete_object(container, kind)
            except ObjectMissingError:
                return True  # another request removed it
        return True

    async def _read(self, bucket: ContainerRecord, kind: str, pointer: str) -> bytes | None:
        """Return the bytes of the document that is there now.

        It may be newer than the pointer that was read with the bucket, never older. Then it is
        pointed to from here: whoever stored it may have died before.
        """
        for _ in range(LOOKS_MAX):
            container = await self._engine.container(bucket.account, configuration_of(bucket.name))
            found = None if container is None else await self._engine.get_object(container, kind)
            if found is None:
                return None
            record, opening = found
            if record.write_id.hex() != pointer:
                await self._point(bucket, kind, record)
            try:
                async with opening as payload:
                    if payload.whole is not None:
                        return bytes(payload.whole)
                    pieces = [bytes(one) async for one in payload.read(0, record.size_bytes)]
                    return b"".join(pieces)
            except ObjectMissingError:
                continue  # replaced since
        raise UnavailableError(f"{kind} of {bucket.name}: replaced again and again")


def pointer_of(bucket: ContainerRecord, kind: str) -> str:
    """Return the write id of a bucket's document in hexadecimal; empty where it has none."""
    held = bucket.metadata.get(_POINTER + kind)
    return held[0] if held is not None else ""


class _Document:
    """A document as the body of an upload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return all of it, then nothing."""
        data, self._data = self._data, b""
        return data

"""Which parts nothing needs any more, and their removal.

A part is needed while its upload can still be completed, and while a version of the object has a
manifest that names it. Manifests never change, so they, and nothing that a client can amend,
decide. All of it may be repeated, and may stop anywhere.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.container.versions import VersionQuery
from storage.object.record import ObjectRecord
from storage.proxy.engine import Engine
from storage.proxy.errors import (
    ContainerMissingError,
    ContainerNotEmptyError,
    ObjectMissingError,
    UnavailableError,
)
from storage.proxy.manifest import Manifest
from storage.proxy.parts import Parts, upload_prefix
from storage.proxy.uploads import Uploads
from storage.reserved import parts_of, uploads_of

_PAGE: Final = 1000
Composite = tuple[ObjectRecord, Manifest]


class PartReclaimer:
    """Removes parts that nothing needs.

    Args:
        engine: the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._uploads = Uploads(engine)
        self._parts = Parts(engine)

    async def composites_of(
        self, bucket: ContainerRecord, key: str, upload_id: str
    ) -> list[Composite]:
        """Return the versions of an object that an upload became, newest first.

        One at most, unless the outcome of a completion was unknown and it was repeated.

        Raises:
            PayloadLostError: a manifest that may be of this upload cannot be read.
        """
        prefix = upload_prefix(key, upload_id)
        found: list[Composite] = []
        for record in await self._versions(bucket, key):
            if record.parts not in ("", upload_id):
                continue
            try:
                manifest = await self._engine.manifest(bucket, record)
            except ObjectMissingError:
                continue  # deleted meanwhile
            if manifest is not None and manifest.segments[0].name.startswith(prefix):
                found.append((record, manifest))
        return found

    async def _versions(self, bucket: ContainerRecord, key: str) -> list[ObjectRecord]:
        """Return the records of all composite versions of an object, newest first.

        Raises:
            UnavailableError: versions were deleted while they were listed.
        """
        found: list[ObjectRecord] = []
        query = VersionQuery(_PAGE, prefix=key)
        while True:
            entries = await self._engine.list_versions(bucket, query)
            marked = query.version_marker
            if marked and await self._engine.object(bucket, key, marked) is None:
                raise UnavailableError(f"{key}: the version that the listing went on from is gone")
            entries = [entry for entry in entries if entry.name == key]
            for entry in entries:
                record = await self._engine.object(bucket, key, entry.version)
                if record is not None and record.manifest_size_bytes:
                    found.append(record)
            if len(entries) < _PAGE:
                return found
            query = query._replace(key_marker=key, version_marker=entries[-1].version)

    async def reclaim(self, account: str, bucket: str, key: str, upload_id: str) -> int:
        """Remove the parts of an upload that nothing needs; return how many.

        On cancel: some are removed.

        Raises:
            StoreError: not all that must be known can be; what is not removed stays.
        """
        prefix = upload_prefix(key, upload_id)
        record = await self._engine.container(account, bucket)
        keep: set[str] = set()
        if record is not None:
            upload = await self._uploads.find(record, key, upload_id)
            if upload is not None and upload.completion is None:
                return 0
            composites = await self.composites_of(record, key, upload_id)
            keep = {part.name for _, manifest in composites for part in manifest.segments}
        return await self._parts.discard(account, bucket, prefix, keep)

    async def forget_bucket(self, account: str, bucket: str) -> int:
        """Remove what a deleted bucket leaves: open uploads and all parts; return how many.

        S3 deletes a bucket that has open uploads, and its uploads with it. Where the bucket is
        there (again) nothing is removed.

        On cancel: some is removed.
        """
        removed = 0
        for name in (uploads_of(bucket), parts_of(bucket)):
            container = await self._engine.container(account, name)
            if container is None:
                continue
            names = await self._names(container)
            while await self._engine.container(account, bucket) is None:
                # no name in the listing, which is older, can be of a bucket yet to come
                if not names:
                    with suppress(ContainerMissingError, ContainerNotEmptyError):
                        await self._engine.delete_container(account, name)
                    break
                await self._parts.delete(container, names)
                removed += len(names)
                names = await self._names(container, names[-1])
        return removed

    async def _names(self, container: ContainerRecord, marker: str = "") -> list[str]:
        entries = await self._engine.list_objects(container, Query(_PAGE, marker))
        return [entry.name for entry in entries]

"""Multipart uploads, S3-shaped, on top of any engine.

No byte is copied: the object that a completion makes is a manifest of the parts. The life of an
upload is decided in one place, its record (`uploads`); its parts (`parts`) are immutable; what is
not needed any more is removed by rules that need no memory (`part_reclaim`).

A completion claims the upload, chooses the parts, writes the manifest as the object, and marks the
upload as completed. Whoever finds a claim that has run out looks which of these steps were done,
so an upload is completed once, or aborted, however often processes die in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

import trio

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.checksums import ChecksumPlan, checksum_key, etag_of_parts
from storage.proxy.completion import (
    CompletedPart,
    CompletionRequest,
    assemble,
    check_order,
)
from storage.proxy.engine import Attributes, Body, Condition, Engine, Versioning
from storage.proxy.errors import OutcomeUnknownError, StoreError, VersionMissingError
from storage.proxy.multipart_errors import NoSuchUploadError
from storage.proxy.part_reclaim import PartReclaimer
from storage.proxy.parts import Parts, part_name, upload_prefix
from storage.proxy.uploads import (
    Completion,
    Upload,
    UploadPage,
    UploadQuery,
    Uploads,
    UploadState,
)
from storage.reserved import ensure_container, parts_of, uploads_of
from storage.timestamp import HybridClock

_POLL_INTERVAL_S: Final = 0.25
_RELEASE_DEADLINE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MultipartSettings:
    """Limits of multipart uploads; the defaults are S3's.

    Attributes:
        part_size_bytes_min: of all parts but the last.
        object_size_bytes_max: of the object that the parts make.
        completion_s_max: how long a completion may take; its claim holds twice as long.
        completed_keep_s: how long a completion that is repeated gets the same answer.
    """

    part_size_bytes_min: int = 5 * 1024**2
    object_size_bytes_max: int = 5 * 1024**4
    completion_s_max: float = 60.0
    completed_keep_s: int = 3600


class PartPage(NamedTuple):
    """A page of an upload's parts.

    Attributes:
        upload: that they belong to.
        parts: number and record of each, by number; checksums are in the record's `system`.
        is_truncated: there are more.
    """

    upload: Upload
    parts: list[tuple[int, ObjectRecord]]
    is_truncated: bool


class Multipart:
    """The multipart uploads of a store; everywhere, `bucket` is what `Engine.container` returned.

    Besides what is named, every method raises what `Engine`'s methods do.

    Args:
        world: clock and random.
        clock: of this process.
        engine: the store.
        settings: limits.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        engine: Engine,
        settings: MultipartSettings | None = None,
    ) -> None:
        self._world = world
        self._clock = clock
        self._engine = engine
        self._settings = settings or MultipartSettings()
        self._uploads = Uploads(engine)
        self._parts = Parts(engine)
        self._reclaimer = PartReclaimer(engine)
        self._making = trio.Lock()
        self.reclaim_parts = self._reclaimer.reclaim
        self.forget_bucket = self._reclaimer.forget_bucket

    async def create(
        self,
        bucket: ContainerRecord,
        key: str,
        attributes: Attributes,
        *,
        plan: ChecksumPlan | None = None,
        initiator: str = "",
    ) -> Upload:
        """Begin an upload.

        Args:
            bucket: where the object will be.
            key: of the object.
            attributes: that the object will carry.
            plan: which checksum it will have; then every part must have one of that algorithm.
            initiator: kept for listings.
        """
        upload_id = self._clock.now().hex() + self._world.random.randbytes(16).hex()
        upload = Upload(key, upload_id, bucket.id, initiator, attributes, plan)
        await self._make_ready(bucket)
        await self._uploads.create(bucket, upload)
        return upload

    async def _make_ready(self, bucket: ContainerRecord) -> None:
        """Make the containers beside a bucket; by one task, or many would wait for each other."""
        for name in (uploads_of(bucket.name), parts_of(bucket.name)):
            if await self._engine.container(bucket.account, name) is None:
                async with self._making:
                    await ensure_container(self._engine, bucket.account, name, bucket.policy)

    async def find(self, bucket: ContainerRecord, key: str, upload_id: str) -> Upload:
        """Return an upload that is not completed.

        Raises:
            NoSuchUploadError: there is none.
        """
        upload = await self._uploads.find(bucket, key, upload_id)
        if upload is None or upload.completion is not None:
            raise NoSuchUploadError(upload_id)
        return upload

    async def upload_part(
        self,
        bucket: ContainerRecord,
        upload: Upload,
        number: int,
        attributes: Attributes | Callable[[], Attributes],
        body: Body,
        *,
        size_bytes: int | None = None,
        etag: str | None = None,
    ) -> ObjectRecord:
        """Store a part; one that is there already is replaced.

        Args:
            bucket: of the upload.
            upload: from `find`.
            number: from 1 to `PART_NUMBER_MAX`.
            attributes: where the upload has a plan, `system` has the part's checksum as base64
                under `checksum_key(plan.algorithm)`.
            body: see `Engine.put_object`.
            size_bytes: see `Engine.put_object`.
            etag: see `Engine.put_object`.

        Raises:
            NoSuchUploadError: it was completed or aborted meanwhile; the part is not there.
        """
        for attempt in await self._parts.attempts(bucket, upload.key, upload.id, number):
            self._clock.observe(attempt.written)  # another process's; this one shall be newer
        name = part_name(upload.key, upload.id, number, self._world.random.randbytes(8))
        record = await self._parts.put(bucket, name, attributes, body, size_bytes, etag)
        try:
            now = await self._unclaimed(bucket, upload.key, upload.id)
            if now.completion is not None:
                raise NoSuchUploadError(upload.id)
        except NoSuchUploadError:
            await self.reclaim_parts(bucket.account, bucket.name, upload.key, upload.id)
            raise
        if now.state is UploadState.OPEN:
            await self._parts.drop_older(bucket, record)
        return record

    async def list_parts(
        self,
        bucket: ContainerRecord,
        key: str,
        upload_id: str,
        *,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        """List the parts of an upload by number.

        Args:
            bucket: of the upload.
            key: of the upload.
            upload_id: of the upload.
            after: only greater numbers.
            limit: parts at most.

        Raises:
            NoSuchUploadError: there is none.
        """
        upload = await self.find(bucket, key, upload_id)
        found = await self._parts.newest(bucket, key, upload_id, after, limit + 1)
        records = await self._parts.records(bucket, found[:limit])
        return PartPage(upload, list(records.items()), len(found) > limit)

    async def list_uploads(self, bucket: ContainerRecord, query: UploadQuery) -> UploadPage:
        """List the uploads that are neither completed nor aborted."""
        return await self._uploads.list(bucket, query)

    async def complete(
        self,
        bucket: ContainerRecord,
        key: str,
        upload_id: str,
        parts: Sequence[CompletedPart],
        *,
        checksum: str = "",
        size_bytes: int | None = None,
        condition: Condition | None = None,
        versioned: Versioning = Versioning.OFF,
    ) -> Completion:
        """Make the parts an object; a repetition after success gets the same answer.

        Where another completion is under way its end is awaited. What the completion does not
        name is removed.

        Args:
            bucket: of the upload.
            key: of the upload.
            upload_id: of the upload.
            parts: at least one, ascending; of a number that is repeated the last counts.
            checksum: that the object must have, as base64, with or without `-` and a number.
            size_bytes: that the object must have.
            condition: see `Engine.put_composite`; when it fails the upload stays.
            versioned: see `Engine.put_composite`.

        On cancel: what was begun is brought to an end first.

        Raises:
            NoSuchUploadError: there is none, or it was completed with other parts.
            InvalidPartOrderError: the parts do not ascend.
            InvalidPartError: a part is not there, or has another ETag or checksum.
            PartChecksumMissingError: the plan is a composite checksum, and a part names none.
            EntityTooSmallError: a part but the last is too small.
            EntityTooLargeError: the object would be too large.
            SizeMismatchError: the object would have another size.
            ChecksumMismatchError: the object would have another checksum.
            PreconditionFailedError: by the condition.
        """
        request = CompletionRequest(check_order(parts), checksum, size_bytes, condition, versioned)
        while True:
            held = await self._unclaimed(bucket, key, upload_id)
            if held.completion is not None:
                return _repeated(held.completion, request)
            with trio.move_on_after(self._settings.completion_s_max, shield=True):
                claimed = await self._uploads.change(bucket, held, self._claim(held))
                if claimed is None:
                    continue
                completion = await self._complete(bucket, held, claimed, request)
                break
            raise OutcomeUnknownError("the completion took too long")
        with suppress(StoreError):  # what stays is found by the sweep
            await self.reclaim_parts(bucket.account, bucket.name, key, upload_id)
        return completion

    async def abort(self, bucket: ContainerRecord, key: str, upload_id: str) -> None:
        """End an upload and remove its parts.

        Raises:
            NoSuchUploadError: there is none, or it is completed.
        """
        while True:
            held = await self._unclaimed(bucket, key, upload_id)
            if held.state is UploadState.CLAIMED:
                composites = await self._reclaimer.composites_of(bucket, key, upload_id)
                if composites:
                    await self._finish(bucket, held, composites[0][0])
                    raise NoSuchUploadError(upload_id)
            if held.completion is not None:
                raise NoSuchUploadError(upload_id)
            if await self._uploads.delete(bucket, held):
                break
        prefix = upload_prefix(key, upload_id)
        await self._parts.discard(bucket.account, bucket.name, prefix)

    def _claim(self, held: Upload) -> Upload:
        now_ms = self._world.clock.wall_ns() // 1_000_000
        return held._replace(
            state=UploadState.CLAIMED,
            claim=self._world.random.randbytes(8).hex(),
            lease_ms=now_ms + int(2000 * self._settings.completion_s_max),
        )

    async def _unclaimed(self, bucket: ContainerRecord, key: str, upload_id: str) -> Upload:
        """Return an upload once no completion is at work on it.

        Raises:
            NoSuchUploadError: there is none (any more).
        """
        while True:
            upload = await self._uploads.find(bucket, key, upload_id)
            if upload is None:
                raise NoSuchUploadError(upload_id)
            now_ms = self._world.clock.wall_ns() // 1_000_000
            if upload.state is not UploadState.CLAIMED or upload.lease_ms <= now_ms:
                return upload
            await trio.sleep(_POLL_INTERVAL_S)

    async def _complete(
        self, bucket: ContainerRecord, held: Upload, claimed: Upload, request: CompletionRequest
    ) -> Completion:
        """Do what an earlier claim has left to do, or all of it."""
        try:
            if held.state is UploadState.CLAIMED:
                earlier = await self._reclaimer.composites_of(bucket, held.key, held.id)
                if earlier:
                    completion = await self._finish(bucket, claimed, earlier[0][0])
                    return _repeated(completion, request)
            record = await self._put(bucket, claimed, request)
        except Exception as error:
            if not await self._release(bucket, claimed):
                raise NoSuchUploadError(held.id) from error
            raise
        return await self._finish(bucket, claimed, record)

    async def _put(
        self, bucket: ContainerRecord, upload: Upload, request: CompletionRequest
    ) -> ObjectRecord:
        """Write the manifest as the object."""
        newest = await self._parts.newest(bucket, upload.key, upload.id)
        asked = [part for part in newest if part.number in request.parts]
        records = await self._parts.records(bucket, asked)
        settings = self._settings
        limits = (settings.part_size_bytes_min, settings.object_size_bytes_max)
        manifest, etag, attributes = assemble(upload, request, records, limits)
        return await self._engine.put_composite(
            bucket,
            upload.key,
            attributes,
            manifest.pack(),
            size_bytes=manifest.size_bytes,
            etag=etag,
            condition=request.condition,
            versioned=request.versioned,
        )

    async def _release(self, bucket: ContainerRecord, claimed: Upload) -> bool:
        """Let the next one try; what this claim may have done is for that one to find out.

        Returns:
            Whether the upload may still be there.
        """
        with trio.move_on_after(_RELEASE_DEADLINE_S, shield=True), suppress(StoreError):
            if await self._uploads.change(bucket, claimed, claimed._replace(lease_ms=0)) is None:
                return await self._uploads.find(bucket, claimed.key, claimed.id) is not None
        return True

    async def _finish(
        self, bucket: ContainerRecord, claimed: Upload, record: ObjectRecord
    ) -> Completion:
        """Mark the upload as completed with this object.

        Raises:
            NoSuchUploadError: it was aborted all the same, and the object is taken back.
        """
        checksum = ""
        if claimed.plan is not None:
            checksum = record.system.get(checksum_key(claimed.plan.algorithm), "")
        completion = Completion(
            record.write_id, record.is_null, record.etag, record.size_bytes, checksum
        )
        now_s = self._world.clock.wall_ns() // 1_000_000_000
        done = claimed._replace(
            state=UploadState.COMPLETED,
            attributes=Attributes("", {}, {}),
            completion=completion,
            forget_at_s=now_s + self._settings.completed_keep_s,
        )
        held = claimed
        while await self._uploads.change(bucket, held, done) is None:  # another took it over
            try:
                held = await self._unclaimed(bucket, claimed.key, claimed.id)
            except NoSuchUploadError:
                await self._take_back(bucket, record)
                raise
            if held.completion is not None:
                return held.completion
        return completion

    async def _take_back(self, bucket: ContainerRecord, record: ObjectRecord) -> None:
        """Delete an object, unless another one took its place."""

        def must_be_it(held: ObjectRecord | None) -> None:
            if held is None or held.write_id != record.write_id:
                raise VersionMissingError(record.name)

        with suppress(StoreError):  # gone already, or it cannot be helped
            await self._engine.delete_version(bucket, record.name, record.version_id, must_be_it)


def _repeated(completion: Completion, request: CompletionRequest) -> Completion:
    """Return the answer to a completion that is repeated, if it is the same."""
    try:
        etag = etag_of_parts([part.etag for part in request.parts.values()])
    except ValueError:
        etag = ""
    if etag != completion.etag:
        raise NoSuchUploadError("it was completed with other parts")
    return completion

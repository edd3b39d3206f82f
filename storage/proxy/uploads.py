"""The records of multipart uploads: one empty object each, and one place that decides its fate.

An upload is *open*, then *claimed* by a completion, then *completed*; an abort deletes its record.
Each step is a conditional write of this one record, so of several completions and aborts one wins.
A claim is a lease: when it has run out, whoever comes next sees what became of it and goes on. A
completed upload is kept for a while, so that a completion that is repeated gets the same answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from enum import StrEnum
from typing import Any, Final, NamedTuple

import trio

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.checksums import ChecksumAlgorithm, ChecksumPlan, ChecksumType
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import (
    ContainerMissingError,
    ObjectMissingError,
    OutcomeUnknownError,
    PreconditionFailedError,
    UnavailableError,
)
from storage.proxy.parts import initiated_ms
from storage.reserved import uploads_of

SEPARATOR: Final = "\0"
_PAST_IDS: Final = "~"  # sorts after every upload id
_FIELD: Final = "x-atoll-upload"
_VERSION: Final = 1
_PAGE: Final = 1000


class UploadState(StrEnum):
    """What an upload has come to; the content type of its record, so that listings show it."""

    OPEN = "upload/open"
    CLAIMED = "upload/claimed"
    COMPLETED = "upload/completed"


class Completion(NamedTuple):
    """What a completion made.

    Attributes:
        write_id: of the object: its version.
        is_null: it is the null version.
        etag: of the object.
        size_bytes: of the object.
        checksum: of the object, as base64; empty where the upload has no plan for one.
    """

    write_id: bytes
    is_null: bool
    etag: str
    size_bytes: int
    checksum: str


class Upload(NamedTuple):
    """A multipart upload.

    Attributes:
        key: name that the object will have.
        id: of the upload, 56 characters.
        bucket_id: the bucket it was begun in; a new bucket of the same name has others.
        initiator: who began it, as the front door says.
        attributes: that the object will carry.
        plan: which checksum the object will have.
        state: see `UploadState`.
        claim: tells one claim from all others.
        lease_ms: until when it holds, in milliseconds since 1970.
        completion: of a completed upload.
        forget_at_s: when a completed upload is forgotten, in seconds since 1970.
        changed: timestamp of this state.
    """

    key: str
    id: str
    bucket_id: bytes
    initiator: str
    attributes: Attributes
    plan: ChecksumPlan | None
    state: UploadState = UploadState.OPEN
    claim: str = ""
    lease_ms: int = 0
    completion: Completion | None = None
    forget_at_s: int = 0
    changed: bytes = b""

    @property
    def initiated_ms(self) -> int:
        """When it was begun, in milliseconds since 1970."""
        return initiated_ms(self.id)

    @property
    def name(self) -> str:
        """The name of its record; uploads of a key sort by the time of their beginning."""
        return self.key + SEPARATOR + self.id


class UploadQuery(NamedTuple):
    """What a listing of uploads asks for.

    Attributes:
        limit: lines at most, counting rolled-up prefixes.
        key_marker: only keys after it; with an id marker also its later uploads.
        id_marker: only uploads of the marked key with greater ids; needs a key marker.
        prefix: only keys that begin with it.
        delimiter: keys with it behind the prefix are rolled up.
    """

    limit: int = _PAGE
    key_marker: str = ""
    id_marker: str = ""
    prefix: str = ""
    delimiter: str = ""


class UploadPage(NamedTuple):
    """A page of a listing of uploads.

    Attributes:
        uploads: by key, then by the time of their beginning.
        prefixes: that keys were rolled up to.
        next_key_marker: where the next page begins; empty on the last page.
        next_id_marker: likewise; empty behind a rolled-up prefix.
    """

    uploads: list[Upload]
    prefixes: list[str]
    next_key_marker: str = ""
    next_id_marker: str = ""


class _ChangedMeanwhileError(Exception):
    """Another completion or abort was faster."""


class Uploads:
    """The upload records of all buckets.

    Args:
        engine: the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(self, bucket: ContainerRecord, upload: Upload) -> None:
        """Store a new upload.

        Raises:
            ContainerMissingError: nothing was made ready for uploads.
        """
        container = await self._engine.container(bucket.account, uploads_of(bucket.name))
        if container is None:
            raise ContainerMissingError(bucket.name)
        attributes = _to_attributes(upload)
        await self._engine.put_object(container, upload.name, attributes, NoBody(), size_bytes=0)

    async def find(self, bucket: ContainerRecord, key: str, upload_id: str) -> Upload | None:
        """Return an upload in any state, or nothing."""
        container = await self._engine.container(bucket.account, uploads_of(bucket.name))
        if container is None:
            return None
        record = await self._engine.object(container, key + SEPARATOR + upload_id)
        if record is None:
            return None
        upload = _from_record(record)
        return upload if upload.bucket_id == bucket.id else None

    async def change(self, bucket: ContainerRecord, held: Upload, to: Upload) -> Upload | None:
        """Replace an upload's state; return it as it is stored, or nothing when it has changed.

        Raises:
            OutcomeUnknownError: too few replicas tell.
        """
        container = await self._engine.container(bucket.account, uploads_of(bucket.name))
        if container is None:
            return None
        wanted = _to_attributes(to)

        def change(record: ObjectRecord) -> Attributes:
            if record.changed != held.changed:
                raise _ChangedMeanwhileError
            return wanted

        try:
            record = await self._engine.amend_object(container, held.name, change)
        except (_ChangedMeanwhileError, ObjectMissingError):
            return None
        except OutcomeUnknownError:  # two met, and what is there now tells who was taken
            found = await self._engine.object(container, held.name)
            if found is None:
                return None
            if found.changed == held.changed:
                raise
            if found.system[_FIELD] != wanted.system[_FIELD]:
                return None
            record = found
        return to._replace(changed=record.changed)

    async def delete(self, bucket: ContainerRecord, held: Upload) -> bool:
        """Delete an upload's record, unless it has changed; tell whether it is gone.

        Raises:
            OutcomeUnknownError: too few replicas tell.
        """
        container = await self._engine.container(bucket.account, uploads_of(bucket.name))
        if container is None:
            return True

        def must_be_it(record: ObjectRecord | None) -> None:
            if record is None or record.changed != held.changed:
                raise PreconditionFailedError(held.id)

        try:
            await self._engine.delete_object(container, held.name, must_be_it)
        except (PreconditionFailedError, ObjectMissingError):
            return False
        except OutcomeUnknownError:
            found = await self._engine.object(container, held.name)
            if found is not None and found.changed == held.changed:
                raise
            return found is None
        return True

    async def discard_foreign(
        self, container: ContainerRecord, bucket: ContainerRecord, name: str
    ) -> bool:
        """Delete the record of an upload of another bucket of the same name; tell whether it was.

        Args:
            container: of uploads.
            bucket: that there is now.
            name: of the record.
        """
        record = await self._engine.object(container, name)
        if record is None or _from_record(record).bucket_id == bucket.id:
            return False
        with suppress(ObjectMissingError):
            await self._engine.delete_object(container, name)
        return True

    async def list(self, bucket: ContainerRecord, query: UploadQuery) -> UploadPage:
        """List uploads that are not completed."""
        container = await self._engine.container(bucket.account, uploads_of(bucket.name))
        page = UploadPage([], [])
        if container is None or query.limit <= 0:
            return page
        last: Upload | str = ""
        async with aclosing(self._lines(container, query, _marker(query))) as lines:
            async for line in lines:
                if isinstance(line, Upload) and line.bucket_id != bucket.id:
                    continue  # begun in an earlier life of the bucket
                if len(page.uploads) + len(page.prefixes) == query.limit:
                    if isinstance(last, str):
                        return page._replace(next_key_marker=last)
                    return page._replace(next_key_marker=last.key, next_id_marker=last.id)
                last = line
                if isinstance(line, str):
                    page.prefixes.append(line)
                else:
                    page.uploads.append(line)
        return page

    async def _lines(
        self, container: ContainerRecord, query: UploadQuery, marker: str
    ) -> AsyncGenerator[Upload | str, None]:
        """Yield uploads and rolled-up prefixes in order."""
        limit = min(query.limit + 1, _PAGE)
        while True:
            await trio.lowlevel.checkpoint()
            listing = Query(limit, marker, "", query.prefix, query.delimiter)
            entries = await self._engine.list_objects(container, listing)
            for name, row in entries:
                if row is not None:
                    upload = await self._read(container, name, row.content_type)
                    if upload is not None:
                        yield upload
                elif SEPARATOR not in name:
                    yield name
                else:  # the delimiter was found in upload ids, which are no part of the key
                    inner = self._lines(
                        container, query._replace(prefix=name, delimiter=""), marker
                    )
                    async with aclosing(inner) as lines:
                        async for line in lines:
                            yield line
            if len(entries) < limit:
                return
            marker = entries[-1].name

    async def _read(
        self, container: ContainerRecord, name: str, content_type: str
    ) -> Upload | None:
        if content_type == UploadState.COMPLETED:
            return None
        record = await self._engine.object(container, name)
        return None if record is None else _from_record(record)


class NoBody:
    """The body of an object without bytes."""

    async def receive(self) -> bytes:
        """Return nothing."""
        return b""


def _marker(query: UploadQuery) -> str:
    """Return the name after which a listing begins."""
    if not query.key_marker:
        return ""
    if query.id_marker:
        return query.key_marker + SEPARATOR + query.id_marker
    rest = query.key_marker.removeprefix(query.prefix)
    if query.delimiter and rest.find(query.delimiter) == len(rest) - len(query.delimiter):
        return query.key_marker  # a rolled-up prefix, which is not rolled up to again
    return query.key_marker + SEPARATOR + _PAST_IDS


def _to_attributes(upload: Upload) -> Attributes:
    content_type, metadata, system, _ = upload.attributes
    fields = {
        "version": _VERSION,
        "bucket": upload.bucket_id.hex(),
        "initiator": upload.initiator,
        "object": [content_type, dict(metadata), dict(system)],
        "plan": upload.plan,
        "claim": [upload.claim, upload.lease_ms],
        "completion": None,
    }
    if upload.completion is not None:
        fields["completion"] = [upload.completion.write_id.hex(), *upload.completion[1:]]
    system = {_FIELD: json.dumps(fields)}
    if upload.forget_at_s:
        system["x-delete-at"] = str(upload.forget_at_s)
    return Attributes(upload.state, {}, system)


def _from_record(record: ObjectRecord) -> Upload:
    key, _, upload_id = record.name.rpartition(SEPARATOR)
    fields: dict[str, Any] = json.loads(record.system[_FIELD])
    if fields["version"] != _VERSION:
        raise UnavailableError(f"upload form {fields['version']} is unknown")
    plan, completion = fields["plan"], fields["completion"]
    claim, lease_ms = fields["claim"]
    return Upload(
        key,
        upload_id,
        bytes.fromhex(fields["bucket"]),
        fields["initiator"],
        Attributes(*fields["object"]),
        plan and ChecksumPlan(ChecksumAlgorithm(plan[0]), ChecksumType(plan[1])),
        UploadState(record.content_type),
        claim,
        lease_ms,
        completion and Completion(bytes.fromhex(completion[0]), *completion[1:]),
        record.delete_at_s or 0,
        record.changed,
    )

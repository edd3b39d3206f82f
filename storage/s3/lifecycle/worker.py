"""The lifecycle worker: does what the rules of all buckets say is due.

A reconciler: it walks all buckets that have rules, a page of versions at a time, and keeps how
far it came in the store, so that a keeper that starts again goes on where the last one was. Every
deletion is conditional on what was judged: an object that was replaced meanwhile stays. Object
lock is the engine's: what is locked stays as well.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from atoll.world import World
from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.container.versions import VersionEntry, VersionQuery
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import (
    ContainerMissingError,
    LockedError,
    ObjectMissingError,
    PreconditionFailedError,
)
from storage.proxy.multipart import Multipart
from storage.proxy.multipart_errors import NoSuchUploadError
from storage.proxy.uploads import UploadQuery
from storage.reserved import BUCKET_NAMES, SYSTEM_ACCOUNT, ensure_container
from storage.s3.configuration import Configurations, pointer_of
from storage.s3.lifecycle.document import parse_lifecycle
from storage.s3.lifecycle.expiration import LIFECYCLE
from storage.s3.lifecycle.rules import (
    Calendar,
    Rule,
    Version,
    due_s,
    rule_that_ends,
    rules_on_tags,
)
from storage.s3.objects.tags import tags_of
from storage.s3.objects.versions import versioning_of
from storage.timestamp import milliseconds

PAGE = 1000
VERSIONS_A_ROUND_MAX = 10_000
_PROGRESS = "lifecycle"
_MS_PER_S = 1000
_NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class LifecycleReport:
    """What one round did.

    Attributes:
        versions: judged.
        expired: current versions deleted.
        removed: noncurrent versions and delete markers removed for good.
        aborted: uploads.
        kept: due, but locked or replaced meanwhile.
        is_complete: the last bucket was reached.
    """

    versions: int = 0
    expired: int = 0
    removed: int = 0
    aborted: int = 0
    kept: int = 0
    is_complete: bool = False


class Progress(NamedTuple):
    """How far a walk over all buckets came.

    Attributes:
        bucket: that is being walked; empty before the first.
        key: the last one in it that is done with; empty before the first.
    """

    bucket: str = ""
    key: str = ""


class Lifecycle:
    """Applies lifecycle rules.

    Args:
        world: clock.
        engine: the store.
        multipart: uploads on it.
        day_s: how long a day of a rule is.
    """

    def __init__(
        self, world: World, engine: Engine, multipart: Multipart, day_s: float = 86_400.0
    ) -> None:
        self._clock = world.clock
        self._engine = engine
        self._multipart = multipart
        self._day_s = day_s
        self._configurations = Configurations(engine)

    async def run_once(self, versions_max: int = VERSIONS_A_ROUND_MAX) -> LifecycleReport:
        """Go on with the walk for some versions. On cancel: what is not done is done later.

        Args:
            versions_max: after so many the round ends with the name that it is at.
        """
        report = LifecycleReport()
        progress = await self._progress()
        async with aclosing(self._buckets(progress.bucket)) as buckets:
            async for bucket in buckets:
                start = progress.key if bucket.name == progress.bucket else ""
                calendar = Calendar(self._clock.wall_ns() / _NS_PER_S, self._day_s)
                stopped = await self._walk(bucket, start, calendar, report, versions_max)
                if stopped is not None:
                    await self._keep(Progress(bucket.name, stopped))
                    return report
        if progress != Progress():
            await self._keep(Progress())
        report.is_complete = True
        return report

    async def _buckets(self, first: str) -> AsyncGenerator[ContainerRecord, None]:
        """Yield the buckets that have rules, from the one of a name on."""
        claims = await self._engine.container(SYSTEM_ACCOUNT, BUCKET_NAMES)
        marker, is_first = first, bool(first)
        while claims is not None:
            names = [first] if is_first else []
            if not is_first:
                query = Query(limit=PAGE, marker=marker)
                names = [entry.name for entry in await self._engine.list_objects(claims, query)]
            for name in names:
                claim = await self._engine.object(claims, name)
                if claim is None:
                    continue
                bucket = await self._engine.container(claim.system["account"], name)
                if bucket is not None and pointer_of(bucket, LIFECYCLE):
                    yield bucket
            if not is_first and len(names) < PAGE:
                return
            is_first, marker = False, names[-1]

    async def _walk(
        self,
        bucket: ContainerRecord,
        start: str,
        calendar: Calendar,
        report: LifecycleReport,
        versions_max: int,
    ) -> str | None:
        """Apply a bucket's rules behind a name.

        Returns:
            The last name that is done with where the round ended; nothing at the bucket's end.
        """
        rules = await self._configurations.get(bucket, LIFECYCLE, parse_lifecycle) or ()
        if not start:
            await self._abort_uploads(bucket, rules, calendar, report)
        place = _Place()
        async with aclosing(self._versions(bucket, start)) as entries:
            async for entry, is_alone in entries:
                if report.versions >= versions_max and entry.name != place.name:
                    return place.name or start
                report.versions += 1
                version = place.take(entry, is_alone=is_alone)
                if await self._is_to_go(bucket, rules, entry, version, calendar):
                    await self._remove(bucket, entry, version, report)
        return None

    async def _versions(
        self, bucket: ContainerRecord, start: str
    ) -> AsyncGenerator[tuple[VersionEntry, bool], None]:
        """Yield versions behind a name, and of each whether it is its name's only one."""
        query = VersionQuery(limit=PAGE, key_marker=start)
        held: VersionEntry | None = None
        before = ""
        while True:
            page = await self._engine.list_versions(bucket, query)
            for entry in page:
                if held is not None:
                    yield held, before != held.name != entry.name
                    before = held.name
                held = entry
            if len(page) < PAGE:
                break
            query = query._replace(key_marker=page[-1].name, version_marker=page[-1].version)
        if held is not None:
            yield held, before != held.name

    async def _is_to_go(
        self,
        bucket: ContainerRecord,
        rules: tuple[Rule, ...],
        entry: VersionEntry,
        version: Version,
        calendar: Calendar,
    ) -> bool:
        """Judge a version, with its tags only where a rule asks for them."""
        if rule_that_ends(rules, version, calendar) is not None:
            return True
        if version.is_marker or not rules_on_tags(rules, version):
            return False
        record = await self._engine.object(bucket, entry.name, entry.version)
        if record is None:
            return False
        created_s = milliseconds(record.created) / _MS_PER_S
        known = version._replace(created_s=created_s, tags=tags_of(record))
        return rule_that_ends(rules, known, calendar) is not None

    async def _remove(
        self,
        bucket: ContainerRecord,
        entry: VersionEntry,
        version: Version,
        report: LifecycleReport,
    ) -> None:
        """Do away with a version, unless it changed since it was listed."""
        changed = None if entry.row is None else entry.row.timestamp

        def is_unchanged(current: ObjectRecord | None, /) -> None:
            if current is None or current.changed != changed:
                raise PreconditionFailedError("another version took its place")

        try:
            if version.replaced_s is None and not version.is_marker:
                versioned = versioning_of(bucket)
                await self._engine.delete_object(
                    bucket, entry.name, is_unchanged, versioned=versioned
                )
                report.expired += 1
            else:
                await self._engine.delete_version(bucket, entry.name, entry.version, is_unchanged)
                report.removed += 1
        except (PreconditionFailedError, LockedError):
            report.kept += 1
        except (ObjectMissingError, ContainerMissingError):
            return  # it is gone already

    async def _abort_uploads(
        self,
        bucket: ContainerRecord,
        rules: tuple[Rule, ...],
        calendar: Calendar,
        report: LifecycleReport,
    ) -> None:
        for rule in rules:
            if not rule.is_enabled or rule.abort_days is None:
                continue
            query = UploadQuery(limit=PAGE, prefix=rule.filter.prefix)
            while True:
                page = await self._multipart.list_uploads(bucket, query)
                for upload in page.uploads:
                    begun_s = upload.initiated_ms / _MS_PER_S
                    if due_s(begun_s, rule.abort_days, calendar.day_s) > calendar.now_s:
                        continue
                    try:
                        await self._multipart.abort(bucket, upload.key, upload.id)
                    except NoSuchUploadError:
                        continue  # completed or aborted meanwhile
                    report.aborted += 1
                if not page.next_key_marker:
                    break
                query = query._replace(
                    key_marker=page.next_key_marker, id_marker=page.next_id_marker
                )

    async def _progress(self) -> Progress:
        container = await self._engine.container(SYSTEM_ACCOUNT, _PROGRESS)
        record = None if container is None else await self._engine.object(container, _PROGRESS)
        if record is None:
            return Progress()
        return Progress(record.system.get("bucket", ""), record.system.get("key", ""))

    async def _keep(self, progress: Progress) -> None:
        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, _PROGRESS)
        attributes = Attributes("", {}, progress._asdict())
        await self._engine.put_object(container, _PROGRESS, attributes, _Nothing(), size_bytes=0)


class _Place:
    """Where a walk is among the versions of a name, the newest first."""

    def __init__(self) -> None:
        self.name = ""
        self._newer_s: float | None = None
        self._noncurrent = -1

    def take(self, entry: VersionEntry, *, is_alone: bool) -> Version:
        """Return the next version as rules see it."""
        if entry.name != self.name:
            self.name, self._newer_s, self._noncurrent = entry.name, None, -1
        row = entry.row
        created_s = 0.0 if row is None else milliseconds(row.timestamp) / _MS_PER_S
        version = Version(
            entry.name,
            created_s,
            0 if row is None else row.size_bytes,
            entry.is_delete_marker,
            self._newer_s,
            max(self._noncurrent, 0),
            is_alone,
        )
        self._newer_s = created_s
        self._noncurrent += 1
        return version


class _Nothing:
    """The body of an object without bytes."""

    async def receive(self) -> bytes:
        """Return nothing: the end."""
        return b""

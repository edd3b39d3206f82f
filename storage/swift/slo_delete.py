"""Deletion of static large objects with all of their segments: `multipart-manifest=delete`.

After OpenStack Swift (`swift.common.middleware.slo`): segments first, manifests after them. With
`async=yes` the segments expire at once, and the keeper removes them later.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple
from urllib.parse import quote

import trio

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import ObjectMissingError
from storage.proxy.manifest import Manifest
from storage.swift.authorization import Permission
from storage.swift.bulk_delete import CONCURRENCY, MISSING, Sweep, new_report
from storage.swift.containers import existing
from storage.swift.gate import Gate
from storage.swift.objects import Objects
from storage.swift.report import Report
from storage.swift.request import Request
from storage.swift.response import Response, SwiftError, page
from storage.swift.settings import SwiftSettings
from storage.swift.slo_manifest import nested_places
from storage.swift.slow_answer import answer_slowly
from storage.swift.static_large import is_static
from storage.swift.target import Level, Target
from storage.swift.text import is_true

_BUFFERED_TIMES_MAX = 10
_NOT_STATIC = "Not an SLO manifest"


class _Place(NamedTuple):
    """Where an object of the account lies."""

    container: str
    name: str

    @property
    def path(self) -> str:
        """As bulk deletions name it."""
        return f"{self.container}/{self.name}"


class ManifestDeletions:
    """Handles `multipart-manifest=delete`.

    Args:
        engine: of the store.
        gate: judges each object.
        objects: of the same API.
        settings: limits.
    """

    def __init__(
        self, engine: Engine, gate: Gate, objects: Objects, settings: SwiftSettings
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._objects = objects
        self._settings = settings

    async def delete(self, request: Request) -> Response | None:
        """DELETE: remove a manifest and what it names."""
        if is_true(request.parameters.raw(b"async")):
            return await self._delete_later(request)
        await answer_slowly(request, new_report(), self._delete)
        return None

    async def _delete(self, request: Request, report: Report) -> None:
        writes = self._objects.writes
        sweep = Sweep(self._engine, writes, self._gate, self._settings, request, report)
        segments, manifests = await self._collect(request, report)
        await sweep.run(place.path.encode() for place in segments)
        for place in manifests:  # the outermost goes last
            await sweep.run([place.path.encode()])
        sweep.conclude()

    async def _collect(self, request: Request, report: Report) -> tuple[list[_Place], list[_Place]]:
        """Return the segments of an object, and the manifests that name them, inner ones first.

        Raises:
            SwiftError: 400, there are too many.
        """
        target = request.target
        waiting = deque([_Place(target.container, target.object)])
        segments: dict[_Place, None] = {}
        manifests: dict[_Place, None] = {}
        limit = self._settings.slo_segments_max * _BUFFERED_TIMES_MAX
        while waiting:
            if len(waiting) + len(segments) > limit:
                raise SwiftError(400, "Too many buffered slo segments to delete.")
            place = waiting.popleft()
            if place in manifests:
                continue
            found = await self._find(request, place)
            if found is None:
                report.counts[MISSING] += 1
                continue
            container, record = found
            if not is_static(record):
                report.errors.append((quote(place.path), _NOT_STATIC))
                continue
            manifests[place] = None
            manifest = await self._objects.static.manifest(container, record)
            nested = nested_places(manifest)
            waiting.extend(_Place(*one) for one in nested)
            segments |= {one: None for one in _places(manifest) if one not in nested}
        return list(segments), list(reversed(manifests))

    async def _find(
        self, request: Request, place: _Place
    ) -> tuple[ContainerRecord, ObjectRecord] | None:
        target = Target(Level.OBJECT, request.target.account, *place)
        container, _ = await self._gate.admit(request.caller, target, Permission.READ)
        record = None if container is None else await self._objects.find(container, place.name)
        return None if container is None or record is None else (container, record)

    async def _delete_later(self, request: Request) -> Response:
        """Have the segments expire now, and delete the manifest.

        Raises:
            SwiftError: 400, segments lie in several containers or are large objects themselves.
        """
        container, name = existing(request), request.target.object
        record = await self._objects.find(container, name)
        if record is None:
            raise SwiftError(404, "SLO manifest not found")
        if not is_static(record):
            raise SwiftError(400, _NOT_STATIC)
        manifest = await self._objects.static.manifest(container, record)
        places = _places(manifest)
        containers = sorted({place.container for place in places})
        if len(containers) > 1:
            names = ", ".join(f'"{quote(one)}"' for one in containers)
            text = f"All segments must be in one container. Found segments in {names}"
            raise SwiftError(400, text)
        if nested_places(manifest):
            raise SwiftError(400, "No segments may be large objects.")
        if containers:
            await self._expire(request, list(places))
        await self._objects.writes.delete(container, name)
        return page(204)

    async def _expire(self, request: Request, places: list[_Place]) -> None:
        now = str(int(self._objects.now_s()))
        container, is_owner = await self._admit(request, places[0])
        waiting = iter(places)

        def expire(record: ObjectRecord) -> Attributes:
            system = {**record.system, "x-delete-at": now}
            return Attributes(record.content_type, record.metadata, system)

        async def expire_some() -> None:
            for place in waiting:
                try:
                    await self._engine.amend_object(container, place.name, expire)
                except ObjectMissingError:
                    continue

        if not is_owner:  # of others a rule may be about the name
            for place in places:
                await self._admit(request, place)
        async with trio.open_nursery() as nursery:
            for _ in range(min(CONCURRENCY, len(places))):
                nursery.start_soon(expire_some)

    async def _admit(self, request: Request, place: _Place) -> tuple[ContainerRecord, bool]:
        target = Target(Level.OBJECT, request.target.account, *place)
        container, is_owner = await self._gate.admit(request.caller, target, Permission.WRITE)
        if container is None:
            raise SwiftError(404)
        return container, is_owner


def _places(manifest: Manifest) -> dict[_Place, None]:
    """Return where the objects of a manifest lie, each once, in order."""
    return {
        _Place(segment.container, segment.name): None
        for segment in manifest.segments
        if not segment.is_inline
    }

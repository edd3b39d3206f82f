"""Static large objects: an object made of the segments that its manifest lists.

After OpenStack Swift (`swift.common.middleware.slo`). The manifest is a composite of the store's
(`storage.proxy.manifest`), so the other door reads it as well. Who reads one needs the right to
read its segments; who makes one needs that too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import NamedTuple
from urllib.parse import quote

import trio

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Condition, Engine, Payload
from storage.proxy.errors import PayloadLostError, StoreError
from storage.proxy.manifest import SEGMENTS_MAX, Manifest
from storage.proxy.segments import NESTING_MAX, InlinePayload
from storage.swift.authorization import Caller, Permission
from storage.swift.gate import Gate
from storage.swift.metadata import OBJECT_MANIFEST, STATIC_LARGE
from storage.swift.ranges import Span, content_range
from storage.swift.report import response_of
from storage.swift.request import Request
from storage.swift.response import SwiftError, refuse, status_line
from storage.swift.selection import Selection
from storage.swift.settings import SwiftSettings
from storage.swift.slo_manifest import (
    Draft,
    Piece,
    Problem,
    manifest_etag,
    manifest_json,
    md5,
    parts_count,
    raw_json,
)
from storage.swift.target import Level, Target
from storage.swift.text import encode
from storage.swift.writes import Writes

CONCURRENCY = 128
_NESTED = "x-static-large-object-nested"
_JSON = "application/json; charset=utf-8"


class BadSegmentsError(Exception):
    """A manifest cannot be stored: the client is at fault.

    Attributes:
        errors: quoted paths, each with what is wrong.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.errors = [
            (quote(problem.path, errors="surrogatepass"), problem.text) for problem in problems
        ]


class View(NamedTuple):
    """What a request for a static large object is about.

    Attributes:
        record: of it, with size and ETag of what is shown.
        opening: opens that.
    """

    record: ObjectRecord
    opening: AbstractAsyncContextManager[Payload]


class Part(NamedTuple):
    """A part of a static large object that a request names by its number.

    Attributes:
        parts: how many parts there are.
        selection: of its bytes; nothing where there is no such part.
    """

    parts: int
    selection: Selection | None


def is_static(record: ObjectRecord) -> bool:
    """Tell whether an object is a static large object."""
    return STATIC_LARGE in record.system and record.manifest_size_bytes > 0


def without_static(record: ObjectRecord) -> ObjectRecord:
    """Return a record without what says that it is a static large object."""
    system = {name: value for name, value in record.system.items() if name != STATIC_LARGE}
    return record._replace(system=system)


def asks_for_manifest(request: Request) -> bool:
    """Tell whether a request is about a manifest and not about what it stands for."""
    return bool(request.query) and request.parameters.raw(b"multipart-manifest") == b"get"


class StaticLargeObjects:
    """Stores and shows manifests, and says who may read what they stand for.

    Args:
        engine: of the store.
        gate: judges whether somebody may read the segments.
        writes: store.
        settings: limits.
    """

    def __init__(self, engine: Engine, gate: Gate, writes: Writes, settings: SwiftSettings) -> None:
        self._engine = engine
        self._gate = gate
        self._writes = writes
        self._segments_max = settings.slo_segments_max

    async def store(
        self,
        caller: Caller,
        container: ContainerRecord,
        name: str,
        attributes: Attributes,
        pieces: Sequence[Piece],
        *,
        etag: str | None,
        condition: Condition | None,
    ) -> ObjectRecord:
        """Store an object made of segments.

        Args:
            caller: must be allowed to read them.
            container: of the object; the segments lie in the same account.
            name: of the object.
            attributes: of the object.
            pieces: what is asked for.
            etag: that the object must have, if any.
            condition: see `storage.proxy.engine.Engine.put_object`.

        Raises:
            BadSegmentsError: a segment is not what is asked for; nothing was stored.
            SwiftError: 413, there are too many; 422, the ETag is another.
        """
        if len(pieces) > SEGMENTS_MAX or sum(1 for one in pieces if one.path) > self._segments_max:
            text = f"Number of object-backed segments must be <= {self._segments_max}"
            raise SwiftError(413, text)
        found = await self._find(caller, container.account, pieces)
        draft = Draft()
        for index, piece in enumerate(pieces):
            if not piece.path:
                draft.add_data(piece.data)
                continue
            record = found[piece.path]
            if isinstance(record, str):
                draft.problems.append(Problem(piece.path, record))
            else:
                is_last = index == len(pieces) - 1
                draft.add(piece, record, is_static=is_static(record), is_last=is_last)
        if draft.problems:
            raise BadSegmentsError(draft.problems)
        if etag is not None and etag != draft.etag:
            raise SwiftError(422)
        manifest = draft.finish()
        system = {key: value for key, value in attributes.system.items() if key != OBJECT_MANIFEST}
        system[STATIC_LARGE] = manifest_etag(manifest)
        if draft.is_nested:
            system[_NESTED] = "yes"
        return await self._writes.put_composite(
            container,
            name,
            attributes._replace(system=system),
            manifest,
            etag=draft.etag,
            condition=condition,
        )

    async def _find(
        self, caller: Caller, account: str, pieces: Sequence[Piece]
    ) -> dict[str, ObjectRecord | str]:
        """Return by path the objects that are asked for, or why they cannot be had."""
        found: dict[str, ObjectRecord | str] = {}
        waiting = iter({piece.path: piece.place for piece in pieces if piece.path}.items())
        owned: dict[str, ContainerRecord] = {}

        async def find_some() -> None:
            for path, (container, name) in waiting:
                try:
                    target = Target(Level.OBJECT, account, container, name)
                    record = await self._find_one(caller, target, owned)
                except (SwiftError, StoreError) as error:
                    found[path] = status_line(response_of(error).status)
                    continue
                found[path] = record
                if OBJECT_MANIFEST in record.system:
                    found[path] = "Dynamic large objects cannot be segments"

        async with trio.open_nursery() as nursery:
            for _ in range(min(CONCURRENCY, len(pieces))):
                nursery.start_soon(find_some)
        return found

    async def _find_one(
        self, caller: Caller, target: Target, owned: dict[str, ContainerRecord]
    ) -> ObjectRecord:
        """Return the object of a target, if the caller may read it.

        Raises:
            SwiftError: 401, 403, 404 or 412.
        """
        if not _is_name(target.container) or not _is_name(target.object):
            raise SwiftError(412)
        container = owned.get(target.container)
        if container is None:
            admission = await self._gate.admit(caller, target, Permission.READ)
            container = admission.record
            if container is None:
                raise SwiftError(404)
            if admission.is_owner:
                owned[target.container] = container
        record = await self._engine.object(container, target.object)
        if record is None:
            raise SwiftError(404)
        return record

    async def manifest(self, container: ContainerRecord, record: ObjectRecord) -> Manifest:
        """Return the manifest of a static large object.

        Raises:
            PayloadLostError: no replica has an undamaged one.
            ObjectMissingError: it was replaced meanwhile.
        """
        manifest = await self._engine.manifest(container, record)
        if manifest is None:
            raise PayloadLostError(f"{record.name!r} has no manifest")
        return manifest

    async def show(
        self, request: Request, container: ContainerRecord, record: ObjectRecord
    ) -> View:
        """Return the manifest as an object, as `multipart-manifest=get` asks for it."""
        manifest = await self.manifest(container, record)
        is_raw = request.parameters.raw(b"format") == b"raw"
        body = raw_json(manifest) if is_raw else manifest_json(manifest)
        shown = record._replace(size_bytes=len(body), etag=record.system[STATIC_LARGE])
        shown = shown._replace(etag=md5(body)) if is_raw else shown._replace(content_type=_JSON)
        return View(shown, nullcontext(InlinePayload(body)))

    async def part(
        self, request: Request, container: ContainerRecord, record: ObjectRecord
    ) -> Part | None:
        """Return the part that a request names, if it names one.

        Raises:
            SwiftError: 400, what it names is no number, or it asks for a range besides.
        """
        if not request.query or b"part-number" not in request.parameters:
            return None
        text = request.parameters.raw(b"part-number")
        if not text.isdigit() or not text.strip(b"0"):
            raise refuse("Part number must be an integer greater than 0")
        if b"range" in request.headers:
            raise refuse("Range requests are not supported with part number queries")
        manifest = await self.manifest(container, record)
        place = manifest.part(int(text[-18:]))
        count = parts_count(manifest)
        if place is None or len(text) > 18 or not count:
            return Part(count, None)
        header = (b"Content-Range", content_range(place, record.size_bytes))
        length_bytes = place[1] - place[0]
        return Part(
            count,
            Selection(206, length_bytes, encode(record.content_type), (header,), place),
        )

    async def check_readable(
        self,
        caller: Caller,
        container: ContainerRecord,
        record: ObjectRecord,
        selection: Selection,
    ) -> None:
        """Refuse who may not read the segments that a selection needs.

        Raises:
            SwiftError: 409, as Swift answers.
        """
        spans = [selection.span] if selection.multipart is None else selection.multipart.spans
        try:
            for span in spans:
                await self._check_span(caller, container, record, span, 0)
        except (SwiftError, PayloadLostError) as error:
            raise SwiftError(409) from error

    async def _check_span(
        self,
        caller: Caller,
        container: ContainerRecord,
        record: ObjectRecord,
        span: Span,
        depth: int,
    ) -> None:
        if depth > NESTING_MAX:
            raise SwiftError(409)
        manifest = await self.manifest(container, record)
        is_nested = _NESTED in record.system
        for segment, start, stop in manifest.spans(*span):
            if segment.is_inline:
                continue
            target = Target(Level.OBJECT, record.account, segment.container, segment.name)
            inside, is_owner = await self._gate.admit(caller, target, Permission.READ)
            if is_owner:
                return  # of all that the account has
            if is_nested and inside is not None:
                found = await self._engine.object(inside, segment.name)
                if found is not None and is_static(found):
                    await self._check_span(caller, inside, found, (start, stop), depth + 1)


def _is_name(text: str) -> bool:
    """Tell whether clients may call something so: UTF-8 without NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False

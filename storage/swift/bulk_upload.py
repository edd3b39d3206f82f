"""Archive upload: the files of a tar archive, each as an object.

After OpenStack Swift (`swift.common.middleware.bulk`). The archive is read as it arrives and never
kept; names are taken as they are, but for leading slashes and "./". Small files are stored several
at a time, large ones as they come in. Extended attributes "user.meta.*" become metadata,
"user.mime_type" the content type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote_from_bytes

import trio

from storage.container.record import ContainerRecord
from storage.proxy.engine import Body, Engine
from storage.proxy.errors import BodyIncompleteError, StoreError
from storage.swift.archive import FORMATS, Expander
from storage.swift.authorization import Permission
from storage.swift.body import RequestBody, declared_length
from storage.swift.changes import new_attributes
from storage.swift.gate import Gate
from storage.swift.metadata import OBJECT_PREFIX, MetadataRules
from storage.swift.objects import Objects
from storage.swift.report import Report, response_of
from storage.swift.request import Request
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings
from storage.swift.slow_answer import answer_slowly
from storage.swift.tar import Event, MemberBegins, MemberData, TarError, TarReader
from storage.swift.target import Level, Target
from storage.swift.text import is_utf8

CONCURRENCY = 128
SMALL_SIZE_BYTES_MAX = 64 * 1024
_BODY_BYTES_MAX = 2**62
_CREATED = "Number Files Created"
_PAX_PREFIXES = (b"SCHILY.xattr.user.", b"LIBARCHIVE.xattr.user.")
_PAX_META = b"meta."
_PAX_TYPE = b"mime_type"
_EXPIRY_HEADERS = (b"x-delete-at", b"x-delete-after")


class BulkUpload:
    """Handles uploads of archives.

    Args:
        engine: of the store.
        gate: judges each container.
        objects: of the same API.
        rules: of metadata.
        settings: limits.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        objects: Objects,
        rules: MetadataRules,
        settings: SwiftSettings,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._objects = objects
        self._rules = rules
        self._settings = settings

    async def handle(self, request: Request) -> None:
        """PUT with `extract-archive`; the response is sent from here.

        Raises:
            SwiftError: 400, the format is unknown.
        """
        kind = request.parameters.raw(b"extract-archive").decode("latin-1").lower().strip(".")
        make = FORMATS.get(kind)
        if make is None:
            raise SwiftError(400, "Unsupported archive format")
        expander = make()

        async def work(request: Request, report: Report) -> None:
            await self._extract(request, report, expander)

        await answer_slowly(request, Report("extract", {_CREATED: 0}, status=201), work)

    async def _extract(self, request: Request, report: Report, expander: Expander) -> None:
        """Store the files of the request's archive.

        Raises:
            SwiftError: the whole is refused; what was stored before stays.
        """
        length_bytes = declared_length(request.headers, _BODY_BYTES_MAX)
        body = RequestBody(request.receive, length_bytes, _BODY_BYTES_MAX)
        members = _Members(body, expander)
        containers = _Containers(self._engine, self._gate, self._settings, request)
        extraction = _Extraction(
            self._objects, self._rules, self._settings, request, report, containers
        )
        try:
            await extraction.run(members)
        except TarError as error:
            raise SwiftError(400, f"Invalid Tar File: {error}") from error
        except BodyIncompleteError:
            raise SwiftError(499) from None
        if report.errors:
            report.status = 502 if extraction.has_server_errors else 400
        elif not report.counts[_CREATED]:
            raise SwiftError(400, "Invalid Tar File: No Valid Files")


class _Members:
    """The members of an archive as they arrive."""

    def __init__(self, body: RequestBody, expander: Expander) -> None:
        self._body = body
        self._expander = expander
        self._reader = TarReader()
        self._events: Iterator[Event] = iter(())

    async def next(self) -> MemberBegins | None:
        """Return the next member, nothing at the end; unread data is passed over.

        Raises:
            TarError: this is no archive.
            BodyIncompleteError: the client went away.
        """
        while (event := await self._next_event()) is not None:
            if isinstance(event, MemberBegins):
                return event
            await trio.lowlevel.checkpoint()  # a little can expand to much
        return None

    async def receive(self) -> bytes:
        """Return the next bytes of the member's data, none at its end; see `next`."""
        event = await self._next_event()
        return event.data if isinstance(event, MemberData) else b""

    async def _next_event(self) -> Event | None:
        while True:
            event = next(self._events, None)
            if event is not None:
                return event
            data = await self._body.receive()
            if not data:
                self._expander.close()
                self._reader.close()
                return None
            self._events = self._read(data)

    def _read(self, data: bytes) -> Iterator[Event]:
        for piece in self._expander.feed(data):
            yield from self._reader.feed(piece)


class _Containers:
    """The containers that files are put into, made where they are missing.

    Args:
        engine: of the store.
        gate: judges each container.
        settings: limits.
        request: whose caller puts the files.
    """

    def __init__(
        self, engine: Engine, gate: Gate, settings: SwiftSettings, request: Request
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._settings = settings
        self._account = request.target.account
        self._caller = request.caller
        self._known: dict[str, ContainerRecord] = {}
        self._made = 0

    async def get(self, container: str, name: str) -> ContainerRecord:
        """Return a container that an object of some name may be put into.

        The owner is asked about once for each container; of others a rule may be about the name.

        Raises:
            SwiftError: 401, 403 or 404; 400, too many had to be made.
        """
        known = self._known.get(container)
        if known is not None:
            return known
        inside = Target(Level.OBJECT, self._account, container, name)
        itself = Target(Level.CONTAINER, self._account, container, "")
        if await self._gate.container(itself) is None:
            await self._make(itself)
        record, is_owner = await self._gate.admit(self._caller, inside, Permission.WRITE)
        if record is None:
            raise SwiftError(404)
        if is_owner:
            self._known[container] = record
        return record

    async def _make(self, target: Target) -> None:
        await self._gate.admit(self._caller, target, Permission.CHANGE)
        if len(target.container.encode()) > self._settings.container_name_bytes_max:
            raise SwiftError(404)
        if self._made >= self._settings.bulk_upload_containers_max:
            most = self._settings.bulk_upload_containers_max
            raise SwiftError(400, f"More than {most} containers to create from tar.")
        if await self._engine.create_container(target.account, target.container, {}):
            self._made += 1


class _BytesBody:
    """Bytes that are at hand, as an upload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return the bytes, once."""
        data, self._data = self._data, b""
        return data


class _Extraction:
    """Stores members: small ones side by side, but never two of one name."""

    def __init__(
        self,
        objects: Objects,
        rules: MetadataRules,
        settings: SwiftSettings,
        request: Request,
        report: Report,
        containers: _Containers,
    ) -> None:
        self._objects = objects
        self._rules = rules
        self._settings = settings
        self._report = report
        self._containers = containers
        self._base = "/".join(
            part for part in (request.target.container, request.target.object.rstrip("/")) if part
        ).encode()
        self._headers = {
            name: value
            for name, value in request.headers.items()
            if name in _EXPIRY_HEADERS or name.startswith(OBJECT_PREFIX.encode())
        }
        self._under_way: dict[bytes, trio.Event] = {}
        self._room = trio.CapacityLimiter(CONCURRENCY)
        self.has_server_errors = False

    async def run(self, members: _Members) -> None:
        """Store all members.

        Raises:
            SwiftError: 401, or 400 for too many new containers.
            TarError: this is no archive.
            BodyIncompleteError: the client went away.
        """
        refusal: Exception | None = None
        async with trio.open_nursery() as nursery:
            try:
                while (member := await members.next()) is not None:
                    if len(self._report.errors) >= self._settings.bulk_upload_failures_max:
                        break
                    path = self._path_of(member)
                    if path is not None:
                        await self._begin(nursery, path, member, members)
            except (SwiftError, TarError, BodyIncompleteError) as error:
                refusal = error  # what is under way ends first
        if refusal is not None:
            raise refusal

    def _path_of(self, member: MemberBegins) -> bytes | None:
        """Return container and object of a member; nothing for what is no file in a container."""
        if not member.is_file:
            return None
        path = member.name.removeprefix(b"./").lstrip(b"/")
        if self._base:
            path = self._base + b"/" + path
        return path if b"/" in path else None

    async def _begin(
        self, nursery: trio.Nursery, path: bytes, member: MemberBegins, members: _Members
    ) -> None:
        """Store a member, or begin to.

        Raises:
            SwiftError: 401 or 400; see `run`.
        """
        if not is_utf8(path):
            self._fail(path, 412)
            return
        if member.size_bytes > self._settings.object_size_bytes_max:
            self._fail(path, 413)
            return
        try:
            container_name, _, name = path.decode().partition("/")
            container = await self._containers.get(container_name, name)
        except SwiftError as error:
            self._fail(path, error.response.status)
            if error.response.status in (400, 401):
                raise
            return
        except StoreError as error:
            self._fail(path, response_of(error).status)
            return
        while (earlier := self._under_way.get(path)) is not None:
            await earlier.wait()
        headers = self._headers | _pax_headers(member.pax)
        if member.size_bytes > SMALL_SIZE_BYTES_MAX:
            await self._store(path, container, headers, members, member.size_bytes)
            return
        content = b""
        while data := await members.receive():
            content += data
        await self._room.acquire_on_behalf_of(path)
        self._under_way[path] = trio.Event()
        nursery.start_soon(self._store_small, path, container, headers, content)

    async def _store_small(
        self, path: bytes, container: ContainerRecord, headers: Mapping[bytes, bytes], data: bytes
    ) -> None:
        try:
            await self._store(path, container, headers, _BytesBody(data), len(data))
        finally:
            self._room.release_on_behalf_of(path)
            self._under_way.pop(path).set()

    async def _store(
        self,
        path: bytes,
        container: ContainerRecord,
        headers: Mapping[bytes, bytes],
        body: Body,
        size_bytes: int,
    ) -> None:
        """Store an object and count it, or take note why not."""
        name = path.partition(b"/")[2].decode()
        try:
            if not name:
                raise SwiftError(404)
            self._objects.check_new_name(name)
            attributes = new_attributes(headers, name, self._rules, self._objects.now_s())
            await self._objects.writes.put(container, name, attributes, body, size_bytes=size_bytes)
        except BodyIncompleteError:
            raise
        except (SwiftError, StoreError) as error:
            self._fail(path, response_of(error).status)
        else:
            self._report.counts[_CREATED] += 1

    def _fail(self, path: bytes, status: int) -> None:
        self.has_server_errors |= status >= 500
        longest = self._settings.object_name_bytes_max + self._settings.container_name_bytes_max
        self._report.fail(quote_from_bytes(path[: longest + 2]), status)


def _pax_headers(pax: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the headers that a member's extended attributes stand for (GNU's and BSD's tar)."""
    headers: dict[bytes, bytes] = {}
    for keyword, value in pax.items():
        for prefix in _PAX_PREFIXES:
            if not keyword.startswith(prefix):
                continue
            attribute = keyword[len(prefix) :]
            if attribute == _PAX_TYPE:
                headers[b"content-type"] = value
            elif attribute.startswith(_PAX_META):
                name = OBJECT_PREFIX.encode() + attribute[len(_PAX_META) :].lower()
                headers[name] = value
    return headers

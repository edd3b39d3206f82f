"""Bulk delete: many objects and containers by one request.

After OpenStack Swift (`swift.common.middleware.bulk`). The body has one path a line, of a container
or of an object, percent-encoded. Objects go first, so that their containers may follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

import trio

from storage.container.record import ContainerRecord
from storage.proxy.engine import Engine
from storage.proxy.errors import BodyIncompleteError, StoreError
from storage.swift.authorization import Caller, Permission
from storage.swift.body import RequestBody, declared_length
from storage.swift.gate import Gate
from storage.swift.report import Report, response_of
from storage.swift.request import Request
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings
from storage.swift.slow_answer import answer_slowly
from storage.swift.target import Level, Target
from storage.swift.text import is_utf8
from storage.swift.writes import Writes

CONCURRENCY = 128
_BODY_BYTES_MAX = 2**62
_DELETED, MISSING = "Number Deleted", "Number Not Found"


def new_report() -> Report:
    """Return the report of a deletion that has not begun."""
    return Report("delete", {_DELETED: 0, MISSING: 0})


class BulkDelete:
    """Handles bulk deletions.

    Args:
        engine: of the store.
        writes: deletes objects.
        gate: judges each name.
        settings: limits.
    """

    def __init__(self, engine: Engine, writes: Writes, gate: Gate, settings: SwiftSettings) -> None:
        self._engine = engine
        self._writes = writes
        self._gate = gate
        self._settings = settings
        self._line_bytes_max = 2 * (
            settings.object_name_bytes_max + settings.container_name_bytes_max + 2
        )

    async def handle(self, request: Request) -> None:
        """POST or DELETE with `bulk-delete`; the response is sent from here."""
        await answer_slowly(request, new_report(), self._delete)

    async def _delete(self, request: Request, report: Report) -> None:
        """Delete what the body names.

        Raises:
            SwiftError: the whole is refused.
        """
        content_type = request.headers.get(b"content-type")
        if content_type and not content_type.startswith(b"text/plain"):
            raise SwiftError(406)
        names = await self._read_names(request)
        sweep = Sweep(self._engine, self._writes, self._gate, self._settings, request, report)
        await sweep.run(name for name in names if b"/" in name.strip(b"/"))
        await sweep.run(name for name in names if b"/" not in name.strip(b"/"))
        sweep.conclude()

    async def _read_names(self, request: Request) -> list[bytes]:
        """Return the names in the body, decoded.

        Raises:
            SwiftError: 400, 411 or 413; 499 where the client went away.
        """
        length_bytes = declared_length(request.headers, _BODY_BYTES_MAX)
        body = RequestBody(request.receive, length_bytes, _BODY_BYTES_MAX)
        names: list[bytes] = []
        line = b""
        try:
            while data := await body.receive():
                *lines, line = (line + data).split(b"\n")
                names += [unquote_to_bytes(one.strip()) for one in lines]
                self._check(names, line)
        except BodyIncompleteError:
            raise SwiftError(499) from None
        last = unquote_to_bytes(line.strip())
        if last:
            names.append(last)
        self._check(names, b"")
        return [name for name in names if name]

    def _check(self, names: list[bytes], line: bytes) -> None:
        if len(names) > self._settings.bulk_deletes_max:
            text = f"Maximum Bulk Deletes: {self._settings.bulk_deletes_max} per request"
            raise SwiftError(413, text)
        if len(line) > self._line_bytes_max:
            raise SwiftError(400, "Invalid File Name")


class Sweep:
    """Deletes names, several at a time."""

    def __init__(
        self,
        engine: Engine,
        writes: Writes,
        gate: Gate,
        settings: SwiftSettings,
        request: Request,
        report: Report,
    ) -> None:
        self._engine = engine
        self._writes = writes
        self._gate = gate
        self._settings = settings
        self._account = request.target.account
        self._caller: Caller = request.caller
        self._report = report
        self._containers: dict[str, ContainerRecord] = {}
        self.has_server_errors = False

    async def run(self, names: Iterable[bytes]) -> None:
        """Delete names.

        Raises:
            SwiftError: 400, too many could not be deleted.
        """
        waiting = iter(names)

        async def delete_some() -> None:
            for name in waiting:
                if len(self._report.errors) >= self._settings.bulk_delete_failures_max:
                    return
                await self._delete(name)

        async with trio.open_nursery() as nursery:
            for _ in range(CONCURRENCY):
                nursery.start_soon(delete_some)
        if len(self._report.errors) >= self._settings.bulk_delete_failures_max:
            raise SwiftError(400, "Max delete failures exceeded")

    def conclude(self) -> None:
        """Say how the whole went.

        Raises:
            SwiftError: 400, there was nothing to do.
        """
        report = self._report
        if report.errors:
            report.status = 502 if self.has_server_errors else 400
        elif not any(report.counts.values()):
            raise SwiftError(400, "Invalid bulk delete.")

    async def _delete(self, name: bytes) -> None:
        """Delete an object or container and count it, or take note why not."""
        report = self._report
        status = 204
        if not is_utf8(name):
            status = 412
        else:
            try:
                await self._delete_path(name.decode().lstrip("/"))
            except (SwiftError, StoreError) as error:
                status = response_of(error).status
        if status == 204:
            report.counts[_DELETED] += 1
        elif status == 404:
            report.counts[MISSING] += 1
        else:
            self.has_server_errors |= status >= 500
            report.fail(quote_from_bytes(name), status)

    async def _delete_path(self, path: str) -> None:
        container, _, name = path.partition("/")
        if not container:
            raise SwiftError(404)
        if not name:
            target = Target(Level.CONTAINER, self._account, container, "")
            record, _ = await self._gate.admit(self._caller, target, Permission.CHANGE)
            if record is None:
                raise SwiftError(404)
            await self._engine.delete_container(self._account, container)
            return
        record = await self._container(container, name)
        if len(name.encode()) > self._settings.object_name_bytes_max:
            raise SwiftError(404)
        if (await self._writes.delete(record, name)).removed is None:
            raise SwiftError(404)

    async def _container(self, container: str, name: str) -> ContainerRecord:
        """Return the container of an object that the caller may delete.

        The owner is asked about once for each container; of others a rule may be about the name.
        """
        known = self._containers.get(container)
        if known is not None:
            return known
        target = Target(Level.OBJECT, self._account, container, name)
        record, is_owner = await self._gate.admit(self._caller, target, Permission.WRITE)
        if record is None:
            raise SwiftError(404)
        if is_owner:
            self._containers[container] = record
        return record

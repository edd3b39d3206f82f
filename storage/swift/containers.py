"""Containers: GET, HEAD, PUT, POST, DELETE."""

from __future__ import annotations

from storage.container.record import ContainerRecord
from storage.proxy.engine import Engine
from storage.swift.accounts import listing_headers
from storage.swift.changes import container_changes
from storage.swift.listing import choose_format, policy_name, read_query, write_objects
from storage.swift.metadata import MetadataRules, show
from storage.swift.request import Request
from storage.swift.response import Header, Response, SwiftError, page, refuse
from storage.swift.settings import SwiftSettings
from storage.swift.times import decimal, http_date, whole_seconds
from storage.swift.versioning import container_header, versioning_change


class Containers:
    """Handles requests for containers.

    Args:
        engine: of the store.
        rules: of metadata.
        settings: limits.
    """

    def __init__(self, engine: Engine, rules: MetadataRules, settings: SwiftSettings) -> None:
        self._engine = engine
        self._rules = rules
        self._settings = settings

    async def read(self, request: Request) -> Response:
        """GET and HEAD: counters, metadata, and the objects."""
        form = choose_format(request.parameters, request.headers.get(b"accept", b""))
        query = read_query(request.parameters, self._settings.listing_entries_max, of_objects=True)
        record = existing(request)
        headers = await self._headers(record, owner=request.is_owner)
        headers += listing_headers(request, form)
        if request.method == "HEAD":
            return Response(204, headers)
        entries = await self._engine.list_objects(record, query)
        body = write_objects(entries, record.name, form)
        return Response(200 if body else 204, headers, body)

    async def create(self, request: Request) -> Response:
        """PUT: make a container, or merge metadata into it."""
        target, held = request.target, request.record
        changes = self._changes(request)
        policy = self._policy(request)
        size, longest = len(target.container.encode()), self._settings.container_name_bytes_max
        if size > longest:
            raise SwiftError(400, f"Container name length of {size} longer than {longest}")
        if len(target.account.encode()) > self._settings.account_name_bytes_max:
            raise SwiftError(404)
        if held is not None and policy is not None and policy != held.policy:
            raise SwiftError(409)
        created = await self._engine.create_container(
            target.account, target.container, changes, policy or 0
        )
        return page(201 if created else 202)

    async def change(self, request: Request) -> Response:
        """POST: merge metadata into a container."""
        changes = self._changes(request)
        target = existing(request)
        await self._engine.update_container(target.account, target.name, changes)
        return page(204)

    async def delete(self, request: Request) -> Response:
        """DELETE: remove an empty container."""
        record = existing(request)
        await self._engine.delete_container(record.account, record.name)
        return page(204)

    def _changes(self, request: Request) -> dict[str, str]:
        held = request.record.values if request.record is not None else {}
        changes = container_changes(request.headers, held, self._rules, owner=request.is_owner)
        return changes | versioning_change(request.headers, held)

    def _policy(self, request: Request) -> int | None:
        """Return the number of the storage policy that is asked for, if one is."""
        asked = request.headers.get(b"x-storage-policy", b"").decode("latin-1")
        if not asked:
            return None
        for number, name in enumerate(self._settings.policies):
            if name.lower() == asked.lower():
                return number
        raise refuse(f"Invalid X-Storage-Policy '{asked}'")

    async def _headers(self, record: ContainerRecord, *, owner: bool) -> list[Header]:
        counters = await self._engine.counters(record)
        policy = policy_name(self._settings.policies, record.policy)
        return [
            (b"X-Container-Object-Count", b"%d" % counters.objects),
            (b"X-Container-Bytes-Used", b"%d" % counters.size_bytes),
            (b"X-Timestamp", decimal(record.created)),
            (b"Last-Modified", http_date(whole_seconds(record.changed))),
            (b"X-Storage-Policy", policy.encode()),
            (b"Accept-Ranges", b"bytes"),
            *show(record.values, owner=owner),
            *container_header(record.values),
        ]


def existing(request: Request) -> ContainerRecord:
    """Return a request's container.

    Raises:
        SwiftError: 404, there is none.
    """
    if request.record is None:
        raise SwiftError(404)
    return request.record

"""Accounts: GET, HEAD, PUT, POST, DELETE."""

from __future__ import annotations

from collections.abc import Iterator

from atoll.world import Clock
from storage.account.record import AccountRecord
from storage.container.row import Counters
from storage.proxy.engine import Engine
from storage.proxy.errors import AccountMissingError
from storage.swift.changes import account_changes
from storage.swift.listing import Format, choose_format, read_query, write_containers
from storage.swift.metadata import MetadataRules, show
from storage.swift.request import Request
from storage.swift.response import Header, Response, SwiftError, page
from storage.swift.settings import SwiftSettings
from storage.swift.times import decimal
from storage.timestamp import at_milliseconds

_NS_PER_MS = 1_000_000


class Accounts:
    """Handles requests for accounts.

    Args:
        engine: of the store.
        rules: of metadata.
        settings: limits.
        clock: physical time.
    """

    def __init__(
        self, engine: Engine, rules: MetadataRules, settings: SwiftSettings, clock: Clock
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._settings = settings
        self._clock = clock

    async def read(self, request: Request) -> Response:
        """GET and HEAD: counters, metadata, and the containers.

        An account that is not there looks empty: it is made by the first write to it.
        """
        account = self._account(request)
        form = choose_format(request.parameters, request.headers.get(b"accept", b""))
        query = read_query(request.parameters, self._settings.listing_entries_max, of_objects=False)
        found = await self._engine.account(account)
        headers = [*self._headers(found, owner=request.is_owner), *listing_headers(request, form)]
        if request.method == "HEAD":
            return Response(204, headers)
        try:
            entries = await self._engine.list_containers(account, query) if found else []
        except AccountMissingError:  # deleted between the two questions
            entries = []
        body = write_containers(entries, account, self._settings.policies, form)
        return Response(200 if body else 204, headers, body)

    async def create(self, request: Request) -> Response:
        """PUT: make an account, or merge metadata into it."""
        existed = await self._change(request)
        return page(202 if existed else 201)

    async def change(self, request: Request) -> Response:
        """POST: merge metadata into an account, which is made if it is missing."""
        await self._change(request)
        return page(204)

    async def delete(self, request: Request) -> Response:
        """DELETE: mark an account deleted, with all that it holds.

        A query is refused, since it may be a bulk operation gone astray.
        """
        account = self._account(request)
        if request.query:
            raise SwiftError(400)
        await self._engine.delete_account(account)
        return page(204)

    async def _change(self, request: Request) -> bool:
        """Apply a request's metadata and tell whether the account was there before."""
        account = self._account(request)
        found = await self._engine.account(account)
        held = found[0].values if found else {}
        changes = account_changes(request.headers, held, self._rules)
        await self._engine.update_account(account, changes)
        return found is not None

    def _account(self, request: Request) -> str:
        account = request.target.account
        size, longest = len(account.encode()), self._settings.account_name_bytes_max
        if size > longest:
            raise SwiftError(400, f"Account name length of {size} longer than {longest}")
        return account

    def _headers(
        self, found: tuple[AccountRecord, Counters] | None, *, owner: bool
    ) -> Iterator[Header]:
        record, counters = found or (None, Counters())
        totals = (
            (b"Container-Count", b"%d" % counters.rows),
            (b"Object-Count", b"%d" % counters.objects),
            (b"Bytes-Used", b"%d" % counters.size_bytes),
        )
        for name, value in totals:
            yield b"X-Account-" + name, value
        policies = self._settings.policies
        if len(policies) == 1 and counters.rows:  # then the totals are that policy's
            for name, value in totals:
                yield (
                    b"X-Account-Storage-Policy-%b-%b" % (policies[0].title().encode(), name),
                    value,
                )
        created = record.created if record else at_milliseconds(self._clock.wall_ns() // _NS_PER_MS)
        yield b"X-Timestamp", decimal(created)
        yield b"Accept-Ranges", b"bytes"
        if record:
            yield from show(record.values, owner=owner)


def listing_headers(request: Request, form: Format) -> Iterator[Header]:
    """Yield the headers of a listing's format."""
    yield b"Content-Type", form.content_type
    if b"format" not in request.parameters:
        yield b"Vary", b"Accept"

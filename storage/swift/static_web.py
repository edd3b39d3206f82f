"""Containers as web sites: index pages, listings, error pages.

After OpenStack Swift (`swift.common.middleware.staticweb`): for readers without a token, for those
with a temporary URL, and for those who say `X-Web-Mode: true`. It changes what is shown and never
who may see it: each page that stands for another is asked for in the reader's own name.
"""

from __future__ import annotations

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.proxy.engine import Engine
from storage.swift.authorization import Permission
from storage.swift.base_url import base_url
from storage.swift.containers import Containers, existing
from storage.swift.gate import Gate
from storage.swift.objects import Objects
from storage.swift.request import Request
from storage.swift.response import HTML, Response, SwiftError, page
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level, Target, challenge, decode_path
from storage.swift.text import is_true
from storage.swift.web_listing import write_disabled, write_listing
from storage.swift.web_site import WebSite, site_of

_WEB_MODE = b"x-web-mode"


def may_browse(request: Request) -> bool:
    """Tell whether a request is a web reader's."""
    if request.identity is not None and _WEB_MODE not in request.headers:
        return False  # most requests, and so the first question
    if request.method not in ("GET", "HEAD") or request.target.level is Level.ACCOUNT:
        return False
    return request.identity is None or is_true(request.headers.get(_WEB_MODE))


class StaticWeb:
    """Shows containers as web sites.

    Args:
        engine: of the store.
        gate: says what the reader may see.
        containers: of the same API.
        objects: of the same API.
        settings: limits.
    """

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        containers: Containers,
        objects: Objects,
        settings: SwiftSettings,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._containers = containers
        self._objects = objects
        self._settings = settings

    async def read(self, request: Request) -> Response | None:
        """GET and HEAD of a container or object by a web reader, who was let in.

        Raises:
            SwiftError: as without a site.
        """
        site = site_of(request.record.values) if request.record is not None else WebSite()
        if request.target.level is Level.OBJECT:
            return await self._object(request, site)
        return await self._container(request, site)

    async def refuse(self, request: Request, refusal: SwiftError) -> Response | None:
        """Answer a web reader who was not let in to a container: with its own page, if it has one.

        Raises:
            SwiftError: the refusal, where there is no such page.
        """
        record = await self._gate.container(request.target)
        if record is None or request.target.level is Level.OBJECT:
            raise refusal
        return await self._error(request, record, site_of(record.values), refusal)

    async def _container(self, request: Request, site: WebSite) -> Response | None:
        if not site.is_site:
            if request.signed_url is not None:
                raise SwiftError(401, "401 Unauthorized: Temp URL invalid\n")
            if is_true(request.headers.get(_WEB_MODE)):
                raise SwiftError(404)
            return await self._containers.read(request)
        if not request.path.endswith(b"/"):
            return self._redirect(request)
        if site.index:
            try:
                return await self._object_in_place(request, site.index)
            except SwiftError as error:
                if error.response.status != 404:
                    return await self._error(request, existing(request), site, error)
        return await self._listing(request, site, "")

    async def _object(self, request: Request, site: WebSite) -> Response | None:
        """Show an object; where there is none, the index or the listing of that directory."""
        name = request.target.object
        try:
            record = await self._objects.find(existing(request), name) if site.is_site else None
            if record is None or not site.is_directory(record):
                return await self._objects.read(request)
        except SwiftError as error:
            if error.response.status != 404 or not site.is_site:
                raise
        is_directory = name.endswith("/")
        if site.index:
            index = f"{name}{'' if is_directory else '/'}{site.index}"
            if is_directory:
                try:
                    return await self._object_in_place(request, index)
                except SwiftError as error:
                    if error.response.status != 404:
                        raise
            elif await self._objects.find(existing(request), index) is not None:
                return self._redirect(request)
        if is_directory:
            return await self._listing(request, site, name)
        below = Query(limit=1, prefix=f"{name}/", delimiter="/")
        if await self._is_listed(request) and await self._engine.list_objects(
            existing(request), below
        ):
            return self._redirect(request)
        return await self._error(request, existing(request), site, SwiftError(404))

    async def _object_in_place(self, request: Request, name: str) -> Response | None:
        """Answer with another object of the container.

        Raises:
            SwiftError: 401 or 403, the reader may not see it; 404, and what else befalls reading.
        """
        target = request.target._replace(level=Level.OBJECT, object=name)
        await self._gate.admit(request.caller, target, Permission.READ)
        earlier, request.target = request.target, target
        try:
            return await self._objects.read(request)
        finally:
            request.target = earlier

    async def _listing(self, request: Request, site: WebSite, prefix: str) -> Response | None:
        """Answer with what is in a directory, or that this is not told."""
        record = existing(request)
        label = decode_path(request.path)
        if site.listings_label:
            label = f"{site.listings_label}/{prefix}"
        if not site.has_listings:
            told = Response(404, [HTML], write_disabled(site, label, prefix))
            return await self._error(request, record, site, SwiftError(404), told)
        try:
            await self._gate.admit(request.caller, _container_of(request.target), Permission.READ)
        except SwiftError as refusal:
            return await self._error(request, record, site, refusal)
        query = Query(limit=self._settings.listing_entries_max, prefix=prefix, delimiter="/")
        entries = await self._engine.list_objects(record, query)
        if prefix and not entries:
            return await self._error(request, record, site, SwiftError(404))
        signed, link_query, top = request.signed_url, "", ""
        if signed is not None:
            signed.is_inline = True  # a page that is made here is for looking at
            link_query, top = signed.link_query, signed.link_prefix
        return Response(200, [HTML], write_listing(site, label, prefix, entries, link_query, top))

    async def _is_listed(self, request: Request) -> bool:
        """Tell whether the reader may see what is in the container."""
        try:
            await self._gate.admit(request.caller, _container_of(request.target), Permission.READ)
        except SwiftError:
            return False
        return True

    async def _error(
        self,
        request: Request,
        record: ContainerRecord,
        site: WebSite,
        error: SwiftError,
        told: Response | None = None,
    ) -> Response | None:
        """Answer with the site's own page for an error, if it has one that the reader may see.

        Args:
            request: to answer.
            record: of the container.
            site: of the container.
            error: that is to be told.
            told: what tells it where the site has no page; by default the error itself.

        Raises:
            SwiftError: the error.
        """
        status = error.response.status
        name = f"{status}{site.error}"
        target = request.target._replace(level=Level.OBJECT, object=name)
        try:
            if site.error:
                await self._gate.admit(request.caller, target, Permission.READ)
                more = [challenge(request.path)] if status == 401 else []
                if await self._objects.read_as(request, record, name, status, *more):
                    return None
        except SwiftError:
            pass  # a page about an error that is itself refused: the error is what is told
        if told is None:
            raise error
        return told

    def _redirect(self, request: Request) -> Response:
        """Send the reader to the directory, so that relative links work."""
        url = base_url(request, self._settings.storage_url).encode("latin-1")
        return page(301, (b"Location", url + request.raw_path + b"/"))


def _container_of(target: Target) -> Target:
    return target._replace(level=Level.CONTAINER, object="")

"""The ASGI application: who asks, for what, may they, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from atoll.log import get_logger, request_id
from atoll.world import World
from storage.auth.authenticator import ACCOUNT_PREFIX, Authenticator
from storage.http.asgi import Receive, Scope, Send
from storage.proxy.engine import Engine
from storage.proxy.errors import StoreError
from storage.swift.absent import refuse_absent
from storage.swift.accounts import Accounts
from storage.swift.authorization import Permission
from storage.swift.bulk_delete import BulkDelete
from storage.swift.bulk_upload import BulkUpload
from storage.swift.containers import Containers
from storage.swift.copies import Copies
from storage.swift.cors import preflight, rule_for
from storage.swift.crossdomain import PATH as CROSS_DOMAIN_PATH
from storage.swift.crossdomain import policy_file
from storage.swift.domains import Domains
from storage.swift.forms import Forms, is_form
from storage.swift.gate import Gate, Veto
from storage.swift.info import info_document
from storage.swift.metadata import MetadataRules
from storage.swift.name_rules import NameRules
from storage.swift.objects import Objects
from storage.swift.operator_view import NodeView, OperatorView
from storage.swift.read_only import ReadOnly
from storage.swift.request import Request, TransactionIds
from storage.swift.response import (
    Response,
    SwiftError,
    method_not_allowed,
    of_store_error,
    page,
)
from storage.swift.settings import SwiftSettings
from storage.swift.slo_delete import ManifestDeletions
from storage.swift.slo_upload import ManifestUploads
from storage.swift.static_web import StaticWeb, may_browse
from storage.swift.target import Level, challenge, decode_path, parse_target
from storage.swift.temp_urls import TempUrls, is_temp_url
from storage.swift.tempauth import AUTH_PATH, TempAuth

Handler: TypeAlias = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; returns nothing where it has sent the response itself."""

_OWN_HEADERS = frozenset((b"x-auth-token", b"x-storage-token", b"x-auth-user", b"x-storage-user"))
_TOKEN_PREFIX = ACCOUNT_PREFIX.encode("ascii")

log = get_logger(part="swift")


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a kind of resource.

    Attributes:
        method: of HTTP.
        level: what the path addresses.
        handler: answers.
        permission: what the caller needs.
    """

    method: str
    level: Level
    handler: Handler
    permission: Permission


class SwiftApp:
    """The Swift API.

    Args:
        engine: of the store.
        authenticator: knows users and tokens.
        settings: limits and names.
        world: clock and randomness.
        veto: knows what S3's rules forbid here.
        view: of the node, for its operator's tools.

    Attributes:
        routes: all there are, but the ones that have no account in their path.
    """

    def __init__(
        self,
        engine: Engine,
        authenticator: Authenticator,
        settings: SwiftSettings,
        world: World,
        veto: Veto | None = None,
        view: NodeView | None = None,
    ) -> None:
        rules = MetadataRules(settings)
        self._authenticator = authenticator
        self._ids = TransactionIds(world)
        self._gate = Gate(engine, settings, veto)
        self._tempauth = TempAuth(authenticator, settings, world.clock)
        self._info = info_document(settings)
        self._cross_domain_policy = settings.cross_domain_policy
        self._domains = Domains(settings) if settings.storage_domains else None
        self._names = NameRules(settings) if NameRules.are_set(settings) else None
        self._read_only = ReadOnly(settings) if ReadOnly.is_set(settings) else None
        self._operator = None if view is None else OperatorView(engine, view, settings)
        accounts = Accounts(engine, rules, settings, world.clock)
        containers = Containers(engine, rules, settings)
        self._containers = containers
        self._objects = Objects(engine, self._gate, rules, settings, world)
        self._manifest_uploads = ManifestUploads(self._objects, rules, settings)
        self._manifest_deletions = ManifestDeletions(engine, self._gate, self._objects, settings)
        self._copies = Copies(
            engine, self._gate, self._objects, self._manifest_uploads, rules, settings, world
        )
        self._temp_urls = TempUrls(engine, world.clock)
        self._forms = Forms(engine, self._objects, rules, settings, world.clock)
        self._web = StaticWeb(engine, self._gate, containers, self._objects, settings)
        self._bulk_delete = BulkDelete(engine, self._objects.writes, self._gate, settings)
        self._bulk_upload = BulkUpload(engine, self._gate, self._objects, rules, settings)
        self.routes = (
            Route("GET", Level.ACCOUNT, accounts.read, Permission.READ),
            Route("HEAD", Level.ACCOUNT, accounts.read, Permission.READ),
            Route("PUT", Level.ACCOUNT, accounts.create, Permission.MANAGE),
            Route("POST", Level.ACCOUNT, accounts.change, Permission.CHANGE),
            Route("DELETE", Level.ACCOUNT, accounts.delete, Permission.MANAGE),
            Route("OPTIONS", Level.ACCOUNT, self._options, Permission.ANYONE),
            Route("GET", Level.CONTAINER, self._list, Permission.READ),
            Route("HEAD", Level.CONTAINER, containers.read, Permission.READ),
            Route("PUT", Level.CONTAINER, containers.create, Permission.CHANGE),
            Route("POST", Level.CONTAINER, containers.change, Permission.CHANGE),
            Route("DELETE", Level.CONTAINER, containers.delete, Permission.CHANGE),
            Route("OPTIONS", Level.CONTAINER, self._options, Permission.ANYONE),
            Route("GET", Level.OBJECT, self._objects.read, Permission.READ),
            Route("HEAD", Level.OBJECT, self._objects.read, Permission.READ),
            Route("PUT", Level.OBJECT, self._create_object, Permission.WRITE),
            Route("POST", Level.OBJECT, self._objects.change, Permission.WRITE),
            Route("DELETE", Level.OBJECT, self._delete_object, Permission.WRITE),
            Route("COPY", Level.OBJECT, self._copies.copy, Permission.READ),
            Route("OPTIONS", Level.OBJECT, self._options, Permission.ANYONE),
        )
        self._by_method = {(route.method, route.level): route for route in self.routes}
        self._methods = {
            level: tuple(route.method for route in self.routes if route.level is level)
            for level in Level
        }

    def claims(self, scope: Scope) -> bool:
        """Tell whether a request for a path that does not begin with "/v1" is for this API.

        So it is by its path, by its host, or since it brings a token or asks for one.
        """
        if scope["raw_path"] == CROSS_DOMAIN_PATH:
            return bool(self._cross_domain_policy)
        if self._operator is not None and self._operator.serves(scope):
            return True
        for name, value in scope["headers"]:
            if name in _OWN_HEADERS:
                return True
            if name == b"host" and self._domains is not None and self._domains.applies_to(value):
                return True
        return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3, http).

        On cancel: the outcome of a write is unknown; the response may be cut off.

        Raises:
            Exception: the response broke off after its start, or the client is gone.
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served here")
        request = Request(scope, receive, send, self._ids)
        request_id.set(request.id)
        scope["atoll"] = {"request_id": request.id}
        try:
            response = await self._answer(request)
        except (SwiftError, StoreError) as error:
            if request.is_started:
                raise
            response = _explain(error, request)
        except ConnectionError:
            raise  # there is nobody to answer to
        except Exception as error:
            if request.is_started:
                raise
            log.error("request failed", error, method=request.method)
            response = page(500)
        if response is not None:
            await request.respond(response)

    async def _answer(self, request: Request) -> Response | None:
        if self._domains is not None:
            host = request.headers.get(b"host", b"")
            request.path = self._domains.full_path(host, request.path)
        path = request.path
        if not path.startswith(b"/v1"):
            if path == b"/healthcheck":
                return Response(200, [(b"Content-Type", b"text/plain")], b"OK")
            if path == AUTH_PATH or path.startswith(AUTH_PATH + b"/"):
                return await self._tempauth.handle(request)
            if self._operator is not None and self._operator.serves(request.scope):
                return await self._operator.handle(request)
            if path == CROSS_DOMAIN_PATH and self._cross_domain_policy:
                return policy_file(self._cross_domain_policy)
        if self._names is not None:
            self._names.check(decode_path(path))
        is_signed = is_temp_url(request.query) and await self._temp_urls.admit(request)
        if not is_signed:
            await self._identify(request)
            if path == b"/info":
                return self._answer_info(request)
            request.target = parse_target(path)
        if self._read_only is not None:
            self._read_only.check(request)
        if is_form(request):
            return await self._answer_form(request)
        if request.query and await self._answer_bulk(request):
            return None
        return await self._serve(request)

    async def _serve(self, request: Request) -> Response | None:
        """Answer a request for an account, a container or an object."""
        target = request.target
        route = self._by_method.get((request.method, target.level))
        if route is None:
            raise method_not_allowed(self._methods[target.level])
        is_web = may_browse(request)
        try:
            request.record, request.is_owner = await self._gate.admit(
                request.caller, target, route.permission
            )
        except SwiftError as refusal:
            if is_web:
                return await self._web.refuse(request, refusal)
            raise
        self._allow_origin(request)
        refuse_absent(request)
        if is_web:
            return await self._web.read(request)
        return await route.handler(request)

    async def _answer_form(self, request: Request) -> Response:
        request.record = await self._gate.container(request.target)
        self._allow_origin(request)
        return await self._forms.post(request, request.record)

    async def _answer_bulk(self, request: Request) -> bool:
        """Answer a request for many objects at once; tell whether it is one."""
        if request.method == "PUT" and b"extract-archive" in request.parameters:
            await self._bulk_upload.handle(request)
        elif request.method in ("POST", "DELETE") and b"bulk-delete" in request.parameters:
            await self._bulk_delete.handle(request)
        else:
            return False
        return True

    def _allow_origin(self, request: Request) -> None:
        """Let the page that asks read the response, if the container allows that."""
        origin = request.headers.get(b"origin")
        if origin is None or request.record is None or request.method == "OPTIONS":
            return
        rule = rule_for(request.record.values, origin)
        if rule is not None:
            request.rewrites.append(rule.expose)

    async def _identify(self, request: Request) -> None:
        """Find out who asks.

        Raises:
            SwiftError: 401, the token is one of ours and not valid.
        """
        headers = request.headers
        token = headers.get(b"x-auth-token") or headers.get(b"x-storage-token")
        if token is None or not token.startswith(_TOKEN_PREFIX):
            return
        identity = await self._authenticator.identify(token.decode("latin-1"))
        if identity is None:
            raise SwiftError(401)
        request.identity = identity
        request.scope["atoll"]["user"] = identity.user

    def _answer_info(self, request: Request) -> Response:
        methods = ("GET", "HEAD", "OPTIONS")
        if request.method not in methods:
            raise method_not_allowed(methods)
        if request.method == "OPTIONS":
            return page(200, (b"Allow", ", ".join(methods).encode()))
        return Response(200, [(b"Content-Type", b"application/json; charset=UTF-8")], self._info)

    async def _list(self, request: Request) -> Response:
        if request.query and b"versions" in request.parameters:
            return await self._objects.versions.list_all(request)
        return await self._containers.read(request)

    async def _create_object(self, request: Request) -> Response | None:
        if request.query and request.parameters.raw(b"multipart-manifest") == b"put":
            return await self._manifest_uploads.create(request)
        if request.headers.get(b"x-copy-from"):
            return await self._copies.create(request)
        return await self._objects.create(request)

    async def _delete_object(self, request: Request) -> Response | None:
        if request.query and request.parameters.raw(b"multipart-manifest") == b"delete":
            return await self._manifest_deletions.delete(request)
        return await self._objects.delete(request)

    async def _options(self, request: Request) -> Response:
        values = request.record.values if request.record is not None else {}
        return preflight(values, request.headers, self._methods[request.target.level])


def _explain(error: SwiftError | StoreError, request: Request) -> Response:
    """Return what the client is told; an operator is told of what is not the client's fault."""
    if isinstance(error, SwiftError):
        response = error.response
    else:
        response = of_store_error(error)
        if response.status >= 500:
            log.error("request failed", error, method=request.method, status=response.status)
    if response.status == 401 and not any(
        name == b"Www-Authenticate" for name, _ in response.headers
    ):
        return response._replace(headers=[*response.headers, challenge(request.raw_path)])
    return response

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
from storage.swift.containers import Containers
from storage.swift.copies import Copies
from storage.swift.cors import preflight, rule_for
from storage.swift.gate import Gate
from storage.swift.info import info_document
from storage.swift.metadata import MetadataRules
from storage.swift.objects import Objects
from storage.swift.request import Request, TransactionIds
from storage.swift.response import (
    Response,
    SwiftError,
    method_not_allowed,
    of_store_error,
    page,
)
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level, parse_target, realm_of
from storage.swift.tempauth import AUTH_PATH, TempAuth

Handler: TypeAlias = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; returns nothing where it has sent the response itself."""

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

    Attributes:
        routes: all there are, but the ones that have no account in their path.
    """

    def __init__(
        self, engine: Engine, authenticator: Authenticator, settings: SwiftSettings, world: World
    ) -> None:
        rules = MetadataRules(settings)
        self._authenticator = authenticator
        self._ids = TransactionIds(world)
        self._gate = Gate(engine, settings)
        self._tempauth = TempAuth(authenticator, settings, world.clock)
        self._info = info_document(settings)
        accounts = Accounts(engine, rules, settings, world.clock)
        containers = Containers(engine, rules, settings)
        self._objects = Objects(engine, rules, settings, world)
        self._copies = Copies(engine, self._gate, self._objects, rules, settings, world)
        self.routes = (
            Route("GET", Level.ACCOUNT, accounts.read, Permission.READ),
            Route("HEAD", Level.ACCOUNT, accounts.read, Permission.READ),
            Route("PUT", Level.ACCOUNT, accounts.create, Permission.MANAGE),
            Route("POST", Level.ACCOUNT, accounts.change, Permission.CHANGE),
            Route("DELETE", Level.ACCOUNT, accounts.delete, Permission.MANAGE),
            Route("OPTIONS", Level.ACCOUNT, self._options, Permission.ANYONE),
            Route("GET", Level.CONTAINER, containers.read, Permission.READ),
            Route("HEAD", Level.CONTAINER, containers.read, Permission.READ),
            Route("PUT", Level.CONTAINER, containers.create, Permission.CHANGE),
            Route("POST", Level.CONTAINER, containers.change, Permission.CHANGE),
            Route("DELETE", Level.CONTAINER, containers.delete, Permission.CHANGE),
            Route("OPTIONS", Level.CONTAINER, self._options, Permission.ANYONE),
            Route("GET", Level.OBJECT, self._objects.read, Permission.READ),
            Route("HEAD", Level.OBJECT, self._objects.read, Permission.READ),
            Route("PUT", Level.OBJECT, self._create_object, Permission.WRITE),
            Route("POST", Level.OBJECT, self._objects.change, Permission.WRITE),
            Route("DELETE", Level.OBJECT, self._objects.delete, Permission.WRITE),
            Route("COPY", Level.OBJECT, self._copies.copy, Permission.READ),
            Route("OPTIONS", Level.OBJECT, self._options, Permission.ANYONE),
        )
        self._by_method = {(route.method, route.level): route for route in self.routes}
        self._methods = {
            level: tuple(route.method for route in self.routes if route.level is level)
            for level in Level
        }

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
        path = request.raw_path
        if not path.startswith(b"/v1"):
            if path == b"/healthcheck":
                return Response(200, [(b"Content-Type", b"text/plain")], b"OK")
            if path == AUTH_PATH or path.startswith(AUTH_PATH + b"/"):
                return await self._tempauth.handle(request)
        await self._identify(request)
        if path == b"/info":
            return self._answer_info(request)
        target = request.target = parse_target(path)
        route = self._by_method.get((request.method, target.level))
        if route is None:
            raise method_not_allowed(self._methods[target.level])
        headers = request.headers
        request.record, request.is_owner = await self._gate.admit(
            request.identity, target, route.permission, headers.get(b"referer", b"")
        )
        if b"origin" in headers and request.record is not None and request.method != "OPTIONS":
            request.cors = rule_for(request.record.values, headers[b"origin"])
        refuse_absent(request)
        return await route.handler(request)

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

    async def _create_object(self, request: Request) -> Response:
        if request.headers.get(b"x-copy-from"):
            return await self._copies.create(request)
        return await self._objects.create(request)

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
        realm = b'Swift realm="%b"' % realm_of(request.raw_path)
        return response._replace(headers=[*response.headers, (b"Www-Authenticate", realm)])
    return response

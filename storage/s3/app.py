"""The ASGI application: who asks, for what, may they, and how it ends."""

from __future__ import annotations

from atoll.log import get_logger, request_id
from atoll.world import World
from storage.auth.keys import Keys, NoSessions, Sessions
from storage.container.record import ContainerRecord
from storage.http.asgi import Receive, Scope, Send
from storage.object.event import Occasion, occasion
from storage.proxy.engine import Engine
from storage.proxy.errors import StoreError
from storage.proxy.multipart import Multipart
from storage.s3 import bucket_status, buckets, listing
from storage.s3.addressing import Addressing, read_address
from storage.s3.authentication import Authentication
from storage.s3.authorization import Resource
from storage.s3.configuration import Configurations
from storage.s3.encryption.keyring import Keyring
from storage.s3.errors import S3Error, error_document
from storage.s3.gate import Gate
from storage.s3.ids import RequestIds
from storage.s3.names import BucketNames
from storage.s3.objects import handlers as objects
from storage.s3.objects.versions import asked_version
from storage.s3.operations import Level
from storage.s3.owner import display_name
from storage.s3.parameters import Parameters
from storage.s3.request import Request
from storage.s3.response import XML, Response, of_store_error
from storage.s3.routes import Handler, Routes
from storage.s3.services import Services
from storage.s3.settings import S3Settings
from storage.s3.subresources import handlers as subresources
from storage.s3.subresources.cors import let_page_read
from storage.s3.website.site import Sites

PARTS = (
    buckets.handlers,
    bucket_status.handlers,
    subresources.handlers,
    listing.handlers,
    objects.handlers,
)
"""Each returns handlers by name of the operation; of two for one operation the later counts."""

_ANONYMOUS_OPERATIONS = frozenset(("Preflight",))
_NO_BUCKET_OPERATIONS = frozenset(("CreateBucket", "Preflight", "PostObject"))
"""Find their bucket themselves, if they want one: that of a form knows later who asks."""

_READING = frozenset(("GET", "HEAD"))
_EXPECTED_OWNER = b"x-amz-expected-bucket-owner"

log = get_logger(part="s3")


class S3App:
    """The S3 API.

    Args:
        engine: of the store.
        multipart: uploads on the same engine.
        keys: knows access keys and whom they stand for.
        settings: limits and names.
        world: clock and randomness.
        sessions: knows the keys that come with tokens.
        keyring: master keys of encrypted objects.

    Attributes:
        routes: all there are.
        addressing: reads what requests address.
    """

    def __init__(
        self,
        engine: Engine,
        multipart: Multipart,
        keys: Keys,
        settings: S3Settings,
        world: World,
        sessions: Sessions | None = None,
        *,
        keyring: Keyring,
    ) -> None:
        self._ids = RequestIds(world)
        sessions = sessions or NoSessions()
        self._authentication = Authentication(keys, sessions, settings, world.clock)
        self._names = BucketNames(engine)
        self._configurations = Configurations(engine)
        self._authorizer = Gate(engine, self._configurations, settings, world)
        self.addressing = Addressing(settings.domains + settings.website_domains)
        services = Services(
            engine,
            multipart,
            keys,
            sessions,
            settings,
            world,
            self._names,
            self._configurations,
            self._authorizer,
            keyring,
        )
        handlers: dict[str, Handler] = {}
        for part in PARTS:
            handlers |= part(services)
        self.routes = Routes(handlers)
        self._sites = Sites(services, handlers["GetObject"])

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
        scope["atoll"] = {"request_id": request.id, "s3": request}
        try:
            response = await self._answer(request)
        except (S3Error, StoreError) as error:
            if request.is_started:
                raise
            response = _explain(error, request)
        except ConnectionError:
            raise  # there is nobody to answer to
        except Exception as error:
            if request.is_started:
                raise
            log.error("request failed", error, method=request.method)
            response = _refusal(S3Error("InternalError"), request)
        if response is not None:
            await request.respond(response)

    async def _answer(self, request: Request) -> Response | None:
        headers = request.headers
        host = headers.get(b"host", b"")
        host_bucket = self.addressing.bucket_of_host(host)
        if host_bucket and self._sites.bucket_of_host(host):
            return await self._sites.answer(request, host_bucket)
        address = request.address = read_address(host_bucket, request.raw_path)
        if host_bucket:
            request.signed.host_bucket = host_bucket.encode("latin-1")
        if request.query_string:
            request.parameters = Parameters(request.query_string)
        operation, handler = self.routes.find(request)
        request.operation = operation
        if operation.name not in _ANONYMOUS_OPERATIONS:
            await self._authentication.identify(request)
        if handler is None:
            raise S3Error("NotImplemented")
        if operation.method not in _READING:
            occasion.set(_occasion(request))
        if address.level is not Level.SERVICE and operation.name not in _NO_BUCKET_OPERATIONS:
            request.container = await self._bucket(request)
            if b"origin" in headers:
                await let_page_read(request, self._configurations)
        if operation.action:
            action, version = operation.action, None
            if operation.version_action != action and "versionId" in request.parameters:
                action, version = operation.version_action, asked_version(request.parameters)
            resource = Resource(request.container, address.bucket, address.key, version)
            await self._authorizer.authorize(request, action, resource)
        return await handler(request)

    async def _bucket(self, request: Request) -> ContainerRecord:
        """Return the container of the bucket that is addressed.

        Raises:
            S3Error: NoSuchBucket; AccessDenied where it is not whose the client expects it to be.
        """
        name = request.address.bucket
        container = await self._names.find(name, request.identity)
        if container is None:
            raise S3Error("NoSuchBucket", BucketName=name)
        expected = request.headers.get(_EXPECTED_OWNER)
        if expected is not None and expected != display_name(container.account).encode():
            raise S3Error("AccessDenied")
        return container


def _occasion(request: Request) -> Occasion:
    """Return what events say of the request that made them happen."""
    identity, client = request.identity, request.scope.get("client")
    return Occasion(
        request.operation.name,
        "" if identity is None else identity.user,
        "" if client is None else client[0],
        request.id,
    )


def _explain(error: S3Error | StoreError, request: Request) -> Response:
    """Return what the client is told; an operator is told of what is not the client's fault."""
    told = error
    if isinstance(told, StoreError):
        told = of_store_error(told, request.bucket, request.key)
    if told.status >= 500 and told.status != 501:
        log.error("request failed", error, method=request.method, status=told.status)
    return _refusal(told, request)


def _refusal(error: S3Error, request: Request) -> Response:
    resource = request.raw_path.decode("latin-1")
    request.scope["atoll"]["error_code"] = error.code
    body = error_document(error, resource, request.id, request.ids.host_id)
    return Response(error.status, (XML, *error.headers), body)

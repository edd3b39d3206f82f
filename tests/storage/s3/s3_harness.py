"""The S3 API over a store in memory, asked without a socket by requests that botocore signs.

`Client.request` sends what it is told; `Client.call` has botocore write the request of an
operation and read the response, both by its own model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, unquote, urlencode

import trio
from botocore import auth, parsers, serialize
from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from memory_store import MemoryStore, memory_store
from trio.testing import wait_all_tasks_blocked

from storage.auth.keys import AccessKey
from storage.auth.static_users import identity_of
from storage.auth.users_file import User
from storage.proxy.multipart import Multipart, MultipartSettings
from storage.s3.app import S3App
from storage.s3.encryption.keyring import Keyring, MasterKey
from storage.s3.iam.app import IamApp
from storage.s3.iam.principals import Principals
from storage.s3.iam.store import DirectoryStore
from storage.s3.settings import S3Settings
from storage.s3.xml import Element, parse

REGION = S3Settings().region
HOST = "s3.localhost"
KMS_KEYS = {
    "testkey-1": MasterKey({1: b"1" * 32, 2: b"2" * 32}),
    "testkey-2": MasterKey({1: b"3" * 32}),
    "disabled": MasterKey({1: b"4" * 32}, is_enabled=False),
}
PART_SIZE_BYTES_MIN = 1000
"""Of all parts but the last; 5 MiB would take long to hash."""
USERS = (
    User("test:tester", "testing-secret", "AUTH_test", frozenset(["admin"])),
    User("test:member", "member-secret", "AUTH_test"),
    User("other:admin", "other-secret", "AUTH_other", frozenset(["admin"])),
    User("ops:root", "ops-secret", "AUTH_ops", frozenset(["admin", "reseller_admin"])),
)


class FixedKeys:
    """Access keys of users: the id is the name in capitals, the secret the user's key."""

    def __init__(self, users: Iterable[User]) -> None:
        self.keys = {
            key.access_key: key
            for key in (
                AccessKey(access_key_of(user.name), user.key, identity_of(user)) for user in users
            )
        }

    async def find(self, access_key: str) -> AccessKey | None:
        return self.keys.get(access_key)


def access_key_of(user: str) -> str:
    return user.upper().replace(":", "-")


@dataclass
class Answer:
    """A response as a client sees it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    def xml(self, root: str) -> Element:
        return parse(self.body, root)

    @property
    def code(self) -> str:
        """The error's code."""
        return self.xml("Error").value("Code") or ""


class ApiError(Exception):
    """An error as botocore would raise it."""

    def __init__(self, answer: Answer, parsed: dict[str, Any]) -> None:
        self.answer = answer
        self.status = answer.status
        self.code = parsed.get("Error", {}).get("Code", "")
        self.parsed = parsed
        super().__init__(f"{answer.status} {parsed.get('Error')}")


class Client:
    """Sends requests straight to the application; an empty access key signs nothing."""

    def __init__(self, s3: S3, access_key: str = "", secret: str = "") -> None:
        self._s3 = s3
        self.access_key = access_key
        self.secret = secret

    async def request(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        *,
        host: str = HOST,
        breaks: bool = False,
    ) -> Answer:
        """Ask.

        Args:
            method: of HTTP.
            path: as it shall be on the wire.
            query: as it shall be on the wire.
            headers: besides those of the signature.
            body: bytes, or pieces of one.
            host: of the Host header.
            breaks: whether the client goes away instead of ending the body.
        """
        pieces = [body] if isinstance(body, bytes) else list(body)
        whole = b"".join(pieces)
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        lowered.setdefault("host", host)
        if whole or method in ("PUT", "POST"):
            lowered.setdefault("content-length", str(len(whole)))
        if self.access_key:
            lowered |= self.sign(method, path, query, lowered, whole)
        return await self._s3.send(method, path, query, lowered, pieces, breaks)

    def sign(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> dict[str, str]:
        """Return the headers with a signature."""
        url = f"http://{headers['host']}{path}" + (f"?{query}" if query else "")
        request = AWSRequest(method, url, dict(headers), body)
        credentials = Credentials(self.access_key, self.secret)
        with patch.object(auth, "get_current_datetime", self._s3.now):
            auth.S3SigV4Auth(credentials, "s3", self._s3.region).add_auth(request)
        signed = {name.lower(): str(value) for name, value in request.headers.items()}
        if "x-amz-content-sha256" in headers:
            assert signed["x-amz-content-sha256"] == headers["x-amz-content-sha256"]
        return signed

    def presign(self, method: str, path: str, query: str = "", expires_s: int = 60) -> str:
        """Return the query string of a presigned request."""
        url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
        request = AWSRequest(method, url)
        credentials = Credentials(self.access_key, self.secret)
        with patch.object(auth, "get_current_datetime", self._s3.now):
            auth.S3SigV4QueryAuth(credentials, "s3", self._s3.region, expires_s).add_auth(request)
        return str(request.url).partition("?")[2]

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Have botocore ask for an operation and read the answer.

        Raises:
            ApiError: the answer is an error.
        """
        model = service_model().operation_model(operation)
        serializer = serialize.create_serializer("rest-xml", include_validation=True)
        asked = serializer.serialize_to_request(parameters, model)
        path, _, query = asked["url_path"].partition("?")
        more = urlencode(asked["query_string"], doseq=True, quote_via=quote)
        query = "&".join(part for part in (query, more) if part)
        body = asked["body"]
        data = body if isinstance(body, bytes) else body.read() if body else b""
        path = quote(unquote(path), safe="/~-._")
        answer = await self.request(asked["method"], path, query, asked["headers"], data)
        return read_answer(operation, answer)


def read_answer(operation: str, answer: Answer) -> dict[str, Any]:
    """Have botocore read the answer to an operation.

    Raises:
        ApiError: the answer is an error.
    """
    model = service_model().operation_model(operation)
    is_stream = model.has_streaming_output and answer.status < 300
    response = {
        "status_code": answer.status,
        "headers": HeadersDict(answer.headers),
        "body": BytesIO(answer.body) if is_stream else answer.body,
    }
    parsed: dict[str, Any] = parsers.create_parser("rest-xml").parse(response, model.output_shape)
    if answer.status >= 300:
        raise ApiError(answer, parsed)
    return parsed


@cache
def service_model() -> ServiceModel:
    """Return botocore's model of S3."""
    return ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")


@dataclass
class S3:
    """Everything a test needs."""

    app: S3App
    memory: MemoryStore
    keys: FixedKeys
    region: str
    iam: IamApp
    clients: dict[str, Client] = field(default_factory=dict)

    @property
    def anonymous(self) -> Client:
        return Client(self)

    def now(self, remove_tzinfo: bool = True) -> datetime:
        moment = datetime.fromtimestamp(self.memory.world.clock.wall_ns() // 10**9, UTC)
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    async def send(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        pieces: Iterable[bytes] = (),
        breaks: bool = False,
    ) -> Answer:
        """Send a request as it is."""
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "client": ("127.0.0.1", 40000),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        return await _run(self.app, scope, list(pieces), breaks)


async def _run(app: S3App, scope: dict[str, Any], pending: list[bytes], breaks: bool) -> Answer:
    answer = Answer()

    async def receive() -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        if pending or not breaks:
            piece = pending.pop(0) if pending else b""
            return {"type": "http.request", "body": piece, "more_body": bool(pending) or breaks}
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            assert not answer.status, "started twice"
            answer.status = message["status"]
            for name, value in message["headers"]:
                assert not set(name + value) & set(b"\r\n\0"), (name, value)
                lower = name.decode("latin-1").lower()
                assert lower not in answer.headers, f"{lower} is there twice"
                answer.headers[lower] = value.decode("utf-8", "surrogateescape")
            return
        assert answer.status
        assert not answer.complete
        answer.body += bytes(message.get("body", b""))
        answer.complete = not message.get("more_body", False)

    await app(scope, receive, send)
    assert answer.complete
    is_site = any(b".s3-website." in value for name, value in scope["headers"] if name == b"host")
    _check(scope["method"], answer, is_site=is_site)
    return answer


def _check(method: str, answer: Answer, *, is_site: bool) -> None:
    """What must be true of every response."""
    assert len(answer["x-amz-request-id"]) == 16
    assert answer["x-amz-id-2"]
    assert answer["server"]
    if method == "HEAD" or answer.status in (204, 304):
        assert answer.body == b""
    elif answer.get("content-length") is not None:
        assert int(answer["content-length"]) == len(answer.body)
    if answer.status >= 400 and method != "HEAD" and not is_site:
        error = answer.xml("Error")
        assert error.value("RequestId") == answer["x-amz-request-id"]
        assert error.value("HostId") == answer["x-amz-id-2"]
        assert error.value("Message")


@asynccontextmanager
async def s3_api(settings: S3Settings | None = None, **store: Any) -> AsyncIterator[S3]:
    """Open the API over a store in memory."""
    async with memory_store(**store) as memory:
        await wait_all_tasks_blocked()  # until the devices are connected
        keys = FixedKeys(USERS)
        limits = MultipartSettings(part_size_bytes_min=PART_SIZE_BYTES_MIN)
        multipart = Multipart(memory.world, memory.clock, memory.store, limits)
        settings = settings or S3Settings()
        users = {user.name: user for user in USERS}
        directories = DirectoryStore(memory.store)
        principals = Principals(keys, users, directories, bytes(range(32)), memory.world)
        iam = IamApp(principals, directories, users, settings, memory.world)
        keyring = Keyring(bytes(range(32)), KMS_KEYS)
        memory.store.unseal = keyring.unseal
        app = S3App(
            memory.store, multipart, principals, settings, memory.world, principals, keyring=keyring
        )
        api = S3(app, memory, keys, settings.region, iam)
        for user in USERS:
            api.clients[user.name] = Client(api, access_key_of(user.name), user.key)
        yield api

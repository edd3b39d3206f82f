"""The Swift API over a store in memory, asked without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import trio
from memory_store import MemoryStore, memory_store
from trio.testing import wait_all_tasks_blocked

from storage.auth.static_users import StaticUsers
from storage.auth.users_file import User
from storage.swift.app import SwiftApp
from storage.swift.settings import SwiftSettings

SECRET = bytes(range(32))
USERS = {
    user.name: user
    for user in (
        User("test:tester", "testing", "AUTH_test", frozenset(["admin"])),
        User("test2:tester2", "testing2", "AUTH_test2", frozenset(["admin"])),
        User("test:tester3", "testing3", "AUTH_test"),
        User("ops:root", "rooting", "AUTH_ops", frozenset(["admin", "reseller_admin"])),
        User("ops:reader", "reading", "AUTH_ops", frozenset(["reseller_reader"])),
    )
}

Body = bytes | Iterable[bytes]


@dataclass
class Answer:
    """A response as a client sees it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    header_list: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    pieces: int = 0
    complete: bool = False

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[str]:
        return self.body.decode().splitlines()

    def meta(self, prefix: str) -> dict[str, str]:
        return {
            name[len(prefix) :]: value
            for name, value in self.headers.items()
            if name.startswith(prefix)
        }


class Client:
    """Sends requests straight to the application."""

    def __init__(self, app: SwiftApp, token: str = "", account: str = "AUTH_test") -> None:
        self.app = app
        self.token = token
        self.account = account

    async def request(
        self,
        method: str,
        path: str | bytes,
        headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]] = (),
        body: Body | None = None,
        *,
        query: str = "",
        breaks: bool = False,
        host: str = "store.example:8080",
        scheme: str = "http",
    ) -> Answer:
        """Ask.

        Args:
            method: of HTTP.
            path: as it shall be on the wire.
            headers: besides the token.
            body: bytes with a Content-Length, or pieces in chunks, or nothing at all.
            query: as it shall be on the wire.
            breaks: whether the client goes away instead of ending the body.
            host: of the Host header, which is absent where this is empty.
            scheme: of the connection.
        """
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if host:
            pairs.append(("host", host))
        if self.token:
            pairs.append(("x-auth-token", self.token))
        pieces: list[bytes] = []
        if isinstance(body, bytes):
            if not any(name.lower() == "content-length" for name, _ in pairs):
                pairs.append(("content-length", str(len(body))))
            pieces = [body]
        elif body is not None:
            pairs.append(("transfer-encoding", "chunked"))
            pieces = list(body)
        raw_path = path if isinstance(path, bytes) else path.encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": scheme,
            "path": raw_path.decode("utf-8", "surrogateescape"),
            "raw_path": raw_path,
            "query_string": query.encode(),
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1", 40000),
            "headers": [
                (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in pairs
            ],
        }
        return await _run(self.app, scope, pieces, breaks)

    def path(self, *names: str) -> str:
        return "/v1/" + "/".join(quote(name) for name in (self.account, *names))

    async def __call__(
        self, method: str, *names: str, query: str = "", body: Body | None = None, **headers: str
    ) -> Answer:
        """Ask for a resource of the account; `x_copy_from` stands for X-Copy-From."""
        pairs = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "PUT" and body is None and len(names) > 1:
            body = b""
        return await self.request(method, self.path(*names), pairs, body, query=query)


async def _run(app: SwiftApp, scope: dict[str, Any], pieces: list[bytes], breaks: bool) -> Answer:
    answer = Answer()
    pending = list(pieces)

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
            answer.header_list = list(message["headers"])
            for name, value in answer.header_list:
                assert isinstance(name, bytes)
                assert isinstance(value, bytes)
                assert not set(name + value) & set(b"\r\n\0"), (name, value)
                lower = name.decode("latin-1").lower()
                assert lower not in answer.headers, f"{lower} is there twice"
                answer.headers[lower] = value.decode("utf-8", "surrogateescape")
            return
        assert answer.status
        assert not answer.complete
        answer.pieces += 1
        answer.body += bytes(message.get("body", b""))
        answer.complete = not message.get("more_body", False)

    await app(scope, receive, send)
    assert answer.complete
    _check_framing(scope["method"], answer)
    return answer


def _check_framing(method: str, answer: Answer) -> None:
    """What must be true of every response."""
    assert answer["x-trans-id"] == answer["x-openstack-request-id"]
    if method == "HEAD" or answer.status in (204, 304):
        assert answer.body == b""
    if answer.status == 304:
        assert answer.get("content-length") is None
    elif method != "HEAD" and (answer.pieces == 1 or answer.get("content-length") is not None):
        assert int(answer["content-length"]) == len(answer.body)


@dataclass
class Swift:
    """Everything a test needs."""

    app: SwiftApp
    memory: MemoryStore
    users: StaticUsers
    anonymous: Client
    clients: dict[str, Client]

    def client(self, user: str, account: str = "AUTH_test") -> Client:
        """Return a client of a user that asks for an account's resources."""
        return Client(self.app, self.clients[user].token, account)


@asynccontextmanager
async def swift_api(settings: SwiftSettings | None = None, **store: Any) -> AsyncIterator[Swift]:
    """Open the API over a store in memory."""
    async with memory_store(**store) as memory:
        await wait_all_tasks_blocked()  # until the devices are connected
        users = StaticUsers(USERS, SECRET, memory.world.clock)
        app = SwiftApp(memory.store, users, settings or SwiftSettings(), memory.world)
        clients = {}
        for user in USERS.values():
            grant = await users.authenticate(user.name, user.key)
            assert grant is not None
            clients[user.name] = Client(app, grant.token, user.account)
        yield Swift(app, memory, users, Client(app), clients)

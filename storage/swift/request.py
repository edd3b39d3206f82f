"""A request to the Swift API, parsed once; and the one way that a response leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias
from urllib.parse import parse_qsl, quote

from atoll.world import World
from storage.auth.authenticator import Identity
from storage.container.record import ContainerRecord
from storage.http.asgi import Receive, Scope, Send
from storage.swift.authorization import Caller
from storage.swift.listing import Parameters
from storage.swift.response import Header, Response
from storage.swift.signed_url import SignedUrl
from storage.swift.target import Target

Rewrite: TypeAlias = Callable[[int, list[Header]], list[Header]]
"""Changes a response's headers; is given the status."""

_PREFIX_HEX_DIGITS = 13
_COUNTER_HEX_DIGITS = 8
_EXTRA_LENGTH_MAX = 32
_NS_PER_S = 1_000_000_000


class TransactionIds:
    """Draws the ids that requests are known by, in Swift's form: "tx<21 hex>-<10 hex of time>".

    Args:
        world: a random prefix tells this process's ids from all others.
    """

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        random = world.random.randbytes(_PREFIX_HEX_DIGITS // 2 + 1)
        self._prefix = "tx" + random.hex()[:_PREFIX_HEX_DIGITS]
        self._count = 0

    def draw(self, extra: bytes | None) -> str:
        """Return a new id.

        Args:
            extra: what the client wants to find in it (X-Trans-Id-Extra).
        """
        self._count = (self._count + 1) & (16**_COUNTER_HEX_DIGITS - 1)
        second = self._clock.wall_ns() // _NS_PER_S
        drawn = f"{self._prefix}{self._count:08x}-{second:010x}"
        return f"{drawn}-{quote(extra[:_EXTRA_LENGTH_MAX])}" if extra else drawn


class Request:
    """A request.

    Attributes:
        method: as sent.
        raw_path: as sent.
        path: the same, with what the host's name stands for in front.
        query: the query string as sent; empty where a temporary URL has used it up.
        headers: values by lower-case name; those of a repeated header joined by commas.
        receive: gives the body.
        scope: of ASGI.
        id: names the request in logs and towards the client.
        target: what the path addresses.
        identity: who asks, if that is known.
        is_owner: whether who asks has an owner's rights in the account.
        record: of the container, if there is one.
        signed_url: the temporary URL that lets the request in, where one does.
        rewrites: what changes the response's headers before they leave, in this order.
        is_started: whether a part of the response has left.
    """

    __slots__ = (
        "_parameters",
        "_send",
        "headers",
        "id",
        "identity",
        "is_owner",
        "is_started",
        "method",
        "path",
        "query",
        "raw_path",
        "receive",
        "record",
        "rewrites",
        "scope",
        "signed_url",
        "target",
    )

    target: Target
    record: ContainerRecord | None

    def __init__(self, scope: Scope, receive: Receive, send: Send, ids: TransactionIds) -> None:
        fields: list[Header] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(fields)
        if len(self.headers) != len(fields):
            self.headers = _join_repeated(fields)
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.raw_path = self.path
        self.query: bytes = scope["query_string"]
        self.receive = receive
        self.scope = scope
        self.id = ids.draw(self.headers.get(b"x-trans-id-extra"))
        self.identity: Identity | None = None
        self.is_owner = False
        self.record = None
        self.signed_url: SignedUrl | None = None
        self.rewrites: list[Rewrite] = []
        self.is_started = False
        self._send = send
        self._parameters: Parameters | None = None

    @property
    def parameters(self) -> Parameters:
        """The parameters of the query string."""
        if self._parameters is None:
            query = self.query.decode("latin-1")
            pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
            self._parameters = Parameters(
                {name.encode("latin-1"): value.encode("latin-1") for name, value in pairs}
            )
        return self._parameters

    @property
    def caller(self) -> Caller:
        """Who asks, as far as permissions go."""
        ticket = None if self.signed_url is None else self.signed_url.ticket
        return Caller(self.identity, self.headers.get(b"referer", b""), ticket)

    async def respond(self, response: Response) -> None:
        """Send a whole response."""
        status, headers, body, length_bytes = response
        if length_bytes is None:
            length_bytes = len(body)
        if self.method == "HEAD":
            body = b""
        await self.start(status, headers, length_bytes)
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Iterable[Header], length_bytes: int | None) -> None:
        """Begin a response.

        Args:
            status: code.
            headers: all but the length and those that every response has.
            length_bytes: of the body; nothing where only its end tells.
        """
        trans_id = self.id.encode("ascii")
        sent = [
            *headers,
            (b"X-Trans-Id", trans_id),
            (b"X-Openstack-Request-Id", trans_id),
        ]
        # RFC 9110 section 8.6: with a 304 nothing is known of the other response's length.
        if length_bytes is not None and status != 304:
            sent.append((b"Content-Length", b"%d" % length_bytes))
        for rewrite in self.rewrites:
            sent = rewrite(status, sent)
        self.is_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": sent})

    async def send_piece(self, piece: bytes | memoryview, *, more: bool) -> None:
        """Send a part of the body; it is free again when this returns."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


def _join_repeated(fields: Iterable[Header]) -> dict[bytes, bytes]:
    joined: dict[bytes, bytes] = {}
    for name, value in fields:
        joined[name] = joined[name] + b"," + value if name in joined else value
    return joined

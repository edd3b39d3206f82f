"""Temporary URLs: access for whoever has a link that somebody with a key has signed.

After OpenStack Swift (`swift.common.middleware.tempurl`, "Temporary URL middleware" in its API
guide). A URL is for one method and one object, or for all objects under a prefix; HEAD comes with
any of them. It may be bound to a range of addresses. The token of a request is not looked at.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from atoll.world import Clock
from storage.proxy.engine import Engine
from storage.swift.authorization import Ticket
from storage.swift.request import Request
from storage.swift.response import SwiftError
from storage.swift.signatures import Signature, is_signed_by_any, keys_of, read_signature
from storage.swift.signed_url import SignedUrl
from storage.swift.target import Level, Target, parse_target

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
INCOMING_REMOVED = ("x-timestamp", "x-open-expired")
OUTGOING_REMOVED = ("x-object-meta-*",)
OUTGOING_ALLOWED = ("x-object-meta-public-*",)

_SIGNED_METHODS_OF_HEAD = ("HEAD", "GET", "POST", "PUT")
_MARKS = (b"temp_url_sig", b"temp_url_expires")
_READ_METHODS = ("GET", "HEAD")
_POINTERS = (b"x-object-manifest", b"x-symlink-target", b"x-copy-from")
_ISO_SECOND = "%Y-%m-%dT%H:%M:%SZ"
_EXPIRY_LENGTH_MAX = 32
_NS_PER_S = 1_000_000_000


def is_temp_url(query: bytes) -> bool:
    """Tell whether a query string is a temporary URL's."""
    return bool(query) and any(mark in query for mark in _MARKS)


class _Parameters(NamedTuple):
    """The parameters of a temporary URL; the first of each name counts, nothing is absent."""

    temp_url_sig: str | None = None
    temp_url_expires: str | None = None
    temp_url_prefix: str | None = None
    temp_url_ip_range: str | None = None
    filename: str | None = None
    inline: str | None = None


class TempUrls:
    """Lets requests in by their URLs.

    Args:
        engine: of the store; knows the keys.
        clock: physical time, by which URLs end.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def admit(self, request: Request) -> bool:
        """Set a request's target and signed URL, if its query string is a temporary URL's.

        Args:
            request: whose query is used up thereby.

        Returns:
            Whether it is a temporary URL.

        Raises:
            SwiftError: 401, the URL is wrong, expired, of another method or another address; 400,
                it would have an object made that points elsewhere.
        """
        if request.method == "OPTIONS":
            return False
        given = _read_parameters(request.query)
        if given.temp_url_sig is None and given.temp_url_expires is None:
            return False
        expires_s = _read_expiry(given.temp_url_expires or "")
        if expires_s < self._clock.wall_ns() // _NS_PER_S:
            raise _invalid()
        try:
            signature = read_signature(given.temp_url_sig or "")
        except ValueError:
            raise _invalid() from None
        target = _target_of(request.method, request.path, given)
        _check_address(request.scope.get("client"), given.temp_url_ip_range)
        messages = list(_messages(request.method, target, given, expires_s))
        ticket = await self._ticket(target, signature, messages)
        if request.method not in _READ_METHODS:
            _check_pointers(request)
        signed = _signed_url(ticket, target, given, expires_s)
        signed.is_read = request.method in _READ_METHODS
        request.target, request.signed_url, request.query = target, signed, b""
        request.rewrites.append(signed.rewrite)
        return True

    async def _ticket(self, target: Target, signature: Signature, messages: list[bytes]) -> Ticket:
        """Return what the keys that made a signature are for: account or container."""
        found = await self._engine.account(target.account)
        account_keys = list(keys_of(found[0].values if found else {}, "account"))
        for message in messages:
            if is_signed_by_any(signature, account_keys, message):
                return Ticket(target.account, "")
        container = await self._engine.container(target.account, target.container)
        container_keys = list(keys_of(container.values if container else {}, "container"))
        for message in messages:
            if is_signed_by_any(signature, container_keys, message):
                return Ticket(target.account, target.container)
        raise _invalid()


def _read_parameters(query: bytes) -> _Parameters:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return _Parameters(
        **{name: value for name, value in reversed(pairs) if name in _Parameters._fields}
    )


def _read_expiry(value: str) -> int:
    """Return seconds since 1970 from a number or an ISO 8601 time in UTC; 0 for neither."""
    if len(value) > _EXPIRY_LENGTH_MAX:
        return 0
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return calendar.timegm(time.strptime(value, _ISO_SECOND))
    except ValueError:
        return 0


def _target_of(method: str, path: bytes, given: _Parameters) -> Target:
    """Return what is asked for: an object, or with an empty prefix its container to look around.

    Raises:
        SwiftError: 401.
    """
    if method not in METHODS or not path.startswith(b"/v1/"):
        raise _invalid()
    target = parse_target(path)
    if target.level is Level.CONTAINER:
        if method not in _READ_METHODS or given.temp_url_prefix != "":
            raise _invalid()
    elif not target.object.strip("/"):
        raise _invalid()
    if not target.object.startswith(given.temp_url_prefix or ""):
        raise _invalid()
    return target


def _messages(method: str, target: Target, given: _Parameters, expires_s: int) -> Iterator[bytes]:
    """Yield what may have been signed."""
    start, prefix = f"/v1/{target.account}/{target.container}/", given.temp_url_prefix
    path = start + target.object if prefix is None else f"prefix:{start}{prefix}"
    address_range = given.temp_url_ip_range
    address = f"ip={address_range}\n" if address_range else ""
    methods = _SIGNED_METHODS_OF_HEAD if method == "HEAD" else (method,)
    for one in methods:
        yield f"{address}{one}\n{expires_s}\n{path}".encode()


def _signed_url(ticket: Ticket, target: Target, given: _Parameters, expires_s: int) -> SignedUrl:
    link_query = ""
    if given.temp_url_prefix is not None:
        parts = [
            f"temp_url_prefix={quote(given.temp_url_prefix)}",
            f"temp_url_expires={quote(given.temp_url_expires or '')}",
            f"temp_url_sig={quote(given.temp_url_sig or '')}",
        ]
        if given.temp_url_ip_range:
            parts.append(f"temp_url_ip_range={quote(given.temp_url_ip_range)}")
        if given.inline is not None:
            parts.append("inline")
        link_query = "&".join(parts)
    return SignedUrl(
        ticket,
        expires_s,
        (target.object or target.container).rstrip("/").rpartition("/")[2],
        given.filename or "",
        given.inline is not None,
        link_query=link_query,
        link_prefix=given.temp_url_prefix or "",
    )


def _check_address(client: tuple[str, int] | None, address_range: str | None) -> None:
    """Refuse a client that is not in the range of addresses that a URL is bound to.

    Raises:
        SwiftError: 401.
    """
    if not address_range:
        return
    try:
        if client is not None and ip_address(client[0]) in ip_network(address_range):
            return
    except ValueError:
        pass
    raise _invalid()


def _check_pointers(request: Request) -> None:
    """Refuse to make an object by which more could be read than the URL is for.

    Raises:
        SwiftError: 400.
    """
    for header in _POINTERS:
        if header in request.headers:
            shown = header.decode().title()
            raise SwiftError(400, f"The header '{shown}' is not allowed in this tempurl")


def _invalid() -> SwiftError:
    return SwiftError(401, "401 Unauthorized: Temp URL invalid\n")

"""Version 1 authentication: a token and the storage URL for a user's name and key.

The paths and headers are TempAuth's (OpenStack Swift): `/auth/v1.0`, `/auth/auth` and
`/auth/v1/<account>/auth`; and `/auth` and `/auth/v1` besides, which some clients use.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from atoll.world import Clock
from storage.auth.authenticator import Authenticator
from storage.swift.base_url import base_url
from storage.swift.request import Request
from storage.swift.response import Response, SwiftError, method_not_allowed, page
from storage.swift.settings import SwiftSettings
from storage.swift.target import decode_path, quote_path
from storage.swift.text import decode, encode

AUTH_PATH = b"/auth"
_SIMPLE_PATHS = frozenset(("", "v1", "v1.0", "auth"))
_NS_PER_S = 1_000_000_000


class TempAuth:
    """Answers requests for tokens.

    Args:
        authenticator: knows the users.
        settings: the storage URL.
        clock: physical time.
    """

    def __init__(self, authenticator: Authenticator, settings: SwiftSettings, clock: Clock) -> None:
        self._authenticator = authenticator
        self._settings = settings
        self._clock = clock

    async def handle(self, request: Request) -> Response:
        """Answer a request below `/auth`.

        Raises:
            SwiftError: 401 for a wrong user or key, 400 for another path, 405.
        """
        if request.method != "GET":
            raise method_not_allowed(("GET",))
        account = _account_in_path(request.raw_path)
        user, key = _credentials(request, account)
        tenant = account or user.partition(":")[0]
        realm = quote_from_bytes(encode(tenant)) or "unknown"
        grant = await self._authenticator.authenticate(user, key) if user and key else None
        if grant is None:
            challenge = (b"Www-Authenticate", f'Swift realm="{realm}"'.encode("ascii"))
            raise SwiftError(401, "", challenge)
        token, identity = grant
        left_s = identity.expires_s - self._clock.wall_ns() // _NS_PER_S
        base = base_url(request, self._settings.storage_url).encode("latin-1")
        url = base + b"/v1/" + quote_path(identity.account)
        return page(
            200,
            (b"X-Storage-Url", url),
            (b"X-Auth-Token", token.encode("ascii")),
            (b"X-Storage-Token", token.encode("ascii")),
            (b"X-Auth-Token-Expires", b"%d" % left_s),
        )


def _account_in_path(raw_path: bytes) -> str:
    """Return the account that the path names, empty where it names none.

    Raises:
        SwiftError: 400, it is no path of this API.
    """
    rest = decode_path(raw_path)[len(AUTH_PATH) :].strip("/")
    if rest in _SIMPLE_PATHS:
        return ""
    version, _, rest = rest.partition("/")
    account, _, last = rest.partition("/")
    if version != "v1" or last != "auth" or not account:
        raise SwiftError(400)
    return account


def _credentials(request: Request, account: str) -> tuple[str, str]:
    """Return user and key, empty where they are missing or contradict the path."""
    headers = request.headers
    names = (b"x-auth-user", b"x-auth-key", b"x-storage-user", b"x-storage-pass")
    user, key, storage_user, storage_key = (decode(headers.get(name, b"")) for name in names)
    if not account:
        return user or storage_user, key or storage_key
    if storage_user:
        return f"{account}:{storage_user}", storage_key or key
    is_of_account = user.startswith(f"{account}:")
    return (user if is_of_account else ""), storage_key or key

"""Stateless tokens: whoever has the cluster's secret can tell that a token is one of its own.

A token is the prefix and, in URL-safe base64, a msgpack list (version, user, expiry in seconds
since 1970, fingerprint of the user's key) with 16 bytes of keyed BLAKE3 behind it. So all
processes of a cluster accept it, it survives their restarts, and it ends when the key changes.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, urlsafe_b64encode
from typing import NamedTuple

import msgpack
from blake3 import blake3

TOKEN_VERSION = 1
TOKEN_LENGTH_MAX = 1024
"""No longer token is made, or need be read."""

SECRET_SIZE_BYTES_MIN = 16
_MAC_SIZE_BYTES = 16
_FINGERPRINT_SIZE_BYTES = 8
_CONTEXT = "atoll 2026 swift token"


class Claim(NamedTuple):
    """What a token says.

    Attributes:
        user: name.
        expires_s: in seconds since 1970.
        fingerprint: of the key that the user had.
    """

    user: str
    expires_s: int
    fingerprint: bytes


class TokenMaker:
    """Makes and reads tokens.

    Args:
        secret: of the cluster, at least 16 bytes.
        prefix: of every token, such as "AUTH_tk".

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: bytes, prefix: str) -> None:
        if len(secret) < SECRET_SIZE_BYTES_MIN:
            raise ValueError(f"the secret must have at least {SECRET_SIZE_BYTES_MIN} bytes")
        self._secret = blake3(secret, derive_key_context=_CONTEXT).digest()
        self._prefix = prefix

    def fingerprint(self, key: str) -> bytes:
        """Return what stands for a user's key in a token; it does not give the key away."""
        return blake3(key.encode(), key=self._secret).digest(_FINGERPRINT_SIZE_BYTES)

    def make(self, claim: Claim) -> str:
        """Return a token."""
        body: bytes = msgpack.packb((TOKEN_VERSION, *claim))
        text = urlsafe_b64encode(body + self._mac(body)).rstrip(b"=")
        return self._prefix + text.decode("ascii")

    def read(self, token: str) -> Claim | None:
        """Return what a token says, or nothing where it is not one of ours."""
        text = token.removeprefix(self._prefix)
        if len(text) == len(token):
            return None
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            sealed = b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        body, mac = sealed[:-_MAC_SIZE_BYTES], sealed[-_MAC_SIZE_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        version, *fields = msgpack.unpackb(body)
        return Claim(*fields) if version == TOKEN_VERSION else None

    def _mac(self, body: bytes) -> bytes:
        return blake3(body, key=self._secret).digest(_MAC_SIZE_BYTES)

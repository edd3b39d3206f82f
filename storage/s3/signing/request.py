"""A request as its signature covers it, and the encodings that signatures agree on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PATH_SAFE: Final = _UNRESERVED + b"/"
_CODES: Final = [chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256)]
_PATH_CODES: Final = [*_CODES[: ord("/")], "/", *_CODES[ord("/") + 1 :]]


class SignedRequest:
    """What a signature may cover of a request.

    Attributes:
        method: in capitals.
        raw_path: as sent.
        query: as sent.
        values: header, in lower case → value; those of headers that came several times joined
            by commas, in order.
        host_bucket: bucket that the header Host names, empty where the path names it.
    """

    __slots__ = ("host_bucket", "method", "query", "raw_path", "values")

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        host_bucket: bytes = b"",
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query = query
        self.host_bucket = host_bucket
        self.values: dict[bytes, bytes] = {}
        values = self.values
        for name, value in headers:
            if name in values:
                value = values[name].rstrip() + b"," + value.lstrip()
            values[name] = value

    def text(self, header: bytes) -> str:
        """Return a header's value, empty where it is missing."""
        return self.values.get(header, b"").decode("latin-1")


def encode_path(raw_path: bytes) -> bytes:
    """Return a path with all but letters, digits and "-._~/" percent-encoded, once.

    However the client encoded it: S3 compares what a path means, and neither removes dots and
    double slashes nor encodes twice.
    """
    if not raw_path.translate(None, _PATH_SAFE):
        return raw_path or b"/"
    return unquote_to_bytes(raw_path).decode("latin-1").translate(_PATH_CODES).encode("ascii")


def encode_query_part(raw: bytes) -> bytes:
    """Return a name or value of a query in one encoding, in which a plus sign is a space."""
    if not raw.translate(None, _UNRESERVED):
        return raw
    plain = unquote_to_bytes(raw.replace(b"+", b" "))
    return plain.decode("latin-1").translate(_CODES).encode("ascii")


def query_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and values of a query, encoded alike, in the order sent."""
    pairs = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((encode_query_part(name), encode_query_part(value)))
    return pairs


def decode_query_part(encoded: bytes) -> bytes:
    """Return what a name or value of `query_pairs` stands for."""
    return unquote_to_bytes(encoded) if b"%" in encoded else encoded

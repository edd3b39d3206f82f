"""Signatures of temporary URLs and forms, and the keys that make them.

An account and a container have up to two keys each, so that one can be changed while URLs of the
other are still about (OpenStack Swift, `swift.common.digest`, `swift.common.middleware.tempurl`).
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from storage.swift.text import encode

ALGORITHMS = ("sha1", "sha256", "sha512")
DEPRECATED_ALGORITHMS = ("sha1",)
_ALGORITHM_OF_LENGTH = {40: "sha1", 64: "sha256", 128: "sha512"}
_KEY_NAMES = ("meta-temp-url-key", "meta-temp-url-key-2")


class Signature(NamedTuple):
    """What a client sent.

    Attributes:
        algorithm: of `ALGORITHMS`.
        digest: the HMAC.
    """

    algorithm: str
    digest: bytes

    def is_of(self, key: bytes, message: bytes) -> bool:
        """Tell whether a key signs a message so; takes the same time whatever it finds."""
        return hmac.compare_digest(hmac.digest(key, message, self.algorithm), self.digest)


def read_signature(value: str) -> Signature:
    """Return a signature from its text: hexadecimal, or "algorithm:base64" (URL-safe or not).

    Raises:
        ValueError: it is malformed, or of an unknown algorithm.
    """
    algorithm, colon, text = value.partition(":")
    if colon:
        if not {"+", "/"} & set(text):
            text = text.replace("-", "+").replace("_", "/")
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        digest = b64decode(padded, validate=True)
    else:
        digest = binascii.unhexlify(value)
        algorithm = _ALGORITHM_OF_LENGTH.get(len(value), "")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {algorithm!r}")
    return Signature(algorithm, digest)


def keys_of(values: Mapping[str, str], level: str) -> Iterator[bytes]:
    """Yield the keys that are set.

    Args:
        values: metadata of an account or container, by full name.
        level: "account" or "container".
    """
    for name in _KEY_NAMES:
        key = values.get(f"x-{level}-{name}")
        if key:
            yield encode(key)


def is_signed_by_any(signature: Signature, keys: Iterable[bytes], message: bytes) -> bool:
    """Tell whether one of several keys signs a message so."""
    return any(signature.is_of(key, message) for key in keys)

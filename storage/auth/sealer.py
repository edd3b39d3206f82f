"""Encrypts small secrets for the store and for clients to carry (AES-256-GCM, NIST SP 800-38D)."""

from __future__ import annotations

from blake3 import blake3

from atoll.world import Random

NONCE_BYTES = 12


class UnsealError(Exception):
    """Bytes were not sealed by this cluster, for this purpose, about that."""


class Sealer:
    """Seals what only a process with the cluster's secret can read or make.

    Args:
        secret: of the cluster.
        context: names the purpose; what is sealed for one opens for no other.
        random: nonces.
    """

    def __init__(self, secret: bytes, context: str, random: Random) -> None:
        self._key = blake3(secret, derive_key_context=context).digest()
        self._random = random

    def seal(self, data: bytes, about: bytes) -> bytes:
        """Return data encrypted and bound to what it is about, which is not part of it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only who uses it pays

        nonce = self._random.randbytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, data, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            UnsealError: it was changed, or sealed elsewhere or about something else.
        """
        from cryptography.exceptions import InvalidTag  # only who uses it pays
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self._key).decrypt(nonce, body, about)
        except (InvalidTag, ValueError) as error:  # the latter: too short to be one
            raise UnsealError("the seal is broken") from error

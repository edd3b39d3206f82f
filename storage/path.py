"""Names of accounts, containers and objects, and the keyed hash that places them."""

from __future__ import annotations

from functools import lru_cache

from blake3 import blake3

NAME_HASH_SIZE_BYTES = 16
ACCOUNT_NAME_BYTES_MAX = 256
CONTAINER_NAME_BYTES_MAX = 256
OBJECT_NAME_BYTES_MAX = 1024
COLLECTIONS_KNOWN_MAX = 8192


class PathHasher:
    """Hashes paths with the cluster's secret, so that nobody can aim at a partition.

    Args:
        salt: 32 secret bytes that all nodes of the cluster share.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._of_collection = lru_cache(maxsize=COLLECTIONS_KNOWN_MAX)(self._hash)

    def __call__(self, *names: str) -> bytes:
        """Return the 16-byte hash of an account, container or object.

        Args:
            names: account; account and container; or account, container and object. The
                first two never hold a slash, so no two paths run together.
        """
        return self._hash(*names) if len(names) > 2 else self._of_collection(*names)

    def _hash(self, *names: str) -> bytes:
        return blake3("/".join(names).encode("utf-8"), key=self._salt).digest(NAME_HASH_SIZE_BYTES)

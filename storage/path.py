"""Names of accounts, containers and objects, and the keyed hash that places them."""

from __future__ import annotations

from functools import lru_cache

from blake3 import blake3

NAME_HASH_SIZE_BYTES = 16
COLLECTION_ID_SIZE_BYTES = 12
ACCOUNT_NAME_BYTES_MAX = 256
CONTAINER_NAME_BYTES_MAX = 256
OBJECT_NAME_BYTES_MAX = 1024
COLLECTIONS_KNOWN_MAX = 8192
RESERVED_PREFIX = "\0"
"""What the names of the system's own accounts and containers begin with."""


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


def collection_id(name_hash: bytes, generation: int) -> bytes:
    """Return the 12 bytes under which the rows of a container's or account's life stand.

    Whoever creates a name at the same time as others makes the same collection as they do.

    Args:
        name_hash: of the container or account.
        generation: 1 for its first life, one more after each deletion.
    """
    return blake3(name_hash + generation.to_bytes(8)).digest(COLLECTION_ID_SIZE_BYTES)

"""What all nodes of a cluster share, beside the rings: identity and secrets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from atoll.errors import RefusedError
from atoll.world import Disk, World

FORMAT_VERSION = 1
FILE_NAME = "cluster.json"
_FIELDS = ("cluster_id", "hash_salt", "token_secret")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's identity; readable by the owner alone.

    Attributes:
        cluster_id: 32 hex digits.
        hash_salt: 32 bytes in hex; places all names, and can never change.
        token_secret: 32 bytes in hex; signs tokens.
    """

    cluster_id: str
    hash_salt: str
    token_secret: str


def create_cluster(world: World) -> Cluster:
    """Return a cluster with fresh secrets."""
    return Cluster(*(world.random.randbytes(size).hex() for size in (16, 32, 32)))


def write_cluster(disk: Disk, data: Path, cluster: Cluster) -> None:
    """Store a cluster's identity below the data folder."""
    text = json.dumps({"format_version": FORMAT_VERSION, **asdict(cluster)}, indent=2)
    disk.replace(data / FILE_NAME, text.encode() + b"\n")


def read_cluster(disk: Disk, data: Path) -> Cluster | None:
    """Return the cluster of a data folder, or nothing where there is none yet.

    Raises:
        RefusedError: the file is damaged, or of a version that this program does not know.
    """
    path = data / FILE_NAME
    try:
        file = disk.open(path)
    except FileNotFoundError:
        return None
    try:
        buffer = bytearray(file.size())
        file.read_into(buffer, 0)
    finally:
        file.close()
    try:
        fields = json.loads(buffer)
        version = fields["format_version"]
        cluster = Cluster(*(str(fields[name]) for name in _FIELDS))
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{path}: damaged: {error}") from error
    if version != FORMAT_VERSION:
        raise RefusedError(f"{path}: format version {version}, this program knows {FORMAT_VERSION}")
    return cluster

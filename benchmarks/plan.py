"""How thoroughly the store is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.load import KIB, MIB, Load, Server

LARGE_BYTES = MIB
"""From this size on requests come from threads here, not from wrk."""


@dataclass(frozen=True)
class Plan:
    """How often and how long.

    Attributes:
        rounds: how often ours and the reference take turns.
        duration_s: of a load of small requests.
        sync_s: for which the disk's own rate is measured each time.
        sizes: of objects, by what they are called.
        connections: that are open at once.
        files: how often the comparison with whole files takes turns; their speed varies most.
        rows: of the long listing.
    """

    rounds: int
    duration_s: int
    sync_s: float
    sizes: Mapping[str, int]
    connections: tuple[int, ...]
    files: int
    rows: int


FULL = Plan(
    rounds=3,
    duration_s=2,
    sync_s=0.5,
    sizes={"4 KiB": 4 * KIB, "64 KiB": 64 * KIB, "1 MiB": MIB, "64 MiB": 64 * MIB},
    connections=(1, 32),
    files=15,
    rows=1_000_000,
)
QUICK = Plan(
    rounds=1,
    duration_s=1,
    sync_s=0.3,
    sizes={"4 KiB": 4 * KIB, "64 MiB": 64 * MIB},
    connections=(32,),
    files=5,
    rows=100_000,
)


def load(
    plan: Plan,
    server: Server,
    method: str,
    prefix: str,
    connections: int,
    size_bytes: int,
    *,
    names: int = 1,
    total_bytes: int,
) -> Load:
    """Load a server with requests of one size, from the generator that suits it.

    Args:
        plan: says how long a load of small requests lasts.
        server: under load.
        method: GET, or PUT.
        prefix: path that a number is put behind.
        connections: that are open at once.
        size_bytes: of each body.
        names: through how many numbers GETs go in turn.
        total_bytes: of a load of large requests.
    """
    if size_bytes < LARGE_BYTES:
        return server.many(
            method, prefix, connections, plan.duration_s, names=names, size_bytes=size_bytes
        )
    requests = total_bytes // size_bytes
    return server.large(method, prefix, connections, requests, names=names, size_bytes=size_bytes)

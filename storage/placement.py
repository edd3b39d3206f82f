"""Which devices are the voters of an account, a container or an object."""

from __future__ import annotations

from collections.abc import Mapping

from ring import Ring


class Placement:
    """The rings of a cluster.

    Args:
        accounts: ring of accounts.
        containers: ring of containers.
        objects: ring of each storage policy.
    """

    def __init__(self, accounts: Ring, containers: Ring, objects: Mapping[int, Ring]) -> None:
        self._accounts = _Voters(accounts)
        self._containers = _Voters(containers)
        self._objects = {policy: _Voters(ring) for policy, ring in objects.items()}

    def account(self, name_hash: bytes) -> tuple[int, ...]:
        """Return the ids of the devices that hold an account."""
        return self._accounts.of(name_hash)

    def container(self, name_hash: bytes) -> tuple[int, ...]:
        """Return the ids of the devices that hold a container."""
        return self._containers.of(name_hash)

    def object(self, policy: int, name_hash: bytes) -> tuple[int, ...]:
        """Return the ids of the devices that hold an object.

        Raises:
            KeyError: there is no such policy.
        """
        return self._objects[policy].of(name_hash)


class _Voters:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._known: dict[int, tuple[int, ...]] = {}

    def of(self, name_hash: bytes) -> tuple[int, ...]:
        partition = self._ring.partition(name_hash)
        voters = self._known.get(partition)
        if voters is None:
            voters = tuple(device.id for device in self._ring.primaries(partition))
            self._known[partition] = voters
        return voters

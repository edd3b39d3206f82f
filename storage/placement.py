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
        self._known: dict[bytes, tuple[int, ...]] = {}

    def of(self, name_hash: bytes) -> tuple[int, ...]:
        leading = name_hash[:2]
        voters = self._known.get(leading)
        if voters is None:
            primaries = self._ring.primaries(self._ring.partition(name_hash))
            voters = tuple(device.id for device in primaries)
            if self._ring.power <= 8 * len(leading):  # two bytes tell the partition
                self._known[leading] = voters
        return voters

"""The engine's facade: what `storage.proxy.engine.Engine` promises, from the parts beside it."""

from __future__ import annotations

from collections.abc import Mapping

from atoll.world import World
from storage.container.record import ContainerRecord
from storage.container.versions import VersionEntry, VersionQuery
from storage.object.record import STORED_SIZE, ObjectRecord
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.accounts import Accounts
from storage.proxy.containers import Containers
from storage.proxy.engine import Unseal
from storage.proxy.manifest import Manifest
from storage.proxy.objects import Objects
from storage.proxy.payloads import OpenPayload
from storage.proxy.sealed import OpenSealed, refuse
from storage.proxy.segments import Composites, OpenedPayload
from storage.proxy.settings import EngineSettings
from storage.proxy.voters import Voters
from storage.timestamp import HybridClock


class Store:
    """The engine of one process. Its methods are described in `storage.proxy.engine.Engine`.

    Args:
        world: clock and threads.
        clock: of this process.
        hasher: of paths.
        placement: the rings.
        voters: the devices.
        settings: limits.

    Attributes:
        unseal: has the store's own keys; nothing is opened with them until it is set.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        hasher: PathHasher,
        placement: Placement,
        voters: Voters,
        settings: EngineSettings,
    ) -> None:
        self.unseal: Unseal = refuse
        self._hasher = hasher
        self._placement = placement
        self._voters = voters
        self.containers = Containers(clock, hasher, placement, voters, settings)
        self.accounts = Accounts(clock, hasher, placement, voters, self.containers, settings)
        self.objects = Objects(world, clock, hasher, placement, voters, settings)
        self.container = self.containers.find
        self.counters = self.containers.counters
        self.version_counters = self.containers.version_counters
        self.update_container = self.containers.update
        self.delete_container = self.containers.delete
        self.list_objects = self.containers.entries
        self.account = self.accounts.summary
        self.update_account = self.accounts.update
        self.delete_account = self.accounts.delete
        self.list_containers = self.accounts.entries
        self.object = self.objects.find
        self.current_version = self.objects.find_current
        self.composites = Composites(self.container, self.objects.find_with_payload)
        self.put_object = self.objects.put
        self.put_composite = self.objects.put_composite
        self.amend_object = self.objects.amend
        self.delete_object = self.objects.deletions.delete
        self.delete_version = self.objects.deletions.delete_version

    async def create_container(
        self, account: str, container: str, values: Mapping[str, str], policy: int = 0
    ) -> bool:
        """Create a container and, where it is missing, its account."""
        await self.accounts.ensure(account)
        return await self.containers.create(account, container, values, policy)

    async def list_versions(
        self, container: ContainerRecord, query: VersionQuery
    ) -> list[VersionEntry]:
        """List versions; the marked one tells where, though it may be deleted by now."""
        marked: bytes | None = None
        if query.version_marker:
            held = await self.objects.trace(container, query.key_marker, query.version_marker)
            marked = held and held.created
        return await self.containers.versions(container, query, marked)

    async def get_object(
        self, container: ContainerRecord, name: str, version: bytes | None = None
    ) -> tuple[ObjectRecord, OpenedPayload] | None:
        """Find an object, with its payload to open."""
        found = await self.objects.find_with_payload(container, name, version)
        if found is None:
            return None
        record, stored = found
        if record.manifest_size_bytes:
            return record, self.composites.open(record, stored, self.unseal)
        if STORED_SIZE in record.system:
            return record, OpenSealed(record, stored, self.unseal)
        return found

    def open(
        self, container: ContainerRecord, record: ObjectRecord, unseal: Unseal | None = None
    ) -> OpenedPayload:
        """Open an object's payload."""
        stored = self._open_stored(container, record)
        if record.manifest_size_bytes:
            return self.composites.open(record, stored, unseal or self.unseal)
        if STORED_SIZE in record.system:
            return OpenSealed(record, stored, unseal or self.unseal)
        return stored

    async def manifest(self, container: ContainerRecord, record: ObjectRecord) -> Manifest | None:
        """Return the manifest of a composite; nothing for a plain object."""
        if not record.manifest_size_bytes:
            return None
        return await self.composites.manifest(record, self._open_stored(container, record))

    def _open_stored(self, container: ContainerRecord, record: ObjectRecord) -> OpenPayload:
        name_hash = self._hasher(record.account, record.container, record.name)
        numbers = self._placement.object(container.policy, name_hash)
        return OpenPayload(self._voters, numbers, record, container.policy, name_hash)

"""A look at the devices of a stopped cloud, past all of its processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio
from running_cloud import RunningCloud

from atoll.world import World, real_world
from storage.device.folder import DeviceFolder
from storage.device.leftovers import Leftovers
from storage.device.lmdb_index import LmdbIndex
from storage.keeper.auditor import Auditor, AuditReport
from storage.mutation import ACCEPTED, Mutation, Outcome
from storage.object.record import TABLE, ObjectRecord, Where
from storage.object.versions import decode_entry
from storage.seal import unpack


@dataclass
class _Recorder:
    """Takes the auditor's mutations and applies none."""

    asked: list[Mutation] = field(default_factory=list)

    async def commit(self, group: Sequence[Mutation], deadline_s: float) -> list[Outcome]:
        self.asked += group
        return [ACCEPTED] * len(group)


class StoppedDevice:
    """A device that no process has open."""

    def __init__(self, world: World, folder: DeviceFolder, index: LmdbIndex) -> None:
        self._world = world
        self._folder = folder
        self._index = index

    def audit(self) -> AuditReport:
        """Read everything, and compare all counters and digests with what was read."""
        replica = _Recorder()
        auditor = Auditor(self._world, self._index, self._folder, replica, 2**40)  # type: ignore[arg-type]
        return trio.run(auditor.run_once)

    def records(self) -> list[ObjectRecord]:
        """Return all object records."""
        with self._index.snapshot() as snapshot:
            entries = [
                decode_entry(bytes(key), unpack(TABLE, key, value))
                for key, value in snapshot.scan(TABLE, b"")
            ]
        return [record for record in entries if record is not None]

    def named_files(self) -> set[str]:
        """Return the names of the payload files that records name."""
        return {one.write_id.hex() for one in self.records() if one.location.where == Where.FILE}

    def settle_leftovers(self) -> int:
        """Remove the payload files that no record names, whatever their age."""
        return Leftovers(self._index, self._folder.payloads, self._world, 0).run_once(256)


@contextmanager
def stopped_device(cloud: RunningCloud, number: int = 0) -> Iterator[StoppedDevice]:
    """Open a device of a stopped cloud."""
    world = real_world()
    folder = DeviceFolder(world.disk, cloud.storage.device(number))
    description = folder.read()
    assert description is not None
    index = folder.open_index(description)
    try:
        yield StoppedDevice(world, folder, index)
    finally:
        index.close()

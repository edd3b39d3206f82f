"""Settles what a crash left behind: payload files that no record names.

A file goes once its write id is older than any request may be. Only the disk process does this,
in the thread that would store such a record, so none can appear in between.
"""

from __future__ import annotations

from atoll.branch import Branch
from atoll.world import DiskError, World
from storage.device.index import Index
from storage.device.payload import PayloadDamagedError, PayloadFolder, read_description
from storage.object.versions import find_write
from storage.seal import DamagedError
from storage.timestamp import TIMESTAMP_SIZE_BYTES, milliseconds

FOLDERS_A_ROUND = 8
_SWEPT = Branch("payload: a file that no record names was removed")


class Leftovers:
    """Looks through the payload folders of one device, a few at each round.

    Args:
        index: of the device.
        payloads: of the device.
        world: clock.
        age_s_min: younger files may belong to a request under way.

    Attributes:
        removed: files so far.
    """

    def __init__(
        self, index: Index, payloads: PayloadFolder, world: World, age_s_min: float
    ) -> None:
        self._index = index
        self._payloads = payloads
        self._world = world
        self._age_ms_min = age_s_min * 1000
        self._folder = 0
        self.removed = 0

    def run_once(self, folders: int = FOLDERS_A_ROUND) -> int:
        """Settle the next folders; return how many files were removed. Blocks."""
        removed = 0
        for _ in range(folders):
            folder = self._payloads.root / f"{self._folder:02x}"
            self._folder = (self._folder + 1) % 256
            for name in self._payloads.disk.entries(folder):
                removed += self._settle(name)
        self.removed += removed
        return removed

    def _settle(self, name: str) -> bool:
        try:
            write_id = bytes.fromhex(name)
        except ValueError:
            return False  # none of ours: an operator may have put it there
        now_ms = self._world.clock.wall_ns() // 1_000_000
        if len(write_id) != TIMESTAMP_SIZE_BYTES:
            return False
        if now_ms - milliseconds(write_id) < self._age_ms_min:
            return False
        try:
            place = read_description(self._payloads.disk, self._payloads.path(write_id))["place"]
            with self._index.snapshot() as snapshot:
                record = find_write(snapshot, bytes.fromhex(place), write_id)
        except (PayloadDamagedError, KeyError):
            self._payloads.set_aside(write_id)  # a record that names it will be marked when read
            return False
        except (DamagedError, DiskError, FileNotFoundError):
            return False  # whether a record names it cannot be told: it stays
        if record is not None and record.is_visible:
            return False
        self._payloads.remove(write_id)
        _SWEPT.reached()
        return True

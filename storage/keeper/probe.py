"""Reads every entry of an index in a process of its own, which may die of it.

LMDB trusts its pages: a damaged one can make it abort, and with it the process that reads. The
audit lets this process go first. When such a signal ends it, the index is failed as a whole, and
nobody else has to die.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from subprocess import DEVNULL

import trio

from atoll.world import real_world
from storage.device.folder import DeviceFolder
from storage.device.index import TABLES
from storage.device.lmdb_index import LmdbIndex

ENTRIES_A_SNAPSHOT = 20_000
_DEADLY = frozenset((signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL))


async def probe(device: Path) -> str | None:
    """Read a device's index in another process; return what killed it, if its damage did.

    On cancel: the process is ended.

    Args:
        device: its folder.
    """
    command = [sys.executable, "-P", "-m", "storage.keeper.probe", str(device)]
    done = await trio.run_process(command, check=False, stdin=b"", stdout=DEVNULL, stderr=DEVNULL)
    number = -done.returncode
    return signal.Signals(number).name if number in _DEADLY else None


def walk(index: LmdbIndex) -> None:
    """Touch every entry, a page of entries at a time."""
    for table in TABLES:
        last, taken = b"", ENTRIES_A_SNAPSHOT
        while taken == ENTRIES_A_SNAPSHOT:
            taken = 0
            with index.snapshot() as snapshot:
                for key, value in snapshot.scan(table, last):
                    bytes(value[-1:])
                    taken += 1
                    if taken == ENTRIES_A_SNAPSHOT:
                        last = bytes(key)  # the next page reads it again
                        break


def main(folder: DeviceFolder) -> None:
    """Walk the index of a device."""
    description = folder.read()
    if description is not None:
        walk(folder.open_index(description))


if __name__ == "__main__":
    main(DeviceFolder(real_world().disk, Path(sys.argv[1])))

"""The table: which device holds each replica of each partition, as a numpy array.

Shape (rows, partitions). A row is a replica: row 2 of all partitions is their third copy or their
third fragment, and a replica that moves stays in its row. Where a ring has 2.25 replicas, only the
first quarter of the partitions has a third one: the rest of the last row is `NO_DEVICE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ring.device import Device
from ring.errors import RingFileError
from ring.limits import NO_DEVICE

Table: TypeAlias = NDArray[np.uint16]
Flags: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.int64]

DEVICE_SPACE = NO_DEVICE + 1
"""Length of an array that any entry of a table may index."""


def empty_table(rows: int, partitions: int) -> Table:
    """Return a table without a device."""
    return np.full((rows, partitions), NO_DEVICE, dtype=np.uint16)


def table_from_rows(rows: Sequence[memoryview], partitions: int) -> Table:
    """Return the table of a ring file's rows, of which the last may be shorter."""
    table = empty_table(len(rows), partitions)
    for held, row in zip(table, rows, strict=True):
        held[: len(row)] = row
    return table


def rows_of_table(table: Table) -> tuple[memoryview, ...]:
    """Return the rows for a ring file: views, without the replicas that are not there."""
    lengths = np.count_nonzero(table != NO_DEVICE, axis=1)
    return tuple(row[:length].data for row, length in zip(table, lengths, strict=True))


def with_rows(table: Table, rows: int) -> Table:
    """Return a copy with so many rows: cut, or filled with `NO_DEVICE`."""
    copied = empty_table(rows, table.shape[1])
    kept = min(rows, len(table))
    copied[:kept] = table[:kept]
    return copied


def existing_replicas(slots: int, partitions: int) -> Flags:
    """Return where a table of so many replicas, over all partitions, has any."""
    rounds, rest = divmod(slots, partitions)
    exists = np.zeros((rounds + bool(rest), partitions), dtype=bool)
    exists[:rounds] = True
    exists[rounds:, :rest] = True
    return exists


def count_replicas(table: Table) -> int:
    """Return how many replicas all partitions have together."""
    return int(np.count_nonzero(table != NO_DEVICE))


def device_loads(held: NDArray[np.uint16]) -> Numbers:
    """Return the number of replicas by device id, for every id that can be."""
    loads = np.bincount(held.ravel(), minlength=DEVICE_SPACE)
    loads[NO_DEVICE] = 0
    return loads


def device_flags(devices: Iterable[Device]) -> Flags:
    """Return by device id whether the device is among these."""
    flags = np.zeros(DEVICE_SPACE, dtype=bool)
    flags[[device.id for device in devices]] = True
    return flags


def check_sound(table: Table, devices: Sequence[Device | None]) -> None:
    """Raise RingFileError if a device is unknown, or has two replicas of a partition."""
    known = device_flags(device for device in devices if device is not None)
    unknown = (table != NO_DEVICE) & ~known[table]
    if unknown.any():
        row, partition = (int(found[0]) for found in np.nonzero(unknown))
        raise RingFileError(
            f"replica {row} of partition {partition} is on device {table[row, partition]}, "
            "which the ring does not have"
        )
    ordered = np.sort(table, axis=0)
    twice = (ordered[1:] == ordered[:-1]) & (ordered[1:] != NO_DEVICE)
    if twice.any():
        row, partition = (int(found[0]) for found in np.nonzero(twice))
        raise RingFileError(f"partition {partition} is twice on device {ordered[row, partition]}")

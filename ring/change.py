"""What a rebalance changed, or would change: told from the tables before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ring.device import Device
from ring.limits import NO_DEVICE
from ring.report import balance, dispersion
from ring.table import Flags, Table, count_replicas, device_flags, device_loads, with_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceReport:
    """What a rebalance did, or would do.

    Attributes:
        version: of the ring that came out.
        replicas: copies of a partition now, on average.
        replicas_wanted: copies that later rebalances lead to.
        partitions_moved: got a device that they did not have; on the first rebalance all.
        replicas_moved: went from one device to another; at most one of a partition.
        replicas_placed: are new.
        replicas_dropped: are no more, since fewer are wanted.
        replicas_waiting: still lie on a device that should be empty; a later rebalance moves them.
        devices_removed: ids that left the ring.
        balance: of the worst device, in percent.
        dispersion: percent of replicas that are closer together than the topology demands.
        required_overload: with which the replicas would disperse as widely as they can.
    """

    version: int
    replicas: float
    replicas_wanted: float
    partitions_moved: int
    replicas_moved: int
    replicas_placed: int
    replicas_dropped: int
    replicas_waiting: int
    devices_removed: tuple[int, ...]
    balance: float
    dispersion: float
    required_overload: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the next rebalance with the same seed and time would do.

    Attributes:
        report: of that rebalance.
        bytes_moved: over the network: all replicas that get a new device.
        seconds: until the busiest device has sent and received its share; 0 if no rate was given.
        copies_min: of any partition, how many copies stay where they are. A copy that moves is
            served by its old device until the new one is filled; this is what remains if that
            device is lost, as those that leave may be.
    """

    report: RebalanceReport
    bytes_moved: int
    seconds: float
    copies_min: int


def changed_partitions(before: Table, after: Table) -> Flags:
    """Tell of which partitions any replica moved, came or went."""
    rows = max(len(before), len(after))
    changed: Flags = (with_rows(before, rows) != with_rows(after, rows)).any(axis=0)
    return changed


def report_rebalance(
    before: Table,
    after: Table,
    devices: Sequence[Device | None],
    *,
    version: int,
    replicas_wanted: float,
    devices_removed: tuple[int, ...],
    required_overload: float,
) -> RebalanceReport:
    """Return the report of a rebalance.

    Args:
        before: the table that it found; without rows on the first.
        after: the table that it made.
        devices: that remain.
        version: of the ring now.
        replicas_wanted: copies that later rebalances lead to.
        devices_removed: ids.
        required_overload: of the plan.
    """
    old = with_rows(before, len(after))
    existed = old != NO_DEVICE
    came = _arrivals(before, after)
    idle = device_flags(device for device in devices if device and not device.weight)
    return RebalanceReport(
        version=version,
        replicas=count_replicas(after) / after.shape[1],
        replicas_wanted=replicas_wanted,
        partitions_moved=int(came.any(axis=0).sum()),
        replicas_moved=int((came & existed).sum()),
        replicas_placed=int((came & ~existed).sum()),
        replicas_dropped=count_replicas(before) - int((existed & (after != NO_DEVICE)).sum()),
        replicas_waiting=int(idle[after].sum()),
        devices_removed=devices_removed,
        balance=balance(after, devices),
        dispersion=dispersion(after, devices).percent,
        required_overload=required_overload,
    )


def preview_change(
    before: Table,
    after: Table,
    devices: Sequence[Device | None],
    report: RebalanceReport,
    *,
    partition_bytes: int,
    device_rate: float,
) -> Preview:
    """Return what it takes to follow a rebalance.

    Args:
        before: the table now.
        after: the table that the rebalance would make.
        devices: now.
        report: of the rebalance.
        partition_bytes: what one replica of a partition holds, on average.
        device_rate: bytes per second that a device sends or receives for it; 0 if unknown.
    """
    came = _arrivals(before, after)
    old = with_rows(before, len(after))
    sent, received = device_loads(old[came]), device_loads(after[came])
    busiest = int(np.maximum(sent, received).max())
    leaving = device_flags(device for device in devices if device and device.leaving)
    stays = (old == after) & (old != NO_DEVICE) & ~leaving[old]
    return Preview(
        report=report,
        bytes_moved=int(came.sum()) * partition_bytes,
        seconds=busiest * partition_bytes / device_rate if device_rate else 0.0,
        copies_min=int(np.count_nonzero(stays, axis=0).min()),
    )


def _arrivals(before: Table, after: Table) -> Flags:
    """Return where a replica is on a device that did not have it."""
    arrivals: Flags = (after != NO_DEVICE) & (after != with_rows(before, len(after)))
    return arrivals

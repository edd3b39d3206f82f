"""The builder: all that an operator does to a ring, from an empty one to the next rebalance.

Pure: the time and the seed are passed in, bytes come and go. Needs numpy.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections import Counter
from dataclasses import replace

import numpy as np

from atoll.invariant import invariant
from ring.board import ANY_ROW, NO_ROW, Board
from ring.change import (
    Preview,
    RebalanceReport,
    changed_partitions,
    preview_change,
    report_rebalance,
)
from ring.device import Device, check_weight
from ring.errors import RingInputError
from ring.file import LINEAGE_SIZE_BYTES, RingFile, decode, encode
from ring.limits import (
    DEVICE_IDS_MAX,
    NO_DEVICE,
    check_min_part_hours,
    check_now_hours,
    check_overload,
    check_power,
    check_replicas,
    slot_count,
)
from ring.lookup import Ring
from ring.moves import Moves
from ring.placement import place
from ring.plan import Tier, count_slots, make_plan, required_overload
from ring.report import Dispersion, balance, dispersion
from ring.shuffle import Shuffler
from ring.table import (
    Flags,
    Table,
    check_sound,
    count_replicas,
    device_loads,
    empty_table,
    existing_replicas,
    rows_of_table,
    table_from_rows,
    with_rows,
)

MIN_PART_HOURS = 1
_NEVER = 0


class Builder:
    """A ring that can change.

    Each change makes `version` grow; what was loaded from a file and not changed is dumped to the
    same bytes.

    Args:
        power: there are 2^power partitions; it never changes.
        replicas: copies of a partition; 2.5 is three copies of one half and two of the other.
        min_part_hours: how long a partition that changed is left alone.
        overload: how far a device may go over its share by weight to keep replicas apart.
        lineage: 32 hex digits; if empty, the first rebalance derives it from all that went in.

    Raises:
        RingInputError: an argument is out of range.
    """

    def __init__(
        self,
        power: int,
        replicas: float,
        *,
        min_part_hours: int = MIN_PART_HOURS,
        overload: float = 0.0,
        lineage: str = "",
    ) -> None:
        check_power(power)
        check_replicas(replicas, power)
        check_min_part_hours(min_part_hours)
        check_overload(overload)
        if lineage and not _is_lineage(lineage):
            raise RingInputError(f"lineage must be {2 * LINEAGE_SIZE_BYTES} hex digits")
        self.power = power
        self.partitions = 1 << power
        self.replicas = float(replicas)
        self.min_part_hours = min_part_hours
        self.overload = float(overload)
        self.lineage = lineage
        self.version = 0
        self._devices: list[Device | None] = []
        self._next_device_id = 0
        self._addresses: set[str] = set()
        self._table = empty_table(0, self.partitions)
        self._moved_hours = np.full(self.partitions, _NEVER, dtype=np.uint32)

    @classmethod
    def load(cls, data: bytes) -> Builder:
        """Return the builder in a ring file's bytes.

        Raises:
            RingFileError: the file is damaged, or none of ours.
        """
        file = decode(data)
        builder = cls(
            file.power,
            file.replicas,
            min_part_hours=file.min_part_hours,
            overload=file.overload,
            lineage=file.lineage,
        )
        builder.version = file.version
        builder._next_device_id = file.next_device_id
        builder._set_devices(file.devices)
        if file.rows:
            builder._table = table_from_rows(file.rows, builder.partitions)
            builder._moved_hours = np.array(file.moved_hours, dtype=np.uint32)
        return builder

    @classmethod
    def from_ring(cls, ring: Ring, *, min_part_hours: int = MIN_PART_HOURS) -> Builder:
        """Return a builder that goes on from a placed ring, such as one of Swift's.

        Raises:
            RingInputError: the ring is larger than a builder can be.
            RingFileError: the ring is not sound.
        """
        content = hashlib.blake2b(b"".join(ring.rows), digest_size=LINEAGE_SIZE_BYTES)
        lineage = ring.lineage or content.hexdigest()
        builder = cls(ring.power, ring.replicas, min_part_hours=min_part_hours, lineage=lineage)
        builder.version = ring.version
        builder._next_device_id = len(ring.devices)
        builder._set_devices(ring.devices)
        builder._table = table_from_rows(ring.rows, builder.partitions)
        builder.validate()
        return builder

    def dump(self) -> bytes:
        """Return the bytes of the ring file."""
        return encode(
            RingFile(
                power=self.power,
                replicas=self.replicas,
                overload=self.overload,
                min_part_hours=self.min_part_hours,
                lineage=self.lineage,
                version=self.version,
                next_device_id=self._next_device_id,
                devices=self.devices,
                rows=rows_of_table(self._table),
                moved_hours=self._moved_hours.data,
            )
        )

    @property
    def devices(self) -> tuple[Device | None, ...]:
        """The devices by id; holes are None."""
        return tuple(self._devices)

    @property
    def is_placed(self) -> bool:
        """Whether the ring was rebalanced at least once."""
        return len(self._table) > 0

    @property
    def table(self) -> Table:
        """Device ids, shape (rows, partitions); `NO_DEVICE` where there is no such replica."""
        view = self._table.view()
        view.flags.writeable = False
        return view

    @property
    def placed_replicas(self) -> float:
        """Copies of a partition that the table holds, on average."""
        return count_replicas(self._table) / self.partitions

    def ring(self) -> Ring:
        """Return the ring for lookups.

        Raises:
            RingFileError: it was never rebalanced.
        """
        return Ring.load(self.dump())

    def balance(self) -> float:
        """Return how far the worst device is from its share by weight, in percent."""
        return balance(self._table, self._devices)

    def dispersion(self) -> Dispersion:
        """Return how many replicas lie closer together than the topology demands."""
        return dispersion(self._table, self._devices)

    def add_device(
        self,
        *,
        region: int,
        zone: int,
        node: str,
        port: int,
        device: str,
        weight: float,
        meta: str = "",
        replication_node: str | None = None,
        replication_port: int | None = None,
    ) -> int:
        """Add a device; it gets partitions with the next rebalance.

        Returns:
            Its id. Ids are not used again until all `DEVICE_IDS_MAX` were given once.

        Raises:
            RingInputError: a field is out of range, or the ring has that device.
        """
        new = Device(
            id=self._free_device_id(),
            region=region,
            zone=zone,
            node=node,
            port=port,
            device=device,
            weight=weight,
            meta=meta,
            replication_node=replication_node,
            replication_port=replication_port,
        )
        if new.address in self._addresses:
            raise RingInputError(f"the ring has a device {new.address}")
        self._devices.extend([None] * (new.id + 1 - len(self._devices)))
        self._devices[new.id] = new
        self._addresses.add(new.address)
        self._next_device_id = max(self._next_device_id, new.id + 1)
        self.version += 1
        return new.id

    def set_weight(self, device_id: int, weight: float) -> None:
        """Change a device's share; 0 drains it.

        Raises:
            RingInputError: there is no such device, it is leaving, or the weight is out of range.
        """
        device = self._device(device_id)
        self._devices[device_id] = replace(device, weight=check_weight(weight))
        self.version += 1

    def remove_device(self, device_id: int) -> None:
        """Let a device leave: at once if it is empty, else as its partitions move off.

        Raises:
            RingInputError: there is no such device, or it is leaving.
        """
        device = self._device(device_id)
        self._devices[device_id] = replace(device, weight=0.0, leaving=True)
        self._forget_emptied()
        self.version += 1

    def set_replicas(self, replicas: float) -> None:
        """Change the number of copies; each rebalance goes there by one at most.

        Raises:
            RingInputError: it is out of range.
        """
        check_replicas(replicas, self.power)
        self.replicas = float(replicas)
        self.version += 1

    def set_overload(self, overload: float) -> None:
        """Change how far a device may go over its share by weight to keep replicas apart.

        Raises:
            RingInputError: it is out of range.
        """
        check_overload(overload)
        self.overload = float(overload)
        self.version += 1

    def set_min_part_hours(self, hours: int) -> None:
        """Change how long a partition that changed is left alone.

        Raises:
            RingInputError: it is out of range.
        """
        check_min_part_hours(hours)
        self.min_part_hours = hours
        self.version += 1

    def rebalance(
        self, seed: int, now_hours: float, *, ignore_min_part_hours: bool = False
    ) -> RebalanceReport:
        """Bring the table nearer to the plan; at most one replica of a partition changes.

        Args:
            seed: decides between equals: same ring, seed and time, same result.
            now_hours: since 1970.
            ignore_min_part_hours: also change partitions that changed a short time ago.

        Raises:
            RingInputError: there are fewer devices than replicas, or the time is none; nothing was
                changed.
        """
        check_now_hours(now_hours)
        before = self._table
        is_open = self._may_change(now_hours) | ignore_min_part_hours
        slots = self._next_slot_count(is_open)
        root = make_plan(self._devices, slots / self.partitions, self.overload)
        shuffler = Shuffler(seed)
        lineage = self.lineage or self._derive_lineage(seed)
        if self.is_placed:
            self._table = self._move(root, slots, is_open, shuffler)
            changed = changed_partitions(before, self._table)
            self._moved_hours = np.where(changed, _hour_after(now_hours), self._moved_hours)
        else:
            count_slots(root, slots, {})
            self._table = place(root, self.partitions, shuffler)
        self.lineage = lineage
        removed = self._forget_emptied()
        self.version += 1
        return report_rebalance(
            before,
            self._table,
            self._devices,
            version=self.version,
            devices_removed=removed,
            replicas_wanted=slot_count(self.power, self.replicas) / self.partitions,
            required_overload=required_overload(root),
        )

    def preview(
        self,
        seed: int,
        now_hours: float,
        *,
        ignore_min_part_hours: bool = False,
        partition_bytes: int = 0,
        device_rate: float = 0.0,
    ) -> Preview:
        """Return what a rebalance would do, and do nothing.

        Args:
            seed: of the rebalance.
            now_hours: since 1970.
            ignore_min_part_hours: see `rebalance`.
            partition_bytes: what one replica of a partition holds, on average.
            device_rate: bytes per second that a device sends or receives beside its work.

        Raises:
            RingInputError: the rebalance would raise it.
        """
        ahead = copy.copy(self)
        ahead._devices, ahead._addresses = list(self._devices), set(self._addresses)
        report = ahead.rebalance(seed, now_hours, ignore_min_part_hours=ignore_min_part_hours)
        return preview_change(
            self._table,
            ahead._table,
            self._devices,
            report,
            partition_bytes=partition_bytes,
            device_rate=device_rate,
        )

    def validate(self) -> None:
        """Check that the table is sound.

        Raises:
            RingFileError: a replica lies on a device that is not there, or two replicas of a
                partition on one.
        """
        check_sound(self._table, self._devices)

    def _device(self, device_id: int) -> Device:
        device = self._devices[device_id] if 0 <= device_id < len(self._devices) else None
        if device is None:
            raise RingInputError(f"the ring has no device {device_id}")
        if device.leaving:
            raise RingInputError(f"device {device_id} is leaving the ring")
        return device

    def _free_device_id(self) -> int:
        if self._next_device_id < DEVICE_IDS_MAX:
            return self._next_device_id
        if None not in self._devices:
            raise RingInputError(f"a ring has at most {DEVICE_IDS_MAX} devices")
        return self._devices.index(None)

    def _set_devices(self, devices: tuple[Device | None, ...]) -> None:
        self._devices = list(devices)
        self._addresses = {device.address for device in devices if device is not None}

    def _next_slot_count(self, is_open: Flags) -> int:
        """Return how many replicas all partitions have next: one more or less of each at most.

        The number stays while a partition that would get or lose one may not change.
        """
        wanted = slot_count(self.power, self.replicas)
        if not self.is_placed:
            return wanted
        now = count_replicas(self._table)
        slots = min(max(wanted, now - self.partitions), now + self.partitions)
        counts = np.count_nonzero(self._table != NO_DEVICE, axis=0)
        resized = counts != np.count_nonzero(existing_replicas(slots, self.partitions), axis=0)
        return slots if is_open[resized].all() else now

    def _may_change(self, now_hours: float) -> Flags:
        """Tell which partitions have not changed for min_part_hours."""
        elapsed = now_hours - self._moved_hours.astype(np.float64)
        is_open: Flags = (self._moved_hours == _NEVER) | (elapsed >= self.min_part_hours)
        return is_open

    def _move(self, root: Tier, slots: int, is_open: Flags, shuffler: Shuffler) -> Table:
        """Return a rebalanced table of so many replicas."""
        exists = existing_replicas(slots, self.partitions)
        table = with_rows(self._table, len(exists))
        table[~exists] = NO_DEVICE
        vacant = exists & (table == NO_DEVICE)
        before, after = (np.count_nonzero(t != NO_DEVICE, axis=0) for t in (self._table, table))
        may_move = is_open & (before == after) & ~vacant.any(axis=0)
        open_rows = np.where(may_move, np.int8(ANY_ROW), np.int8(NO_ROW))
        rows, partitions = np.nonzero(vacant)
        open_rows[partitions] = rows
        kept = table.copy()
        count_slots(root, slots, self._tier_loads(table))
        Moves(Board(table, open_rows, root, self._devices), shuffler).run(vacant)
        placed = (table != NO_DEVICE) == exists
        invariant(placed.all(), "every replica has a device", version=self.version)
        moved = np.count_nonzero((table != kept) & ~vacant, axis=0)
        invariant((moved <= may_move).all(), "one replica of an open partition moves")
        return table

    def _tier_loads(self, table: Table) -> Counter[tuple[object, ...]]:
        loads = device_loads(table)
        by_tier: Counter[tuple[object, ...]] = Counter()
        for device in self._devices:
            if device is not None:
                for key in device.tiers:
                    by_tier[key] += int(loads[device.id])
        return by_tier

    def _forget_emptied(self) -> tuple[int, ...]:
        """Take leaving devices that hold nothing out of the ring; return their ids."""
        loads = device_loads(self._table)
        emptied = [d for d in self._devices if d and d.leaving and not loads[d.id]]
        for device in emptied:
            self._devices[device.id] = None
            self._addresses.discard(device.address)
        while self._devices and self._devices[-1] is None:
            self._devices.pop()
        return tuple(device.id for device in emptied)

    def _derive_lineage(self, seed: int) -> str:
        content = self.dump() + b"%d" % seed
        return hashlib.blake2b(content, digest_size=LINEAGE_SIZE_BYTES).hexdigest()


def _is_lineage(text: str) -> bool:
    digits = frozenset("0123456789abcdef")
    return len(text) == 2 * LINEAGE_SIZE_BYTES and digits.issuperset(text) and text.strip("0") != ""


def _hour_after(now_hours: float) -> np.uint32:
    """Return the end of the hour, so that whole hours since then have surely passed."""
    return np.uint32(max(math.ceil(now_hours), _NEVER + 1))

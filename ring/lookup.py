"""Looking up: name hash → partition → primaries and handoffs. No numpy, no builder, no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from ring.device import TIER_LEVELS, Device
from ring.errors import RingFileError, RingInputError
from ring.file import RingFile, decode

HASH_BITS = 32
HANDOFF_STEPS_MAX = 65_536


class Ring:
    """A placed ring, immutable.

    Attributes:
        power: there are 2^power partitions.
        partitions: how many there are.
        replicas: copies of a partition, on average over all of them.
        devices: by id; holes are None.
        rows: for each replica the device ids by partition; the last row may be shorter.
        lineage: 32 hex digits that all rings descended from one share, and no other.
        version: grows with each change of the ring; the highest of a lineage rules.
        checksum: of the file, in hex; two rings of one lineage and version must agree on it.
    """

    def __init__(
        self,
        *,
        power: int,
        devices: Sequence[Device | None],
        rows: Sequence[memoryview],
        lineage: str = "",
        version: int = 0,
        checksum: str = "",
    ) -> None:
        self.power = power
        self.partitions = 1 << power
        self.devices = tuple(devices)
        self.rows = tuple(rows)
        self.lineage = lineage
        self.version = version
        self.checksum = checksum
        self.replicas = sum(map(len, rows)) / self.partitions
        self._shift = HASH_BITS - power
        self._by_id = {device.id: device for device in self.devices if device is not None}
        whole = len(rows[-1]) == self.partitions
        self._whole_rows = self.rows if whole else self.rows[:-1]
        self._last_row = memoryview(b"") if whole else self.rows[-1]
        self._domains: tuple[tuple[Mapping[int, object], int], ...] | None = None

    @classmethod
    def load(cls, data: bytes) -> Ring:
        """Return the ring in a file's bytes, of which the table keeps a view.

        Raises:
            RingFileError: the file is damaged, foreign, or holds no placement yet.
        """
        return cls.from_file(decode(data))

    @classmethod
    def from_file(cls, file: RingFile) -> Ring:
        """Return the ring in a decoded file.

        Raises:
            RingFileError: it holds no placement yet.
        """
        if not file.rows:
            raise RingFileError("the ring holds no placement yet; rebalance it first")
        return cls(
            power=file.power,
            devices=file.devices,
            rows=file.rows,
            lineage=file.lineage,
            version=file.version,
            checksum=file.checksum,
        )

    def partition(self, name_hash: bytes) -> int:
        """Return the partition of a name: the leading bits of its hash.

        Args:
            name_hash: at least 4 bytes.
        """
        return int.from_bytes(name_hash[:4], "big") >> self._shift

    def primaries(self, partition: int) -> tuple[Device, ...]:
        """Return the devices that hold the partition, by replica.

        Raises:
            RingInputError: there is no such partition.
        """
        if not 0 <= partition < self.partitions:
            raise RingInputError(f"there is no partition {partition}")
        by_id = self._by_id
        found = [by_id[row[partition]] for row in self._whole_rows]
        if partition < len(self._last_row):
            found.append(by_id[self._last_row[partition]])
        return tuple(found)

    def handoffs(self, partition: int) -> Iterator[Device]:
        """Yield all other devices that have partitions and stay, in the order they stand in.

        First come devices in regions that the devices before do not cover, then in zones, then
        on nodes, then the rest. Within each the order is a walk over the table from a start that
        depends on the partition alone: it follows the weights, and hardly changes when the ring
        does. The walk is that of Swift (``Ring.get_more_nodes``), so that both agree on a ring
        that they share; devices that it never meets come last.

        Raises:
            RingInputError: there is no such partition.
        """
        used = [device.id for device in self.primaries(partition)]
        for domains, count in self._failure_domains():
            covered = {domains.get(device_id) for device_id in used} - {None}
            if len(covered) == count:
                continue
            for device_id in self._walk(partition):
                domain = domains.get(device_id)
                if domain is not None and domain not in covered:
                    covered.add(domain)
                    used.append(device_id)
                    yield self._by_id[device_id]
                    if len(covered) == count:
                        break
        unmet = self._failure_domains()[-1][0].keys() - set(used)
        yield from (self._by_id[device_id] for device_id in sorted(unmet))

    def _failure_domains(self) -> tuple[tuple[Mapping[int, object], int], ...]:
        """Return for region, zone, node, device: device id → its domain, and their number.

        Only devices that have partitions and stay count, since no others can stand in.
        """
        if self._domains is None:
            holding = set(chain.from_iterable(self.rows))
            placed = [self._by_id[device_id] for device_id in sorted(holding)]
            levels = [
                {device.id: device.tiers[level] for device in placed if not device.leaving}
                for level in range(TIER_LEVELS)
            ]
            self._domains = tuple((level, len(set(level.values()))) for level in levels)
        return self._domains

    def _walk(self, partition: int) -> Iterator[int]:
        """Yield device ids of the table, from a pseudo-random start around to it."""
        digest = hashlib.md5(b"%d" % partition, usedforsecurity=False).digest()
        start = self.partition(digest)
        step = self.partitions // HANDOFF_STEPS_MAX or 1
        wrapped = step - (self.partitions - start) % step
        for stop in chain(range(start, self.partitions, step), range(wrapped, start, step)):
            for row in self._whole_rows:
                yield row[stop]
            if stop < len(self._last_row):
                yield self._last_row[stop]

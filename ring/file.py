"""The ring file: one file holds what a lookup needs and what the builder needs to go on.

All numbers are little-endian. The bytes are a function of the content alone: no time of writing,
no random number, no compression whose output depends on a library's version.

====================  =======================================================================
size in bytes         what
====================  =======================================================================
8                     magic ``ATOLRING``
2                     format version
1                     power
1                     rows of the table; 0 before the first rebalance
4                     partitions in the last row
16                    lineage
8                     version
8                     replicas wanted (float)
8                     overload (float)
4                     min_part_hours
4                     next device id
4                     size of the devices that follow
…                     devices: JSON array of objects by id, ASCII
2 per partition, row  rows: the device id of each partition; the last row may be shorter
4 per partition       hour (since 1970) in which the partition last changed; 0 is never
32                    BLAKE2b of all of the above
====================  =======================================================================
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

from ring.device import Device
from ring.errors import RingFileError, RingInputError
from ring.limits import (
    DEVICE_IDS_MAX,
    REPLICAS_MAX,
    check_min_part_hours,
    check_overload,
    check_power,
    check_replicas,
)

MAGIC = b"ATOLRING"
FORMAT_VERSION = 1
CHECKSUM_SIZE_BYTES = 32
LINEAGE_SIZE_BYTES = 16
_NOTHING = memoryview(b"")
_PREFIX = struct.Struct("<8sH")
_HEADER = struct.Struct("<8sHBBI16sQddIII")
_DEVICE_FIELDS = tuple(field.name for field in fields(Device))
_DEFAULTS: Mapping[str, object] = MappingProxyType(
    {"meta": "", "replication_node": None, "replication_port": None, "leaving": False}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RingFile:
    """The content of a ring file.

    Attributes:
        power: there are 2^power partitions.
        replicas: copies wanted, on average over all partitions.
        overload: how far a device may go over its weight for the sake of dispersion.
        min_part_hours: how long a partition that changed is left alone.
        lineage: 32 hex digits, or "" before the first rebalance.
        version: grows with each change.
        next_device_id: what the next device is called.
        devices: by id; holes are None.
        rows: device ids by partition (16 bits), for each replica; the last may be shorter.
        moved_hours: for each partition the hour in which it last changed (32 bits), 0 for never.
        checksum: hex; "" for what was never in a file.
    """

    power: int
    replicas: float
    overload: float
    min_part_hours: int
    lineage: str
    version: int
    next_device_id: int
    devices: tuple[Device | None, ...]
    rows: tuple[memoryview, ...] = ()
    moved_hours: memoryview = _NOTHING
    checksum: str = ""


def encode(file: RingFile) -> bytes:
    """Return the bytes of a ring file; same content, same bytes."""
    devices = _encode_devices(file.devices)
    header = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        file.power,
        len(file.rows),
        len(file.rows[-1]) if file.rows else 0,
        bytes.fromhex(file.lineage).ljust(LINEAGE_SIZE_BYTES, b"\0"),
        file.version,
        file.replicas,
        file.overload,
        file.min_part_hours,
        file.next_device_id,
        len(devices),
    )
    tables = [_swap_on_big_endian(row) for row in file.rows]
    if file.rows:
        tables.append(_swap_on_big_endian(file.moved_hours))
    content = b"".join((header, devices, *tables))
    return content + _checksum(content)


def decode(data: bytes) -> RingFile:
    """Return the content of a ring file; the tables are views of its bytes.

    Raises:
        RingFileError: it is no ring file, damaged, or of another version.
    """
    if len(data) < _PREFIX.size or data[: len(MAGIC)] != MAGIC:
        raise RingFileError("not a ring file")
    version = _PREFIX.unpack_from(data)[1]
    if version not in _DECODERS:
        raise RingFileError(f"ring file of format {version}; this program reads {FORMAT_VERSION}")
    content = memoryview(data)[:-CHECKSUM_SIZE_BYTES]
    if _checksum(content) != data[-CHECKSUM_SIZE_BYTES:]:
        raise RingFileError("the ring file is damaged: its checksum differs")
    try:
        return _DECODERS[version](content, data[-CHECKSUM_SIZE_BYTES:].hex())
    except (RingInputError, ValueError, TypeError, RecursionError, struct.error) as error:
        raise RingFileError(f"the ring file does not make sense: {error}") from error


def _decode_v1(content: memoryview, checksum: str) -> RingFile:
    header = _HEADER.unpack_from(content)
    power, row_count, last_row_length, lineage = header[2:6]
    version, replicas, overload, min_part_hours, next_device_id, devices_size = header[6:]
    check_power(power)
    check_replicas(replicas, power)
    check_overload(overload)
    check_min_part_hours(min_part_hours)
    if row_count > REPLICAS_MAX:
        raise RingFileError(f"a ring has at most {REPLICAS_MAX:g} rows")
    start = _HEADER.size
    devices = _decode_devices(bytes(content[start : start + devices_size]))
    if not len(devices) <= next_device_id <= DEVICE_IDS_MAX:
        raise RingFileError("the next device id is out of range")
    start += devices_size
    partitions = 1 << power
    rows = []
    for row in range(row_count):
        length = partitions if row < row_count - 1 else last_row_length
        rows.append(_to_numbers("H", content[start : start + 2 * length], length))
        start += 2 * length
    moved = _NOTHING
    if rows:
        moved = _to_numbers("I", content[start : start + 4 * partitions], partitions)
        start += 4 * partitions
    if start != len(content) or (rows and not 0 < last_row_length <= partitions):
        raise RingFileError("the ring file's size differs from what it declares")
    return RingFile(
        power=power,
        replicas=replicas,
        overload=overload,
        min_part_hours=min_part_hours,
        lineage=lineage.hex() if any(lineage) else "",
        version=version,
        next_device_id=next_device_id,
        devices=devices,
        rows=tuple(rows),
        moved_hours=moved,
        checksum=checksum,
    )


_DECODERS: Mapping[int, Callable[[memoryview, str], RingFile]] = MappingProxyType({1: _decode_v1})


def _checksum(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECKSUM_SIZE_BYTES).digest()


def _encode_devices(devices: Sequence[Device | None]) -> bytes:
    """Write devices without the fields that are at their default."""
    shown = []
    for device in devices:
        if device is not None:
            values = {name: getattr(device, name) for name in _DEVICE_FIELDS}
            shown.append(
                {n: v for n, v in values.items() if n not in _DEFAULTS or v != _DEFAULTS[n]}
            )
    return json.dumps(shown, sort_keys=True, separators=(",", ":")).encode("ascii")


def _decode_devices(data: bytes) -> tuple[Device | None, ...]:
    found = [Device(**values) for values in json.loads(data)]
    by_id: list[Device | None] = [None] * (max((d.id for d in found), default=-1) + 1)
    for device in found:
        if by_id[device.id] is not None:
            raise RingFileError(f"two devices have the id {device.id}")
        by_id[device.id] = device
    return tuple(by_id)


def _swap_on_big_endian(numbers: memoryview) -> memoryview:
    """Return the numbers in the file's byte order, which is almost every machine's own."""
    if sys.byteorder == "little":
        return numbers
    swapped = array(numbers.format, numbers.tobytes())
    swapped.byteswap()
    return memoryview(swapped)


def _to_numbers(typecode: str, data: memoryview, count: int) -> memoryview:
    """Return a view of the file's bytes as numbers."""
    if len(data) != count * array(typecode).itemsize:
        raise RingFileError("the ring file is too short for what it declares")
    return _swap_on_big_endian(data.cast(typecode))  # type: ignore[call-overload]

"""OpenStack Swift's ring files (``.ring.gz``), versions 1 and 2, and Swift's way to hash a path.

Version 1 is a gzip of: magic ``R1NG``, version, a JSON header with the devices, and the rows in
the byte order that the header names. Version 2 (Swift 2.36, ``swift.common.ring.io``) is a gzip of
named sections, each behind its 8-byte size and found through an index at the end; the index also
gives positions in the *compressed* stream, so the writer must flush the stream around sections.

What Swift's files know and ours do not is not kept: ``next_part_power`` of a ring whose power is
being increased.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from ring.device import Device
from ring.errors import RingFileError, RingInputError
from ring.lookup import HASH_BITS, Ring

MAGIC = b"R1NG"
GZIP_MAGIC = b"\x1f\x8b"
RING_SIZE_BYTES_MAX = 1 << 30
SWIFT_VERSIONS = (1, 2)
_DEVICE_ID_CODES: Mapping[int, str] = {2: "H", 4: "I"}
_GZIP_HEADER = GZIP_MAGIC + b"\x08\x00" + struct.pack("<I", 1300507380) + b"\x02\xff"
"""With the time that Swift writes, so that the same ring has the same bytes."""

_NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)
_RAW_DEFLATE = -zlib.MAX_WBITS
_METADATA, _DEVICES, _ASSIGNMENTS = (
    f"swift/ring/{name}" for name in ("metadata", "devices", "assignments")
)


class SwiftPaths:
    """Finds partitions as Swift does: by the MD5 of a path between two secrets.

    Args:
        ring: to look in.
        prefix: ``swift_hash_path_prefix`` of the cluster's swift.conf.
        suffix: ``swift_hash_path_suffix``.
    """

    def __init__(self, ring: Ring, prefix: bytes, suffix: bytes) -> None:
        self._ring = ring
        self._prefix = prefix
        self._suffix = suffix

    def get_part(self, account: str, container: str = "", obj: str = "") -> int:
        """Return the partition of an account, a container or an object.

        Raises:
            RingInputError: there is an object without a container.
        """
        if obj and not container:
            raise RingInputError("an object needs a container")
        path = "/".join(name for name in (account, container, obj) if name)
        content = self._prefix + b"/" + path.encode() + self._suffix
        return self._ring.partition(hashlib.md5(content, usedforsecurity=False).digest())

    def get_nodes(
        self, account: str, container: str = "", obj: str = ""
    ) -> tuple[int, tuple[Device, ...]]:
        """Return the partition and its primaries."""
        partition = self.get_part(account, container, obj)
        return partition, self._ring.primaries(partition)


def read_ring_gz(data: bytes) -> Ring:
    """Return the ring in a Swift ring file.

    Raises:
        RingFileError: it is none, damaged, too large, or of another version.
    """
    content = _gunzip(data)
    if content[:4] != MAGIC:
        raise RingFileError("not a Swift ring file")
    try:
        (version,) = struct.unpack_from("!H", content, 4)
        if version == 1:
            header, devices, rows = _read_v1(content)
        elif version == 2:
            header, devices, rows = _read_v2(content)
        else:
            raise RingFileError(f"Swift ring of version {version}; this program reads 1 and 2")
        ring = Ring(
            power=HASH_BITS - header["part_shift"],
            devices=[_device_from_swift(fields) for fields in devices],
            rows=rows,
            version=header.get("version") or 0,
            checksum=hashlib.blake2b(data, digest_size=32).hexdigest(),
        )
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        struct.error,
    ) as error:
        raise RingFileError(f"the Swift ring file is damaged: {error!r}") from error
    except RingInputError as error:
        raise RingFileError(f"the Swift ring file has a device we cannot hold: {error}") from error
    _check_rows(ring)
    return ring


def write_ring_gz(ring: Ring, version: int = 1) -> bytes:
    """Return the ring as a Swift ring file; same ring and zlib, same bytes.

    Args:
        ring: any.
        version: 1 is read by every Swift, 2 since 2.36.

    Raises:
        RingInputError: there is no such version, or it has no room for the device ids.
    """
    if version not in SWIFT_VERSIONS:
        raise RingInputError(f"Swift ring files are of version 1 or 2, not {version}")
    if version == 1 and ring.rows[0].itemsize != 2:
        raise RingInputError("a Swift ring of version 1 has device ids of 16 bits")
    header = {"part_shift": HASH_BITS - ring.power, "version": ring.version}
    devices = [_device_to_swift(device) for device in ring.devices]
    magic = MAGIC + struct.pack("!H", version)
    if version == 2:
        return _write_v2(magic, header, devices, ring.rows)
    text = {**header, "devs": devices, "replica_count": len(ring.rows), "byteorder": sys.byteorder}
    packed = _json(text)
    file = _GzipWriter()
    file.write(magic, compress=False)
    file.write(b"".join((struct.pack("!I", len(packed)), packed, *ring.rows)))
    return file.finish()


def _read_v1(
    content: bytes,
) -> tuple[dict[str, Any], Sequence[Any], list[memoryview]]:
    (size,) = struct.unpack_from("!I", content, 6)
    header = json.loads(content[10 : 10 + size])
    # Old files do not name the byte order: it is that of a machine like this one.
    order = header.get("byteorder", sys.byteorder)
    partitions = _partitions(header)
    rows = _split_rows(content[10 + size :], 2, partitions, order)
    if len(rows) != header["replica_count"]:
        raise RingFileError("the Swift ring file is cut short")
    return header, header["devs"], rows


def _read_v2(
    content: bytes,
) -> tuple[dict[str, Any], Sequence[Any], list[memoryview]]:
    (index_start,) = struct.unpack_from("!Q", content, len(content) - 16)
    index = json.loads(_blob(content[index_start:-16]))

    def section(name: str) -> bytes:
        _, start, _, end, method, checksum = index[name]
        found = content[start:end]
        if method not in ("md5", "sha1", "sha256", "sha512"):
            raise RingFileError(f"the Swift ring file has checksums of a kind {method!r}")
        if hashlib.new(method, found, usedforsecurity=False).hexdigest() != checksum:
            raise RingFileError(f"the Swift ring file is damaged: {name} fails its checksum")
        return _blob(found)

    header = json.loads(section(_METADATA))
    partitions = _partitions(header)
    rows = _split_rows(section(_ASSIGNMENTS), header["dev_id_bytes"], partitions, "big")
    return header, json.loads(section(_DEVICES)), rows


def _partitions(header: Mapping[str, Any]) -> int:
    shift = header["part_shift"]
    if type(shift) is not int or not 0 <= shift <= HASH_BITS:
        raise RingFileError(f"the Swift ring file has a part_shift of {shift!r}")
    return 1 << (HASH_BITS - shift)


def _blob(data: bytes) -> bytes:
    (size,) = struct.unpack_from("!Q", data)
    if size != len(data) - 8:
        raise RingFileError("the Swift ring file is damaged: a section has another size")
    return data[8:]


def _split_rows(data: bytes, id_size: int, partitions: int, order: str) -> list[memoryview]:
    """Return the rows; the last may be shorter."""
    numbers = array(_DEVICE_ID_CODES[id_size], data)
    if order != sys.byteorder:
        numbers.byteswap()
    if not numbers or order not in ("little", "big"):
        raise RingFileError("the Swift ring file has no assignments")
    view = memoryview(numbers)
    return [view[start : start + partitions] for start in range(0, len(view), partitions)]


def _check_rows(ring: Ring) -> None:
    known = {device.id for device in ring.devices if device is not None}
    for row in ring.rows:
        if unknown := set(row) - known:
            raise RingFileError(f"the Swift ring uses device {min(unknown)}, which it lacks")


def _write_v2(
    magic: bytes,
    header: Mapping[str, object],
    devices: Sequence[object],
    rows: Sequence[memoryview],
) -> bytes:
    replicas = len(rows) - 1 + len(rows[-1]) / len(rows[0])
    metadata = {**header, "dev_id_bytes": rows[0].itemsize, "replica_count": replicas}
    tables = [array(row.format, row.tobytes()) for row in rows]
    if sys.byteorder == "little":
        for table in tables:
            table.byteswap()
    blobs = {
        _METADATA: _json(metadata),
        _DEVICES: _json(devices),
        _ASSIGNMENTS: b"".join(table.tobytes() for table in tables),
    }
    file = _GzipWriter()
    file.write(magic, compress=False)
    index = {}
    for name, blob in blobs.items():
        body = struct.pack("!Q", len(blob)) + blob
        start = file.packed_size, file.size
        file.write(body)
        checksum = hashlib.sha256(body).hexdigest()
        index[name] = [*start, file.packed_size, file.size, "sha256", checksum]
    index_start, packed_index_start = file.size, file.packed_size
    text = _json(index)
    file.write(struct.pack("!Q", len(text)) + text)
    # Swift finds the second of these 31 bytes before the end of the file.
    file.write(struct.pack("!Q", index_start), compress=False)
    file.write(struct.pack("!Q", packed_index_start), compress=False)
    return file.finish()


class _GzipWriter:
    """Writes a gzip file (RFC 1952) whose pieces can be read without those before them.

    Attributes:
        size: bytes written.
        packed_size: bytes that the file has.
    """

    def __init__(self) -> None:
        self._pieces = [_GZIP_HEADER]
        self._checksum = 0
        self.size = 0
        self.packed_size = len(_GZIP_HEADER)

    def write(self, data: bytes, *, compress: bool = True) -> None:
        """Append a piece."""
        stream = zlib.compressobj(9 if compress else 0, zlib.DEFLATED, _RAW_DEFLATE)
        piece = stream.compress(data) + stream.flush(zlib.Z_FULL_FLUSH)
        self._pieces.append(piece)
        self._checksum = zlib.crc32(data, self._checksum)
        self.size += len(data)
        self.packed_size += len(piece)

    def finish(self) -> bytes:
        """Return the file."""
        end = zlib.compressobj(0, zlib.DEFLATED, _RAW_DEFLATE).flush()
        trailer = struct.pack("<II", self._checksum, self.size & 0xFFFFFFFF)
        return b"".join((*self._pieces, end, trailer))


def _gunzip(data: bytes) -> bytes:
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = stream.decompress(data, RING_SIZE_BYTES_MAX)
    except zlib.error as error:
        raise RingFileError(f"not a Swift ring file: {error}") from error
    if not stream.eof:
        large = len(content) >= RING_SIZE_BYTES_MAX
        raise RingFileError(f"the Swift ring file is {'too large' if large else 'cut short'}")
    return content


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode("ascii")


def _device_from_swift(fields: Mapping[str, Any] | None) -> Device | None:
    if fields is None:
        return None
    node, port = fields["ip"], fields["port"]
    replication_node = fields.get("replication_ip", node)
    replication_port = fields.get("replication_port", port)
    return Device(
        id=fields["id"],
        region=fields.get("region", 1),
        zone=fields["zone"],
        node=node,
        port=port,
        device=fields["device"],
        weight=fields["weight"],
        meta=fields.get("meta", ""),
        replication_node=None if replication_node == node else replication_node,
        replication_port=None if replication_port == port else replication_port,
    )


def _device_to_swift(device: Device | None) -> dict[str, object] | None:
    if device is None:
        return None
    return {
        "id": device.id,
        "region": device.region,
        "zone": device.zone,
        "ip": device.node,
        "port": device.port,
        "device": device.device,
        "weight": device.weight,
        "meta": device.meta,
        "replication_ip": device.replication_node or device.node,
        "replication_port": device.replication_port or device.port,
    }

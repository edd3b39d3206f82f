"""Flips bits in payloads of one device, but never in the last good copy."""

from __future__ import annotations

from atoll.world import Random
from storage.device.payload import PayloadFolder
from storage.object.record import Where
from storage.object.versions import decode_entry
from storage.seal import unpack
from storage.simulation.cluster import Cluster, Device


def _copies(device: Device) -> dict[tuple[int, bytes], bytearray | bytes]:
    """Return the stored bytes of each payload that a device believes to have."""
    payloads = PayloadFolder(device.disk, device.root)
    found: dict[tuple[int, bytes], bytearray | bytes] = {}
    with device.index.snapshot() as snapshot:
        for key, value in snapshot.scan("objects", b""):
            record = decode_entry(bytes(key), unpack("objects", key, value))
            if record is None:
                continue
            where, write_id = record.location.where, record.write_id
            inline = snapshot.get("inline", write_id)
            file = device.disk.files.get(payloads.path(write_id))
            if where == Where.INLINE and inline is not None:
                found[where, write_id] = bytes(inline)
            elif where == Where.FILE and file is not None:
                found[where, write_id] = file.written
    return found


def flip_a_bit(cluster: Cluster, number: int, random: Random) -> bool:
    """Flip a bit of a payload on a device, if another device has the same bytes."""
    device = cluster.devices[number]
    others = [_copies(other) for other in cluster.devices if other is not device]
    candidates = [
        (key, stored)
        for key, stored in sorted(_copies(device).items())
        if stored and any(other.get(key) == stored for other in others)
    ]
    if not candidates:
        return False
    (where, write_id), stored = candidates[random.randrange(len(candidates))]
    damaged = stored if isinstance(stored, bytearray) else bytearray(stored)
    damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    if where == Where.INLINE:
        device.index.tables["inline"].put(write_id, bytes(damaged))
    return True

"""A payload that comes after its record: a reader brought the record to a lagging replica first."""

from pathlib import Path

import pytest

from atoll.world.simulated import MemoryDisk
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest
from storage.device.writer import Writer
from storage.mutation import ACCEPTED, AmendObject, PutObject
from storage.object.record import (
    RECORD_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    newest,
    object_prefix,
    record_digest,
    root_key,
)
from storage.timestamp import at_milliseconds

HASH = bytes(range(16))
PREFIX = object_prefix(0, HASH)
STAMP = at_milliseconds(1000)
RECORD = ObjectRecord(
    RECORD_VERSION, "a", "c", "o", b"id", STAMP, STAMP, STAMP, State.DATA, 3, "", "", {}, {}, b"",
    Location(Where.DAMAGED),
)  # fmt: skip
PRESENT = [(Location(Where.INLINE), b"abc"), (Location(Where.FILE, b"seal"), b"")]


@pytest.mark.parametrize(("location", "payload"), PRESENT)
@pytest.mark.parametrize("amended", [False, True])
def test_late_payload_heals_the_record(location: Location, payload: bytes, amended: bool) -> None:
    index = MemoryIndex()
    payloads = PayloadFolder(MemoryDisk(), Path("/d0"))
    payloads.format()
    writer = Writer(index, payloads, reclaim_age_s=3600, reserve_bytes=4096)
    expected = RECORD._replace(location=location)
    assert writer.apply([[PutObject(0, HASH, RECORD)]]) == [[ACCEPTED]]
    if amended:
        expected = expected._replace(changed=at_milliseconds(2000), metadata={"colour": "red"})
        assert writer.apply([[AmendObject(0, HASH, expected, STAMP)]]) == [[ACCEPTED]]
    own = PutObject(0, HASH, RECORD._replace(location=location), payload)
    for _ in range(2):  # the second time, there is nothing to do
        assert writer.apply([[own]]) == [[ACCEPTED]]
    with index.snapshot() as snapshot:
        assert newest(snapshot, PREFIX) == expected
        assert read_digest(snapshot, root_key(PREFIX)) == record_digest(PREFIX, expected) != 0
        assert (snapshot.get("inline", STAMP) is not None) == bool(payload)
    assert writer.apply([[PutObject(0, HASH, RECORD)]]) == [[ACCEPTED]]  # a reader, late
    with index.snapshot() as snapshot:
        assert newest(snapshot, PREFIX) == expected

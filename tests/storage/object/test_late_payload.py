"""Records that a reader brings to a lagging replica, before or without what its writer brings."""

from pathlib import Path
from typing import NamedTuple

import pytest

from atoll.world.simulated import MemoryDisk
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest
from storage.device.writer import Writer
from storage.mutation import ACCEPTED, AmendObject, Mutation, PutObject
from storage.object.record import (
    RECORD_VERSION,
    Location,
    ObjectRecord,
    State,
    Where,
    object_prefix,
    record_digest,
    root_key,
)
from storage.object.versions import newest
from storage.timestamp import at_milliseconds

HASH = bytes(range(16))
PREFIX = object_prefix(0, HASH)
STAMP = at_milliseconds(1000)
RECORD = ObjectRecord(
    RECORD_VERSION, "a", "c", "o", b"id", STAMP, STAMP, STAMP, State.DATA, 3, "", "", {}, {}, b"",
    location=Location(Where.DAMAGED),
)  # fmt: skip


class Device(NamedTuple):
    index: MemoryIndex
    writer: Writer
    payloads: PayloadFolder

    def accepts(self, mutation: Mutation) -> None:
        assert self.writer.apply([[mutation]]) == [[ACCEPTED]]

    def newest(self) -> ObjectRecord | None:
        """Return the record, once the digest is found to be its own."""
        with self.index.snapshot() as snapshot:
            record = newest(snapshot, PREFIX)
            assert record is not None
            assert read_digest(snapshot, root_key(PREFIX)) == record_digest(PREFIX, record)
            return record


PRESENT = [(Location(Where.INLINE), b"abc"), (Location(Where.FILE, b"seal"), b"")]


@pytest.fixture
def device() -> Device:
    payloads = PayloadFolder(MemoryDisk(), Path("/d0"))
    payloads.format()
    index = MemoryIndex()
    return Device(index, Writer(index, payloads, reclaim_age_s=3600, reserve_bytes=4096), payloads)


@pytest.mark.parametrize(("location", "payload"), PRESENT)
@pytest.mark.parametrize("amended", [False, True])
def test_late_payload_heals_the_record(
    device: Device, location: Location, payload: bytes, amended: bool
) -> None:
    expected = RECORD._replace(location=location)
    device.accepts(PutObject(0, HASH, RECORD))
    if amended:
        expected = expected._replace(changed=at_milliseconds(2000), metadata={"colour": "red"})
        device.accepts(AmendObject(0, HASH, expected, STAMP))
    if location.where == Where.FILE:
        device.payloads.create(STAMP).publish({})
    for _ in range(2):  # the second time, there is nothing to do
        device.accepts(PutObject(0, HASH, RECORD._replace(location=location), payload))
        assert device.newest() == expected
    with device.index.snapshot() as snapshot:
        assert (snapshot.get("inline", STAMP) is not None) == bool(payload)
    device.accepts(PutObject(0, HASH, RECORD))  # a reader, late
    assert device.newest() == expected


def test_missed_change_is_brought_to_a_replica(device: Device) -> None:
    here = Location(Where.FILE, b"its own")
    device.payloads.create(STAMP).publish({})
    device.accepts(PutObject(0, HASH, RECORD._replace(location=here)))
    changed = RECORD._replace(changed=at_milliseconds(2000), metadata={"colour": "red"})
    device.accepts(PutObject(0, HASH, changed))
    assert device.newest() == changed._replace(location=here)
    device.accepts(PutObject(0, HASH, RECORD))  # an older one changes nothing
    assert device.newest() == changed._replace(location=here)


@pytest.mark.parametrize("is_there", [False, True])
def test_published_payload_is_adopted(device: Device, is_there: bool) -> None:
    brought = RECORD._replace(location=Location(Where.DAMAGED, b"seal"))
    if is_there:
        device.payloads.create(STAMP).publish({})
    device.accepts(PutObject(0, HASH, brought))
    where = Where.FILE if is_there else Where.DAMAGED
    assert device.newest() == RECORD._replace(location=Location(where, b"seal"))

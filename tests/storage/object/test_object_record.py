"""The record of an object: its stored form, its keys and its digest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import Samples, at

from storage.device.memory_index import MemoryIndex
from storage.object.record import (
    PREFIX_SIZE_BYTES,
    Location,
    ObjectRecord,
    State,
    Where,
    decode_object,
    digest_key,
    encode_object,
    object_prefix,
    record_digest,
    root_key,
    tombstone,
)
from storage.object.versions import newest, object_key
from storage.seal import DamagedError, pack, unpack

PREFIX = object_prefix(3, bytes(range(16)))


def full_record() -> ObjectRecord:
    return ObjectRecord(
        2, "AUTH_a", "c", "né", bytes(12), at(5), at(6), at(7), State.DATA, 2**33,
        "d41d8cd98f00b204e9800998ecf8427e", "text/plain", {"color": "réd"}, {"x-delete-at": "99"},
        bytes(range(32)), location=Location(Where.FILE, bytes(range(16))),
    )  # fmt: skip


def test_the_stored_form() -> None:
    record = full_record()
    key = object_key(PREFIX, record)
    stored = encode_object(key, record)
    assert key.hex() == GOLDEN_KEY
    assert stored.hex() == GOLDEN_RECORD
    fields = unpack("objects", key, stored)
    assert decode_object(key, list(fields)) == record
    with pytest.raises(DamagedError, match="version 3"):
        decode_object(key, [3, *fields[1:]])


def test_the_stored_form_of_a_deletion() -> None:
    record = tombstone("AUTH_a", "c", "n", bytes(12), at(5))
    key = object_key(PREFIX, record)
    assert encode_object(key, record).hex() == GOLDEN_TOMBSTONE
    assert not record.is_data


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    times=st.lists(st.integers(1, 10_000), min_size=1, max_size=6, unique=True),
    others=st.lists(st.binary(min_size=16, max_size=16), max_size=4),
)
def test_the_newest_version_is_found(times: list[int], others: list[bytes]) -> None:
    index = MemoryIndex()
    mine = bytes(range(16))
    with index.batch() as batch:
        for name_hash in [mine, *others]:
            prefix = object_prefix(3, name_hash)
            for time in times if name_hash == mine else [7]:
                record = full_record()._replace(created=at(time), changed=at(time))
                key = object_key(prefix, record)
                batch.put("objects", key, encode_object(key, record))
    with index.snapshot() as snapshot:
        found = newest(snapshot, PREFIX)
        assert found is not None
        assert found.created == at(max(times))
        assert newest(snapshot, object_prefix(4, mine)) is None


def test_digests_tell_records_apart() -> None:
    record = full_record()
    digest = record_digest(PREFIX, record)
    assert f"{digest:032x}" == GOLDEN_DIGEST
    elsewhere = record._replace(location=Location(Where.INLINE))
    assert record_digest(PREFIX, elsewhere) == digest
    for changed in (
        record._replace(name="m"),
        record._replace(write_id=at(1)),
        record._replace(changed=at(8)),
        record._replace(size_bytes=1),
        record._replace(metadata={}),
        record._replace(identity=bytes(32)),
    ):
        assert record_digest(PREFIX, changed) != digest
    assert record_digest(object_prefix(2, bytes(range(16))), record) != digest
    assert record_digest(PREFIX, record._replace(location=Location(Where.DAMAGED))) == 0


def test_ranges_of_digests() -> None:
    assert len(PREFIX) == PREFIX_SIZE_BYTES
    assert digest_key(object_prefix(1, b"\xab\xcd" + bytes(14))) == b"\0\1\x0a\xbc"
    assert root_key(object_prefix(1, b"\xab\xcd" + bytes(14))) == b"\0\1root"


def test_expiry() -> None:
    record = full_record()
    assert record.delete_at_s == 99
    assert not record.is_expired(98.9)
    assert record.is_expired(99)
    forever = record._replace(system={})
    assert forever.delete_at_s is None
    assert not forever.is_expired(1e12)


def test_a_foreign_value_is_not_believed() -> None:
    record = Samples().record("a", b"1")
    key = object_key(PREFIX, record)
    index = MemoryIndex()
    with index.batch() as batch:
        batch.put("objects", key, pack(key[:-1] + b"x", record))
        with pytest.raises(DamagedError):
            newest(batch, PREFIX)


GOLDEN_KEY = "0003000102030405060708090a0b0c0d0e0f01fe688bdf23f9fffefffffef8"
GOLDEN_RECORD = (
    "5daa7d2b5a9a44d9dc001202a6415554485f61a163a36ec3a9c40c000000000000000000000000c40c019774"
    "20dc05000100000107c40c01977420dc06000100000107c40c01977420dc0700010000010700cf0000000200"
    "000000d9206434316438636439386630306232303465393830303939386563663834323765aa746578742f70"
    "6c61696e81a5636f6c6f72a472c3a96481ab782d64656c6574652d6174a23939c42000010203040506070809"
    "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1fc3009202c410000102030405060708090a0b0c0d0e0f"
)
GOLDEN_TOMBSTONE = (
    "d9eb2941ef994681dc001202a6415554485f61a163a16ec40c000000000000000000000000c40c01977420dc"
    "05000100000107c40c01977420dc05000100000107c40c01977420dc050001000001070200a0a08080c400c3"
    "009200c400"
)
GOLDEN_DIGEST = "d6817aca997d7655dd30006c2788cf91"

"""What a replica keeps of a name: a function of the records it received, in any order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import CONTAINER_ID, Samples, at
from version_model import check_device

from atoll.world.simulated import MemoryDisk
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest
from storage.device.writer import Writer
from storage.mutation import Authority, ForgetObject, PutObject, Status, WithdrawObject
from storage.object.record import (
    NULL_VERSION,
    RECORD_VERSION,
    ObjectRecord,
    State,
    buried,
    object_prefix,
    root_key,
)
from storage.object.versions import (
    Standing,
    find_version,
    find_write,
    following,
    newest,
    read_records,
    read_standing,
)

HASH = Samples.name_hash("o")
PREFIX = object_prefix(0, HASH)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("version", "version", "marker", "null", "null gone", "amend", "bury")),
        st.integers(0, 20),
    ),
    min_size=1,
    max_size=9,
)


class Device:
    def __init__(self) -> None:
        self.index = MemoryIndex()
        payloads = PayloadFolder(MemoryDisk(), Path("/d0"))
        payloads.format()
        self.writer = Writer(self.index, payloads, reclaim_age_s=3600, reserve_bytes=4096)

    def bring(self, record: ObjectRecord) -> None:
        ask = PutObject(0, HASH, record, authority=Authority.PEER)
        [[outcome]] = self.writer.apply([[ask]])
        assert outcome.status in (Status.ACCEPTED, Status.STALE)

    def kept(self) -> tuple[list[ObjectRecord], int, Standing]:
        with self.index.snapshot() as snapshot:
            check_device(snapshot)
            standing = read_standing(snapshot, PREFIX)
            digest = read_digest(snapshot, root_key(PREFIX))
            return read_records(snapshot, PREFIX), digest, standing


def record_at(number: int, state: State = State.DATA, *, is_null: bool = False) -> ObjectRecord:
    time = at(number)
    return ObjectRecord(
        RECORD_VERSION, "AUTH_a", "c", "o", CONTAINER_ID, time, time, time, state,
        0, "", "", {}, {}, b"", is_null=is_null,
    )  # fmt: skip


def history(events: list[tuple[str, int]]) -> list[ObjectRecord]:
    """Return records as a sequence of writes makes them."""
    made: list[ObjectRecord] = []
    for number, (kind, chance) in enumerate(events, 1):
        data = [one for one in made if one.state == State.DATA]
        others = [one for one in made if not one.is_null and one.is_visible]
        if kind == "amend" and data:
            chosen = data[chance % len(data)]
            made.append(chosen._replace(changed=at(number), metadata={"n": str(number)}))
        elif kind == "bury" and others:
            made.append(buried(others[chance % len(others)], at(number)))
        elif kind == "null gone":
            made.append(record_at(number, State.TOMBSTONE, is_null=True))
        else:
            state = State.DELETE_MARKER if kind == "marker" else State.DATA
            made.append(record_at(number, state, is_null=kind == "null"))
    return made


def expected(records: list[ObjectRecord]) -> list[ObjectRecord]:
    """Return what is kept, by the definition."""
    versions: dict[bytes, list[ObjectRecord]] = {}
    for record in records:
        versions.setdefault(record.version_id, []).append(record)
    kept = []
    for version_id, found in versions.items():
        graves = [one for one in found if not one.is_visible]
        final = graves if graves and version_id != NULL_VERSION else found
        kept.append(max(final, key=lambda one: one.changed))
    return kept


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(events=EVENTS, data=st.data())
def test_any_order_keeps_the_same(events: list[tuple[str, int]], data: st.DataObject) -> None:
    records = history(events)
    wanted = sorted(expected(records))
    seen = sorted((one for one in wanted if one.is_visible), key=lambda one: one.created)
    found = []
    for _ in range(2):
        device = Device()
        repeated = data.draw(st.permutations(records + records[:2]))
        for record in repeated:
            device.bring(record)
        kept, digest, standing = device.kept()
        assert sorted(kept) == wanted
        found.append((digest, standing[:2]))
        with device.index.snapshot() as snapshot:
            assert newest(snapshot, PREFIX) == (seen[-1] if seen else None)
            for one in wanted:
                assert find_version(snapshot, PREFIX, one.version_id) == one
                assert find_write(snapshot, PREFIX, one.write_id) == one
            for older, newer in pairwise(seen):
                assert following(snapshot, PREFIX, newer) == older
            assert find_write(snapshot, PREFIX, at(99)) is None
    assert found[0] == found[1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(events=EVENTS, data=st.data())
def test_what_is_taken_back_or_forgotten_leaves_no_trace(
    events: list[tuple[str, int]], data: st.DataObject
) -> None:
    records = expected(history(events))
    device = Device()
    for record in records:
        device.bring(record)
    for record in data.draw(st.permutations(records)):
        if record.is_visible:
            ask: WithdrawObject | ForgetObject = WithdrawObject(
                0, HASH, record.write_id, record.changed
            )
        else:
            ask = ForgetObject(0, HASH, record.version_id, record.changed)
        [[outcome]] = device.writer.apply([[ask]])
        assert outcome.status == Status.ACCEPTED
        device.kept()
    with device.index.snapshot() as snapshot:
        assert list(snapshot.scan("objects", b"")) == []


@pytest.mark.parametrize("is_current", [False, True])
def test_a_withdrawal_of_a_deletion_does_not_take_the_version(is_current: bool) -> None:
    """Where the deletion was not accepted its version stands under the same write id."""
    device = Device()
    version = record_at(1)
    device.bring(version)
    if not is_current:
        device.bring(record_at(2))
    grave = buried(version, at(5))
    device.writer.apply([[WithdrawObject(0, HASH, grave.write_id, grave.changed)]])
    with device.index.snapshot() as snapshot:
        assert find_version(snapshot, PREFIX, version.version_id) == version

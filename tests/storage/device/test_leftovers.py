"""The sweep of leftovers: it removes what no record names, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import EPOCH_MS, Samples, at

from atoll.world import DiskError, World
from atoll.world.simulated import EPOCH_NS, MemoryDisk, SimulatedClock, simulated_world
from storage.device.index import Snapshot
from storage.device.leftovers import Leftovers
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.writer import Writer
from storage.mutation import Mutation
from storage.object.record import Location, ObjectRecord, Where, object_prefix
from storage.object.versions import decode_entry
from storage.seal import unpack

AGE_S_MIN = 7200
ROOT = Path("/device")


class Bench:
    """A device and its sweep, so late that all samples are old enough."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.index = MemoryIndex()
        self.payloads = PayloadFolder(self.disk, ROOT)
        self.writer = Writer(self.index, self.payloads, reclaim_age_s=60, reserve_bytes=0)
        self.samples = Samples()
        self.world: World = simulated_world(0)
        self.later(2 * AGE_S_MIN)
        self.leftovers = Leftovers(self.index, self.payloads, self.world, AGE_S_MIN)
        self.apply([self.samples.account()], [self.samples.container()])

    def later(self, age_s: float) -> None:
        """Set the clock so long after the samples."""
        assert isinstance(self.world.clock, SimulatedClock)
        self.world.clock.offset_ns = int(EPOCH_MS * 1e6 + age_s * 1e9) - EPOCH_NS

    def apply(self, *groups: list[Mutation]) -> None:
        for outcomes in self.writer.apply(list(groups)):
            assert not any(one.status for one in outcomes)

    def publish(self, name: str) -> tuple[list[Mutation], Path]:
        """Publish a payload file; return the group that would store its record."""
        [put, row] = self.samples.put(name, b"")
        record = put.record._replace(size_bytes=9)  # type: ignore[union-attr]
        upload = self.payloads.create(record.write_id)
        upload.write(b"123456789")
        place = object_prefix(0, Samples.name_hash(name)).hex()
        seal, _ = upload.publish({"place": place, "name": name})
        placed = record._replace(location=Location(Where.FILE, seal))
        return [put._replace(record=placed), row], self.payloads.path(record.write_id)  # type: ignore[union-attr,call-arg,list-item]

    def sweep(self) -> int:
        return self.leftovers.run_once(256)


def test_a_file_without_a_record_goes_when_it_is_old() -> None:
    bench = Bench()
    _, path = bench.publish("a")
    bench.later(AGE_S_MIN - 1)
    assert bench.sweep() == 0
    bench.later(-1_000_000)  # a clock that was set back
    assert bench.sweep() == 0
    assert path in bench.disk.files
    bench.later(AGE_S_MIN + 1)
    assert bench.sweep() == 1
    assert path not in bench.disk.files
    assert bench.leftovers.removed == 1


def test_a_file_with_a_record_stays() -> None:
    bench = Bench()
    group, path = bench.publish("a")
    bench.apply(group)
    for _ in range(2):
        assert bench.sweep() == 0
    assert path in bench.disk.files


def test_a_replaced_file_that_was_not_removed_goes() -> None:
    bench = Bench()
    group, old = bench.publish("a")
    bench.apply(group)

    def fail(operation: str, path: Path) -> None:
        if operation == "unlink":
            raise DiskError(operation, path, "injected")

    bench.disk.before = fail
    bench.apply(bench.samples.put("a", b"small"))
    bench.disk.before = lambda operation, path: None
    assert bench.writer.unsettled == 1
    assert old in bench.disk.files
    assert bench.sweep() == 1
    assert old not in bench.disk.files


def test_a_damaged_leftover_is_set_aside() -> None:
    bench = Bench()
    _, path = bench.publish("a")
    bench.disk.files[path].written[-20] ^= 1
    assert bench.sweep() == 0
    assert list(bench.disk.files) == [bench.payloads.quarantine / path.name]


def test_what_cannot_be_told_stays() -> None:
    bench = Bench()
    group, path = bench.publish("a")
    bench.apply(group)
    table = bench.index.tables["objects"]
    [key] = table.keys
    table.put(key, b"\0" + table.values[key][1:])
    assert bench.sweep() == 0
    assert path in bench.disk.files


def test_what_an_operator_put_there_stays() -> None:
    bench = Bench()
    for name in ("README", "ab", "zz" * 12, at(1).hex().upper() + "00"):
        bench.disk.replace(bench.payloads.root / "dc" / name, b"mine")
    assert bench.sweep() == 0
    assert len(bench.disk.files) == 4


def test_all_folders_get_their_turn() -> None:
    bench = Bench()
    _, path = bench.publish("a")
    rounds = 0
    while path in bench.disk.files:
        bench.leftovers.run_once()
        rounds += 1
        assert rounds <= 32
    assert bench.leftovers.removed == 1


STEPS = st.sampled_from(("publish", "put", "inline", "delete", "sweep"))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(("publish", "put", "inline", "delete", "sweep")), st.integers(0, 2)
        ),
        max_size=20,
    ),
    seed=st.integers(0, 99),
)
def test_after_any_history_files_and_records_agree(steps: list[tuple[str, int]], seed: int) -> None:
    bench = Bench()
    for step, number in steps:
        name = "abc"[number]
        if step == "publish":
            bench.publish(name)
        elif step == "put":
            bench.apply(bench.publish(name)[0])
        elif step == "inline":
            bench.apply(bench.samples.put(name, b"small"))
        elif step == "delete":
            bench.apply(bench.samples.delete(name))
        else:
            bench.sweep()
    bench.disk.crash(random.Random(seed))
    bench.sweep()
    with bench.index.snapshot() as snapshot:
        named = {
            bench.payloads.path(record.write_id)
            for record in _records(snapshot)
            if record.location.where == Where.FILE
        }
    assert set(bench.disk.files) == named


def _records(snapshot: Snapshot) -> Iterator[ObjectRecord]:
    for key, value in snapshot.scan("objects", b""):
        record = decode_entry(bytes(key), unpack("objects", key, value))
        if record is not None:
            yield record


@pytest.mark.parametrize("where", ["list", "open", "read"])
def test_a_disk_that_fails_leaves_all_as_it_is(where: str) -> None:
    bench = Bench()
    _, path = bench.publish("a")

    def fail(operation: str, path: Path) -> None:
        if operation == where:
            raise DiskError(operation, path, "injected")

    bench.disk.before = fail
    try:
        assert bench.sweep() == 0
    except DiskError:
        assert where == "list"
    assert path in bench.disk.files

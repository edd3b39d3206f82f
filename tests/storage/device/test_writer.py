"""The writer: counters and digests equal a full scan, groups are whole, refusals change nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import (
    ACCOUNT_HASH,
    ACCOUNT_ID,
    CONTAINER_HASH,
    CONTAINER_ID,
    EPOCH_MS,
    Samples,
    at,
)

from atoll.world import DiskError, DiskFullError
from atoll.world.simulated import MemoryDisk
from storage.container.record import read_container
from storage.container.row import Counters, Row, decode_counters, read_row, scan_rows
from storage.device.due import DueKind, read_due
from storage.device.index import Index, IndexFailedError, IndexFullError, Snapshot
from storage.device.lmdb_index import LmdbIndex
from storage.device.memory_index import MemoryIndex
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest, read_highest
from storage.device.writer import RESERVE_FILE, Writer
from storage.mutation import (
    AmendObject,
    ClearDue,
    ClearOutbox,
    DeleteContainer,
    DiscardPayload,
    ForgetObject,
    ForgetRow,
    MarkDamaged,
    Mutation,
    Outcome,
    Prove,
    PutContainer,
    PutObject,
    PutRow,
    Status,
    WithdrawObject,
    WithdrawRow,
)
from storage.object.record import (
    NULL_VERSION,
    PREFIX_SIZE_BYTES,
    Location,
    ObjectRecord,
    Where,
    digest_key,
    object_prefix,
    record_digest,
    root_key,
)
from storage.object.versions import decode_entry, find_version
from storage.seal import unpack
from storage.timestamp import ZERO

ROOT = Path("/device")
RESERVE_BYTES = 4096
RECLAIM_AGE_S = 3600


class Bench:
    """A device with an account and a container."""

    def __init__(self, index: Index | None = None, size_bytes: int = 1 << 24) -> None:
        self.disk = MemoryDisk(size_bytes)
        self.index = index or MemoryIndex()
        self.payloads = PayloadFolder(self.disk, ROOT)
        self.writer = Writer(
            self.index, self.payloads, reclaim_age_s=RECLAIM_AGE_S, reserve_bytes=RESERVE_BYTES
        )
        self.samples = Samples()
        self.accept([self.samples.account()], [self.samples.container()])

    @property
    def memory(self) -> MemoryIndex:
        assert isinstance(self.index, MemoryIndex)
        return self.index

    def apply(self, *group: Mutation) -> list[Status]:
        """Apply one group."""
        [outcomes] = self.writer.apply([list(group)])
        return [Status(one.status) for one in outcomes]

    def accept(self, *groups: list[Mutation]) -> None:
        for outcomes in self.writer.apply(list(groups)):
            assert not any(one.status for one in outcomes), outcomes

    def refuse(self, *group: Mutation) -> list[Status]:
        """Apply one group, and see that nothing of it is left."""
        before = self.contents()
        statuses = self.apply(*group)
        assert any(statuses)
        assert self.contents() == before
        self.check()
        return statuses

    def contents(self) -> dict[str, Any]:
        with self.index.snapshot() as snapshot:
            return {
                table: [(bytes(key), bytes(value)) for key, value in snapshot.scan(table, b"")]
                for table in ("objects", "rows", "containers", "counters", "outbox", "inline")
            }

    def newest(self, name: str) -> ObjectRecord | None:
        with self.index.snapshot() as snapshot:
            return find_version(snapshot, object_prefix(0, Samples.name_hash(name)), NULL_VERSION)

    def row(self, name: str) -> Row | None:
        with self.index.snapshot() as snapshot:
            return read_row(snapshot, CONTAINER_ID, name.encode())

    def counters(self) -> Counters:
        with self.index.snapshot() as snapshot:
            value = snapshot.get("counters", CONTAINER_ID)
            assert value is not None
            return decode_counters(unpack("counters", CONTAINER_ID, value))

    def check(self) -> None:
        """Compare counters, digests and payloads with a full scan."""
        with self.index.snapshot() as snapshot:
            counted = Counters()
            for name, row in scan_rows(snapshot, CONTAINER_ID, b""):
                counted = counted.replace(name, None, row)
            assert self.counters() == counted
            digests: dict[bytes, int] = {}
            inline = set()
            for key, record in records(snapshot):
                prefix = key[:PREFIX_SIZE_BYTES]
                for place in (digest_key(prefix), root_key(prefix)):
                    digests[place] = digests.get(place, 0) ^ record_digest(prefix, record)
                if record.location.where == Where.INLINE:
                    inline.add(record.write_id)
            for place, digest in digests.items():
                assert read_digest(snapshot, place) == digest
            assert {bytes(key) for key, _ in snapshot.scan("inline", b"")} == inline


def records(snapshot: Snapshot) -> Iterator[tuple[bytes, ObjectRecord]]:
    for raw_key, value in snapshot.scan("objects", b""):
        key = bytes(raw_key)
        record = decode_entry(key, unpack("objects", key, value))
        if record is not None:
            yield key, record


@pytest.fixture
def bench() -> Bench:
    return Bench()


# any history


KINDS = ("put", "delete", "amend", "withdraw", "damage", "forget", "old put", "resend", "row back")
HISTORY = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3)), max_size=30)


def play(bench: Bench, history: list[tuple[str, int]], batch_size: int) -> None:
    """Apply random mutations, so many groups in a batch."""
    made: list[list[Mutation]] = []
    groups: list[list[Mutation]] = []
    last: dict[str, ObjectRecord] = {}
    for kind, number in history:
        name = "abc"[number % 3] + "é" * (number // 3)
        name_hash, held = Samples.name_hash(name), last.get(name)
        group: list[Mutation]
        if kind == "put":
            group = bench.samples.put(name, bytes(number))
        elif kind == "delete":
            group = bench.samples.delete(name)
        elif kind == "old put":
            old = bench.samples.record(name, b"")._replace(created=at(1), changed=at(1))
            group = [PutObject(0, name_hash, old), bench.samples.row(old)]
        elif kind == "resend" and made:
            group = made[number % len(made)]
        elif held is None:
            continue
        elif kind == "amend":
            record = held._replace(changed=bench.samples.now(), metadata={"n": str(number)})
            ask = AmendObject(0, name_hash, record, held.changed)
            group = [ask, bench.samples.row(record)]
        elif kind == "withdraw":
            group = [WithdrawObject(0, name_hash, held.write_id, held.changed)]
        elif kind == "damage":
            group = [MarkDamaged(0, name_hash, held.write_id)]
        elif kind == "forget":
            group = [ForgetObject(0, name_hash, NULL_VERSION, held.changed)]
        else:
            row_back = WithdrawRow(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, name, held.changed)
            group = [row_back, ForgetRow(CONTAINER_ID, name, held.changed)][number % 2 :][:1]
        if isinstance(group[0], (PutObject, AmendObject)) and kind != "old put":
            last[name] = group[0].record
        made.append(group)
        groups.append(group)
        if len(groups) == batch_size:
            bench.writer.apply(groups)
            groups = []
            bench.check()
    bench.writer.apply(groups)
    bench.check()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(history=HISTORY, batch_size=st.integers(1, 7))
def test_counters_and_digests_equal_a_full_scan(
    history: list[tuple[str, int]], batch_size: int
) -> None:
    play(Bench(), history, batch_size)


@pytest.mark.slow
def test_the_same_on_lmdb(tmp_path: Path) -> None:
    index = LmdbIndex(tmp_path, map_size_bytes=1 << 24, writable=True, create=True)
    rng = random.Random(5)
    history = [(rng.choice(KINDS), rng.randrange(4)) for _ in range(150)]
    lmdb, memory = Bench(index), Bench()
    play(lmdb, history, 5)
    play(memory, history, 5)
    assert lmdb.contents() == memory.contents()
    index.close()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(history=HISTORY)
def test_batches_do_not_matter(history: list[tuple[str, int]]) -> None:
    one, other = Bench(), Bench()
    play(one, history, 1)
    play(other, history, 100)
    assert one.contents() == other.contents()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(history=HISTORY, order=st.randoms(use_true_random=False))
def test_rows_come_in_any_order(history: list[tuple[str, int]], order: random.Random) -> None:
    samples = Samples()
    rows = [
        samples.put(str(n), bytes(n))[1] if kind != "delete" else samples.delete(str(n))[1]
        for kind, n in history
    ]
    shuffled = list(rows)
    order.shuffle(shuffled)
    one, other = Bench(), Bench()
    for bench, asks in ((one, rows), (other, shuffled)):
        bench.accept(*([ask] for ask in asks))
        bench.check()
    assert one.contents()["rows"] == other.contents()["rows"]
    assert one.counters() == other.counters()


# single mutations


def test_a_resent_write_changes_nothing(bench: Bench) -> None:
    group = bench.samples.put("a", b"1")
    bench.accept(group)
    before = bench.contents()
    for _ in range(2):
        assert bench.apply(*group) == [Status.ACCEPTED, Status.ACCEPTED]
        assert bench.contents() == before


def test_an_older_write_is_stale(bench: Bench) -> None:
    old, new = bench.samples.put("a", b"1"), bench.samples.put("a", b"22")
    bench.accept(new)
    assert bench.refuse(*old) == [Status.STALE, Status.SKIPPED]
    [outcomes] = bench.writer.apply([old])
    assert outcomes[0].detail == new[0].record.changed  # type: ignore[union-attr]
    found = bench.newest("a")
    assert found is not None
    assert found.size_bytes == 2


def test_conditions(bench: Bench) -> None:
    [put, _] = bench.samples.put("a", b"1")
    assert isinstance(put, PutObject)
    assert bench.refuse(put._replace(expected=at(1))) == [Status.CONFLICT]
    bench.accept([put._replace(expected=ZERO)])
    [again, _] = bench.samples.put("a", b"2")
    assert isinstance(again, PutObject)
    assert bench.refuse(again._replace(expected=ZERO)) == [Status.CONFLICT]
    [outcomes] = bench.writer.apply([[again._replace(expected=ZERO)]])
    assert outcomes == [Outcome(Status.CONFLICT, put.record.changed)]
    bench.accept([again._replace(expected=put.record.changed)])


def test_amend(bench: Bench) -> None:
    [put, row] = bench.samples.put("a", b"1")
    assert isinstance(put, PutObject)
    bench.accept([put, row])
    name_hash = put.name_hash
    fresh = put.record._replace(changed=bench.samples.now(), content_type="image/png")
    ask = AmendObject(0, name_hash, fresh, put.record.changed)
    assert bench.refuse(ask._replace(expected=at(1))) == [Status.CONFLICT]
    other = put.record._replace(write_id=at(99))
    assert bench.refuse(ask._replace(record=other)) == [Status.MISSING]
    for _ in range(2):
        bench.accept([ask])
        assert bench.newest("a") == fresh
    bench.check()


def test_a_row_without_its_container_is_refused_with_its_group(bench: Bench) -> None:
    [put, row] = bench.samples.put("a", b"1")
    assert isinstance(row, PutRow)
    elsewhere = row._replace(owner_id=bytes(12))
    assert bench.refuse(put, elsewhere) == [Status.SKIPPED, Status.GONE]
    assert bench.refuse(elsewhere, put) == [Status.GONE, Status.SKIPPED]
    bench.accept([DeleteContainer(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, bench.samples.now())])
    assert bench.refuse(put, row) == [Status.SKIPPED, Status.GONE]


def test_a_container_with_rows_is_not_deleted(bench: Bench) -> None:
    def delete() -> DeleteContainer:
        return DeleteContainer(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, bench.samples.now())

    bench.accept(bench.samples.put("a", b"1"))
    assert bench.refuse(delete()) == [Status.NOT_EMPTY]
    with bench.index.snapshot() as snapshot:
        held = read_container(snapshot, CONTAINER_HASH)
    assert held is not None
    dead = held._replace(deleted=bench.samples.now())
    burial = PutContainer(ACCOUNT_HASH, CONTAINER_HASH, dead)
    assert bench.refuse(burial) == [Status.NOT_EMPTY]
    bench.accept(bench.samples.delete("a"))
    assert bench.refuse(delete()._replace(id=bytes(12))) == [Status.MISSING]
    assert bench.refuse(delete()._replace(timestamp=at(0))) == [Status.STALE]
    ask = delete()
    bench.accept([ask], [ask])
    assert bench.refuse(delete()) == [Status.MISSING]


def test_a_decided_deletion_reaches_a_replica_with_rows(bench: Bench) -> None:
    bench.accept(bench.samples.put("a", b"1"))
    with bench.index.snapshot() as snapshot:
        held = read_container(snapshot, CONTAINER_HASH)
    assert held is not None
    dead = held._replace(deleted=bench.samples.now())
    bench.accept([PutContainer(ACCOUNT_HASH, CONTAINER_HASH, dead, None, True)])
    assert bench.apply(*bench.samples.put("b", b"1")) == [Status.SKIPPED, Status.GONE]
    bench.check()


def test_what_is_withdrawn_is_gone_with_its_payload(bench: Bench) -> None:
    [put, row] = bench.samples.put("a", b"1")
    assert isinstance(put, PutObject)
    bench.accept([put, row])
    for _ in range(2):
        bench.accept(
            [
                WithdrawObject(0, put.name_hash, put.record.write_id, put.record.changed),
                WithdrawRow(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, "a", put.record.changed),
            ]
        )
        assert bench.newest("a") is None
        assert bench.row("a") is None
        assert bench.counters() == Counters()
        bench.check()


def test_a_newer_row_is_not_withdrawn(bench: Bench) -> None:
    bench.accept(bench.samples.put("a", b"1"))
    bench.accept([WithdrawRow(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, "a", at(1))])
    assert bench.row("a") is not None


def put_file(bench: Bench, name: str, size: int = 100) -> tuple[list[Mutation], Path]:
    """Publish a payload; return the group that stores its record, and its path."""
    [put, row] = bench.samples.put(name, b"")
    assert isinstance(put, PutObject)
    upload = bench.payloads.create(put.record.write_id)
    upload.write(bytes(size))
    seal, _ = upload.publish({"place": object_prefix(0, put.name_hash).hex()})
    record = put.record._replace(location=Location(Where.FILE, seal), size_bytes=size)
    return [put._replace(record=record), row], bench.payloads.path(record.write_id)


def test_a_record_needs_its_payload_file(bench: Bench) -> None:
    group, path = put_file(bench, "a")
    stored = bench.disk.files.pop(path)
    assert bench.refuse(*group) == [Status.MISSING, Status.SKIPPED]
    bench.disk.files[path] = stored
    bench.accept(group)


def test_a_replaced_file_is_removed_after_the_commit(bench: Bench) -> None:
    group, path = put_file(bench, "a")
    bench.accept(group)
    seen = []
    bench.memory.before_commit = lambda: seen.append(path in bench.disk.files)
    bench.accept(bench.samples.put("a", b"small"))
    assert seen == [True]
    assert path not in bench.disk.files


def test_a_published_file_is_adopted(bench: Bench) -> None:
    """A reader brings the record to a replica whose writer published the payload, and died."""
    [put, row], path = put_file(bench, "a")
    assert isinstance(put, PutObject)
    hollow = Location(Where.DAMAGED, put.record.location.seal)
    bench.accept([put._replace(record=put.record._replace(location=hollow)), row])
    found = bench.newest("a")
    assert found is not None
    assert found.location.where == Where.FILE
    assert path in bench.disk.files


def test_damage(bench: Bench) -> None:
    group, path = put_file(bench, "a")
    [put, _] = group
    assert isinstance(put, PutObject)
    bench.accept(group)
    ask = MarkDamaged(0, put.name_hash, put.record.write_id)
    bench.accept([ask])
    assert path not in bench.disk.files
    assert bench.payloads.quarantine / path.name in bench.disk.files
    found = bench.newest("a")
    assert found is not None
    assert found.location == Location(Where.DAMAGED)
    assert bench.refuse(ask) == [Status.MISSING]
    with bench.index.snapshot() as snapshot:
        assert read_digest(snapshot, root_key(object_prefix(0, put.name_hash))) == 0


def test_a_discarded_payload_stays_where_a_record_names_it(bench: Bench) -> None:
    group, path = put_file(bench, "a")
    [put, _] = group
    assert isinstance(put, PutObject)
    ask = DiscardPayload(0, put.name_hash, put.record.write_id)
    bench.accept(group)
    bench.accept([ask])
    assert path in bench.disk.files
    bench.accept([WithdrawObject(0, put.name_hash, put.record.write_id, put.record.changed)])
    other, other_path = put_file(bench, "b")
    assert isinstance(other[0], PutObject)
    bench.accept([DiscardPayload(0, other[0].name_hash, other[0].record.write_id)])
    assert not {path, other_path} & bench.disk.files.keys()


def test_reclaim(bench: Bench) -> None:
    [put, row] = bench.samples.delete("a")
    assert isinstance(put, PutObject)
    assert isinstance(row, PutRow)
    bench.accept([put, row])
    due_s = EPOCH_MS // 1000 + RECLAIM_AGE_S
    with bench.index.snapshot() as snapshot:
        assert list(read_due(snapshot, due_s - 1, 10)) == []
        due = list(read_due(snapshot, due_s, 10))
    assert [one.kind for one in due] == [DueKind.RECLAIM_OBJECT, DueKind.RECLAIM_ROW]
    assert bench.refuse(ForgetObject(0, put.name_hash, NULL_VERSION, at(1))) == [Status.MISSING]
    assert bench.refuse(ForgetRow(CONTAINER_ID, "a", at(1))) == [Status.MISSING]
    bench.accept(
        [ForgetObject(0, put.name_hash, NULL_VERSION, put.record.changed)],
        [ForgetRow(CONTAINER_ID, "a", row.row.timestamp)],
        [ClearDue(one.key) for one in due],
    )
    assert bench.newest("a") is None
    assert bench.row("a") is None
    bench.accept(bench.samples.put("a", b"1"))
    assert bench.refuse(ForgetRow(CONTAINER_ID, "a", bench.row("a").timestamp)) == [Status.MISSING]  # type: ignore[union-attr]
    with bench.index.snapshot() as snapshot:
        assert list(read_due(snapshot, 2 * due_s, 10)) == []


def test_expiry_is_due(bench: Bench) -> None:
    [put, _] = bench.samples.put("a", b"1")
    assert isinstance(put, PutObject)
    record = put.record._replace(system={"x-delete-at": "1234"})
    bench.accept([put._replace(record=record)])
    with bench.index.snapshot() as snapshot:
        assert list(read_due(snapshot, 1233, 10)) == []
        [due] = read_due(snapshot, 1234, 10)
    assert due.kind == DueKind.EXPIRE
    assert due.names == ("AUTH_a", "c", "a", NULL_VERSION)


def test_the_ledger(bench: Bench) -> None:
    bench.accept([Prove(b"range", {"at_s": 5})])
    with bench.index.snapshot() as snapshot:
        assert unpack("ledger", b"range", snapshot.get("ledger", b"range") or b"") == {"at_s": 5}


def test_the_greatest_timestamp_is_remembered(bench: Bench) -> None:
    group = bench.samples.put("a", b"1")
    old = bench.samples.record("b", b"")._replace(created=at(1), changed=at(1))
    bench.accept(group, [PutObject(0, Samples.name_hash("b"), old)])
    with bench.index.snapshot() as snapshot:
        assert read_highest(snapshot) == group[0].record.changed  # type: ignore[union-attr]


# the outbox


def owed(bench: Bench) -> dict[bytes, bytes]:
    with bench.index.snapshot() as snapshot:
        return {
            bytes(key): bytes(unpack("outbox", key, value)[0])
            for key, value in snapshot.scan("outbox", b"")
        }


def test_what_is_owed_is_cleared_only_as_it_was_seen(bench: Bench) -> None:
    key = ACCOUNT_HASH + CONTAINER_HASH
    first = owed(bench)[key]
    [put, row] = bench.samples.put("a", b"1")
    bench.accept([put, row])
    assert owed(bench) == {key: row.row.timestamp}  # type: ignore[union-attr]
    assert bench.refuse(ClearOutbox(key, first)) == [Status.MISSING]
    bench.accept([ClearOutbox(key, row.row.timestamp)])  # type: ignore[union-attr]
    assert owed(bench) == {}
    assert bench.refuse(ClearOutbox(key, first)) == [Status.MISSING]


def test_a_change_in_the_same_batch_stays_owed(bench: Bench) -> None:
    key = ACCOUNT_HASH + CONTAINER_HASH
    first = owed(bench)[key]
    [put, row] = bench.samples.put("a", b"1")
    assert isinstance(row, PutRow)
    outcomes = bench.writer.apply([[put, row], [ClearOutbox(key, first)]])
    assert outcomes[1] == [Outcome(Status.MISSING)]
    assert owed(bench) == {key: row.row.timestamp}
    again = bench.samples.put("b", b"1")
    outcomes = bench.writer.apply([[ClearOutbox(key, row.row.timestamp)], again])
    assert [one.status for one in outcomes[0]] == [Status.ACCEPTED]
    assert owed(bench) == {key: again[1].row.timestamp}  # type: ignore[union-attr]


def test_what_the_same_batch_owes_can_be_cleared_in_it(bench: Bench) -> None:
    [put, row] = bench.samples.put("a", b"1")
    assert isinstance(row, PutRow)
    bench.accept([put, row], [ClearOutbox(ACCOUNT_HASH + CONTAINER_HASH, row.row.timestamp)])
    assert owed(bench) == {}


def test_an_account_s_rows_owe_nothing(bench: Bench) -> None:
    before = owed(bench)
    row = Row(bench.samples.now(), False, 3, 30)
    bench.accept([PutRow(ACCOUNT_HASH, ACCOUNT_HASH, ACCOUNT_ID, "c", row)])
    assert owed(bench) == before


# failures


def test_a_damaged_group_fails_alone(bench: Bench) -> None:
    """Its effects were under way: the batch runs again without it."""
    bench.accept(*(bench.samples.put(name, b"1") for name in "bcd"))
    table = bench.memory.tables["digests"]
    place = digest_key(object_prefix(0, Samples.name_hash("b")))
    stored = table.values[place]
    table.put(place, b"not sealed")
    good, bad, last = (bench.samples.put(name, b"22") for name in "cbd")
    outcomes = bench.writer.apply([good, bad, last])
    assert [[one.status for one in group] for group in outcomes] == [
        [Status.ACCEPTED, Status.ACCEPTED],
        [Status.DAMAGED, Status.DAMAGED],
        [Status.ACCEPTED, Status.ACCEPTED],
    ]
    sizes = {name: bench.newest(name).size_bytes for name in "bcd"}  # type: ignore[union-attr]
    assert sizes == {"b": 1, "c": 2, "d": 2}
    assert bench.row("b").size_bytes == 1  # type: ignore[union-attr]
    table.put(place, stored)
    bench.check()


def test_a_damaged_record_refuses_its_group(bench: Bench) -> None:
    bench.accept(bench.samples.put("a", b"1"), bench.samples.put("b", b"1"))
    table = bench.memory.tables["objects"]
    damaged = next(
        key for key in table.keys if key.startswith(object_prefix(0, Samples.name_hash("a")))
    )
    table.put(damaged, table.values[damaged] + b"x")
    assert bench.apply(*bench.samples.put("a", b"2")) == [Status.DAMAGED, Status.DAMAGED]
    assert bench.counters().rows == 2


def test_a_failed_commit_leaves_nothing(bench: Bench) -> None:
    def fail() -> None:
        raise IndexFailedError("injected")

    before = bench.contents()
    bench.memory.before_commit = fail
    with pytest.raises(IndexFailedError):
        bench.writer.apply([bench.samples.put("a", b"1")])
    assert bench.contents() == before


def test_a_folder_that_cannot_be_synced_aborts_the_batch(bench: Bench) -> None:
    group, path = put_file(bench, "a")
    before = bench.contents()

    def fail(operation: str, where: Path) -> None:
        if operation == "sync" and where == path.parent:
            raise DiskError(operation, where, "injected")

    bench.disk.before = fail
    with pytest.raises(DiskError):
        bench.writer.apply([group, bench.samples.put("b", b"1")])
    assert bench.contents() == before
    assert path in bench.disk.files


# a full device


def fill(bench: Bench) -> None:
    bench.disk.size_bytes = 0


def test_a_full_device_lets_deletions_pass(bench: Bench) -> None:
    bench.accept(bench.samples.put("a", b"1"), bench.samples.put("b", b"1"))
    held = bench.newest("a")
    assert held is not None
    fill(bench)
    assert bench.refuse(*bench.samples.put("c", b"1")) == [Status.FULL, Status.FULL]
    amend = AmendObject(0, Samples.name_hash("a"), held._replace(changed=at(999)), held.changed)
    assert bench.refuse(amend) == [Status.FULL]
    assert bench.refuse(bench.samples.container()._replace(expected=at(5))) == [Status.FULL]
    outcomes = bench.writer.apply([bench.samples.put("d", b"1"), bench.samples.delete("a")])
    assert [[one.status for one in group] for group in outcomes] == [
        [Status.FULL, Status.FULL],
        [Status.ACCEPTED, Status.ACCEPTED],
    ]
    assert bench.counters().rows == 1
    bench.check()
    bench.disk.size_bytes = 1 << 24
    bench.accept(bench.samples.put("c", b"1"))


@pytest.mark.parametrize(
    "error", [IndexFullError("injected"), DiskFullError("w", ROOT, "injected")]
)
def test_a_commit_without_room_gives_the_reserve_to_deletions(error: Exception) -> None:
    bench = Bench()
    bench.accept(bench.samples.put("a", b"1"))
    bench.writer.restore_reserve()
    reserve = ROOT / RESERVE_FILE
    assert reserve in bench.disk.files

    def full_unless_released() -> None:
        if reserve in bench.disk.files:
            raise error

    bench.memory.before_commit = full_unless_released
    outcomes = bench.writer.apply([bench.samples.put("b", b"1"), bench.samples.delete("a")])
    assert [[one.status for one in group] for group in outcomes] == [
        [Status.FULL, Status.FULL],
        [Status.ACCEPTED, Status.ACCEPTED],
    ]
    assert reserve not in bench.disk.files
    bench.check()
    bench.writer.restore_reserve()
    assert reserve in bench.disk.files


def test_a_commit_that_never_has_room_refuses_all(bench: Bench) -> None:
    bench.accept(bench.samples.put("a", b"1"))

    def full() -> None:
        raise IndexFullError("injected")

    bench.memory.before_commit = full
    before = bench.contents()
    outcomes = bench.writer.apply([bench.samples.put("b", b"1"), bench.samples.delete("a")])
    assert {one.status for group in outcomes for one in group} == {Status.FULL}
    assert bench.contents() == before


def test_a_reserve_that_cannot_be_written_is_left_out(bench: Bench) -> None:
    def fail(operation: str, path: Path) -> None:
        if operation == "replace":
            raise DiskFullError(operation, path, "injected")

    bench.disk.before = fail
    bench.writer.restore_reserve()
    assert ROOT / RESERVE_FILE not in bench.disk.files
    bench.disk.before = lambda operation, path: None
    fill(bench)
    bench.writer.restore_reserve()
    assert ROOT / RESERVE_FILE not in bench.disk.files


FREEING: list[Callable[[Bench], Mutation]] = [
    lambda bench: bench.samples.delete("a")[0],
    lambda bench: bench.samples.delete("a")[1],
    lambda bench: WithdrawObject(0, Samples.name_hash("a"), at(1), at(1)),
    lambda bench: ClearDue(b"key"),
    lambda bench: DiscardPayload(0, Samples.name_hash("a"), at(1)),
    lambda bench: DeleteContainer(ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, bench.samples.now()),
]


@pytest.mark.parametrize("number", range(len(FREEING)))
def test_what_frees_space_passes(bench: Bench, number: int) -> None:
    fill(bench)
    assert bench.apply(FREEING[number](bench)) == [Status.ACCEPTED]

"""What every index promises, run on LMDB, on memory, and on memory that fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.device.index import (
    KEY_SIZE_BYTES_MAX,
    TABLES,
    Batch,
    Index,
    IndexFailedError,
    IndexFullError,
    Snapshot,
    lookup,
    prove_absent,
)
from storage.device.lmdb_index import LmdbIndex
from storage.device.memory_index import MemoryIndex
from storage.seal import DamagedError, pack, seal, unpack_body

MAP_SIZE_BYTES = 16 * 1024 * 1024


class RefusedCommitError(Exception):
    """A disk that did not take the commit."""


def commit(index: Index, work: Callable[[Batch], object]) -> None:
    """Do work in one batch, as often as it takes until its commit holds."""
    while True:
        try:
            with index.batch() as batch:
                work(batch)
        except RefusedCommitError:
            continue
        return


@pytest.fixture(params=["lmdb", "memory", "faulty"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    made: Index
    if request.param == "lmdb":
        made = LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES, writable=True, create=True)
    elif request.param == "memory":
        made = MemoryIndex()
    else:
        rng = random.Random(3)

        def fail() -> None:
            if rng.random() < 2 / 3:
                raise RefusedCommitError

        made = MemoryIndex(before_commit=fail)
    yield made
    made.close()


def rows(snapshot: Snapshot, table: str = "objects", start: bytes = b"") -> list[bytes]:
    return [bytes(key) for key, _ in snapshot.scan(table, start)]


def test_put_get_delete(index: Index) -> None:
    def fill(batch: Batch) -> None:
        batch.put("objects", b"a", b"1")
        batch.put("objects", b"a", b"2")
        batch.put("rows", b"a", b"3")
        assert bytes(batch.get("objects", b"a") or b"") == b"2"

    def empty(batch: Batch) -> None:
        assert batch.delete("objects", b"a")
        assert not batch.delete("objects", b"a")
        assert not batch.delete("objects", b"b")
        assert batch.get("objects", b"a") is None

    with index.snapshot() as snapshot:
        assert snapshot.get("objects", b"a") is None
    commit(index, fill)
    with index.snapshot() as snapshot:
        assert bytes(snapshot.get("objects", b"a") or b"") == b"2"
        assert bytes(snapshot.get("rows", b"a") or b"") == b"3"
    commit(index, empty)
    with index.snapshot() as snapshot:
        assert snapshot.get("objects", b"a") is None
        assert bytes(snapshot.get("rows", b"a") or b"") == b"3"


def test_a_batch_that_fails_leaves_nothing(index: Index) -> None:
    commit(index, lambda batch: batch.put("objects", b"kept", b"old"))

    @contextmanager
    def failing() -> Iterator[Batch]:
        with index.batch() as batch:
            yield batch
            raise ValueError

    def spoil() -> None:
        with failing() as batch:
            batch.put("objects", b"kept", b"new")
            batch.put("objects", b"other", b"1")
            batch.delete("objects", b"kept")
            batch.put("rows", b"x", b"1")

    with pytest.raises(ValueError):
        spoil()
    with index.snapshot() as snapshot:
        assert rows(snapshot) == [b"kept"]
        assert bytes(snapshot.get("objects", b"kept") or b"") == b"old"
        assert rows(snapshot, "rows") == []


def test_seek_and_scan(index: Index) -> None:
    names = [b"\0", b"a", b"a\0", b"aa", b"b", b"\xff" * KEY_SIZE_BYTES_MAX]

    def fill(batch: Batch) -> None:
        for name in reversed(names):
            batch.put("rows", name, b"v" + name[:1])

    commit(index, fill)

    def key(found: tuple[object, object] | None) -> bytes | None:
        return None if found is None else bytes(found[0])  # type: ignore[call-overload,no-any-return]

    with index.snapshot() as snapshot:
        assert key(snapshot.seek("rows", b"")) == b"\0"
        assert key(snapshot.seek("rows", b"a")) == b"a"
        assert key(snapshot.seek("rows", b"ab")) == b"b"
        assert key(snapshot.seek("rows", b"c")) == names[-1]
        assert key(snapshot.seek("rows", names[-1])) == names[-1]
        assert key(snapshot.seek_before("rows", b"\0")) is None
        assert key(snapshot.seek_before("rows", b"a")) == b"\0"
        assert key(snapshot.seek_before("rows", b"a\1")) == b"a\0"
        assert key(snapshot.seek_before("rows", names[-1])) == b"b"
        assert rows(snapshot, "rows", b"a\0") == names[2:]
        back = [bytes(one) for one, _ in snapshot.scan_back("rows", b"b")]
        assert back == [b"aa", b"a\0", b"a", b"\0"]
        assert list(snapshot.scan_back("rows", b"\0")) == []
        assert snapshot.seek("objects", b"a") is None
        assert snapshot.seek_before("objects", b"a") is None
        assert [bytes(value) for _, value in snapshot.scan("rows", b"b")] == [b"vb", b"v\xff"]


def test_a_batch_sees_its_own_changes(index: Index) -> None:
    commit(index, lambda batch: [batch.put("rows", key, b"") for key in (b"a", b"c")])

    def change(batch: Batch) -> None:
        batch.put("rows", b"b", b"")
        batch.delete("rows", b"a")
        assert rows(batch, "rows") == [b"b", b"c"]
        assert [bytes(key) for key, _ in batch.scan_back("rows", b"c")] == [b"b"]

    commit(index, change)


def test_measure_counts_entries(index: Index) -> None:
    commit(index, lambda batch: [batch.put("due", bytes([n]), b"") for n in range(5)])
    facts = index.measure()
    assert facts["due"] == 5
    assert {facts[table] for table in TABLES if table != "due"} == {0}


def test_absence_is_proven(index: Index) -> None:
    def fill(batch: Batch) -> None:
        for key in (b"a", b"c", b"e"):
            batch.put("objects", key, seal(key, b"body " + key))

    commit(index, fill)
    with index.snapshot() as snapshot:
        for key in (b"", b"b", b"d", b"f"):
            assert lookup(snapshot, "objects", key or b"\0") is None
        assert bytes(lookup(snapshot, "objects", b"c") or b"") == b"body c"
        prove_absent(snapshot, "objects", b"bb", b"bb")
        prove_absent(snapshot, "rows", b"x")
    commit(index, lambda batch: batch.put("objects", b"c", seal(b"x", b"body c")))
    with index.snapshot() as snapshot:
        for key in (b"b", b"c", b"d"):
            with pytest.raises(DamagedError):
                lookup(snapshot, "objects", key)
        assert lookup(snapshot, "objects", b"f") is None


KEYS = st.binary(min_size=1, max_size=3)
CHANGES = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=30))), max_size=30)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(CHANGES, max_size=4), probes=st.lists(KEYS, min_size=1, max_size=5))
def test_equals_a_sorted_dictionary(
    index: Index, batches: list[list[tuple[bytes, bytes | None]]], probes: list[bytes]
) -> None:
    commit(index, lambda batch: [batch.delete("rows", key) for key in rows(batch, "rows")])
    model: dict[bytes, bytes] = {}

    def apply(batch: Batch) -> None:
        for key, value in changes:
            if value is None:
                batch.delete("rows", key)
            else:
                batch.put("rows", key, value)

    for changes in batches:
        commit(index, apply)
        for key, value in changes:
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
    with index.snapshot() as snapshot:
        for probe in probes:
            up = [(bytes(key), bytes(value)) for key, value in snapshot.scan("rows", probe)]
            down = [(bytes(key), bytes(value)) for key, value in snapshot.scan_back("rows", probe)]
            assert up == sorted(pair for pair in model.items() if pair[0] >= probe)
            assert down == sorted((p for p in model.items() if p[0] < probe), reverse=True)
            found = snapshot.get("rows", probe)
            assert (None if found is None else bytes(found)) == model.get(probe)


def test_lmdb_keeps_what_was_committed(tmp_path: Path) -> None:
    for round_number in range(3):
        index = LmdbIndex(
            tmp_path,
            map_size_bytes=MAP_SIZE_BYTES,
            writable=True,
            create=round_number == 0,
        )
        key = bytes([round_number])
        with index.batch() as batch:
            batch.put("facts", key, pack(key, round_number))
        index.close()
    reader = LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES)
    with reader.snapshot() as snapshot:
        found = [unpack_body(lookup(snapshot, "facts", bytes([n])) or b"") for n in range(3)]
    assert found == [0, 1, 2]
    with pytest.raises(IndexFailedError):
        reader.batch()
    reader.close()


def test_an_lmdb_snapshot_does_not_see_later_batches(tmp_path: Path) -> None:
    index = LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES, writable=True, create=True)
    with index.snapshot() as snapshot:
        with index.batch() as batch:
            batch.put("rows", b"a", b"1")
        assert rows(snapshot, "rows") == []
    with index.snapshot() as snapshot:
        assert rows(snapshot, "rows") == [b"a"]
    index.close()


def test_a_full_lmdb_map_refuses_the_batch_whole(tmp_path: Path) -> None:
    index = LmdbIndex(tmp_path, map_size_bytes=512 * 1024, writable=True, create=True)
    with index.batch() as batch:
        batch.put("rows", b"kept", b"1")

    def overfill() -> None:
        with index.batch() as batch:
            for number in range(1000):
                batch.put("rows", number.to_bytes(4), bytes(2000))

    with pytest.raises(IndexFullError):
        overfill()
    with index.snapshot() as snapshot:
        assert rows(snapshot, "rows") == [b"kept"]
    with index.batch() as batch:
        assert batch.delete("rows", b"kept")
        batch.put("rows", b"fits", bytes(2000))
    index.close()


def test_what_is_no_lmdb_environment_fails(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"\1" * 100_000)
    with pytest.raises(IndexFailedError):
        LmdbIndex(tmp_path, map_size_bytes=MAP_SIZE_BYTES, writable=True, create=True)
    with pytest.raises(IndexFailedError):
        LmdbIndex(tmp_path / "missing", map_size_bytes=MAP_SIZE_BYTES)


def test_a_failed_memory_index_refuses() -> None:
    index = MemoryIndex()
    index.failed = True
    with pytest.raises(IndexFailedError):
        index.snapshot()
    with pytest.raises(IndexFailedError):
        index.batch()


def test_a_commit_that_nobody_heard_of_is_durable() -> None:
    def fail() -> None:
        raise RefusedCommitError

    index = MemoryIndex(after_commit=fail)
    with pytest.raises(RefusedCommitError), index.batch() as batch:
        batch.put("rows", b"a", b"1")
    with index.snapshot() as snapshot:
        assert rows(snapshot, "rows") == [b"a"]

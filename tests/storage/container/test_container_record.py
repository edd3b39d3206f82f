"""Containers and accounts: replicas merge their records in any order to the same thing."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import ACCOUNT_HASH, CONTAINER_HASH, at

from storage.account.record import AccountRecord, encode_account, merge_accounts, read_account
from storage.container.record import (
    ContainerRecord,
    encode_container,
    merge_containers,
    read_container,
)
from storage.device.memory_index import MemoryIndex
from storage.metadata import merge, stamp, thaw, visible
from storage.path import collection_id
from storage.seal import DamagedError, pack, unpack
from storage.timestamp import ZERO, Timestamp

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
TIMES = st.integers(1, 6).map(at)
METADATA = st.dictionaries(
    st.sampled_from(("x-a", "x-b", "x-c")), st.tuples(st.sampled_from(("", "1", "2")), TIMES)
)


@st.composite
def containers(draw: st.DrawFn) -> ContainerRecord:
    generation = draw(st.integers(1, 2))
    created = draw(TIMES)
    return ContainerRecord(
        1,
        "AUTH_a",
        "c",
        collection_id(CONTAINER_HASH, generation),
        generation,
        created,
        max(created, draw(TIMES)),
        draw(st.one_of(st.just(ZERO), TIMES)),
        created[5] % 2,  # one creation, one policy
        draw(METADATA),
    )


@st.composite
def accounts(draw: st.DrawFn) -> AccountRecord:
    one = draw(containers())
    own_id = collection_id(ACCOUNT_HASH, one.generation)
    return AccountRecord(
        1, "AUTH_a", own_id, one.generation, one.created, one.changed, one.deleted, one.metadata
    )


RECORDS = st.one_of(
    st.tuples(st.just(merge_containers), st.lists(containers(), min_size=1, max_size=4)),
    st.tuples(st.just(merge_accounts), st.lists(accounts(), min_size=1, max_size=4)),
    st.tuples(st.just(merge), st.lists(METADATA, min_size=1, max_size=4)),
)


@PROPERTY
@given(case=RECORDS)
def test_order_does_not_matter(case: tuple[Any, list[Any]]) -> None:
    merge_two, records = case
    found = []
    for order in permutations(records):
        merged = order[0]
        for record in order[1:]:
            merged = merge_two(merged, record)
        found.append(merged)
        backwards = order[-1]
        for record in order[-2::-1]:
            backwards = merge_two(record, backwards)
        found.append(backwards)
    if len(records) > 1:  # what was merged is in one form, to the byte
        assert len({pack(b"", one) for one in found}) == 1
    for record in records:
        assert merge_two(found[0], record) == found[0]


def record(generation: int, changed: int, deleted: int = 0, **metadata: str) -> ContainerRecord:
    return ContainerRecord(
        1,
        "AUTH_a",
        "c",
        collection_id(CONTAINER_HASH, generation),
        generation,
        at(changed),
        at(changed),
        at(deleted) if deleted else ZERO,
        0,
        stamp(metadata, at(changed)),
    )


def test_a_replica_that_slept_through_a_life_does_not_bring_it_back() -> None:
    slept, after = record(1, 1), record(2, 7)
    assert merge_containers(slept, after) == after
    assert merge_containers(after, slept) == after


def test_created_at_once_is_created_together() -> None:
    one, other = record(1, 3, color="red"), record(1, 4, size="big")
    merged = merge_containers(one, other)
    assert merged.id == one.id == other.id
    assert merged.values == {"color": "red", "size": "big"}
    assert merged.created == one.created


def test_each_life_has_its_own_rows() -> None:
    ids = {
        collection_id(name_hash, generation)
        for name_hash in (CONTAINER_HASH, ACCOUNT_HASH)
        for generation in range(1, 50)
    }
    assert len(ids) == 98
    assert {len(one) for one in ids} == {12}
    assert collection_id(bytes(16), 1).hex() == GOLDEN_ID


@pytest.mark.parametrize(
    ("changed", "deleted", "alive"), [(1, 0, True), (1, 2, False), (3, 2, True), (2, 2, False)]
)
def test_the_last_word_decides(changed: int, deleted: int, alive: bool) -> None:
    assert record(1, changed, deleted).alive is alive
    assert record(1, changed, deleted).latest == at(max(changed, deleted))


def test_a_removed_value_does_not_come_back() -> None:
    held = merge(stamp({"x-a": "1", "x-b": "2"}, at(1)), stamp({"x-a": ""}, at(2)))
    assert visible(held) == {"x-b": "2"}
    assert visible(merge(held, stamp({"x-a": "1"}, at(1)))) == {"x-b": "2"}
    assert visible(merge(held, stamp({"x-a": "3"}, at(3)))) == {"x-a": "3", "x-b": "2"}


def test_the_stored_form_of_a_container() -> None:
    full = record(3, 5, 4, color="réd")._replace(policy=2)
    key = CONTAINER_HASH
    stored = encode_container(key, full)
    assert stored.hex() == GOLDEN_CONTAINER
    index = MemoryIndex()
    with index.batch() as batch:
        batch.put("containers", key, stored)
        assert read_container(batch, key) == full
        assert read_container(batch, ACCOUNT_HASH) is None
        fields = unpack("containers", key, stored)
        batch.put("containers", key, pack(key, [2, *fields[1:]]))
        with pytest.raises(DamagedError, match="version 2"):
            read_container(batch, key)


def test_the_stored_form_of_an_account() -> None:
    full = AccountRecord(1, "AUTH_a", bytes(12), 1, at(1), at(2), ZERO, thaw({"x-a": ["v", at(2)]}))
    key = ACCOUNT_HASH
    stored = encode_account(key, full)
    assert stored.hex() == GOLDEN_ACCOUNT
    index = MemoryIndex()
    with index.batch() as batch:
        batch.put("accounts", key, stored)
        assert read_account(batch, key) == full
        fields = unpack("accounts", key, stored)
        batch.put("accounts", key, pack(key, [9, *fields[1:]]))
        with pytest.raises(DamagedError, match="version 9"):
            read_account(batch, key)


def test_timestamps_are_what_they_seem() -> None:
    assert isinstance(at(1), bytes)
    assert Timestamp(at(1)) < at(2)


GOLDEN_ID = "e01e464764cfee76160622ed"
GOLDEN_CONTAINER = (
    "a85f684cc58a83fe9a01a6415554485f61a163c40c9802df4a1310a5b3e3a7a5ca03c40c01977420dc050001"
    "00000107c40c01977420dc05000100000107c40c01977420dc040001000001070281a5636f6c6f7292a472c3"
    "a964c40c01977420dc05000100000107"
)
GOLDEN_ACCOUNT = (
    "120422b5b8893de89801a6415554485f61c40c00000000000000000000000001c40c01977420dc0100010000"
    "0107c40c01977420dc02000100000107c40c00000000000000000000000081a3782d6192a176c40c01977420"
    "dc02000100000107"
)

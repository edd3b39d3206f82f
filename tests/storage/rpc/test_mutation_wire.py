"""Mutations and answers on the wire: they come out as they went in, and their bytes are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, Samples, at

from storage import mutation
from storage.account.record import AccountRecord
from storage.container.record import ContainerRecord
from storage.container.row import Row
from storage.mutation import (
    ACCEPTED,
    Mutation,
    Outcome,
    Status,
    pack_group,
    pack_outcomes,
    unpack_group,
    unpack_outcomes,
)
from storage.object.event import Event
from storage.object.record import Location, ObjectRecord

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True)
TEXT = st.text(max_size=8)
BYTES = st.binary(max_size=16)
NUMBERS = st.integers(0, 2**63 - 1)
STRINGS = st.dictionaries(TEXT, TEXT, max_size=3)
METADATA = st.dictionaries(TEXT, st.tuples(TEXT, BYTES), max_size=3)
LOCATIONS = st.builds(Location, st.integers(0, 3), BYTES)
OBJECTS = st.builds(
    ObjectRecord, NUMBERS, TEXT, TEXT, TEXT, BYTES, BYTES, BYTES, BYTES, NUMBERS, NUMBERS, TEXT,
    TEXT, STRINGS, STRINGS, BYTES, st.booleans(), NUMBERS, LOCATIONS,
)  # fmt: skip
ROWS = st.builds(
    Row, BYTES, st.booleans(), NUMBERS, NUMBERS, TEXT, TEXT, NUMBERS, st.none() | STRINGS
)
CONTAINERS = st.builds(
    ContainerRecord, NUMBERS, TEXT, TEXT, BYTES, NUMBERS, BYTES, BYTES, BYTES, NUMBERS, METADATA
)
ACCOUNTS = st.builds(AccountRecord, NUMBERS, TEXT, BYTES, NUMBERS, BYTES, BYTES, BYTES, METADATA)
MAYBE = st.none() | BYTES
EVENTS = st.builds(
    Event, BYTES, TEXT, TEXT, TEXT, BYTES, TEXT, TEXT, NUMBERS, TEXT, TEXT, TEXT, TEXT
)

MUTATIONS: dict[type, st.SearchStrategy[Any]] = {
    mutation.PutObject: st.builds(
        mutation.PutObject, NUMBERS, BYTES, OBJECTS, BYTES, MAYBE, MAYBE, MAYBE, NUMBERS
    ),
    mutation.AmendObject: st.builds(
        mutation.AmendObject, NUMBERS, BYTES, OBJECTS, BYTES, st.booleans(), NUMBERS
    ),
    mutation.WithdrawObject: st.builds(mutation.WithdrawObject, NUMBERS, BYTES, BYTES, BYTES),
    mutation.MarkDamaged: st.builds(mutation.MarkDamaged, NUMBERS, BYTES, BYTES),
    mutation.DiscardPayload: st.builds(mutation.DiscardPayload, NUMBERS, BYTES, BYTES),
    mutation.PutRow: st.builds(mutation.PutRow, BYTES, BYTES, BYTES, TEXT, ROWS),
    mutation.PutContainer: st.builds(
        mutation.PutContainer, BYTES, BYTES, CONTAINERS, MAYBE, st.booleans()
    ),
    mutation.DeleteContainer: st.builds(mutation.DeleteContainer, BYTES, BYTES, BYTES, BYTES),
    mutation.PutAccount: st.builds(mutation.PutAccount, BYTES, ACCOUNTS),
    mutation.ClearOutbox: st.builds(mutation.ClearOutbox, BYTES, BYTES),
    mutation.ClearDue: st.builds(mutation.ClearDue, BYTES),
    mutation.ForgetObject: st.builds(mutation.ForgetObject, NUMBERS, BYTES, BYTES, BYTES),
    mutation.ForgetRow: st.builds(mutation.ForgetRow, BYTES, TEXT, BYTES),
    mutation.Prove: st.builds(mutation.Prove, BYTES, st.dictionaries(TEXT, NUMBERS)),
    mutation.WithdrawRow: st.builds(mutation.WithdrawRow, BYTES, BYTES, BYTES, TEXT, BYTES),
    mutation.OweEvent: st.builds(mutation.OweEvent, EVENTS),
    mutation.ClearEvents: st.builds(mutation.ClearEvents, st.lists(NUMBERS).map(tuple)),
    mutation.WithdrawEvent: st.builds(mutation.WithdrawEvent, BYTES),
}


def test_every_kind_is_known() -> None:
    assert list(MUTATIONS) == list(mutation._KINDS)


@PROPERTY
@given(number=NUMBERS, group=st.lists(st.one_of(*MUTATIONS.values()), max_size=4))
def test_groups_come_out_as_they_went_in(number: int, group: list[Mutation]) -> None:
    found_number, found = unpack_group(pack_group(number, group))
    assert found_number == number
    assert [type(one) for one in found] == [type(one) for one in group]
    assert found == group, "pairs of metadata are tuples, as they were"
    for one, sent in zip(found, group, strict=True):
        assert [type(value) for value in one] == [type(value) for value in sent]


@PROPERTY
@given(NUMBERS, st.lists(st.builds(Outcome, st.sampled_from(Status), BYTES), max_size=4))
def test_answers_come_out_as_they_went_in(number: int, outcomes: list[Outcome]) -> None:
    assert unpack_outcomes(pack_outcomes(number, outcomes)) == (number, outcomes)


@PROPERTY
@given(
    group=st.lists(st.one_of(*MUTATIONS.values()), min_size=1, max_size=2),
    at_byte=st.integers(0, 10_000),
    value=st.integers(0, 255),
)
def test_what_is_no_group_is_refused_in_one_way(
    group: list[Mutation], at_byte: int, value: int
) -> None:
    """The service closes the connection on these errors, and on no others."""
    data = bytearray(pack_group(1, group))
    data[at_byte % len(data)] = value
    try:
        unpack_group(bytes(data))
    except (ValueError, TypeError, IndexError):
        pass


# One line for each: its name, a colon, its bytes.
GOLDEN = dict(
    line.split(": ")
    for line in (Path(__file__).parent / "golden_groups.txt").read_text().splitlines()
)


def samples() -> dict[str, Any]:
    made = Samples()
    account, container = made.account(), made.container()
    put, row = made.put("né", b"payload")
    tombstone, _ = made.delete("gone")
    assert isinstance(put, mutation.PutObject)
    return {
        "PutObject": put._replace(expected=at(9)),
        "PutObject of a deletion": tombstone,
        "AmendObject": mutation.AmendObject(0, put.name_hash, put.record, at(9)),
        "WithdrawObject": mutation.WithdrawObject(1, put.name_hash, at(1), at(2)),
        "MarkDamaged": mutation.MarkDamaged(1, put.name_hash, at(1)),
        "DiscardPayload": mutation.DiscardPayload(1, put.name_hash, at(1)),
        "PutRow": row,
        "PutContainer": container._replace(expected=at(0)),
        "DeleteContainer": mutation.DeleteContainer(
            ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, at(3)
        ),
        "PutAccount": account,
        "ClearOutbox": mutation.ClearOutbox(b"key", at(1)),
        "ClearDue": mutation.ClearDue(b"key"),
        "ForgetObject": mutation.ForgetObject(1, put.name_hash, b"null", at(1)),
        "ForgetRow": mutation.ForgetRow(CONTAINER_ID, "né", at(1)),
        "Prove": mutation.Prove(b"key", {"at_s": 5}),
        "WithdrawRow": mutation.WithdrawRow(
            ACCOUNT_HASH, CONTAINER_HASH, CONTAINER_ID, "né", at(1)
        ),
    }


@pytest.mark.parametrize("name", samples())
def test_golden_groups(name: str) -> None:
    assert pack_group(258, [samples()[name]]).hex() == GOLDEN[name]


def test_golden_answers() -> None:
    outcomes = [ACCEPTED, Outcome(Status.STALE, at(1)), Outcome(Status.SKIPPED)]
    packed = pack_outcomes(258, outcomes)
    assert packed.hex() == GOLDEN["answers"]
    assert msgpack.unpackb(packed)[1][1] == [1, at(1)]
    assert [int(one) for one in Status] == list(range(11))

"""The judge of histories: what it explains, and what it must not."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.simulation.history import (
    NO_CONTAINER,
    UNKNOWN,
    Operation,
    Value,
    container_model,
    is_linearizable,
    may_be_listed,
    object_model,
)

A, B = Value("a-1", "x"), Value("b-1", "y")


def op(kind: str, started: int, ended: int | None, argument: Any = None, result: Any = "done"):  # type: ignore[no-untyped-def]
    return Operation(kind, argument, started, ended, UNKNOWN if ended is None else result)


def put(value: Value, started: int, ended: int | None) -> Operation:
    return op("put", started, ended, value)


def read(value: Value | None, started: int, ended: int) -> Operation:
    return op("read", started, ended, None, value)


EXPLAINED = {
    "nothing": [],
    "read your write": [put(A, 1, 2), read(A, 3, 4)],
    "read during the write, old": [put(A, 1, 4), read(None, 2, 3)],
    "read during the write, new": [put(A, 1, 4), read(A, 2, 3)],
    "writes at once, either wins": [put(A, 1, 4), put(B, 2, 3), read(A, 5, 6)],
    "unknown, seen": [put(A, 1, None), read(A, 2, 3)],
    "unknown, not seen": [put(A, 1, None), read(None, 2, 3)],
    "unknown, late": [put(A, 1, None), read(None, 2, 3), put(B, 4, 5), read(A, 6, 7)],
    "deleted": [put(A, 1, 2), op("delete", 3, 4, result="a-1"), read(None, 5, 6)],
    "created once": [
        op("create", 1, 5, A),
        op("create", 2, 4, B, "refused"),
        read(A, 6, 7),
    ],
    "unknown creation lost": [put(B, 1, 2), op("create", 3, None, A), read(B, 4, 5)],
    "amended": [put(A, 1, 2), op("amend", 3, 4, "z", "a-1"), read(Value("a-1", "z"), 5, 6)],
}
CONTRADICTED = {
    "stale read": [put(A, 1, 2), read(None, 3, 4)],
    "lost write": [put(A, 1, 2), put(B, 3, 4), read(A, 5, 6)],
    "out of nowhere": [read(A, 1, 2)],
    "from the future": [read(A, 1, 2), put(A, 3, 4)],
    "new, then old": [put(A, 1, 2), put(B, 3, 8), read(B, 4, 5), read(A, 6, 7)],
    "seen, then gone": [put(A, 1, None), read(A, 2, 3), read(None, 4, 5)],
    "created twice": [op("create", 1, 2, A), op("create", 3, 4, B)],
    "refused for nothing": [op("create", 1, 2, A, "refused")],
    "deleted twice": [
        put(A, 1, 2),
        op("delete", 3, 4, result="a-1"),
        op("delete", 5, 6, result="a-1"),
    ],
    "deleted and still there": [put(A, 1, 2), op("delete", 3, 4, result="a-1"), read(A, 5, 6)],
    "amended another": [put(A, 1, 2), op("amend", 3, 4, "z", "b-1")],
    "a refused write": [read(A, 1, 2), read(A, 3, 4)],
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_explained(name: str) -> None:
    assert is_linearizable(EXPLAINED[name], None, object_model)


@pytest.mark.parametrize("name", CONTRADICTED)
def test_contradicted(name: str) -> None:
    assert not is_linearizable(CONTRADICTED[name], None, object_model)


def by_brute_force(operations: list[Operation]) -> bool:
    """Try every order of every choice of the operations whose outcome is unknown."""
    for size in range(len(operations) + 1):
        for order in permutations(operations, size):
            if any(one.ended is not None and one not in order for one in operations):
                continue
            if any(
                later.ended is not None and later.ended < earlier.started
                for at, earlier in enumerate(order)
                for later in order[at + 1 :]
            ):
                continue
            state: Any = None
            for one in order:
                state = object_model(state, one)
                if state == "impossible":
                    break
            else:
                return True
    return False


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    moments = draw(st.permutations(range(10)))
    operations = []
    for number in range(draw(st.integers(1, 4))):
        started, ended = sorted(moments[2 * number : 2 * number + 2])
        kind = draw(st.sampled_from(("put", "create", "delete", "read", "read")))
        argument = draw(st.sampled_from((A, B))) if kind in ("put", "create") else None
        result = draw(
            {
                "put": st.just("done"),
                "create": st.sampled_from(("done", "refused")),
                "delete": st.sampled_from(("a-1", "b-1", None)),
                "read": st.sampled_from((A, B, None)),
            }[kind]
        )
        is_open = kind != "read" and draw(st.booleans())
        operations.append(op(kind, started, None if is_open else ended, argument, result))
    return operations


@settings(max_examples=300, deadline=None, derandomize=True)
@given(histories())
def test_equals_brute_force(operations: list[Operation]) -> None:
    assert is_linearizable(operations, None, object_model) == by_brute_force(operations)


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([op("make", 1, 2), put(A, 3, 4), op("drop", 5, 6, result="not empty")], True),
        ([op("make", 1, 2), op("drop", 3, 4), op("read", 5, 6, result=NO_CONTAINER)], True),
        ([op("read", 1, 2, result=NO_CONTAINER)], True),
        ([op("make", 1, 2), op("read", 3, 4, result=NO_CONTAINER)], False),
        ([op("make", 1, 2), put(A, 3, 4), op("drop", 5, 6)], False),
        ([op("make", 1, 2), op("drop", 3, 4), op("drop", 5, 6)], False),
        ([put(A, 1, 2)], False),
        (
            [op("make", 1, 2), op("drop", 3, 4), op("make", 5, 6), op("read", 7, 8, result="a-1")],
            False,
        ),
    ],
)
def test_a_container_that_comes_and_goes(operations: list[Operation], expected: bool) -> None:
    assert is_linearizable(operations, (False, None), container_model) is expected


@pytest.mark.parametrize(
    ("operations", "shown", "expected"),
    [
        ([], None, True),
        ([], "a-1", False),
        ([put(A, 1, 2)], "a-1", True),
        ([put(A, 1, 2)], None, False),
        ([put(A, 1, None)], None, True),
        ([put(A, 1, None)], "a-1", True),
        ([put(A, 1, 2), put(B, 3, 4)], "a-1", False),
        ([put(A, 1, 2), put(B, 3, 11)], "a-1", True),
        ([put(A, 1, 2), put(B, 3, 11)], "b-1", True),
        ([put(A, 20, 21)], "a-1", False),
        ([put(A, 1, 2), op("delete", 3, 4, result="a-1")], "a-1", False),
        ([put(A, 1, 2), op("delete", 3, 4, result="a-1")], None, True),
        ([put(A, 1, 2), op("create", 3, 4, B, "refused")], "b-1", False),
        ([put(A, 1, 2), op("amend", 3, 4, "z", "a-1")], "a-1", True),
    ],
)
def test_what_a_listing_may_show(
    operations: list[Operation], shown: str | None, expected: bool
) -> None:
    assert may_be_listed(operations, shown, 10, 12) is expected

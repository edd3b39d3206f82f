"""Operations as clients saw them, and whether one order explains them all.

A history is linearizable when each operation can be given one instant between its start and its
end so that, in the order of these instants, each result is right. One whose outcome is unknown may
have its instant at any time after its start, or never. The search is that of Wing and Gong,
"Testing and Verifying Concurrent Objects" (1993), with the states that were seen remembered, as
Lowe does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"
IMPOSSIBLE = "impossible"
MARK = "mark "


@dataclass(slots=True)
class Operation:
    """What one client did to one name.

    Attributes:
        kind: what was asked, for the model.
        argument: what was asked with it.
        started: its place in the order of all starts and ends.
        ended: the same; none while its outcome is unknown.
        result: what was answered; `UNKNOWN` while nothing was.
    """

    kind: str
    argument: Any
    started: int
    ended: int | None = None
    result: Any = UNKNOWN


Model = Callable[[Any, Operation], Hashable]


def is_linearizable(operations: Sequence[Operation], initial: Hashable, model: Model) -> bool:
    """Tell whether some order explains all results.

    Args:
        operations: on one name, in any order.
        initial: the state before the first one.
        model: returns the state after an operation, or `IMPOSSIBLE` where its result is wrong.
    """
    ordered = sorted(operations, key=lambda operation: operation.started)
    answered = sum(1 << n for n, one in enumerate(ordered) if one.ended is not None)
    seen: set[tuple[int, Hashable]] = set()
    stack: list[tuple[int, Hashable]] = [(0, initial)]
    while stack:
        done, state = stack.pop()
        if done & answered == answered:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        stack += _next_states(ordered, done, state, model)
    return False


def _next_states(
    ordered: Sequence[Operation], done: int, state: Hashable, model: Model
) -> list[tuple[int, Hashable]]:
    """Return what one more operation may lead to: one that began before any other ended."""
    open_ones = [(n, one) for n, one in enumerate(ordered) if not done >> n & 1]
    first_end = min(one.ended for _, one in open_ones if one.ended is not None)
    found: list[tuple[int, Hashable]] = []
    for number, operation in open_ones:
        if operation.started > first_end:
            break
        after = model(state, operation)
        if after != IMPOSSIBLE:
            found.append((done | 1 << number, after))
    return found


@dataclass(frozen=True, slots=True)
class Value:
    """What an object holds.

    Attributes:
        payload: name of its bytes.
        note: a piece of its metadata.
    """

    payload: str
    note: str

    def __str__(self) -> str:
        return f"{self.payload} ({self.note})"


def object_model(state: Value | None, operation: Operation) -> Hashable:
    """The register that an object's name is: put, create, amend, delete and read."""
    held = None if state is None else state.payload
    kind, argument, result = operation.kind, operation.argument, operation.result
    is_known = result != UNKNOWN
    if kind == "read":
        return state if result == state else IMPOSSIBLE
    if kind == "put":
        after: Hashable = argument
    elif kind == "create":  # "refused" where there is one
        if is_known and (result == "refused") is (state is None):
            return IMPOSSIBLE
        after = argument if state is None else state
    elif kind == "amend":  # the payload that was amended; none where there was none
        if is_known and result != held:
            return IMPOSSIBLE
        after = None if state is None else Value(state.payload, argument)
    else:  # the payload that was deleted; none where there was none
        after = IMPOSSIBLE if is_known and result != held else None
    return after


NO_CONTAINER = "no container"


def container_model(state: tuple[bool, str | None], operation: Operation) -> Hashable:
    """A container that comes and goes, with one object: make, drop, put, delete and read."""
    is_alive, held = state
    kind, result = operation.kind, operation.result
    is_known = result != UNKNOWN
    if kind == "make":
        return True, held
    if not is_alive:
        return state if not is_known or result == NO_CONTAINER else IMPOSSIBLE
    if result == NO_CONTAINER:
        return IMPOSSIBLE
    if kind == "drop":
        if result == "not empty":
            return state  # a row that some replica has may be of a write with no known outcome
        if is_known and held is not None:
            return IMPOSSIBLE
        return (False, None) if held is None else state
    if kind == "put":
        return True, operation.argument.payload
    if kind == "delete":  # the payload that was deleted; none where there was none
        return IMPOSSIBLE if is_known and result != held else (True, None)
    return state if result == held else IMPOSSIBLE


def versions_model(state: tuple[str, ...], operation: Operation) -> Hashable:
    """The versions of one name, newest last: add, mark, drop, look at one, read the current one.

    A version goes by its payload's name; a delete marker has a name that begins with `MARK`.
    """
    kind, argument, result = operation.kind, operation.argument, operation.result
    if kind in ("add", "mark"):
        return (*state, argument.payload if kind == "add" else argument)
    if kind == "read":
        current = state[-1] if state and not state[-1].startswith(MARK) else None
        return state if result == current else IMPOSSIBLE
    is_there = argument in state
    if kind == "look":
        return state if result == ("done" if is_there else "missing") else IMPOSSIBLE
    if result == "missing" and is_there:
        return IMPOSSIBLE
    return tuple(one for one in state if one != argument)  # of two at once both may succeed


def may_be_listed(
    operations: Sequence[Operation], shown: str | None, started: int, ended: int
) -> bool:
    """Tell whether a listing may show a payload under a name, or (none) not show the name.

    Listings promise less than reads: what was acknowledged before they began they show, unless it
    was surely replaced by then.

    Args:
        operations: on the name.
        shown: name of the payload.
        started: place of the listing's start in the order of all starts and ends.
        ended: of its end.
    """
    before = Operation("delete", None, -1, -1, "")
    writes = [before, *(one for one in operations if _leaves(one) is not None)]
    done = [one for one in writes if one.ended is not None and one.ended < started]
    for write in writes:
        if _leaves(write) != (shown,) or write.started > ended:
            continue
        if write.ended is None or not any(other.started > write.ended for other in done):
            return True
    return False


def _leaves(operation: Operation) -> tuple[str | None] | None:
    """Return the payload that an operation leaves under its name; nothing when it leaves all."""
    if operation.kind == "put" or (operation.kind == "create" and operation.result != "refused"):
        return (operation.argument.payload,)
    if operation.kind == "delete" and operation.result is not None:
        return (None,)
    return None

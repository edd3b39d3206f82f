"""What differing replicas say of a container: no step may undo a deletion that was decided."""

from __future__ import annotations

from itertools import product

import pytest
from storage_samples import CONTAINER_HASH, at

from storage.container.record import ContainerRecord
from storage.path import collection_id
from storage.proxy.quorum import blocking, majority
from storage.proxy.standing import Step, held_by_majority, next_step
from storage.timestamp import ZERO


def record(generation: int, changed: int, deleted: int = 0) -> ContainerRecord:
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
        {},
    )


OLD_LIFE, OLD_DEATH = record(1, 1), record(1, 1, 2)
ALIVE, CHANGED, DEAD = record(2, 3), record(2, 9), record(2, 3, 5)
ANSWERS = (None, OLD_LIFE, OLD_DEATH, ALIVE, CHANGED, DEAD, "away")


@pytest.mark.parametrize("voters", [1, 2, 3, 4, 5])
def test_every_combination_of_answers(voters: int) -> None:
    needed = majority(voters)
    for answers in product(ANSWERS, repeat=voters):
        found = {n: one for n, one in enumerate(answers) if one != "away"}
        known = [one for one in found.values() if one is not None]
        if len(found) < needed or not known:
            continue
        step, result = next_step(found, voters)  # type: ignore[arg-type]
        generation = max(one.generation for one in known)  # type: ignore[union-attr]
        current = [one for one in known if one.generation == generation]  # type: ignore[union-attr]
        dead = sum(not one.alive for one in current)  # type: ignore[union-attr]
        living = len(current) - dead
        away = voters - len(found)
        assert result.generation == generation
        if dead >= needed:
            assert step is Step.BURY  # it is decided
        if step is Step.BURY:
            assert not result.alive
            assert dead >= needed or not living
            assert all(one.changed < result.deleted for one in current)  # type: ignore[union-attr]
        if step in (Step.JOIN, Step.REVIVE):
            assert result.alive
            # As many can refuse the deletion that it cannot be decided behind our back.
            refusing = len(found) - dead
            assert refusing >= blocking(voters) if dead else step is Step.JOIN
            assert voters - blocking(voters) < needed
        if step is Step.FINISH:
            assert dead
            assert living
            assert dead + away >= needed  # it may be decided already


@pytest.mark.parametrize(
    ("answers", "step"),
    [
        ([ALIVE, ALIVE, None], Step.JOIN),
        ([ALIVE, CHANGED, CHANGED], Step.JOIN),
        ([ALIVE, ALIVE, DEAD], Step.REVIVE),
        ([ALIVE, OLD_DEATH, DEAD], Step.REVIVE),
        ([ALIVE, DEAD, DEAD], Step.BURY),
        ([CHANGED, DEAD, DEAD], Step.BURY),
        ([DEAD, None], Step.BURY),
        ([ALIVE, DEAD], Step.FINISH),
        ([OLD_LIFE, ALIVE, OLD_DEATH], Step.JOIN),
    ],
)
def test_steps(answers: list[ContainerRecord | None], step: Step) -> None:
    assert next_step(dict(enumerate(answers)), 3)[0] is step


def test_what_a_majority_holds() -> None:
    assert held_by_majority({1: ALIVE, 2: ALIVE, 3: CHANGED}, 3) == ALIVE
    assert held_by_majority({1: None, 2: None, 3: CHANGED}, 3) is None
    assert held_by_majority({1: ALIVE, 2: CHANGED, 3: DEAD}, 3) is None

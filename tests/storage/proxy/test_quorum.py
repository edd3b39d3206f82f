"""Tallies, over every order of every answer of up to five voters."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from storage.mutation import Outcome, Status
from storage.proxy.quorum import Tally, Verdict, blocking, majority, strongest, together
from storage.proxy.voters import Votes


@pytest.mark.parametrize("voters", range(1, 10))
def test_majorities(voters: int) -> None:
    needed = majority(voters)
    assert 2 * needed > voters, "two majorities meet"
    assert 2 * (needed - 1) <= voters, "no fewer would do"
    assert voters - blocking(voters) < needed <= voters - blocking(voters) + 1


def truth(accepted: int, missing: int, needed: int) -> Verdict:
    if accepted >= needed:
        return Verdict.ENOUGH
    return Verdict.HOPELESS if accepted + missing < needed else Verdict.WAIT


@pytest.mark.parametrize("voters", range(1, 6))
def test_every_vote_in_every_order(voters: int) -> None:
    needed = majority(voters)
    for order in permutations(range(voters)):
        for answers in product((True, False), repeat=voters):
            tally = Tally(range(voters))
            assert tally.verdict is Verdict.WAIT
            verdicts = []
            for done, voter in enumerate(order, 1):
                tally.count(voter, answers[voter])
                accepted = sum(answers[one] for one in order[:done])
                assert tally.verdict is truth(accepted, voters - done, needed)
                verdicts.append(tally.verdict)
            assert verdicts[-1] is not Verdict.WAIT
            final = verdicts.index(verdicts[-1])
            assert set(verdicts[final:]) == {verdicts[-1]}, "a verdict never changes"


@pytest.mark.parametrize("voters", range(1, 6))
@pytest.mark.parametrize("needed", range(1, 6))
def test_a_need_of_its_own(voters: int, needed: int) -> None:
    for answers in product((True, False, None), repeat=voters):
        tally = Tally(range(voters), needed)
        for voter, accepted in enumerate(answers):
            if accepted is not None:
                tally.count(voter, accepted)
        assert tally.verdict is truth(answers.count(True), answers.count(None), needed)


def test_nobody_votes_twice_or_uninvited() -> None:
    tally = Tally([1, 2, 3])
    for _ in range(3):
        tally.count(1, True)
        tally.count(9, True)
    assert tally.verdict is Verdict.WAIT
    tally.count(2, True)
    assert tally.verdict is Verdict.ENOUGH


@pytest.mark.parametrize("first", range(1, 4))
@pytest.mark.parametrize("second", range(1, 4))
def test_several_majorities_at_once(first: int, second: int) -> None:
    for one in product((True, False, None), repeat=first):
        for other in product((True, False, None), repeat=second):
            tallies = []
            for answers in (one, other):
                tally = Tally(range(len(answers)))
                for voter, accepted in enumerate(answers):
                    if accepted is not None:
                        tally.count(voter, accepted)
                tallies.append(tally)
            verdicts = {tally.verdict for tally in tallies}
            expected = Verdict.ENOUGH
            if Verdict.HOPELESS in verdicts:
                expected = Verdict.HOPELESS
            elif Verdict.WAIT in verdicts:
                expected = Verdict.WAIT
            assert together(tallies) is expected
    assert together([]) is Verdict.ENOUGH


def test_the_strongest_refusal() -> None:
    assert strongest([]) is None
    assert strongest([Status.ACCEPTED, Status.SKIPPED]) is None
    assert strongest([Status.FULL, Status.DAMAGED]) is Status.FULL
    assert strongest([Status.FULL, Status.STALE, Status.CONFLICT]) is Status.CONFLICT
    assert strongest([Status.MISSING, Status.GONE, Status.NOT_EMPTY]) is Status.GONE


def test_votes() -> None:
    newer = b"\1" * 12
    votes = Votes(
        answers={
            1: [Outcome(Status.ACCEPTED), Outcome(Status.ACCEPTED)],
            2: [Outcome(Status.STALE, newer), Outcome(Status.SKIPPED)],
            3: [Outcome(Status.FULL)],
        },
        unsent={4},
    )
    assert votes.accepted_by() == [1]
    assert votes.refusal is Status.STALE
    assert votes.refused_by(Status.FULL) == [3]
    assert votes.newest_detail() == newer
    assert not votes.is_surely_nowhere([1, 2, 3])
    assert votes.is_surely_nowhere([2, 3, 4]) is False  # somebody took it, whoever was asked
    assert Votes(answers={2: [Outcome(Status.FULL)]}, unsent={4}).is_surely_nowhere([2, 4])
    assert not Votes(answers={2: [Outcome(Status.FULL)]}).is_surely_nowhere([2, 4])
    assert votes.is_surely_lost([1, 2, 3], 2)
    assert not votes.is_surely_lost([1, 2, 5], 2)  # the fifth may still accept
    assert votes.is_surely_lost([2, 3, 4], 1)

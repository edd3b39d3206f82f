"""When a majority has spoken: pure decisions, no waiting and no sending."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from storage.mutation import Status


class Verdict(Enum):
    """What is known about a write so far."""

    WAIT = "wait"
    ENOUGH = "enough"
    HOPELESS = "hopeless"


def majority(voters: int) -> int:
    """Return how many of so many voters are a majority."""
    return voters // 2 + 1


def blocking(voters: int) -> int:
    """Return how many of so many voters leave too few others for a majority."""
    return voters - majority(voters) + 1


class Tally:
    """Counts the votes of one set of voters.

    Args:
        voters: their device ids.
        needed: how many must accept; by default a majority.
    """

    def __init__(self, voters: Iterable[int], needed: int | None = None) -> None:
        self._open = set(voters)
        self._needed = majority(len(self._open)) if needed is None else needed
        self._accepted = 0

    def count(self, voter: int, accepted: bool) -> None:
        """Count a voter's answer, or its failure to give one; one who has no vote is passed."""
        if voter in self._open:
            self._open.remove(voter)
            self._accepted += accepted

    @property
    def verdict(self) -> Verdict:
        """What the votes so far mean."""
        if self._accepted >= self._needed:
            return Verdict.ENOUGH
        if self._accepted + len(self._open) < self._needed:
            return Verdict.HOPELESS
        return Verdict.WAIT


def together(tallies: Iterable[Tally]) -> Verdict:
    """Return the verdict on a write that needs every one of several majorities."""
    verdicts = {tally.verdict for tally in tallies}
    for verdict in (Verdict.HOPELESS, Verdict.WAIT):
        if verdict in verdicts:
            return verdict
    return Verdict.ENOUGH


# Which refusal explains a failed write best, strongest first: a caller's mistake that a majority
# of any size would repeat comes before a lack of room, and that before damage.
_PRECEDENCE = (
    Status.GONE,
    Status.NOT_EMPTY,
    Status.MISSING,
    Status.LOCKED,
    Status.VERSIONED,
    Status.CONFLICT,
    Status.STALE,
    Status.FULL,
    Status.DAMAGED,
)


def strongest(statuses: Iterable[int]) -> Status | None:
    """Return the refusal that explains a failed write, or nothing when none was refused."""
    found = set(statuses)
    return next((status for status in _PRECEDENCE if status in found), None)

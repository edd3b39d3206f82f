"""Speaking to the replicas of a name: reads from a majority, writes to all, answers at quorum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import trio

from storage.device.client import DeviceUnavailableError, OutcomeUnknownError
from storage.mutation import Mutation, Outcome, Status
from storage.proxy.errors import UnavailableError
from storage.proxy.quorum import Tally, Verdict, majority, strongest, together
from storage.proxy.replica import Replica, ReplicaFailedError

GRACE_S = 0.25
T = TypeVar("T")


@dataclass(slots=True)
class Votes:
    """How the replicas answered to a write.

    Attributes:
        verdict: over all majorities that were needed.
        answers: by device; a device that is missing gave none in time.
        unsent: devices that took nothing for sure.
    """

    verdict: Verdict = Verdict.WAIT
    answers: dict[int, list[Outcome]] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)

    @property
    def refusal(self) -> Status | None:
        """The refusal that explains a failure best."""
        return strongest(one.status for outcomes in self.answers.values() for one in outcomes)

    def accepted_by(self) -> list[int]:
        """Return the devices that applied their group."""
        return [
            number
            for number, outcomes in self.answers.items()
            if all(one.status == Status.ACCEPTED for one in outcomes)
        ]

    def refused_by(self, status: Status) -> list[int]:
        """Return the devices that gave this refusal."""
        return [
            number
            for number, outcomes in self.answers.items()
            if any(one.status == status for one in outcomes)
        ]

    def newest_detail(self) -> bytes:
        """Return the greatest timestamp that came with an answer: something newer is there."""
        return max(
            (one.detail for outcomes in self.answers.values() for one in outcomes),
            default=b"",
        )

    def is_surely_lost(self, asked: Iterable[int], needed: int) -> bool:
        """Tell whether even all answers that are still missing could not make so many."""
        voters = set(asked)
        missing = voters - self.answers.keys() - self.unsent
        return len(voters.intersection(self.accepted_by()) | missing) < needed

    def is_surely_nowhere(self, asked: Iterable[int]) -> bool:
        """Tell whether every device that was asked refused, or was never reached."""
        return not self.accepted_by() and set(asked) <= self.answers.keys() | self.unsent


class Voters:
    """The devices of a cluster, by their numbers in the rings.

    Args:
        replicas: all there are.
        deadline_s: for a device's answer to a write.
    """

    def __init__(self, replicas: Mapping[int, Replica], deadline_s: float) -> None:
        self.replicas = replicas
        self._deadline_s = deadline_s

    async def read_only_one(self, number: int, ask: Callable[[Replica], Awaitable[T]]) -> T:
        """Ask the only replica there is.

        Raises:
            UnavailableError: it cannot answer.
        """
        try:
            return await ask(self.replicas[number])
        except ReplicaFailedError as error:
            raise UnavailableError(str(error)) from error

    async def read(
        self, numbers: Sequence[int], ask: Callable[[Replica], Awaitable[T]]
    ) -> dict[int, T]:
        """Ask replicas and return the answers of a majority or more.

        Raises:
            UnavailableError: fewer answered.
        """
        if len(numbers) == 1:
            return {numbers[0]: await self.read_only_one(numbers[0], ask)}
        answers: dict[int, T] = {}
        for number in numbers:
            try:
                answers[number] = await ask(self.replicas[number])
            except ReplicaFailedError as error:
                failure = error
        if len(answers) < majority(len(numbers)):
            raise UnavailableError(f"{len(answers)} of {len(numbers)} replicas") from failure
        return answers

    async def write(
        self, groups: Mapping[int, Sequence[Mutation]], *needed: Sequence[int] | Tally
    ) -> Votes:
        """Send each device its group; return soon after the verdict is known.

        Args:
            groups: by device.
            needed: sets of voters, a majority of each of which must accept, or fresh tallies.

        On cancel: the outcome is unknown.
        """
        tallies = [one if isinstance(one, Tally) else Tally(one) for one in needed]
        votes = Votes()
        if len(groups) == 1:
            for number, group in groups.items():
                await self._ask(number, group, votes, tallies)
        else:
            async with trio.open_nursery() as nursery:

                async def ask(number: int, group: Sequence[Mutation]) -> None:
                    await self._ask(number, group, votes, tallies)
                    if together(tallies) is not Verdict.WAIT:
                        nursery.cancel_scope.deadline = min(
                            nursery.cancel_scope.deadline, trio.current_time() + GRACE_S
                        )

                for number, group in groups.items():
                    nursery.start_soon(ask, number, group)
        votes.verdict = together(tallies)
        return votes

    async def _ask(
        self, number: int, group: Sequence[Mutation], votes: Votes, tallies: list[Tally]
    ) -> None:
        accepted = False
        try:
            outcomes = await self.replicas[number].commit(group, self._deadline_s)
            votes.answers[number] = outcomes
            accepted = all(one.status == Status.ACCEPTED for one in outcomes)
        except DeviceUnavailableError:
            votes.unsent.add(number)
        except OutcomeUnknownError:
            pass  # it has no answer: the votes show it by its absence
        for tally in tallies:
            tally.count(number, accepted)

"""What must be done because of an event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from storage.object.event import Event


class ErrandFailedError(Exception):
    """An errand could not be run now; the other side is at fault, and it is tried again."""


class ErrandRefusedError(ErrandFailedError):
    """This errand fails where others may not: it is tried a few times more, then given up."""


class ErrandHopelessError(ErrandFailedError):
    """This errand cannot be run, now or later: it is given up at once."""


class Errand(NamedTuple):
    """Something to be done because of an event, perhaps more than once.

    Attributes:
        lane: errands of one lane are run one after the other, in order; a lane that is stuck
            keeps no other waiting.
        run: does it, given the devices that hold the event and its number among theirs of the
            bucket; raises ErrandFailedError to be asked again.
        give_up: called once where it will not be asked again.
    """

    lane: str
    run: Callable[[Mapping[int, int]], Awaitable[None]]
    give_up: Callable[[], Awaitable[None]] | None = None


Router: TypeAlias = Callable[[Event], Awaitable[list[Errand]]]
"""Returns what must be done because of an event."""

"""Runs an async program so that one seed gives one run, to the last step.

This is the one place that reaches into trio's insides. Trio runs the tasks that are ready in a
random order, on purpose; with its own switch for deterministic scheduling (made for Hypothesis) it
sorts them by age first and then shuffles them by a generator that can be seeded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
import trio._core._run as scheduler
from trio.testing import MockClock

T = TypeVar("T")


def run_seeded(seed: int, main: Callable[[], Awaitable[T]]) -> T:
    """Run a program on a virtual clock that jumps to the next deadline when all tasks wait.

    Args:
        seed: of the order in which tasks run.
        main: the program; its other sources of chance must be seeded as well.
    """
    internals: Any = scheduler
    was_allowed, state = internals._ALLOW_DETERMINISTIC_SCHEDULING, internals._r.getstate()
    internals._ALLOW_DETERMINISTIC_SCHEDULING = True
    internals._r.seed(seed)
    try:
        return trio.run(main, clock=MockClock(autojump_threshold=0))
    finally:
        internals._ALLOW_DETERMINISTIC_SCHEDULING = was_allowed
        internals._r.setstate(state)

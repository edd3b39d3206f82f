"""When a process that died is started again: a state machine without a clock or a process."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from atoll.config import SupervisorSettings
from atoll.invariant import invariant
from atoll.roles import EXIT_REFUSED


class Phase(enum.Enum):
    """Where a role instance stands in its life."""

    WAITING = "waiting"  # no process; to be started at `due_s`
    STARTING = "starting"  # a process that is not ready
    RUNNING = "running"  # a process that is ready
    REFUSED = "refused"  # no process; starting again cannot help
    STOPPED = "stopped"  # no process; asked to stop


ALIVE = frozenset((Phase.STARTING, Phase.RUNNING))
OVER = frozenset((Phase.REFUSED, Phase.STOPPED))


@dataclass(frozen=True, slots=True)
class Life:
    """The life of one role instance; each event returns the next one.

    Attributes:
        phase: where it stands.
        since_s: when the phase began.
        due_s: while waiting, when to start.
        deaths_in_row: deaths without a stable run between them.
        deaths: all unasked deaths.
        tried: whether it has been ready, died or refused since the cloud started. Until then
            those that come after it wait.
    """

    phase: Phase
    since_s: float
    due_s: float
    deaths_in_row: int = 0
    deaths: int = 0
    tried: bool = False

    @classmethod
    def begin(cls, now_s: float) -> Life:
        """Return a life whose first process is due at once."""
        return cls(Phase.WAITING, now_s, now_s)

    def started(self, now_s: float) -> Life:
        """Return the life after a process was started."""
        invariant(self.phase is Phase.WAITING, "only who waits is started", phase=self.phase)
        return replace(self, phase=Phase.STARTING, since_s=now_s)

    def became_ready(self, now_s: float) -> Life:
        """Return the life after the process said that it is ready; it may say so twice."""
        if self.phase is not Phase.STARTING:
            return self
        return replace(self, phase=Phase.RUNNING, since_s=now_s, tried=True)

    def exited(
        self, now_s: float, exit_code: int, *, stopping: bool, settings: SupervisorSettings
    ) -> Life:
        """Return the life after the process ended.

        Args:
            now_s: monotonic time.
            exit_code: of the process, negative for a signal. Zero is a death too: a role that
                nobody asked to stop has no business ending.
            stopping: whether it was asked to stop.
            settings: how long to wait.
        """
        invariant(self.phase in ALIVE, "only a process can exit", phase=self.phase)
        if stopping:
            return replace(self, phase=Phase.STOPPED, since_s=now_s, tried=True)
        if exit_code == EXIT_REFUSED:
            return replace(self, phase=Phase.REFUSED, since_s=now_s, tried=True)
        stable = self.phase is Phase.RUNNING and now_s - self.since_s >= settings.stable_s
        deaths_in_row = 1 if stable else self.deaths_in_row + 1
        return replace(
            self,
            phase=Phase.WAITING,
            since_s=now_s,
            due_s=now_s + restart_delay_s(deaths_in_row, settings),
            deaths_in_row=deaths_in_row,
            deaths=self.deaths + 1,
            tried=True,
        )

    def stopped(self, now_s: float) -> Life:
        """Return the life after a stop that found no process; a refusal stands."""
        invariant(self.phase not in ALIVE, "a process is stopped first", phase=self.phase)
        if self.phase in OVER:
            return self
        return replace(self, phase=Phase.STOPPED, since_s=now_s, tried=True)


def restart_delay_s(deaths_in_row: int, settings: SupervisorSettings) -> float:
    """Return how long to wait after so many deaths in a row: doubling, up to a cap.

    Args:
        deaths_in_row: at least 1.
        settings: the first delay and the longest.
    """
    doublings = min(deaths_in_row - 1, 64)  # a float has room for it
    delay_s = settings.restart_delay_s_min * 2.0**doublings
    return min(delay_s, max(settings.restart_delay_s_max, settings.restart_delay_s_min))


@dataclass(frozen=True, slots=True)
class Signs:
    """The last signs of life of a process.

    Attributes:
        started_s: when it was started.
        heard_s: when it last said anything; `started_s` before that.
        let_in_s: when it was let into its ``main``, or None.
        ready: whether it said that it is ready.
    """

    started_s: float
    heard_s: float
    let_in_s: float | None = None
    ready: bool = False

    def let_in(self, now_s: float) -> Signs:
        """Return the signs after the process was let into its ``main``."""
        return replace(self, let_in_s=now_s)

    def heard(self, now_s: float) -> Signs:
        """Return the signs after the process said something."""
        return replace(self, heard_s=now_s)

    def became_ready(self) -> Signs:
        """Return the signs after the process said that it is ready."""
        return replace(self, ready=True)

    def complaint(self, now_s: float, settings: SupervisorSettings) -> str | None:
        """Return why the process must be killed now, or None."""
        if now_s - self.heard_s >= settings.silence_s_max:
            return f"said nothing for {settings.silence_s_max:g} s"
        if (
            not self.ready
            and self.let_in_s is not None
            and now_s - self.let_in_s >= settings.ready_deadline_s
        ):
            return f"not ready after {settings.ready_deadline_s:g} s"
        return None

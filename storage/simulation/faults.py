"""What goes wrong in a run, and when: chosen by the seed, within what the policy must survive.

Disks fail operations, are full or slow, their services die; coordinators die, clients hang up,
clocks jump, and the power goes out. No disk loses what was synced, and all of it ends: whatever
was acknowledged must be there then. Each run has its own mixture, so that rare faults are not
always drowned by common ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import trio

from atoll.world import DiskError, DiskFullError, Random
from storage.device.index import IndexFailedError, IndexFullError
from storage.simulation.process import Process, ProcessDiedError

KINDS = (
    "service dies at a step",
    "service is killed",
    "service is slow",
    "disk fails",
    "disk is full",
    "commit fails",
    "index cannot be read",
    "worker dies at a step",
    "worker is killed",
    "client hangs up",
    "clock jumps",
    "bits rot",
    "power goes out at a step",
)
_DEVICE_KINDS = frozenset(KINDS[:7])
_FAILING = frozenset(
    ("create", "write", "sync", "link", "unlink", "rename", "replace", "open", "read", "list")
)
TROUBLE_S_MAX = 5.0
SLOW_S_MAX = 12.0
CLOCK_JUMP_S_MAX = 4.0


class FaultInjector:
    """Decides at each step of each process whether something goes wrong.

    Args:
        random: of the simulation.
        devices: how many there are.
        note: writes into the trace.

    Attributes:
        kinds: that this run may meet.
        counts: of what happened.
        cut_power: set by the simulation.
    """

    def __init__(self, random: Random, devices: int, note: Callable[[str, str], None]) -> None:
        self._random = random
        self.note = note
        self.kinds = {kind for kind in KINDS if random.random() < 0.5}
        self.counts = Counter(dict.fromkeys(KINDS, 0))
        self.is_quiet = True
        self._troubles = dict.fromkeys(range(devices), "")
        self.cut_power: Callable[[], None] = _nobody
        self._step_rate = (0.002, 0.01, 0.05)[random.randrange(3)]

    def happens(self, kind: str, rate: float) -> bool:
        """Tell whether a fault that this run may meet happens now."""
        if self.is_quiet or kind not in self.kinds or self._random.random() >= rate:
            return False
        self.counts[kind] += 1
        self.note("fault", kind)
        return True

    async def trouble(self) -> None:
        """Bring trouble to the devices, to one or to several at a time, until cancelled."""
        kinds = sorted(self.kinds & _DEVICE_KINDS)
        devices = len(self._troubles)
        ease_s = TROUBLE_S_MAX * self._random.random() * 2
        async with trio.open_nursery() as nursery:
            for device in range(devices if kinds else 0):
                nursery.start_soon(self._trouble, device, kinds, ease_s)

    async def _trouble(self, device: int, kinds: list[str], ease_s: float) -> None:
        while True:
            await trio.sleep(self._random.random() * ease_s)
            self._troubles[device] = kinds[self._random.randrange(len(kinds))]
            self.note("trouble", f"{self._troubles[device]} at {device}")
            await trio.sleep(self._random.random() * TROUBLE_S_MAX)
            self._troubles[device] = ""

    def strikes(self, device: int, kind: str, rate: float) -> bool:
        """Tell whether the trouble that a device may have now shows itself."""
        return self._troubles.get(device) == kind and self.happens(kind, rate)

    # called by the processes

    def step(self, process: Process, device: int, operation: str, path: Path) -> None:
        """Let an operation on a disk fail, or the process that wants it die."""
        if self.happens("power goes out at a step", self._step_rate / 25):
            self.cut_power()
            raise ProcessDiedError(process.name)
        if process.device < 0 and self.happens("worker dies at a step", self._step_rate):
            self._kill(process)
        if process.device >= 0 and self.strikes(device, "service dies at a step", 0.1):
            self._kill(process)
        if operation not in _FAILING:
            return
        if self.strikes(device, "disk fails", 0.3):
            raise DiskError(operation, path, "injected")
        if operation in ("write", "replace") and self.strikes(device, "disk is full", 0.7):
            raise DiskFullError(operation, path, "injected")

    def commit(self, process: Process, step: str) -> None:
        """Let a commit of the index fail before or after it is durable, or the process die."""
        process.check()
        device = process.device
        if self.happens("power goes out at a step", self._step_rate / 5):
            self.cut_power()
            raise ProcessDiedError(process.name)
        if self.strikes(device, "service dies at a step", 0.2):
            self._kill(process)
        if self.strikes(device, "commit fails", 0.2):
            raise IndexFailedError("injected")
        if step == "commit" and self.strikes(device, "disk is full", 0.5):
            raise IndexFullError("injected")

    def _kill(self, process: Process) -> None:
        process.die()
        raise ProcessDiedError(process.name)

    def pause_s(self, process: Process) -> float:
        """Return how long blocking work takes."""
        if self.strikes(process.device, "service is slow", 0.3):
            return self._random.random() * SLOW_S_MAX
        chance = self._random.random()
        return 0.0 if chance < 0.5 else chance * 0.02


def _nobody() -> None:
    return

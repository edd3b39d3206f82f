"""The machine that a measurement was made on, in words."""

from __future__ import annotations

import os
import platform
import re
import resource
import time
from pathlib import Path

_QUEUE_FACTS = ("rotational", "write_cache", "scheduler")
OTHERS_MAX = 0.1
"""Share of the cores that others may use before the numbers are doubted."""


def describe(folder: Path) -> list[str]:
    """Return lines on processor, memory, kernel, Python, and the disk below a folder."""
    memory_kib = int(_found(r"MemTotal:\s+(\d+)", Path("/proc/meminfo")))
    model = _found(r"model name\s*: (.*)", Path("/proc/cpuinfo"))
    return [
        f"CPU      {model}, {os.cpu_count()} cores",
        f"memory   {memory_kib / 2**20:.0f} GiB",
        f"kernel   {platform.system()} {platform.release()} {platform.machine()}",
        f"Python   {platform.python_implementation()} {platform.python_version()}",
        f"disk     {_disk(folder)}",
    ]


class Others:
    """What work of others took from the machine since this was made; it spoils the numbers."""

    def __init__(self) -> None:
        self._before_s = _busy_s() - _own_s()
        self._begin_s = time.monotonic()

    def describe(self) -> str:
        """Return a line; the kernel's own threads count among the others."""
        cores = os.cpu_count() or 1
        spent_s = _busy_s() - _own_s() - self._before_s
        share = max(0.0, spent_s / (time.monotonic() - self._begin_s) / cores)
        verdict = ": too much, the numbers may be off" if share > OTHERS_MAX else ""
        return f"others   took {share:.0%} of the cores during the run{verdict}"


def _busy_s() -> float:
    """Return the processor time that was spent on this machine (proc_stat(5))."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Return the processor time of this process and of all that it started and that has ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _disk(folder: Path) -> str:
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    file_system = re.search(
        rf"^\d+ \d+ {number} .* - (\S+) (\S+)", Path("/proc/self/mountinfo").read_text(), re.M
    )
    kind, source = file_system.groups() if file_system else ("unknown file system", number)
    return f"{kind} on {source} ({_block_device(number)})"


def _block_device(number: str) -> str:
    """Return the kind of a block device; partitions share the queue of their disk."""
    device = Path("/sys/dev/block", number).resolve()
    for disk in (device, device.parent):
        if (disk / "queue").is_dir():
            facts = [(disk / "queue" / name).read_text().strip() for name in _QUEUE_FACTS]
            return ", ".join(
                f"{name}: {fact}" for name, fact in zip(_QUEUE_FACTS, facts, strict=True)
            )
    return "no block device"


def _found(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text())
    return match.group(1).strip() if match else "unknown"

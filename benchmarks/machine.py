"""The machine that a measurement was made on, in words."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_QUEUE_FACTS = ("rotational", "write_cache", "scheduler")
NOISE_MAX = 0.25
"""Share of the cores that others may use before a run is called noisy."""


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
        f"load     {_load()}",
    ]


def _load() -> str:
    """Return the load average before the run; other work spoils the numbers."""
    minute = os.getloadavg()[0]
    noisy = minute > NOISE_MAX * (os.cpu_count() or 1)
    return f"{minute:.2f} before the run" + (": others are at work, numbers may be off" * noisy)


def _disk(folder: Path) -> str:
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    file_system = re.search(
        rf"^\d+ \d+ {number} .* - (\S+) (\S+)", Path("/proc/self/mountinfo").read_text(), re.M
    )
    kind, source = file_system.groups() if file_system else ("unknown file system", number)
    return f"{kind} on {source} ({_block_device(number)}), {folder}"


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

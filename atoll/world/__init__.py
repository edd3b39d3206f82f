"""The world as a parameter: clock, random numbers, disk and network in one object.

Code outside this package never asks the operating system for the time, for randomness, for a
file or for a socket. It is handed a `World`, so that a whole cluster runs in one process from one
seed (see `atoll.world.simulated`), with disks that tear writes and clocks that jump.
"""

from atoll.world.interface import (
    Clock,
    Disk,
    DiskError,
    DiskFullError,
    File,
    Listener,
    Network,
    Random,
    Stream,
    Threads,
    World,
)
from atoll.world.real import real_world

__all__ = [
    "Clock",
    "Disk",
    "DiskError",
    "DiskFullError",
    "File",
    "Listener",
    "Network",
    "Random",
    "Stream",
    "Threads",
    "World",
    "real_world",
]

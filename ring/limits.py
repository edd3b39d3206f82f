"""The limits of a ring; docs/ring.md explains them."""

from __future__ import annotations

import math

from ring.errors import RingInputError

POWER_MIN = 1
POWER_MAX = 24
REPLICAS_MIN = 1.0
REPLICAS_MAX = 64.0
SLOTS_MAX = 2**26
"""Replicas of all partitions together: what a rebalance can keep in memory (about 4 GiB)."""

DEVICE_IDS_MAX = 65_535
NO_DEVICE = 65_535
"""The device id that stands for "none" in a table."""

WEIGHT_MIN = 1e-6
"""Of a device that is not drained (whose weight is 0)."""

WEIGHT_MAX = 1e15
NUMBER_MAX = 65_535
"""Of a region, a zone and a port."""

NAME_LENGTH_MAX = 255
META_LENGTH_MAX = 1_024
OVERLOAD_MAX = 1e6
MIN_PART_HOURS_MAX = 24 * 365
NOW_HOURS_MAX = 2**31


def check_power(power: int) -> None:
    """Raise RingInputError unless there can be 2^power partitions."""
    if type(power) is not int or not POWER_MIN <= power <= POWER_MAX:
        raise RingInputError(f"power must be an integer from {POWER_MIN} to {POWER_MAX}")


def check_replicas(replicas: float, power: int) -> None:
    """Raise RingInputError unless a ring can have so many replicas."""
    if not (math.isfinite(replicas) and REPLICAS_MIN <= replicas <= REPLICAS_MAX):
        raise RingInputError(f"replicas must be from {REPLICAS_MIN:g} to {REPLICAS_MAX:g}")
    if slot_count(power, replicas) > SLOTS_MAX:
        raise RingInputError(
            f"{replicas:g} replicas of 2^{power} partitions are more than {SLOTS_MAX}"
        )


def check_overload(overload: float) -> None:
    """Raise RingInputError unless it is an overload."""
    if not (math.isfinite(overload) and 0 <= overload <= OVERLOAD_MAX):
        raise RingInputError(f"overload must be from 0 to {OVERLOAD_MAX:g}, as 0.1 for 10 %")


def check_min_part_hours(hours: int) -> None:
    """Raise RingInputError unless partitions can be left alone for so long."""
    if type(hours) is not int or not 0 <= hours <= MIN_PART_HOURS_MAX:
        raise RingInputError(f"min_part_hours must be an integer from 0 to {MIN_PART_HOURS_MAX}")


def check_now_hours(now_hours: float) -> None:
    """Raise RingInputError unless it is a time."""
    if not 0 <= now_hours <= NOW_HOURS_MAX:
        raise RingInputError(f"now must be from 0 to {NOW_HOURS_MAX} hours, not {now_hours}")


def slot_count(power: int, replicas: float) -> int:
    """Return how many replicas all partitions have together."""
    return math.floor(replicas * (1 << power))

"""How many replicas each region, zone, node and device should hold. Pure; no numpy.

The failure domains form a tree. Its vertices are called tiers; each is given a *target*: how many
replicas of a partition it holds, on average over all partitions. A target of 1.4 means that 40 %
of the partitions have two replicas there and the others one, never none and never three.

Three questions lead to it, as in Swift (``RingBuilder._build_target_replicas_by_tier``):

1. *weighted*: what would each tier hold if weights alone counted? A device never more than 1.
2. *wanted*: what if dispersion came first? Replicas spread over the children of a tier as evenly
   as their number of devices allows, and weights choose only within that whole number.
3. *target*: the way from weighted to wanted, as far as the overload allows. The overload is how
   much more than its weighted share a device may get.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ring.device import Device
from ring.errors import RingInputError

TIER_NAMES = ("ring", "region", "zone", "node", "device")
_ROUNDING = 1e-12
_EPSILON = 1e-6
"""Shares this close to a whole number are that number: they went through float sums."""


@dataclass(slots=True, eq=False)
class Tier:
    """A failure domain, in a tree of them.

    Attributes:
        key: (), (region,), (region, zone), (region, zone, node), (region, zone, node, id).
        children: the domains within, by key; a device has none.
        device_count: devices within.
        weight: of the devices within.
        weighted: replicas by weight alone.
        wanted: replicas where dispersion comes first.
        target: replicas to aim at.
        slots: whole replicas of all partitions together to aim at; set by `count_slots`.
    """

    key: tuple[object, ...]
    children: list[Tier] = field(default_factory=list)
    device_count: int = 0
    weight: float = 0.0
    weighted: float = 0.0
    wanted: float = 0.0
    target: float = 0.0
    slots: int = 0

    def walk(self) -> Iterable[Tier]:
        """Yield this tier and all within, parents before children."""
        yield self
        for child in self.children:
            yield from child.walk()


def make_plan(devices: Iterable[Device | None], replicas: float, overload: float) -> Tier:
    """Return the tree of all devices that have weight and are not leaving, with its targets.

    Args:
        devices: holes are skipped.
        replicas: copies of a partition, on average.
        overload: how far a device may go over its weighted share: 0.1 is 10 %.

    Raises:
        RingInputError: there are fewer devices than replicas.
    """
    root = _build_tree(devices)
    if root.device_count < math.ceil(replicas):
        raise RingInputError(
            f"{replicas:g} replicas need as many devices with weight; there are {root.device_count}"
        )
    leaves = [tier for tier in root.walk() if not tier.children]
    shares = fill(replicas, [leaf.weight for leaf in leaves], [0.0] * len(leaves), 1.0)
    for leaf, share in zip(leaves, shares, strict=True):
        leaf.weighted = share
    _sum_weighted(root)
    root.wanted = replicas
    _disperse(root)
    reach = required_overload(root)
    way = min(1.0, overload / reach) if reach > _EPSILON else 1.0
    for tier in root.walk():
        tier.target = tier.weighted + way * (tier.wanted - tier.weighted)
    return root


def required_overload(root: Tier) -> float:
    """Return the least overload with which the replicas disperse as widely as they can."""
    leaves = (tier for tier in root.walk() if not tier.children)
    return max(0.0, max(leaf.wanted / leaf.weighted - 1 for leaf in leaves if leaf.weighted))


def fill(
    total: float, weights: Sequence[float], lows: Sequence[float], highs: Sequence[float] | float
) -> list[float]:
    """Share a total in proportion to weights, each share within its bounds.

    The shares are ``clip(level * weight, low, high)`` at the one level where they add up: water
    that fills vessels which have a floor and a lid. If the lids leave no room for the total, all
    are full. The level is found as CSS finds the lengths of flexible boxes (Flexible Box Layout,
    section 9.7): each round settles those whose bound is sure to hold.

    Args:
        total: at least the sum of the lows.
        weights: positive.
        lows: least shares.
        highs: largest shares, or one for all.
    """
    lids = [highs] * len(weights) if isinstance(highs, float) else highs
    shares = [0.0] * len(weights)
    unsettled = list(range(len(weights)))
    left = total
    while unsettled:
        level = left / sum(weights[i] for i in unsettled)
        for i in unsettled:
            shares[i] = min(max(level * weights[i], lows[i]), lids[i])
        excess = sum(shares[i] - level * weights[i] for i in unsettled)
        if abs(excess) < _ROUNDING:
            break
        side = math.copysign(1.0, excess)  # only that side's bounds are sure to hold at the end
        settled = {i for i in unsettled if side * (shares[i] - level * weights[i]) > 0}
        left -= sum(shares[i] for i in settled)
        unsettled = [i for i in unsettled if i not in settled]
    return shares


def count_slots(root: Tier, slots: int, loads: Mapping[tuple[object, ...], int]) -> None:
    """Turn targets into whole replicas over all partitions, set as `Tier.slots`.

    Each tier gets its exact share rounded up or down, and the children of a tier add up to it.
    Rounded up are first those that hold so much already, so that rounding moves nothing.

    Args:
        root: from `make_plan`.
        slots: replicas of all partitions together.
        loads: tier key → replicas held now; empty for a new ring.
    """
    root.slots = slots
    scale = slots / root.target
    for tier in root.walk():
        if tier.children:
            shares = [child.target * scale for child in tier.children]
            held = [loads.get(child.key, 0) for child in tier.children]
            for child, count in zip(
                tier.children, _round_shares(tier.slots, shares, held), strict=True
            ):
                child.slots = count


def _round_shares(total: int, shares: Sequence[float], held: Sequence[int]) -> list[int]:
    counts = [math.floor(share + _EPSILON) for share in shares]
    left = total - sum(counts)

    def reluctance(child: int) -> tuple[bool, bool, float]:
        remainder = shares[child] - counts[child]
        return remainder <= _EPSILON, held[child] <= counts[child], -remainder

    order = sorted(range(len(shares)), key=reluctance)
    step = 1 if left >= 0 else -1
    for turn in range(abs(left)):
        counts[order[::step][turn % len(order)]] += step
    return counts


def _build_tree(devices: Iterable[Device | None]) -> Tier:
    root = Tier(())
    tiers: dict[tuple[object, ...], Tier] = {(): root}
    for device in devices:
        if device is None or device.leaving or not device.weight:
            continue
        parent = root
        for key in device.tiers:
            if key not in tiers:
                tiers[key] = Tier(key)
                parent.children.append(tiers[key])
            parent = tiers[key]
        for key in ((), *device.tiers):
            tiers[key].device_count += 1
            tiers[key].weight += device.weight
    for tier in tiers.values():
        tier.children.sort(key=lambda child: child.key)
    return root


def _sum_weighted(tier: Tier) -> float:
    if tier.children:
        tier.weighted = sum(_sum_weighted(child) for child in tier.children)
    return tier.weighted


def _disperse(tier: Tier) -> None:
    """Set `wanted` below a tier: evenly by number of devices first, by weight within that."""
    children = tier.children
    if not children:
        return
    counts = [float(child.device_count) for child in children]
    even = fill(tier.wanted, [1.0] * len(children), [0.0] * len(children), counts)
    wanted = fill(
        tier.wanted,
        [child.weighted for child in children],
        [float(math.floor(share + _EPSILON)) for share in even],
        [float(math.ceil(share - _EPSILON)) for share in even],
    )
    for child, share in zip(children, wanted, strict=True):
        child.wanted = share
        _disperse(child)

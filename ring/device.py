"""A device as the ring knows it: where it is, how much it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ring.errors import RingInputError
from ring.limits import (
    DEVICE_IDS_MAX,
    META_LENGTH_MAX,
    NAME_LENGTH_MAX,
    NUMBER_MAX,
    WEIGHT_MAX,
    WEIGHT_MIN,
)

TIER_LEVELS = 4
"""Region, zone, node, device: how failure domains nest."""


def _check_number(field: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise RingInputError(f"{field} must be an integer from {low} to {high}, not {value!r}")


def _check_text(field: str, value: object, length_max: int, length_min: int = 1) -> None:
    if not isinstance(value, str) or not length_min <= len(value) <= length_max:
        raise RingInputError(f"{field} must be text of {length_min} to {length_max} characters")
    if not value.isprintable():
        raise RingInputError(f"{field} {value!r} has unprintable characters")


def check_weight(weight: object) -> float:
    """Return the weight as a float.

    Raises:
        RingInputError: it is neither 0 nor from `WEIGHT_MIN` to `WEIGHT_MAX`.
    """
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise RingInputError(f"weight must be a number, not {weight!r}")
    if weight != 0 and not WEIGHT_MIN <= weight <= WEIGHT_MAX:
        raise RingInputError(
            f"weight must be 0, or from {WEIGHT_MIN:g} to {WEIGHT_MAX:g}, not {weight!r}"
        )
    return float(weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One disk of one node.

    Attributes:
        id: its place in the ring; never given to another device.
        region: far apart from other regions: a city.
        zone: fails apart from other zones of its region: a room, a rack.
        node: host name or address of the machine.
        port: where the node serves this device.
        device: its name on the node.
        weight: its share of all data, relative to the others; 0 drains it.
        meta: free text of the operator.
        replication_node: address for traffic between nodes; none is `node`.
        replication_port: port for traffic between nodes; none is `port`.
        leaving: removed by the operator, but it still holds partitions that may not move yet.
    """

    id: int
    region: int
    zone: int
    node: str
    port: int
    device: str
    weight: float
    meta: str = ""
    replication_node: str | None = None
    replication_port: int | None = None
    leaving: bool = False

    def __post_init__(self) -> None:
        _check_number("id", self.id, 0, DEVICE_IDS_MAX - 1)
        _check_number("region", self.region, 0, NUMBER_MAX)
        _check_number("zone", self.zone, 0, NUMBER_MAX)
        _check_number("port", self.port, 1, NUMBER_MAX)
        _check_text("node", self.node, NAME_LENGTH_MAX)
        _check_text("device", self.device, NAME_LENGTH_MAX)
        _check_text("meta", self.meta, META_LENGTH_MAX, length_min=0)
        if "/" in self.node or " " in self.node:
            raise RingInputError(f"node {self.node!r} must be a host name or an address")
        if "/" in self.device or self.device in (".", "..") or self.device != self.device.strip():
            raise RingInputError(f"device {self.device!r} must be a name without blank ends")
        if self.replication_node is not None:
            _check_text("replication_node", self.replication_node, NAME_LENGTH_MAX)
        if self.replication_port is not None:
            _check_number("replication_port", self.replication_port, 1, NUMBER_MAX)
        if type(self.leaving) is not bool:
            raise RingInputError(f"leaving must be true or false, not {self.leaving!r}")
        object.__setattr__(self, "weight", check_weight(self.weight))

    @property
    def address(self) -> str:
        """Where the device is, as "node:port/device"; no two devices of a ring share it."""
        return f"{self.node}:{self.port}/{self.device}"

    @property
    def tiers(self) -> tuple[tuple[object, ...], ...]:
        """The failure domains that it lies in: its region, zone, node and itself."""
        zone = (self.region, self.zone)
        return (self.region,), zone, (*zone, self.node), (*zone, self.node, self.id)


REQUIRED_FIELDS = frozenset(("region", "zone", "node", "port", "device", "weight"))
OPTIONAL_FIELDS = frozenset(("meta", "replication_node", "replication_port"))


def check_field_names(fields: Mapping[str, object]) -> None:
    """Raise RingInputError if a device given by an operator lacks a field, or has a strange one."""
    if missing := sorted(REQUIRED_FIELDS - fields.keys()):
        raise RingInputError(f"a device needs {', '.join(missing)}")
    if unknown := sorted(fields.keys() - REQUIRED_FIELDS - OPTIONAL_FIELDS):
        raise RingInputError(f"a device has no {', '.join(map(repr, unknown))}")

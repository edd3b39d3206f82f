"""Metadata of containers and accounts: per-name timestamps, merged in any order."""

from __future__ import annotations

from collections.abc import Mapping

Metadata = dict[str, tuple[str, bytes]]


def merge(one: Metadata, other: Metadata) -> Metadata:
    """Return, name by name, whichever value is newer; commutative and idempotent.

    A removed name stays with an empty value, so that an older one cannot bring it back.
    """
    merged = dict(one)
    for name, (value, timestamp) in other.items():
        if name not in merged or merged[name][1] < timestamp:
            merged[name] = (value, timestamp)
    return merged


def stamp(values: Mapping[str, str], timestamp: bytes) -> Metadata:
    """Return plain values as metadata of one time; an empty value removes its name."""
    return {name: (value, timestamp) for name, value in values.items()}


def visible(metadata: Metadata) -> dict[str, str]:
    """Return the values that were not removed."""
    return {name: value for name, (value, _) in metadata.items() if value}


def thaw(stored: Mapping[str, list[object]]) -> Metadata:
    """Return metadata from its msgpack form."""
    return {name: (str(value), bytes(timestamp)) for name, (value, timestamp) in stored.items()}  # type: ignore[call-overload]

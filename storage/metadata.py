"""Metadata of containers and accounts: per-name timestamps, merged in any order."""

from __future__ import annotations

from collections.abc import Mapping

Metadata = dict[str, tuple[str, bytes]]


def merge(one: Metadata, other: Metadata) -> Metadata:
    """Return, name by name, whichever value is newer; commutative, associative, idempotent.

    A removed name stays with an empty value, so that an older one cannot bring it back. Names are
    sorted: what is equal is then stored as the same bytes.
    """
    merged = dict(one)
    for name, held in other.items():
        merged[name] = max(merged.get(name, held), held, key=_by_time)
    return dict(sorted(merged.items()))


def stamp(values: Mapping[str, str], timestamp: bytes) -> Metadata:
    """Return plain values as metadata of one time; an empty value removes its name."""
    return {name: (value, timestamp) for name, value in sorted(values.items())}


def visible(metadata: Metadata) -> dict[str, str]:
    """Return the values that were not removed."""
    return {name: value for name, (value, _) in metadata.items() if value}


def thaw(stored: Mapping[str, list[object]]) -> Metadata:
    """Return metadata from its msgpack form."""
    return {name: (str(value), bytes(timestamp)) for name, (value, timestamp) in stored.items()}  # type: ignore[call-overload]


def _by_time(held: tuple[str, bytes]) -> tuple[bytes, str]:
    return held[1], held[0]

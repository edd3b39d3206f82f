"""Knows what every client was told, and looks for what contradicts it.

While the run lasts each answer is only written down. After it, when all is up and quiet, the
checker reads everything and compares: histories with the model, payloads with their bytes, listings
and counters with the objects, what each device holds with its own counters, digests and files, and
the replicas with each other.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable

from blake3 import blake3

from storage.simulation.history import (
    UNKNOWN,
    Model,
    Operation,
    Value,
    container_model,
    is_linearizable,
    may_be_listed,
    object_model,
    versions_model,
)

Name = tuple[str, str]
SPARE = "spare"
VERSIONED = "versioned"
EMPTY = "empty-0"


class ViolationError(Exception):
    """A promise was broken; the message says which."""


def payload_bytes(payload: str) -> bytes:
    """Return the bytes that a payload's name ("id-size") stands for; no two have the same."""
    size = int(payload.rpartition("-")[2])
    return blake3(payload.encode()).digest(length=size)


class Checker:
    """The memory of all clients together."""

    def __init__(self) -> None:
        self._moment = 0
        self._histories: dict[Name, list[Operation]] = defaultdict(list)
        self._etags: dict[str, str] = {}
        self._listings: list[tuple[str, int, int, dict[str, str]]] = []
        self._versions: dict[bytes, tuple[Name, str]] = {}

    @property
    def names(self) -> list[Name]:
        """Every (container, name) that anything was done to."""
        return sorted(self._histories)

    def moment(self) -> int:
        """Return the next place in the order of all starts and ends."""
        self._moment += 1
        return self._moment

    def begin(self, name: Name, kind: str, argument: Value | str | None = None) -> Operation:
        """Write down that an operation starts."""
        operation = Operation(kind, argument, self.moment())
        self._histories[name].append(operation)
        if isinstance(argument, Value):
            data = payload_bytes(argument.payload)
            etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
            self._etags[etag] = argument.payload
        return operation

    def end(self, operation: Operation, result: Value | str | None) -> None:
        """Write down an answer."""
        operation.ended, operation.result = self.moment(), result

    def forget(self, name: Name, operation: Operation) -> None:
        """Write down that an operation surely did nothing, or told nothing."""
        self._histories[name].remove(operation)

    def payload_of(self, etag: str) -> str:
        """Return the payload with an etag.

        Raises:
            ViolationError: nobody ever wrote it.
        """
        if etag not in self._etags:
            raise ViolationError(f"nobody wrote a payload with the etag {etag}")
        return self._etags[etag]

    def check_bytes(self, payload: str, start: int, data: bytes) -> None:
        """Compare bytes that were read with those that were written.

        Raises:
            ViolationError: they differ.
        """
        if data != payload_bytes(payload)[start : start + len(data)]:
            raise ViolationError(f"wrong bytes of {payload} at {start}")

    def listed(self, container: str, started: int, etags: dict[str, str]) -> None:
        """Write down a whole listing: etags by name."""
        payloads = {name: self.payload_of(etag) for name, etag in etags.items()}
        self._listings.append((container, started, self.moment(), payloads))

    def keep_version(self, name: Name, label: str, version: bytes) -> None:
        """Write down which version a payload or a delete marker became."""
        self._versions[version] = (name, label)

    def versions(self, name: Name) -> dict[bytes, str]:
        """Return what is known of a name's versions: ids, and what each one is."""
        return {one: label for one, (owner, label) in self._versions.items() if owner == name}

    def check_versions_listed(self, started: int, listed: dict[Name, set[bytes]]) -> None:
        """See that a whole listing shows every version that is surely there, and none that is not.

        Args:
            started: place of the listing's start in the order of all starts and ends.
            listed: version ids by name.

        Raises:
            ViolationError: it does not.
        """
        for version, (name, label) in self._versions.items():
            operations = [one for one in self._histories[name] if _label(one) == label]
            drops = [one for one in operations if one.kind == "drop" and one.result != "missing"]
            added = [one for one in operations if one.kind in ("add", "mark")]
            is_shown = version in listed.get(name, set())
            was_added = any(one.ended is not None and one.ended < started for one in added)
            was_dropped = any(one.ended is not None and one.ended < started for one in drops)
            if (is_shown and was_dropped) or (not is_shown and was_added and not drops):
                raise ViolationError(
                    f"a listing since {started} shows {label}: {is_shown}; "
                    + _show(name, self._histories[name])
                )

    def check_histories(self) -> None:
        """Look for an order that explains every answer.

        Raises:
            ViolationError: there is none.
        """
        for name, operations in self._histories.items():
            initial, model = _MODELS.get(name[0], (None, object_model))
            if not is_linearizable(operations, initial, model):
                raise ViolationError(f"no order explains {_show(name, operations)}")
        for container, started, ended, shown in self._listings:
            for name, operations in self._histories.items():
                found = shown.get(name[1])
                if name[0] == container and not may_be_listed(operations, found, started, ended):
                    raise ViolationError(
                        f"a listing from {started} to {ended} shows {found} as {name[1][:9]}: "
                        + _show(name, operations)
                    )

    def unknown_outcomes(self) -> int:
        """Return how many operations were never answered."""
        return sum(one.result == UNKNOWN for history in self._histories.values() for one in history)


def _label(operation: Operation) -> str | None:
    argument = operation.argument
    return argument.payload if isinstance(argument, Value) else argument


_MODELS: dict[str, tuple[Hashable, Model]] = {
    SPARE: ((False, None), container_model),
    VERSIONED: ((), versions_model),
}


def _show(name: Name, operations: list[Operation]) -> str:
    lines = [
        f"  {one.started}-{one.ended} {one.kind} {one.argument or ''}: {one.result}"
        for one in operations
    ]
    return "\n".join([f"what happened to {name[0]}/{name[1][:9]}:", *lines])

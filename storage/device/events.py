"""What happened to objects and must be told to others: a queue in each device's index.

An event is appended in the transaction that stores the record it tells of, by every device that
takes the record, so no crash comes between the two. It leaves the queue when whoever had to be told
has been told. In the table stand, by the first byte of the key:

    00                  how many events the device ever took
    01 ‖ container id   how many of them were of one container
    02 ‖ number         the events, in the order of their commits
"""

from __future__ import annotations

from typing import NamedTuple

from typing_extensions import Buffer

from storage.device.index import Batch, Snapshot, lookup
from storage.object.event import Event
from storage.seal import is_sealed, pack, unpack, unpack_body

TABLE = "events"
_TAKEN = b"\0"
_OF_CONTAINER = b"\1"
_EVENT = b"\2"
_NUMBER_SIZE_BYTES = 8
WITHDRAWAL_REACH = 1024
"""How far back an event is looked for that is taken back; it was one of the last."""


class OwedEvent(NamedTuple):
    """An event that a device holds.

    Attributes:
        number: dense among all events of the device.
        container_number: dense among the device's events of the container.
        event: what happened; nothing where the entry is damaged, for it stops no other.
    """

    number: int
    container_number: int
    event: Event | None


def append_event(batch: Batch, event: Event) -> None:
    """Take an event.

    Raises:
        DamagedError: a count is damaged.
    """
    numbers = []
    for key in (_TAKEN, _OF_CONTAINER + event.container_id):
        body = lookup(batch, TABLE, key)
        number = 1 if body is None else unpack_body(body) + 1
        batch.put(TABLE, key, pack(key, number))
        numbers.append(number)
    key = _event_key(numbers[0])
    batch.put(TABLE, key, pack(key, (numbers[1], event)))


def remove_events(batch: Batch, numbers: tuple[int, ...]) -> None:
    """Remove events that were told, as far as they are there."""
    for number in numbers:
        batch.delete(TABLE, _event_key(number))


def withdraw_event(batch: Batch, event_id: bytes) -> None:
    """Remove an event that was taken a moment ago, if it is there."""
    for seen, (raw_key, value) in enumerate(batch.scan_back(TABLE, b"\3")):
        key = bytes(raw_key)
        if seen >= WITHDRAWAL_REACH or not key.startswith(_EVENT):
            return
        event = _decode(key, value).event
        if event is not None and event.id == event_id:
            batch.delete(TABLE, key)
            return


def read_events(snapshot: Snapshot, after: int, limit: int) -> list[OwedEvent]:
    """Return events with numbers above one, in order, and damaged entries between them.

    The limit is of sound ones: a queue goes on behind what is damaged, however much that is. The
    number of a damaged entry may be damaged, too.
    """
    found: list[OwedEvent] = []
    sound = 0
    for raw_key, value in snapshot.scan(TABLE, _event_key(after + 1)):
        if sound >= limit:
            break
        owed = _decode(bytes(raw_key), value)
        sound += owed.event is not None
        found.append(owed)
    return found


def _event_key(number: int) -> bytes:
    return _EVENT + number.to_bytes(_NUMBER_SIZE_BYTES)


def _decode(key: bytes, value: Buffer) -> OwedEvent:
    number = int.from_bytes(key[len(_EVENT) :])
    if not is_sealed(key, value):
        return OwedEvent(number, 0, None)
    container_number, fields = unpack(TABLE, key, value)
    return OwedEvent(number, container_number, Event(*fields))

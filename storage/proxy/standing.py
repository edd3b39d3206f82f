"""What replicas that differ say of a container: a pure decision.

A deletion is decided once a majority of the voters is dead. Until then the container lives, and a
minority that is dead may have to be revived; but a deletion that is still on its way must never be
able to reach its majority afterwards. So as many as can block one are first brought to a change
that is newer than the deletion, under the condition that they are still alive: from then on they
refuse the older deletion, and only then are the dead told of that change.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import reduce

from storage.container.record import ContainerRecord, merge_containers
from storage.proxy.quorum import blocking, majority
from storage.timestamp import TIMESTAMP_SIZE_BYTES, ZERO, Timestamp

Found = Mapping[int, ContainerRecord | None]


class Step(Enum):
    """What has to be done before an answer can be given."""

    JOIN = "bring what the living know together to a majority"
    REVIVE = "bring the living to a fresh change; once they block, tell the dead of it"
    BURY = "it is dead: tell those who do not know"
    FINISH = "one vote decides, and it cannot be had: only a deletion can still be decided"


def next_step(found: Found, voters: int) -> tuple[Step, ContainerRecord]:
    """Decide what to do about answers that are not all the same.

    Args:
        found: a majority of answers or more, by device; one at least is a record.
        voters: how many there are.

    Returns:
        The step, and the record of those that it concerns.
    """
    records = [record for record in found.values() if record is not None]
    generation = max(record.generation for record in records)
    current = [record for record in records if record.generation == generation]
    living = [record for record in current if record.alive]
    dead = [record for record in current if not record.alive]
    needed = majority(voters)
    if not living or len(dead) >= needed:
        record = reduce(merge_containers, dead)
        newest_life = max((one.changed for one in living), default=ZERO)
        return Step.BURY, record._replace(deleted=max(record.deleted, _after(newest_life)))
    record = reduce(merge_containers, living)
    if not dead:
        return Step.JOIN, record
    can_block = len(found) - len(dead) >= blocking(voters)
    return (Step.REVIVE if can_block else Step.FINISH), record


def _after(timestamp: Timestamp) -> Timestamp:
    """Return the least timestamp that is greater."""
    return Timestamp((int.from_bytes(timestamp) + 1).to_bytes(TIMESTAMP_SIZE_BYTES))


def held_by_majority(found: Found, voters: int) -> ContainerRecord | None:
    """Return the record that a majority of all voters holds alike, if there is one."""
    for record in found.values():
        if sum(other == record for other in found.values()) >= majority(voters):
            return record
    return None

"""Which listing rows a write to a name changes, and where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from storage.container.row import Row
from storage.container.versions import (
    object_row,
    removed_version_row,
    version_row,
    version_row_name,
    versions_id,
)
from storage.mutation import Mutation, PutRow
from storage.object.record import ObjectRecord
from storage.object.versions import Standing
from storage.path import PathHasher
from storage.placement import Placement
from storage.proxy.voters import Voters
from storage.timestamp import Timestamp


class NameRows:
    """The rows of one name: its own, and those of its versions.

    Args:
        account_hash: name hash of the account.
        container_hash: name hash of the container.
        container_id: of the container.
        name: of the object.
        policy: storage policy.
    """

    __slots__ = ("_account_hash", "_container_hash", "_container_id", "_name", "_policy")

    def __init__(
        self,
        account_hash: bytes,
        container_hash: bytes,
        container_id: bytes,
        name: str,
        policy: int,
    ) -> None:
        self._account_hash = account_hash
        self._container_hash = container_hash
        self._container_id = container_id
        self._name = name
        self._policy = policy

    def current(self, record: ObjectRecord | None, timestamp: Timestamp) -> PutRow:
        """Return the row of the name as its current version makes it.

        Args:
            record: the current version; nothing where none can be seen.
            timestamp: of the latest of all writes to the name.
        """
        row = object_row(record, timestamp, self._policy)
        return PutRow(self._account_hash, self._container_hash, self._container_id, self._name, row)

    def version(self, record: ObjectRecord) -> PutRow:
        """Return the row of a version."""
        return self._of_version(record.created, version_row(record, self._policy))

    def removed(self, created: bytes, timestamp: Timestamp) -> PutRow:
        """Return the row of a version that is gone since a time."""
        return self._of_version(created, removed_version_row(timestamp, self._policy))

    def _of_version(self, created: bytes, row: Row) -> PutRow:
        owner_id = versions_id(self._container_id)
        name = version_row_name(self._name, created)
        return PutRow(self._account_hash, self._container_hash, owner_id, name, row)


class Rows:
    """The rows of all names.

    Args:
        hasher: of paths.
        placement: the rings.
        voters: the devices.
    """

    def __init__(self, hasher: PathHasher, placement: Placement, voters: Voters) -> None:
        self._hasher = hasher
        self._placement = placement
        self._voters = voters

    async def bring(
        self,
        policy: int,
        finished: Iterable[ObjectRecord],
        versions: Mapping[bytes, Mapping[int, ObjectRecord | None]],
        standing: Standing,
    ) -> None:
        """Have records of one name listed that a reader brought to their majority.

        Where their container is gone nobody needs the rows.

        Args:
            policy: storage policy.
            finished: records that were brought; one at least.
            versions: what replicas held before of each version of the name.
            standing: of the name.
        """
        last = max(finished, key=lambda one: one.changed)
        container_hash = self._hasher(last.account, last.container)
        rows = NameRows(
            self._hasher(last.account), container_hash, last.container_id, last.name, policy
        )
        group: list[Mutation] = []
        if len(versions) > 1 or not last.is_null:
            for record in finished:
                group += _version_rows(rows, record, versions[record.version_id].values())
        head = standing.head
        group.append(rows.current(head, max(standing.floor, last.changed)))
        numbers = self._placement.container(container_hash)
        await self._voters.write(dict.fromkeys(numbers, group), numbers)


def _version_rows(
    rows: NameRows, record: ObjectRecord, found: Iterable[ObjectRecord | None]
) -> list[PutRow]:
    """Return the rows of a version, and of the null versions that it replaced."""
    changed: list[PutRow] = [
        rows.removed(other.created, record.changed)
        for other in {one.created: one for one in found if one is not None}.values()
        if record.is_null and other.created < record.created
    ]
    if record.is_visible:
        changed.append(rows.version(record))
    elif not record.is_null:
        changed.append(rows.removed(record.created, record.changed))
    return changed

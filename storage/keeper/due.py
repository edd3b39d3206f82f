"""The expirer and the reclaimer: act on what `due` says has come.

An object whose time has passed is deleted as a client would delete it, unless it was replaced or
given another time since. The mark of a deletion is forgotten once it is older than the reclaim
age and no voter holds anything else under its name, so that none can bring the name back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atoll.world import World
from storage.device.client import DeviceUnavailableError, OutcomeUnknownError
from storage.device.due import Due, DueKind
from storage.mutation import ClearDue
from storage.object.record import POLICY_SIZE_BYTES, PREFIX_SIZE_BYTES
from storage.proxy.errors import StoreError
from storage.proxy.part_reclaim import PartReclaimer
from storage.proxy.replica import Replica, ReplicaFailedError
from storage.proxy.store import Store
from storage.timestamp import Timestamp

PAGE = 256
COMMIT_DEADLINE_S = 30.0


@dataclass(slots=True)
class DueReport:
    """What one round did.

    Attributes:
        expired: objects deleted.
        reclaimed: marks of deletions forgotten, and parts of composites removed.
        postponed: entries that could not be settled and stay.
    """

    expired: int = 0
    reclaimed: int = 0
    postponed: int = 0


async def settle_due(world: World, store: Store, replicas: Sequence[Replica]) -> DueReport:
    """Settle a page of due entries of each device. On cancel: what is not settled stays.

    Args:
        world: clock.
        store: the engine.
        replicas: of this node.
    """
    report = DueReport()
    now_s = world.clock.wall_ns() // 1_000_000_000
    for replica in replicas:
        try:
            entries = await replica.due(now_s, PAGE)
        except ReplicaFailedError:
            continue  # whoever failed the device has said so; its peers owe the same
        settled = []
        for due in entries:
            try:
                is_settled = await _settle(due, store, report)
            except StoreError:
                is_settled = False
            if is_settled:
                settled.append(ClearDue(due.key))
            else:
                report.postponed += 1
        if settled:
            try:
                await replica.commit(settled, COMMIT_DEADLINE_S)
            except (DeviceUnavailableError, OutcomeUnknownError):
                report.postponed += len(settled)
    return report


async def _settle(due: Due, store: Store, report: DueReport) -> bool:
    """Act on an entry; tell whether it may be cleared."""
    if due.kind == DueKind.EXPIRE:
        account, container_name, name, version = due.names
        container = await store.container(account, container_name)
        if container is not None:
            write_id = due.subject[PREFIX_SIZE_BYTES:]
            report.expired += await store.objects.deletions.expire(
                container, name, version, write_id
            )
        return True
    if due.kind == DueKind.RECLAIM_PARTS:
        account, container_name, name, _, upload_id = due.names
        reclaimer = PartReclaimer(store)
        report.reclaimed += await reclaimer.reclaim(account, container_name, name, upload_id)
        return True
    if due.kind == DueKind.RECLAIM_OBJECT:
        account, container_name, name, version, changed = due.names
        policy = int.from_bytes(due.subject[:POLICY_SIZE_BYTES])
        is_settled = await store.objects.deletions.reclaim(
            (account, container_name, name), policy, version, Timestamp(changed)
        )
    else:
        account, container_name, owner_id, name, timestamp = due.names
        is_settled = await store.containers.reclaim(
            account, container_name, owner_id, name, Timestamp(timestamp)
        )
    report.reclaimed += is_settled
    return is_settled

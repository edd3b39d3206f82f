"""The keeper role: one process a node that does the background work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

import trio

from atoll.log import get_logger
from atoll.roles import RoleContext
from storage.keeper.auditor import Auditor
from storage.keeper.due import settle_due
from storage.keeper.parts import PartSweeper
from storage.keeper.probe import probe
from storage.keeper.reaper import reap
from storage.metrics import KEEPER_ACTIONS
from storage.node import KEEPER_SLOT, Node, open_node
from storage.object.event import EXPIRATION, occasion
from storage.proxy.errors import StoreError
from storage.proxy.multipart import Multipart
from storage.s3.encryption.keyring import open_keyring
from storage.s3.events.delivery import Delivery
from storage.s3.events.notifier import Notifier
from storage.s3.inventory.worker import InventoryWorker
from storage.s3.lifecycle.worker import Lifecycle
from storage.s3.replication.replicator import Replicator
from storage.s3.settings import S3Settings
from storage.settings import StorageSettings
from storage.timestamp import ClockDriftError

AUDIT_DELAY_S_MAX = 60.0
REAP_INTERVAL_S = 10.0
SWEEP_INTERVAL_S = 10.0
log = get_logger()


async def main(context: RoleContext) -> None:
    """Work in the background until stopped.

    Raises:
        RefusedError: what the node holds does not belong together.
        KeyFileError: the file of master keys cannot be used.
    """
    key_file = context.config[S3Settings].kms_key_file
    async with open_node(context.world, context.data, context.config, KEEPER_SLOT) as node:
        secret = bytes.fromhex(node.cluster.token_secret)
        node.store.unseal = open_keyring(secret, key_file, context.world).unseal
        keeper = Keeper(context, node)
        context.status = keeper.status
        context.ready()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.deliver_reports)
            nursery.start_soon(keeper.settle_due)
            nursery.start_soon(keeper.reap)
            nursery.start_soon(keeper.sweep_parts)
            nursery.start_soon(keeper.apply_lifecycle)
            nursery.start_soon(keeper.deliver_events)
            nursery.start_soon(keeper.write_inventories)
            nursery.start_soon(keeper.audit)
            await context.stopping.wait()
            nursery.cancel_scope.cancel()


class Keeper:
    """The duties of one node's keeper, each a loop over a reconciler."""

    def __init__(self, context: RoleContext, node: Node) -> None:
        self._world = context.world
        self._settings = context.config[StorageSettings]
        self._s3_settings = context.config[S3Settings]
        self._node = node
        self._actions = context.metrics.counter(KEEPER_ACTIONS)
        self._facts: dict[str, object] = {}

    def status(self) -> Mapping[str, object]:
        """Return what was done, for `atoll status`."""
        return {**{labels[0]: count for labels, count in self._actions.items()}, **self._facts}

    async def deliver_reports(self) -> None:
        """The updater: drain the outboxes."""

        async def once() -> None:
            self._count("reports", await self._node.store.accounts.collect())

        await self._every(self._settings.keeper_interval_s, once)

    async def settle_due(self) -> None:
        """The expirer and the reclaimer."""
        occasion.set(EXPIRATION)
        replicas = [device.replica for device in self._node.devices.values()]

        async def once() -> None:
            report = await settle_due(self._world, self._node.store, replicas)
            self._count("expired", report.expired)
            self._count("reclaimed", report.reclaimed)

        await self._every(self._settings.keeper_interval_s, once)

    async def reap(self) -> None:
        """The reaper."""
        indexes = [device.index for device in self._node.devices.values()]

        async def once() -> None:
            self._count("reaped", await reap(self._node.store, indexes))

        await self._every(REAP_INTERVAL_S, once)

    async def sweep_parts(self) -> None:
        """The sweeper of parts."""
        indexes = {number: device.index for number, device in self._node.devices.items()}
        age_s_min = 2 * self._settings.request_deadline_s
        node = self._node
        sweeper = PartSweeper(self._world, node.store, node.placement, indexes, age_s_min)

        async def once() -> None:
            self._count("parts_swept", await sweeper.run_once())

        await self._every(SWEEP_INTERVAL_S, once)

    async def apply_lifecycle(self) -> None:
        """The lifecycle worker: what S3's rules say is due, in all buckets."""
        occasion.set(EXPIRATION)
        store, settings = self._node.store, self._s3_settings
        multipart = Multipart(self._world, self._node.clock, store)
        lifecycle = Lifecycle(self._world, store, multipart, settings.lifecycle_day_s)

        async def once() -> None:
            is_complete = False
            while not is_complete:
                report = await lifecycle.run_once()
                self._count("lifecycle_expired", report.expired)
                self._count("lifecycle_removed", report.removed)
                self._count("lifecycle_aborted", report.aborted)
                is_complete = report.is_complete
                await trio.lowlevel.checkpoint()

        await self._every(settings.lifecycle_interval_s, once)

    async def deliver_events(self) -> None:
        """The messenger: tells targets what happened in buckets."""
        settings = self._s3_settings
        delivery = Delivery(
            self._world,
            {number: device.replica for number, device in self._node.devices.items()},
            (
                Notifier(self._world, self._node.store, settings).route,
                Replicator(self._world, self._node.store, settings).route,
            ),
            self._count,
            age_s_max=settings.notification_age_s_max,
            backlog_max=settings.notification_backlog_max,
        )
        await delivery.run(settings.notification_interval_s)

    async def write_inventories(self) -> None:
        """The inventory worker: lists of objects that buckets want written."""
        inventories = InventoryWorker(self._world, self._node.store)

        async def once() -> None:
            self._count("inventories_written", (await inventories.run_once()).written)

        await self._every(self._s3_settings.inventory_interval_s, once)

    async def audit(self) -> None:
        """The auditor: one device after the other, each once in the interval."""
        interval_s = self._settings.audit_interval_s
        await trio.sleep(min(interval_s, AUDIT_DELAY_S_MAX))
        await self._every(interval_s, self._audit_devices)

    async def _audit_devices(self) -> None:
        for number, device in self._node.devices.items():
            if device.replica.failed is not None:
                continue
            killer = await probe(device.folder.root)
            if killer is not None:
                reason = f"the index kills who reads it ({killer})"
                await self._world.threads.run(device.folder.fail, reason)
                log.error("device failed", device=number, reason=reason)
                continue
            auditor = Auditor(
                self._world,
                device.index,
                device.folder,
                device.replica,
                self._settings.audit_bytes_per_s_max,
            )
            report = await auditor.run_once()
            self._facts[f"audit_device_{number}"] = asdict(report)
            self._count("payloads_damaged", report.payloads_damaged)
            found = report.payloads_damaged or report.entries_damaged or report.failures
            (log.error if found else log.info)("audited", device=number, **asdict(report))

    def _count(self, action: str, count: int) -> None:
        if count:
            self._actions[(action,)] += count

    async def _every(self, interval_s: float, once: Callable[[], Awaitable[None]]) -> None:
        """Run a reconciler for ever; a store that does not answer is tried again."""
        while True:
            try:
                await once()
            except (StoreError, ClockDriftError) as error:
                log.warning("keeper will try again", reason=str(error))
            await trio.sleep(interval_s)

"""The disk process: the only writer of one device, and the holder of its lock."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from atoll.config import DeviceSettings
from atoll.errors import RefusedError
from atoll.log import get_logger
from atoll.roles import RoleContext
from atoll.world import DiskError
from storage.cluster import read_cluster
from storage.data_folder import StorageFolder
from storage.device.folder import DeviceFolder
from storage.device.index import IndexCorruptedError, IndexFailedError
from storage.device.leftovers import Leftovers
from storage.device.lmdb_index import LmdbIndex
from storage.device.service import DiskService
from storage.device.writer import Writer
from storage.settings import StorageSettings

HOUSEKEEPING_INTERVAL_S = 60.0
WATCH_INTERVAL_S = 0.5
log = get_logger()


async def main(context: RoleContext) -> None:
    """Serve one device until stopped.

    An index whose structure is damaged fails the device.

    Raises:
        RefusedError: the device is not the one that belongs here, or was failed.
    """
    data = StorageFolder(context.data)
    world = context.world
    cluster = read_cluster(world.disk, context.data)
    if cluster is None:
        raise RefusedError(f"{context.data}: there is no cluster")
    folder = DeviceFolder(world.disk, data.device(context.index))
    description = folder.check(cluster.cluster_id, context.index)
    try:
        index = folder.open_index(description, writable=True)
        await _serve(context, folder, index)
    except* IndexCorruptedError as errors:
        reason = str(_first(errors))
        folder.fail(reason)
        raise RefusedError(f"{folder.root}: the device was failed: {reason}") from errors


def _first(errors: BaseExceptionGroup[IndexCorruptedError]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _serve(context: RoleContext, folder: DeviceFolder, index: LmdbIndex) -> None:
    world = context.world
    settings = context.config[StorageSettings]
    writer = Writer(
        index,
        folder.payloads,
        reclaim_age_s=settings.reclaim_age_s,
        reserve_bytes=context.config[DeviceSettings].reserve_size_bytes,
    )
    service = DiskService(writer, world)
    leftovers = Leftovers(index, folder.payloads, world, 2 * settings.request_deadline_s)

    def status() -> Mapping[str, object]:
        facts: dict[str, object] = {
            "device": context.index,
            "batches": service.batches,
            "groups": service.groups,
            "leftovers_removed": leftovers.removed,
        }
        try:
            return {**facts, "free_bytes": world.disk.free_bytes(folder.root), **index.measure()}
        except (DiskError, IndexFailedError) as error:
            return {**facts, "trouble": str(error)}

    context.status = status
    try:
        socket = StorageFolder(context.data).disk_socket(context.index)
        listener = await world.network.listen(str(socket))
        context.ready()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_failure, folder)
            nursery.start_soon(_keep_house, writer, index, leftovers, context)
            await service.serve(listener, context.stopping)
            nursery.cancel_scope.cancel()
    finally:
        index.close()


async def _watch_failure(folder: DeviceFolder) -> None:
    """End when another process, the auditor, failed the device.

    Raises:
        RefusedError: it did.
    """
    while (reason := folder.failure()) is None:
        await trio.sleep(WATCH_INTERVAL_S)
    raise RefusedError(f"{folder.root}: the device was failed: {reason}")


async def _keep_house(
    writer: Writer, index: LmdbIndex, leftovers: Leftovers, context: RoleContext
) -> None:
    threads = context.world.threads
    while True:
        await threads.run(writer.restore_reserve)
        index.reader_check()
        await threads.run(leftovers.run_once)
        await trio.sleep(HOUSEKEEPING_INTERVAL_S)

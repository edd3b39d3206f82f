"""An audit of versions: a sound device passes, a directory or summary that lies does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from memory_store import MemoryDevice, memory_store
from trio.testing import MockClock
from version_model import Compared

from storage.container.versions import versions_id
from storage.device.folder import DeviceFolder
from storage.device.payload import PayloadFolder
from storage.keeper.auditor import Auditor, AuditReport
from storage.object.record import NULL_VERSION, object_prefix
from storage.object.versions import SUMMARY, directory_key, encode_summary
from storage.proxy.engine import Versioning
from storage.seal import pack


@dataclass
class Folder:
    """As much of a device's folder as an audit needs."""

    payloads: PayloadFolder
    failures: list[str] = field(default_factory=list)

    def fail(self, reason: str) -> None:
        self.failures.append(reason)


async def audit(env: Compared, device: MemoryDevice) -> tuple[AuditReport, list[str]]:
    folder = Folder(device.payloads)
    auditor = Auditor(
        env.env.world, device.index, cast(DeviceFolder, folder), device.replica, 1 << 40
    )
    return await auditor.run_once(), folder.failures


@pytest.mark.parametrize(
    "damage", ["", "pointer lost", "pointer wrong", "summary wrong", "row lost", "version lost"]
)
async def test_an_audit_knows_versions(damage: str, autojump_clock: MockClock) -> None:
    async with memory_store() as memory:
        await memory.store.create_container("AUTH_a", "c", {})
        container = await memory.store.container("AUTH_a", "c")
        assert container is not None
        env = Compared(memory, container)
        await env.put("o", b"null", Versioning.OFF)
        old = await env.put("o", b"x" * 3000, Versioning.ENABLED)
        gone = await env.put("o", b"2", Versioning.ENABLED)
        await env.delete("o", Versioning.ENABLED)
        await env.delete_version("o", gone.write_id)
        await env.put("p", b"3", Versioning.SUSPENDED)
        device = memory.devices[0]
        prefix = object_prefix(0, memory.hasher("AUTH_a", "c", "o"))
        with device.index.batch() as batch:
            pointer = directory_key(prefix, NULL_VERSION)
            if damage == "pointer lost":
                batch.delete("objects", pointer)
            elif damage == "pointer wrong":
                batch.put("objects", pointer, pack(pointer, old.created))
            elif damage == "summary wrong":
                batch.put("objects", prefix + SUMMARY, encode_summary(prefix, 5, old.created))
            elif damage == "row lost":
                [key, *_] = [
                    bytes(key)
                    for key, _ in batch.scan("rows", versions_id(container.id))
                    if bytes(key).startswith(versions_id(container.id))
                ]
                batch.delete("rows", key)
            elif damage == "version lost":
                batch.delete("objects", directory_key(prefix, gone.write_id))
        report, failures = await audit(env, device)
        assert (report.records, report.payloads_damaged, report.entries_damaged) == (
            5 - (damage == "version lost"),
            0,
            0,
        )
        assert len(failures) == bool(damage)
        assert bool(report.failures) == bool(damage)

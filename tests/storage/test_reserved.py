"""The system's own containers: out of sight, but for the bytes that they hold."""

from __future__ import annotations

import pytest
from memory_store import BytesBody, MemoryStore, memory_store

from storage.container.listing import Query
from storage.proxy.engine import Attributes
from storage.reserved import (
    configuration_of,
    ensure_container,
    hidden_of,
    is_reserved,
    parts_of,
    uploads_of,
)


def test_names() -> None:
    names = hidden_of("photos")
    assert names == (uploads_of("photos"), parts_of("photos"), configuration_of("photos"))
    assert all(map(is_reserved, names))
    assert not is_reserved("photos")


async def fill(memory: MemoryStore, container: str, size_bytes: int) -> None:
    record = await ensure_container(memory.store, "AUTH_a", container)
    body = BytesBody(bytes(size_bytes))
    await memory.store.put_object(record, "o", Attributes("", {}, {}), body)


@pytest.mark.parametrize(("devices", "replicas"), [(1, 1), (3, 3)])
async def test_they_are_not_listed_and_not_counted(devices: int, replicas: int) -> None:
    async with memory_store(devices=devices, replicas=replicas) as memory:
        await fill(memory, "\x01", 1)
        await fill(memory, "photos", 10)
        for hidden in hidden_of("photos"):
            await fill(memory, hidden, 100)
        for query in (
            Query(),
            Query(limit=2),
            Query(marker="\0"),
            Query(reverse=True),
            Query(reverse=True, end_marker="\0"),
        ):
            entries = await memory.store.list_containers("AUTH_a", query)
            assert sorted(entry.name for entry in entries) == ["\x01", "photos"]
        after = await memory.store.list_containers("AUTH_a", Query(marker="\x01"))
        assert [entry.name for entry in after] == ["photos"]
        found = await memory.store.account("AUTH_a")
        assert found is not None
        assert found[1][:3] == (2, 2, 311)
        container = await memory.store.container("AUTH_a", parts_of("photos"))
        assert container is not None
        assert (await memory.store.counters(container))[:3] == (1, 1, 100)
        await memory.store.delete_object(container, "o")
        await memory.store.delete_container("AUTH_a", parts_of("photos"))
        found = await memory.store.account("AUTH_a")
        assert found is not None
        assert found[1][:3] == (2, 2, 211)

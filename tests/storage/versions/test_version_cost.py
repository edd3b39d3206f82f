"""The current version costs the same, however many others there are, or were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from memory_store import memory_store
from version_model import Compared

from storage.device.memory_index import MemorySnapshot
from storage.mutation import Authority, Mutation, PutObject
from storage.object.record import ObjectRecord, buried
from storage.proxy.engine import Versioning
from storage.timestamp import Timestamp

LOOKS = ("get", "seek", "seek_before", "scan", "scan_back")


async def get(env: Compared) -> None:
    assert await env.read("o", None) == b"current"


async def put(env: Compared) -> None:
    await env.put("o", b"newer", Versioning.ENABLED)


async def mark(env: Compared) -> None:
    await env.delete("o", Versioning.ENABLED)


async def drop(env: Compared) -> None:
    current = env.names["o"].current
    assert current is not None
    await env.store.delete_version(env.container, "o", current.id)


async def look(env: Compared) -> None:
    current = env.names["o"].current
    assert current is not None
    assert await env.read("o", current.id) == b"current"


def older(record: ObjectRecord, number: int) -> ObjectRecord:
    """Return a version as it was written before the one given."""
    stamp = Timestamp((int.from_bytes(record.created) - (number << 48)).to_bytes(12))
    return record._replace(write_id=stamp, created=stamp, changed=stamp)


async def looks(
    act: Callable[[Compared], Awaitable[None]],
    versions: int,
    *,
    replicas: int,
    are_deleted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> Counter[str]:
    """Return how often the index was asked while something was done."""
    counts: Counter[str] = Counter()
    async with memory_store(devices=replicas, replicas=replicas) as memory:
        await memory.store.create_container("AUTH_a", "c", {})
        container = await memory.store.container("AUTH_a", "c")
        assert container is not None
        env = Compared(memory, container)
        record = await env.put("o", b"current", Versioning.ENABLED)
        name_hash = memory.hasher("AUTH_a", "c", "o")
        group: list[Mutation] = []
        for number in range(1, versions + 1):
            one = older(record, number)
            if are_deleted:
                one = buried(one, one.created)
            group.append(PutObject(0, name_hash, one, b"current", authority=Authority.PEER))
        for device in memory.devices.values():
            device.writer.apply([[one] for one in group])
        with monkeypatch.context() as patch:
            for name in LOOKS:
                patch.setattr(MemorySnapshot, name, counting(name, counts))
            await act(env)
    return counts


def counting(name: str, counts: Counter[str]) -> Callable[..., object]:
    asked: Callable[..., object] = getattr(MemorySnapshot, name)

    def ask(self: object, *arguments: object) -> object:
        counts[name] += 1
        return asked(self, *arguments)

    return ask


@pytest.mark.parametrize("are_deleted", [False, True], ids=["versions", "tombstones"])
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("act", [get, put, mark, drop, look])
async def test_the_number_of_versions_does_not_matter(
    act: Callable[[Compared], Awaitable[None]],
    replicas: int,
    are_deleted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = [
        await looks(act, count, replicas=replicas, are_deleted=are_deleted, monkeypatch=monkeypatch)
        for count in (2, 300)
    ]
    assert few == many
    assert few.total() < 75 * replicas


async def test_the_current_version_is_read_with_one_seek(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = await looks(get, 9, replicas=1, are_deleted=False, monkeypatch=monkeypatch)
    assert (counts["seek"], counts["get"], counts["seek_before"]) == (1, 1, 0)  # with its payload

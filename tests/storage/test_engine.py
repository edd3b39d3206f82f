"""The engine over devices in memory: what front doors rely on."""

from __future__ import annotations

import hashlib

import pytest
import trio
from memory_store import BytesBody, MemoryStore, memory_store

from storage.container.listing import Query
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.proxy.errors import (
    BodyIncompleteError,
    ContainerMissingError,
    ContainerNotEmptyError,
    EtagMismatchError,
    ObjectMissingError,
    PreconditionFailedError,
)

PLAIN = Attributes("text/plain", {"color": "red"}, {})


async def put(env: MemoryStore, name: str, data: bytes, **options: object) -> ObjectRecord:
    container = await env.store.container("AUTH_a", "c")
    assert container is not None
    return await env.store.put_object(container, name, PLAIN, BytesBody(data), **options)  # type: ignore[arg-type]


async def get(env: MemoryStore, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
    container = await env.store.container("AUTH_a", "c")
    assert container is not None
    record = await env.store.object(container, name)
    if record is None:
        return None
    data = b""
    async with env.store.open(container, record) as payload:
        async for chunk in payload.read(start, record.size_bytes if stop is None else stop):
            data += chunk
    return data


@pytest.mark.parametrize(("devices", "replicas"), [(1, 1), (3, 3), (4, 2)])
@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 65536, 200_000, 1_500_000])
async def test_what_was_put_is_got(devices: int, replicas: int, size: int) -> None:
    async with memory_store(devices=devices, replicas=replicas) as env:
        assert await env.store.create_container("AUTH_a", "c", {})
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        record = await put(env, "x/y", data)
        assert record.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
        assert await get(env, "x/y") == data
        if size > 70_000:
            assert await get(env, "x/y", 65_000, 66_000) == data[65_000:66_000]
        container = await env.store.container("AUTH_a", "c")
        counters = await env.store.counters(container)
        assert (counters.rows, counters.size_bytes) == (1, size)
        [entry] = await env.store.list_objects(container, Query())
        assert (entry.name, entry.row.size_bytes, entry.row.etag) == ("x/y", size, record.etag)
        _, counters = await env.store.account("AUTH_a")
        assert (counters.rows, counters.objects, counters.size_bytes) == (1, 1, size)


async def test_overwrite_and_delete_leave_no_file_behind() -> None:
    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {})
        for size in (5000, 6000, 10, 7000):
            await put(env, "o", b"z" * size)
        files = [path for path in env.disk.files if "payload" in path.parts]
        assert len(files) == 1
        container = await env.store.container("AUTH_a", "c")
        await env.store.delete_object(container, "o")
        assert not [path for path in env.disk.files if "payload" in path.parts]
        assert await env.store.object(container, "o") is None
        with pytest.raises(ObjectMissingError):
            await env.store.delete_object(container, "o")
        counters = await env.store.counters(container)
        assert (counters.rows, counters.size_bytes) == (0, 0)
        await env.store.delete_container("AUTH_a", "c")
        assert await env.store.container("AUTH_a", "c") is None
        _, counters = await env.store.account("AUTH_a")
        assert counters[:3] == (0, 0, 0)
        with pytest.raises(ContainerMissingError):
            await env.store.delete_container("AUTH_a", "c")


async def test_a_broken_or_wrong_body_changes_nothing() -> None:
    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {})
        container = await env.store.container("AUTH_a", "c")
        for size in (10, 5000, 300_000):
            with pytest.raises(BodyIncompleteError):
                await env.store.put_object(
                    container, "o", PLAIN, BytesBody(b"q" * size, breaks=True)
                )
            with pytest.raises(BodyIncompleteError):
                await put(env, "o", b"q" * size, size_bytes=size + 1)
            with pytest.raises(EtagMismatchError):
                await put(env, "o", b"q" * size, etag="0" * 32)
        assert await env.store.object(container, "o") is None
        assert not env.disk.files
        assert (await env.store.counters(container)).rows == 0


async def test_conditions_are_judged_with_the_write() -> None:
    def must_be_new(current: ObjectRecord | None) -> None:
        if current is not None:
            raise PreconditionFailedError("there is one")

    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {})
        await put(env, "o", b"1", condition=must_be_new)
        with pytest.raises(PreconditionFailedError):
            await put(env, "o", b"2", condition=must_be_new)
        assert await get(env, "o") == b"1"


async def test_amend_keeps_the_payload() -> None:
    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {})
        await put(env, "o", b"1" * 3000)
        container = await env.store.container("AUTH_a", "c")
        await env.store.amend_object(container, "o", lambda r: r_attributes(r))
        record = await env.store.object(container, "o")
        assert (record.content_type, record.metadata) == ("image/png", {"size": "3000"})
        assert record.changed > record.created
        assert await get(env, "o") == b"1" * 3000
        await put(env, "o", b"2")
        assert await get(env, "o") == b"2"


def r_attributes(record: ObjectRecord) -> Attributes:
    return Attributes("image/png", {"size": str(record.size_bytes)}, {})


async def test_a_container_with_objects_stays() -> None:
    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {"x-container-meta-a": "1"})
        assert not await env.store.create_container("AUTH_a", "c", {"x-container-meta-b": "2"})
        container = await env.store.container("AUTH_a", "c")
        assert container.values == {"x-container-meta-a": "1", "x-container-meta-b": "2"}
        await env.store.update_container("AUTH_a", "c", {"x-container-meta-a": ""})
        container = await env.store.container("AUTH_a", "c")
        assert container.values == {"x-container-meta-b": "2"}
        await put(env, "o", b"1")
        with pytest.raises(ContainerNotEmptyError):
            await env.store.delete_container("AUTH_a", "c")
        assert await get(env, "o") == b"1"


async def test_damage_is_never_served() -> None:
    async with memory_store(devices=3, replicas=3) as env:
        await env.store.create_container("AUTH_a", "c", {})
        data = bytes(range(256)) * 1000
        await put(env, "o", data)
        [first, second, _] = sorted(path for path in env.disk.files if "payload" in path.parts)
        env.disk.files[first].written[70_000] ^= 1
        env.disk.files[second].written[-60] ^= 1
        assert await get(env, "o") == data
        assert [path.parts[2] for path in sorted(env.disk.files)].count("quarantine") >= 1


@pytest.mark.parametrize("replicas", [1, 3])
async def test_any_number_of_changes_of_one_container_at_once(replicas: int) -> None:
    async with memory_store(devices=replicas, replicas=replicas) as env:
        await env.store.create_container("AUTH_a", "c", {})
        async with trio.open_nursery() as nursery:
            for number in range(60):
                change = {f"x-container-meta-{number}": "there"}
                nursery.start_soon(env.store.update_container, "AUTH_a", "c", change)
        container = await env.store.container("AUTH_a", "c")
        assert container is not None
        assert len(container.metadata) == 60

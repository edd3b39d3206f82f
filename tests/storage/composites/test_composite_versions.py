"""Composites in a versioned bucket: each version keeps its own parts, and only those."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from memory_store import BytesBody
from multipart_env import ACCOUNT, BUCKET, PART, Env, multipart_env

from storage.device.transaction import PARTS_GRACE_S
from storage.keeper.due import settle_due
from storage.object.record import NULL_VERSION
from storage.proxy.engine import Versioning
from storage.proxy.errors import LockedError, UnavailableError
from storage.proxy.uploads import Completion, Upload

ENABLED, SUSPENDED = Versioning.ENABLED, Versioning.SUSPENDED


@pytest.fixture(params=[(1, 1), (3, 3)], ids=["1 replica", "3 replicas"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


def bytes_of(number: int) -> bytes:
    return bytes([number]) * 1500 + b"end"


async def compose(
    env: Env, number: int, versioned: Versioning = ENABLED
) -> tuple[Upload, Completion]:
    """Write the object anew, in two parts."""
    upload = await env.begin("k")
    data = bytes_of(number)
    done = [await env.part(upload, 1, data[:1500]), await env.part(upload, 2, data[1500:])]
    return upload, await env.complete(upload, done, versioned=versioned)


async def read(env: Env, version: bytes) -> bytes | None:
    found = await env.store.get_object(env.bucket, "k", version)
    if found is None:
        return None
    async with found[1] as payload:
        return b"".join([bytes(chunk) async for chunk in payload.read(0, found[0].size_bytes)])


async def keep(env: Env) -> None:
    """Have the keeper act when all grace is over."""
    env.memory.world.clock.offset_ns += (PARTS_GRACE_S + 1) * 10**9
    replicas = [device.replica for device in env.memory.devices.values()]
    report = await settle_due(env.memory.world, env.store, replicas)
    assert report.postponed == 0


async def test_each_version_has_its_own_parts(env: Env) -> None:
    made = [(await compose(env, number))[1] for number in range(3)]
    assert len({one.write_id for one in made}) == 3
    assert not any(one.is_null for one in made)
    await keep(env)
    for number, one in enumerate(made):
        assert await read(env, one.write_id) == bytes_of(number)
    await env.store.delete_version(env.bucket, "k", made[1].write_id)
    await keep(env)
    assert len(await env.part_names()) == 4
    assert await read(env, made[0].write_id) == bytes_of(0)
    assert await read(env, made[1].write_id) is None
    assert await env.get("k") == bytes_of(2)
    await env.store.delete_version(env.bucket, "k", made[2].write_id)
    await keep(env)
    assert await env.get("k") == bytes_of(0)
    assert len(await env.part_names()) == 2


async def test_a_delete_marker_keeps_the_parts(env: Env) -> None:
    upload, made = await compose(env, 1)
    await env.store.delete_object(env.bucket, "k", versioned=ENABLED)
    await keep(env)
    await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id)
    assert await env.get("k") is None
    assert await read(env, made.write_id) == bytes_of(1)


async def test_a_null_version_is_replaced_with_its_parts(env: Env) -> None:
    _, first = await compose(env, 1)
    _, second = await compose(env, 2, SUSPENDED)
    assert second.is_null
    assert await read(env, NULL_VERSION) == bytes_of(2)
    await compose(env, 3, SUSPENDED)
    await keep(env)
    assert await read(env, NULL_VERSION) == bytes_of(3)
    assert await read(env, first.write_id) == bytes_of(1)
    assert len(await env.part_names()) == 4
    await env.store.delete_object(env.bucket, "k", versioned=SUSPENDED)
    await keep(env)
    assert len(await env.part_names()) == 2
    assert await read(env, first.write_id) == bytes_of(1)


async def test_a_plain_version_above_keeps_the_parts(env: Env) -> None:
    _, made = await compose(env, 1)
    for _ in range(3):
        await env.store.put_object(env.bucket, "k", PART, BytesBody(b"plain"), versioned=ENABLED)
    await keep(env)
    assert await read(env, made.write_id) == bytes_of(1)


async def test_a_repeated_completion_names_the_same_version(env: Env) -> None:
    upload, made = await compose(env, 1)
    await compose(env, 2)
    data = bytes_of(1)
    parts = [await env.part(await env.begin("x"), n, one) for n, one in
             enumerate((data[:1500], data[1500:]), 1)]  # fmt: skip
    assert await env.complete(upload, parts, versioned=ENABLED) == made
    assert await env.get("k") == bytes_of(2)


async def test_a_locked_version_keeps_its_parts(env: Env) -> None:
    upload, made = await compose(env, 1)

    def lock(record: object) -> object:
        return PART._replace(system={"x-object-lock-hold": "ON"})

    await env.store.amend_object(env.bucket, "k", lock)  # type: ignore[arg-type]
    with pytest.raises(LockedError):
        await env.store.delete_version(env.bucket, "k", made.write_id)
    await keep(env)
    await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id)
    assert await env.get("k") == bytes_of(1)


async def test_versions_are_looked_through_page_by_page(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.proxy.part_reclaim._PAGE", 2)
    made = [await compose(env, number) for number in range(5)]
    await env.store.put_object(env.bucket, "k2", PART, BytesBody(b"another"), versioned=ENABLED)
    for upload, _ in made:
        assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 0
    for number, (_, completion) in enumerate(made):
        assert await read(env, completion.write_id) == bytes_of(number)


async def test_a_version_that_goes_while_they_are_listed_makes_it_wait(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is listed behind it could be taken for gone."""
    monkeypatch.setattr("storage.proxy.part_reclaim._PAGE", 2)
    made = [await compose(env, number) for number in range(5)]
    original = env.store.list_versions
    pages = 0

    async def list_versions(*arguments: object) -> object:
        nonlocal pages
        pages += 1
        if pages == 2:  # the page before it ended with this one
            await env.store.delete_version(env.bucket, "k", made[3][1].write_id)
        return await original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(env.store, "list_versions", list_versions)
    with pytest.raises(UnavailableError):
        await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", made[0][0].id)
    assert await read(env, made[0][1].write_id) == bytes_of(0)

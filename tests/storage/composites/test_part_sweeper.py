"""The keeper and parts: what `due` says, and what only the sweep can find."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from memory_store import BytesBody
from multipart_env import ACCOUNT, BUCKET, PART, Env, multipart_env

from storage.container.listing import Query
from storage.device.transaction import PARTS_GRACE_S
from storage.keeper.due import settle_due
from storage.keeper.parts import PartSweeper
from storage.proxy.completion import CompletedPart
from storage.proxy.uploads import Upload
from storage.reserved import hidden_of, parts_of, uploads_of

AGE_S = 7200
PARTS = (b"a" * 3000, b"b" * 10)


@pytest.fixture(params=[(1, 1), (3, 3), (4, 2)], ids=["1 of 1", "3 of 3", "2 of 4"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


def later(env: Env, seconds: float) -> None:
    env.memory.world.clock.offset_ns += int(seconds * 1e9)


async def settle(env: Env) -> None:
    """Do what the keeper does with what is due."""
    replicas = [device.replica for device in env.memory.devices.values()]
    report = await settle_due(env.memory.world, env.store, replicas)
    assert report.postponed == 0


async def sweep(env: Env) -> int:
    """Go round all containers of all devices once, and a little further."""
    indexes = {number: device.index for number, device in env.memory.devices.items()}
    sweeper = PartSweeper(env.memory.world, env.store, env.placement, indexes, AGE_S)
    return sum([await sweeper.run_once() for _ in range(4 * len(indexes) + 8)])


async def fill(env: Env, key: str = "k") -> tuple[Upload, list[CompletedPart]]:
    upload = await env.begin(key)
    return upload, [await env.part(upload, number, data) for number, data in enumerate(PARTS, 1)]


async def complete(env: Env, key: str = "k") -> Upload:
    upload, done = await fill(env, key)
    await env.complete(upload, done)
    return upload


@pytest.mark.parametrize("end", ["deleted", "overwritten", "composed again"])
async def test_parts_go_some_time_after_their_object(env: Env, end: str) -> None:
    await complete(env)
    wanted: bytes | None = None
    if end == "deleted":
        await env.store.delete_object(env.bucket, "k")
    elif end == "overwritten":
        await env.store.put_object(env.bucket, "k", PART, BytesBody(b"plain"))
        wanted = b"plain"
    else:
        await complete(env)
        wanted = b"".join(PARTS)
    left = 4 if end == "composed again" else 2
    later(env, PARTS_GRACE_S - 60)
    await settle(env)
    assert len(await env.part_names()) == left
    later(env, 120)
    await settle(env)
    assert len(await env.part_names()) == left - 2
    assert await env.get("k") == wanted
    await settle(env)


async def test_a_reader_is_not_disturbed_by_a_deletion(env: Env) -> None:
    await complete(env)
    found = await env.store.get_object(env.bucket, "k")
    assert found is not None
    async with found[1] as payload:
        await env.store.delete_object(env.bucket, "k")
        await settle(env)
        data = b"".join([bytes(chunk) async for chunk in payload.read(0, 3010)])
    assert data == b"".join(PARTS)


async def test_the_sweep_leaves_what_is_needed(env: Env) -> None:
    await complete(env)
    await fill(env, "open")
    later(env, 10 * AGE_S)
    await settle(env)  # what completed is forgotten
    before = await env.part_names()
    assert await sweep(env) == 0
    assert await env.part_names() == before
    assert await env.get("k") == b"".join(PARTS)


async def test_the_sweep_finds_parts_without_an_upload(env: Env) -> None:
    upload, _ = await fill(env)
    await complete(env, "other")
    container = await env.store.container(ACCOUNT, uploads_of(BUCKET))
    assert container is not None
    await env.store.delete_object(container, upload.name)  # an abort that died
    assert await sweep(env) == 0  # it is too young
    later(env, AGE_S)
    assert await sweep(env) == 2
    assert len(await env.part_names()) == 2
    assert await env.get("other") == b"".join(PARTS)


async def test_the_sweep_finds_parts_that_a_completion_left_out(env: Env) -> None:
    upload, done = await fill(env)
    await env.complete(upload, done)
    parts = await env.store.container(ACCOUNT, parts_of(BUCKET))
    assert parts is not None
    late = f"k\0{upload.id}/00009/{'0' * 16}"  # of a sender that died
    await env.store.put_object(parts, late, PART, BytesBody(b"late"))
    later(env, AGE_S)
    assert await sweep(env) == 1
    assert await env.get("k") == b"".join(PARTS)


async def test_the_sweep_removes_what_a_deleted_bucket_left(env: Env) -> None:
    await fill(env)
    await env.store.delete_container(ACCOUNT, BUCKET)
    assert await sweep(env) == 3
    for name in hidden_of(BUCKET):
        assert await env.store.container(ACCOUNT, name) is None


async def test_the_sweep_removes_uploads_of_an_earlier_bucket(env: Env) -> None:
    await fill(env)
    await env.store.delete_container(ACCOUNT, BUCKET)
    await env.store.create_container(ACCOUNT, BUCKET, {})
    bucket = await env.store.container(ACCOUNT, BUCKET)
    assert bucket is not None
    await env.multipart.create(bucket, "new", PART)
    later(env, AGE_S)
    assert await sweep(env) == 3
    assert len(await env.upload_names()) == 1


async def test_the_sweep_goes_on_where_it_ended(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.keeper.parts.UPLOADS_PER_ROUND", 2)
    monkeypatch.setattr("storage.keeper.parts.CONTAINERS_PER_ROUND", 2)
    for number in range(7):
        await complete(env, f"k{number}")
        await env.store.delete_object(env.bucket, f"k{number}")
    later(env, AGE_S)
    indexes = {number: device.index for number, device in env.memory.devices.items()}
    sweeper = PartSweeper(env.memory.world, env.store, env.placement, indexes, AGE_S)
    rounds = [await sweeper.run_once() for _ in range(60)]
    assert sum(rounds) == 14
    assert max(rounds) == 4
    assert await env.part_names() == []


async def test_a_dead_account_leaves_nothing(env: Env) -> None:
    await complete(env)
    await env.store.delete_object(env.bucket, "k")
    await env.store.delete_container(ACCOUNT, BUCKET)
    await env.store.delete_account(ACCOUNT)
    await sweep(env)
    for name in hidden_of(BUCKET):
        container = await env.store.container(ACCOUNT, name)
        assert container is None or not await env.store.list_objects(container, Query())

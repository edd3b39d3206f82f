"""Reading composites: ranges, what is opened for them, and what is lost."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import BytesBody
from multipart_env import PART, Env, multipart_env

from storage.object.record import ObjectRecord
from storage.proxy.errors import PayloadLostError
from storage.proxy.manifest import Manifest, Segment
from storage.proxy.payloads import FilePayload
from storage.proxy.segments import NESTING_MAX, CompositePayload


@pytest.fixture(params=[(1, 1), (3, 3), (4, 2)], ids=["1 of 1", "3 of 3", "2 of 4"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


async def put(env: Env, name: str, data: bytes) -> ObjectRecord:
    return await env.store.put_object(env.bucket, name, PART, BytesBody(data))


def segment_of(number: int, record: ObjectRecord, start: int = 0, size: int = -1) -> Segment:
    size = record.size_bytes - start if size < 0 else size
    return Segment(
        number, record.container, record.name, record.write_id, size, record.etag, b"", start
    )


async def compose(env: Env, name: str, segments: list[Segment]) -> ObjectRecord:
    manifest = Manifest(segments)
    return await env.store.put_composite(
        env.bucket, name, PART, manifest.pack(), size_bytes=manifest.size_bytes, etag="x-1"
    )


def opened_segments(env: Env) -> list[int]:
    """Have the numbers of segments that are opened appended to a list."""
    numbers: list[int] = []
    original = env.store.composites.open_segment

    async def open_segment(account: str, segment: Segment, *more: Any) -> Any:
        numbers.append(segment.number)
        return await original(account, segment, *more)

    env.store.composites.open_segment = open_segment  # type: ignore[method-assign]
    return numbers


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 700, 1024, 1025, 65_536, 70_000]), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_any_range_is_that_of_the_concatenation(sizes: list[int], rng: random.Random) -> None:
    async def run() -> None:
        async with multipart_env(devices=2, replicas=1, part_size_bytes_min=0) as env:
            data = [rng.randbytes(size) for size in sizes]
            upload = await env.begin("k")
            done = [await env.part(upload, number, one) for number, one in enumerate(data, 1)]
            await env.complete(upload, done)
            whole = b"".join(data)
            assert await env.get("k") == whole
            for _ in range(8):
                start = rng.randrange(len(whole) + 1)
                stop = rng.randrange(start, len(whole) + 1)
                assert await env.get("k", start, stop) == whole[start:stop]

    trio.run(run)


async def test_a_range_opens_only_the_segments_it_needs(env: Env) -> None:
    records = [await put(env, f"s{n}", bytes([n]) * 2000) for n in range(5)]
    await compose(env, "k", [segment_of(n, one) for n, one in enumerate(records, 1)])
    numbers = opened_segments(env)
    assert await env.get("k", 2500, 6001) == bytes([1]) * 1500 + bytes([2]) * 2000 + bytes([3])
    assert numbers == [2, 3, 4]
    numbers.clear()
    assert await env.get("k", 4000, 4000) == b""
    assert await env.get("k", 3999, 4000) == bytes([1])
    assert numbers == [2]


async def test_the_next_segment_is_open_while_one_is_read(env: Env) -> None:
    records = [await put(env, f"s{n}", bytes([n]) * 300_000) for n in range(3)]
    await compose(env, "k", [segment_of(n, one) for n, one in enumerate(records, 1)])
    numbers = opened_segments(env)
    found = await env.store.get_object(env.bucket, "k")
    assert found is not None
    async with found[1] as payload:
        chunks: Any = payload.read(0, 900_000)
        async with aclosing(chunks):
            await anext(chunks)
            assert numbers == [1, 2]
            for one in ("s0", "s1"):  # both are open, and stay so
                await env.store.delete_object(env.bucket, one)
            data = b"".join([bytes(chunk) async for chunk in chunks][:3])
            assert numbers == [1, 2, 3]
            assert len(data) > 300_000


async def test_nothing_stays_open_behind_a_reader_that_leaves(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now = 0
    init, close = FilePayload.__init__, FilePayload.close

    def opened(self: FilePayload, *arguments: Any) -> None:
        nonlocal open_now
        open_now += 1
        init(self, *arguments)

    def closed(self: FilePayload) -> None:
        nonlocal open_now
        open_now -= 1
        close(self)

    monkeypatch.setattr(FilePayload, "__init__", opened)
    monkeypatch.setattr(FilePayload, "close", closed)
    records = [await put(env, f"s{n}", bytes([n]) * 300_000) for n in range(3)]
    await compose(env, "k", [segment_of(n, one) for n, one in enumerate(records, 1)])
    for reads in (0, 1, 3, 100):
        found = await env.store.get_object(env.bucket, "k")
        assert found is not None
        async with found[1] as payload:
            chunks: Any = payload.read(0, 900_000)
            async with aclosing(chunks):
                for _ in range(reads):
                    if await anext(chunks, None) is None:
                        break
        assert open_now == 0


async def test_open_and_get_object_give_the_same(env: Env) -> None:
    records = [await put(env, f"s{n}", bytes([n]) * 10) for n in range(2)]
    record = await compose(env, "k", [segment_of(n, one) for n, one in enumerate(records, 1)])
    async with env.store.open(env.bucket, record) as payload:
        assert payload.whole is None
        assert isinstance(payload, CompositePayload)
        assert payload.manifest.size_bytes == 20
    assert await env.store.manifest(env.bucket, records[0]) is None


async def damage(env: Env, name: str) -> None:
    """Damage the payload files of an object on all devices."""
    record = await env.store.object(env.bucket, name)
    assert record is not None
    for device in env.memory.devices.values():
        content = env.memory.disk.files.get(device.payloads.path(record.write_id))
        if content is not None:
            content.written[100] ^= 1


async def test_a_segment_that_is_not_the_one_named_is_lost(env: Env) -> None:
    async def delete(name: str) -> None:
        await env.store.delete_object(env.bucket, name)

    async def replace(name: str) -> None:
        await put(env, name, b"x" * 2000)

    for harm in (delete, replace, lambda name: damage(env, name)):
        records = [await put(env, f"s{n}", bytes([n]) * 2000) for n in range(3)]
        await compose(env, "k", [segment_of(n, one) for n, one in enumerate(records, 1)])
        await harm("s1")
        assert await env.get("k", 0, 2000) == bytes(2000)
        assert await env.get("k", 4000, 6000) == bytes([2]) * 2000
        for start, stop in ((0, 2001), (1999, 2001), (3999, 4001), (0, 6000)):
            with pytest.raises(PayloadLostError):
                await env.get("k", start, stop)


async def test_a_segment_in_a_container_that_is_gone_is_lost(env: Env) -> None:
    record = await put(env, "s", b"x" * 10)
    await compose(env, "k", [segment_of(1, record)._replace(container="gone")])
    with pytest.raises(PayloadLostError):
        await env.get("k")


async def test_a_segment_that_is_too_short_is_lost(env: Env) -> None:
    record = await put(env, "s", b"x" * 10)
    await compose(env, "k", [segment_of(1, record, 5, 6)])
    with pytest.raises(PayloadLostError):
        await env.get("k")


async def test_a_manifest_that_is_none_is_lost(env: Env) -> None:
    await env.store.put_composite(
        env.bucket, "k", PART, b"no manifest at all", size_bytes=10, etag="x"
    )
    with pytest.raises(PayloadLostError):
        await env.get("k")


async def test_a_damaged_manifest_is_lost(env: Env) -> None:
    record = await put(env, "s", b"x" * 3000)
    segments = [segment_of(n, record, n, 1) for n in range(1, 2000)]
    await compose(env, "k", segments)
    await damage(env, "k")
    with pytest.raises(PayloadLostError):
        await env.get("k")


async def test_a_manifest_that_needs_a_file_is_read_as_well(env: Env) -> None:
    data = random.Random(1).randbytes(3000)
    record = await put(env, "s", data)
    await compose(env, "k", [segment_of(n, record, n, 1) for n in range(1, 2000)])
    assert await env.get("k") == data[1:2000]
    assert await env.get("k", 5, 1000) == data[6:1001]  # the manifest is known by now


async def test_segments_may_be_ranges_and_composites(env: Env) -> None:
    record = await put(env, "s", bytes(range(200)))
    inner = await compose(
        env, "inner", [segment_of(1, record, 10, 20), segment_of(2, record, 100, 50)]
    )
    await compose(env, "outer", [segment_of(1, inner, 15, 30), segment_of(2, record, 0, 3)])
    wanted = (bytes(range(10, 30)) + bytes(range(100, 150)))[15:45] + bytes(range(3))
    assert await env.get("outer") == wanted
    assert await env.get("outer", 4, 32) == wanted[4:32]


async def test_composites_nest_to_a_limit(env: Env) -> None:
    record = await put(env, "s", b"abc")
    for depth in range(NESTING_MAX + 1):
        record = await compose(env, f"k{depth}", [segment_of(1, record)])
    assert await env.get(f"k{NESTING_MAX}") == b"abc"
    await compose(env, "over", [segment_of(1, record)])
    with pytest.raises(PayloadLostError):
        await env.get("over")


async def test_manifests_that_are_known_are_bounded(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.proxy.segments.SEGMENTS_KNOWN_MAX", 5)
    record = await put(env, "s", b"abcdefgh")
    for n in range(4):
        await compose(env, f"k{n}", [segment_of(i, record, i, 1) for i in (1, 2)])
    for _ in range(2):
        for n in range(4):
            assert await env.get(f"k{n}") == b"bc"
    assert len(env.store.composites._known) == 2


async def test_inline_bytes_are_segments_too(env: Env) -> None:
    record = await put(env, "s", b"0123456789")
    inline = [Segment(1, "", "", b"", 2, ""), Segment(3, "", "", b"", 3, "", b"", 2)]
    manifest = Manifest([inline[0], segment_of(2, record, 4, 2), inline[1]], b"abcde")
    await env.store.put_composite(env.bucket, "k", PART, manifest.pack(), size_bytes=7, etag="x")
    assert await env.get("k") == b"ab45cde"
    assert await env.get("k", 1, 6) == b"b45cd"


async def test_a_segment_that_its_etag_names_may_be_written_again(env: Env) -> None:
    record = await put(env, "s", b"0123456789")
    await compose(env, "k", [segment_of(1, record)._replace(write_id=b"")])
    await put(env, "s", b"0123456789")
    assert await env.get("k") == b"0123456789"
    await put(env, "s", b"9876543210")
    with pytest.raises(PayloadLostError):
        await env.get("k")

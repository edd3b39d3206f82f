"""Multipart uploads over devices in memory: begun, filled, completed, aborted."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from memory_store import BytesBody
from multipart_env import ACCOUNT, BUCKET, PART, Env, multipart_env

from native.crc import crc32, crc32c, crc64nvme
from storage.container.listing import Query
from storage.object.record import ObjectRecord
from storage.proxy.checksums import ChecksumAlgorithm, ChecksumPlan, ChecksumType, checksum_key
from storage.proxy.completion import CompletedPart
from storage.proxy.errors import BodyIncompleteError, EtagMismatchError, PreconditionFailedError
from storage.proxy.multipart_errors import (
    ChecksumMismatchError,
    EntityTooLargeError,
    EntityTooSmallError,
    InvalidPartError,
    InvalidPartOrderError,
    NoSuchUploadError,
    PartChecksumMissingError,
    SizeMismatchError,
)
from storage.reserved import hidden_of, parts_of


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def must_be_new(current: ObjectRecord | None) -> None:
    if current is not None:
        raise PreconditionFailedError(current.name)


@pytest.fixture(params=[(1, 1), (3, 3)], ids=["1 replica", "3 replicas"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


PARTS = (b"a" * 3000, b"b" * 2000, b"c" * 10)
WHOLE = b"".join(PARTS)


async def fill(env: Env, key: str = "k", **options: Any) -> tuple[Any, list[CompletedPart]]:
    """Begin an upload and store all parts."""
    upload = await env.begin(key, **options)
    return upload, [await env.part(upload, number, data) for number, data in enumerate(PARTS, 1)]


async def test_parts_become_an_object(env: Env) -> None:
    upload, done = await fill(env)
    assert await env.get("k") is None
    completion = await env.complete(upload, done)
    etag = md5(b"".join(bytes.fromhex(md5(data)) for data in PARTS)) + "-3"
    assert (completion.etag, completion.size_bytes) == (etag, 5010)
    assert await env.get("k") == WHOLE
    assert await env.get("k", 2999, 5001) == WHOLE[2999:5001]
    record = await env.store.object(env.bucket, "k")
    assert record is not None
    assert (record.etag, record.size_bytes, record.write_id) == (etag, 5010, completion.write_id)
    assert (record.content_type, record.metadata) == ("text/plain", {"color": "red"})
    assert record.system["content-encoding"] == "identity"
    [entry] = await env.store.list_objects(env.bucket, Query())
    assert entry.row is not None
    assert (entry.name, entry.row.size_bytes, entry.row.etag) == ("k", 5010, etag)
    manifest = await env.store.manifest(env.bucket, record)
    assert manifest is not None
    assert manifest.part(2) == (3000, 5000)
    assert await env.part_names() == [segment.name for segment in manifest.segments]


async def test_upload_ids_cannot_be_guessed_and_sort_by_time(env: Env) -> None:
    uploads = [await env.begin("k") for _ in range(5)]
    ids = [upload.id for upload in uploads]
    assert ids == sorted(ids)
    assert len({upload_id[24:] for upload_id in ids}) == 5
    assert all(upload_id.isalnum() and len(upload_id) == 56 for upload_id in ids)
    wall_ms = env.memory.world.clock.wall_ns() // 1_000_000
    assert all(0 <= wall_ms - upload.initiated_ms < 60_000 for upload in uploads)


async def test_a_part_may_come_again_and_the_last_one_wins(env: Env) -> None:
    upload, done = await fill(env)
    again = await env.part(upload, 2, b"B" * 1500)
    assert len(await env.part_names()) == 3
    with pytest.raises(InvalidPartError) as refused:
        await env.complete(upload, done)
    assert (refused.value.number, refused.value.etag) == (2, done[1].etag)
    await env.complete(upload, [done[0], again, done[2]])
    assert await env.get("k") == PARTS[0] + b"B" * 1500 + PARTS[2]


async def test_the_part_that_ends_last_wins_though_it_began_first(env: Env) -> None:
    upload = await env.begin("k")

    class Interrupted(BytesBody):
        async def receive(self) -> bytes:
            piece = await super().receive()
            if not piece:
                await env.part(upload, 1, b"B" * 100)
            return piece

    record = await env.multipart.upload_part(env.bucket, upload, 1, PART, Interrupted(b"A" * 100))
    await env.complete(upload, [CompletedPart(1, record.etag)])
    assert await env.get("k") == b"A" * 100
    assert len(await env.part_names()) == 1


async def test_what_a_completion_leaves_out_is_removed(env: Env) -> None:
    upload, done = await fill(env)
    await env.complete(upload, [done[0], done[2]])
    assert await env.get("k") == PARTS[0] + PARTS[2]
    assert len(await env.part_names()) == 2
    record = await env.store.object(env.bucket, "k")
    manifest = await env.store.manifest(env.bucket, record)
    assert (manifest.part(1), manifest.part(2), manifest.part(3)) == ((0, 3000), None, (3000, 3010))


async def test_a_completion_that_is_repeated_gets_the_same_answer(env: Env) -> None:
    upload, done = await fill(env)
    first = await env.complete(upload, done, condition=must_be_new)
    assert await env.complete(upload, done, condition=must_be_new) == first
    with pytest.raises(NoSuchUploadError):
        await env.complete(upload, done[:2])
    with pytest.raises(NoSuchUploadError):
        await env.complete(upload, [CompletedPart(1, "no MD5")])
    await env.store.put_object(env.bucket, "k", PART, BytesBody(b"newer"))
    assert await env.complete(upload, done) == first
    assert await env.get("k") == b"newer"


async def test_a_completed_upload_is_forgotten_in_time(env: Env) -> None:
    upload, done = await fill(env)
    await env.complete(upload, done)
    env.memory.world.clock.offset_ns += 3601 * 10**9
    with pytest.raises(NoSuchUploadError):
        await env.complete(upload, done)
    assert await env.get("k") == WHOLE


async def test_after_its_end_an_upload_is_gone(env: Env) -> None:
    completed, done = await fill(env)
    await env.complete(completed, done)
    aborted, parts = await fill(env, "other")
    await env.multipart.abort(env.bucket, "other", aborted.id)
    assert len(await env.part_names()) == 3
    for upload in (completed, aborted):
        with pytest.raises(NoSuchUploadError):
            await env.multipart.abort(env.bucket, upload.key, upload.id)
        with pytest.raises(NoSuchUploadError):
            await env.multipart.find(env.bucket, upload.key, upload.id)
        with pytest.raises(NoSuchUploadError):
            await env.multipart.list_parts(env.bucket, upload.key, upload.id)
        with pytest.raises(NoSuchUploadError):
            await env.part(upload, 1, b"late")
    with pytest.raises(NoSuchUploadError):
        await env.complete(aborted, parts)
    assert len(await env.part_names()) == 3
    assert await env.get("k") == WHOLE


async def test_unknown_ids_and_other_keys_are_no_uploads(env: Env) -> None:
    with pytest.raises(NoSuchUploadError):
        await env.multipart.find(env.bucket, "k", "none")
    upload, done = await fill(env)
    for key, upload_id in (("k", "0" * 56), ("k2", upload.id), ("k", ""), ("k", upload.id[:-1])):
        with pytest.raises(NoSuchUploadError):
            await env.multipart.complete(env.bucket, key, upload_id, done)
        with pytest.raises(NoSuchUploadError):
            await env.multipart.abort(env.bucket, key, upload_id)


async def test_what_a_completion_names_must_be_there(env: Env) -> None:
    upload, done = await fill(env)
    wrong = {
        "no part": (InvalidPartOrderError, []),
        "order": (InvalidPartOrderError, [done[1], done[0]]),
        "missing": (InvalidPartError, [*done, CompletedPart(5, done[0].etag)]),
        "etag": (InvalidPartError, [done[0]._replace(etag=done[1].etag), *done[1:]]),
        "checksum": (InvalidPartError, [done[0]._replace(checksum="AAAAAA=="), *done[1:]]),
        "small": (EntityTooSmallError, [done[0], done[2], CompletedPart(4, done[2].etag)]),
    }
    await env.part(upload, 4, PARTS[2])
    for error, parts in wrong.values():
        with pytest.raises(error):
            await env.complete(upload, parts)
    with pytest.raises(SizeMismatchError) as refused:
        await env.complete(upload, done, size_bytes=5011)
    assert refused.value.size_bytes == 5010
    assert await env.store.object(env.bucket, "k") is None
    await env.complete(upload, done, size_bytes=5010)  # every refusal left the upload as it was


async def test_too_small_and_too_large_say_so(env: Env) -> None:
    upload = await env.begin("k")
    parts = [await env.part(upload, number, b"x" * 999) for number in (1, 2)]
    with pytest.raises(EntityTooSmallError) as small:
        await env.complete(upload, parts)
    assert (small.value.number, small.value.size_bytes, small.value.size_bytes_min) == (
        1,
        999,
        1000,
    )
    parts = [await env.part(upload, number, b"x" * 3_500_000) for number in (1, 2, 3)]
    with pytest.raises(EntityTooLargeError) as large:
        await env.complete(upload, parts)
    assert large.value.size_bytes == 10_500_000


async def test_a_number_that_is_repeated_counts_once(env: Env) -> None:
    upload, done = await fill(env)
    stale = CompletedPart(1, md5(b"an earlier attempt"))
    completion = await env.complete(upload, [stale, *done])
    assert completion.etag.endswith("-3")


async def test_a_condition_that_fails_leaves_the_upload(env: Env) -> None:
    await env.store.put_object(env.bucket, "k", PART, BytesBody(b"old"))
    upload, done = await fill(env)
    with pytest.raises(PreconditionFailedError):
        await env.complete(upload, done, condition=must_be_new)
    assert await env.get("k") == b"old"
    assert len((await env.multipart.list_parts(env.bucket, "k", upload.id)).parts) == 3
    await env.store.delete_object(env.bucket, "k")
    await env.complete(upload, done, condition=must_be_new)
    assert await env.get("k") == WHOLE


async def test_an_error_of_the_conditions_own_reaches_the_caller(env: Env) -> None:
    def refuse(_: ObjectRecord | None) -> None:
        raise LookupError("a front door's own")

    upload, done = await fill(env)
    with pytest.raises(LookupError):
        await env.complete(upload, done, condition=refuse)
    await env.complete(upload, done)


async def test_a_part_without_bytes_may_be_all_there_is(env: Env) -> None:
    upload = await env.begin("k")
    completion = await env.complete(upload, [await env.part(upload, 1, b"")])
    assert (completion.size_bytes, await env.get("k")) == (0, b"")


async def test_a_broken_part_leaves_nothing(env: Env) -> None:
    upload = await env.begin("k")
    for size in (10, 200_000):
        broken, wrong = BytesBody(b"q" * size, breaks=True), BytesBody(b"q" * size)
        with pytest.raises(BodyIncompleteError):
            await env.multipart.upload_part(env.bucket, upload, 1, PART, broken)
        with pytest.raises(EtagMismatchError):
            await env.multipart.upload_part(env.bucket, upload, 1, PART, wrong, etag="0" * 32)
    assert await env.part_names() == []
    with pytest.raises(InvalidPartError):
        await env.complete(upload, [CompletedPart(1, md5(b"q" * 10))])


async def test_parts_are_listed_in_pages(env: Env) -> None:
    upload = await env.begin("k")
    for number in (1, 2, 7, 10, 9_999, 10_000):
        await env.part(upload, number, b"x" * number)
    await env.part(await env.begin("k"), 3, b"another upload's")

    async def numbers(after: int, limit: int) -> tuple[list[int], bool]:
        page = await env.multipart.list_parts(env.bucket, "k", upload.id, after=after, limit=limit)
        assert all(record.size_bytes == number for number, record in page.parts)
        return [number for number, _ in page.parts], page.is_truncated

    assert await numbers(0, 1000) == ([1, 2, 7, 10, 9_999, 10_000], False)
    assert await numbers(0, 2) == ([1, 2], True)
    assert await numbers(2, 2) == ([7, 10], True)
    assert await numbers(5, 4) == ([7, 10, 9_999, 10_000], False)
    assert await numbers(10_000, 2) == ([], False)


CRCS = {
    ChecksumAlgorithm.CRC32: lambda data: crc32(data).to_bytes(4),
    ChecksumAlgorithm.CRC32C: lambda data: crc32c(data).to_bytes(4),
    ChecksumAlgorithm.CRC64NVME: lambda data: crc64nvme(data).to_bytes(8),
}
HASHES = {
    ChecksumAlgorithm.SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    ChecksumAlgorithm.SHA256: lambda data: hashlib.sha256(data).digest(),
}


def text(raw: bytes) -> str:
    return b64encode(raw).decode()


@pytest.mark.parametrize("algorithm", CRCS)
async def test_the_checksum_of_the_full_object(env: Env, algorithm: ChecksumAlgorithm) -> None:
    compute = CRCS[algorithm]
    plan = ChecksumPlan(algorithm, ChecksumType.FULL_OBJECT)
    upload = await env.begin("k", plan)
    key = checksum_key(algorithm)
    done = [
        await env.part(upload, number, data, {key: text(compute(data))})
        for number, data in enumerate(PARTS, 1)
    ]
    with pytest.raises(ChecksumMismatchError) as refused:
        await env.complete(upload, done, checksum=text(compute(b"else")))
    whole = text(compute(WHOLE))
    assert refused.value.checksum == whole
    completion = await env.complete(upload, done, checksum=whole)
    assert completion.checksum == whole
    record = await env.store.object(env.bucket, "k")
    assert (record.system[key], record.system["x-checksum-type"]) == (whole, "FULL_OBJECT")
    manifest = await env.store.manifest(env.bucket, record)
    assert [segment.checksum for segment in manifest.segments] == [compute(one) for one in PARTS]


@pytest.mark.parametrize("algorithm", {**CRCS, **HASHES})
async def test_the_checksum_of_the_parts_checksums(env: Env, algorithm: ChecksumAlgorithm) -> None:
    compute = {**CRCS, **HASHES}[algorithm]
    plan = ChecksumPlan(algorithm, ChecksumType.COMPOSITE)
    upload = await env.begin("k", plan)
    done = [
        await env.part(upload, number, data, {checksum_key(algorithm): text(compute(data))})
        for number, data in enumerate(PARTS, 1)
    ]
    with pytest.raises(PartChecksumMissingError) as missing:
        await env.complete(upload, done)
    assert missing.value.number == 1
    done = [
        part._replace(checksum=text(compute(data))) for part, data in zip(done, PARTS, strict=True)
    ]
    with pytest.raises(InvalidPartError):
        await env.complete(upload, [done[0]._replace(checksum=done[1].checksum), *done[1:]])
    whole = text(compute(b"".join(compute(data) for data in PARTS)))
    for wrong in (f"{whole}-2", done[0].checksum):
        with pytest.raises(ChecksumMismatchError):
            await env.complete(upload, done, checksum=wrong)
    assert (await env.complete(upload, done, checksum=whole)).checksum == f"{whole}-3"
    assert (await env.complete(upload, done)).checksum == f"{whole}-3"


async def test_a_bucket_takes_its_uploads_with_it(env: Env) -> None:
    await fill(env)
    assert await env.multipart.forget_bucket(ACCOUNT, BUCKET) == 0  # it is there
    assert len(await env.part_names()) == 3
    await env.store.delete_container(ACCOUNT, BUCKET)
    assert await env.multipart.forget_bucket(ACCOUNT, BUCKET) == 4
    for name in hidden_of(BUCKET):
        assert await env.store.container(ACCOUNT, name) is None
    assert await env.multipart.forget_bucket(ACCOUNT, BUCKET) == 0


async def test_a_new_bucket_has_no_uploads_of_the_old_one(env: Env) -> None:
    upload, done = await fill(env)
    await env.store.delete_container(ACCOUNT, BUCKET)
    await env.store.create_container(ACCOUNT, BUCKET, {})
    bucket = await env.store.container(ACCOUNT, BUCKET)
    assert bucket is not None
    with pytest.raises(NoSuchUploadError):
        await env.multipart.complete(bucket, "k", upload.id, done)


async def test_parts_are_hidden_from_the_bucket(env: Env) -> None:
    await fill(env)
    assert await env.store.list_objects(env.bucket, Query()) == []
    assert (await env.store.counters(env.bucket)).size_bytes == 0
    container = await env.store.container(ACCOUNT, parts_of(BUCKET))
    assert (await env.store.counters(container)).size_bytes == 5010


async def test_a_delete_and_an_overwrite_leave_the_parts_to_the_keeper(env: Env) -> None:
    upload, done = await fill(env)
    await env.complete(upload, done)
    await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id)
    assert await env.get("k") == WHOLE
    await env.store.put_object(env.bucket, "k", PART, BytesBody(b"plain"))
    assert len(await env.part_names()) == 3
    assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 3
    assert await env.part_names() == []
    assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 0
    assert await env.get("k") == b"plain"


async def test_an_upload_under_way_keeps_its_parts(env: Env) -> None:
    upload, _ = await fill(env)
    assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 0
    assert len(await env.part_names()) == 3


async def test_amended_metadata_keeps_the_parts(env: Env) -> None:
    """Whatever a front door makes of system metadata: the manifest decides what is needed."""
    upload, done = await fill(env)
    await env.complete(upload, done)
    await env.store.amend_object(env.bucket, "k", lambda _: PART)
    assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 0
    assert await env.get("k") == WHOLE


async def test_many_parts_at_once(env: Env) -> None:
    upload = await env.begin("k")
    found: dict[int, CompletedPart] = {}

    async def send(number: int) -> None:
        found[number] = await env.part(upload, number, bytes([number]) * (1000 + number))

    async with trio.open_nursery() as nursery:
        for number in range(1, 33):
            nursery.start_soon(send, number)
    await env.complete(upload, [found[number] for number in sorted(found)])
    assert await env.get("k") == b"".join(bytes([n]) * (1000 + n) for n in range(1, 33))


async def test_many_uploads_begin_at_once(env: Env) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(64):
            nursery.start_soon(env.begin, f"k{number}")
    assert len(await env.upload_names()) == 64

"""The stored form of an upload, which later versions must still read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from memory_store import BytesBody
from multipart_env import ACCOUNT, BUCKET, Env, multipart_env

from storage.proxy.checksums import ChecksumAlgorithm, ChecksumPlan, ChecksumType
from storage.proxy.engine import Attributes
from storage.proxy.errors import UnavailableError
from storage.proxy.uploads import Completion, Upload, Uploads, UploadState
from storage.reserved import uploads_of

UPLOAD_ID = "0195aaaabbbb000100000101" + "ab" * 16
STORED = {
    "version": 1,
    "bucket": "000102030405060708090a0b",
    "initiator": "someone",
    "object": ["text/plain", {"color": "réd"}, {"x-delete-at": "5"}],
    "plan": ["CRC32C", "FULL_OBJECT"],
    "claim": ["0123456789abcdef", 1_750_000_000_123],
    "completion": ["0b0a09080706050403020100", True, "ab" * 16 + "-2", 5010, "AAAAAA=="],
}
HELD = Upload(
    "k/é",
    UPLOAD_ID,
    bytes(range(12)),
    "someone",
    Attributes("text/plain", {"color": "réd"}, {"x-delete-at": "5"}),
    ChecksumPlan(ChecksumAlgorithm.CRC32C, ChecksumType.FULL_OBJECT),
    UploadState.COMPLETED,
    "0123456789abcdef",
    1_750_000_000_123,
    Completion(bytes(reversed(range(12))), True, "ab" * 16 + "-2", 5010, "AAAAAA=="),
    4_000_000_000,
)


@pytest.fixture
async def env() -> AsyncIterator[Env]:
    async with multipart_env() as made:
        await made.begin("another, so that the container is there")
        made.bucket = made.bucket._replace(id=bytes(range(12)))
        yield made


async def store(env: Env, fields: dict[str, object]) -> None:
    container = await env.store.container(ACCOUNT, uploads_of(BUCKET))
    assert container is not None
    system = {"x-atoll-upload": json.dumps(fields), "x-delete-at": "4000000000"}
    attributes = Attributes("upload/completed", {}, system)
    await env.store.put_object(container, f"k/é\0{UPLOAD_ID}", attributes, BytesBody(b""))


async def test_version_1_is_read(env: Env) -> None:
    await store(env, STORED)
    found = await Uploads(env.store).find(env.bucket, "k/é", UPLOAD_ID)
    assert found is not None
    assert found._replace(changed=b"") == HELD


async def test_version_1_is_written(env: Env) -> None:
    await Uploads(env.store).create(env.bucket, HELD)
    container = await env.store.container(ACCOUNT, uploads_of(BUCKET))
    assert container is not None
    record = await env.store.object(container, f"k/é\0{UPLOAD_ID}")
    assert record is not None
    assert json.loads(record.system["x-atoll-upload"]) == STORED
    assert (record.content_type, record.delete_at_s) == ("upload/completed", 4_000_000_000)


async def test_an_unknown_version_is_not_guessed_at(env: Env) -> None:
    await store(env, STORED | {"version": 2})
    with pytest.raises(UnavailableError):
        await Uploads(env.store).find(env.bucket, "k/é", UPLOAD_ID)

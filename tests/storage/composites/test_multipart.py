"""Multipart uploads over devices in memory: begun, filled, completed, aborted, listed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from memory_store import BytesBody, MemoryStore, memory_store
from multipart_env import Env, multipart_env

from native.crc import crc32, crc64nvme
from storage.container.listing import Query
from storage.object.record import ObjectRecord
from storage.proxy.checksums import ChecksumAlgorithm, ChecksumPlan, ChecksumType, checksum_key
from storage.proxy.completion import CompletedPart
from storage.proxy.engine import Attributes
from storage.proxy.errors import EtagMismatchError, PreconditionFailedError
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
from storage.proxy.uploads import UploadState


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture(params=[(1, 1), (3, 3)], ids=["1 replica", "3 replicas"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


PARTS = (b"a" * 3000, b"b" * 2000, b"c" * 10)


async def test_parts_become_an_object(env: Env) -> None:
    upload = await env.begin("k")
    done = [await env.part(upload, number, data) for number, data in enumerate(PARTS, 1)]
    completion = await env.complete(upload, done)
    etag = md5(b"".join(bytes.fromhex(md5(data)) for data in PARTS)) + "-3"
    assert (completion.etag, completion.size_bytes) == (etag, 5010)
    assert await env.get("k") == b"".join(PARTS)
    assert await env.get("k", 2999, 5001) == b"".join(PARTS)[2999:5001]
    record = await env.store.object(env.bucket, "k")
    assert record is not None
    assert (record.etag, record.size_bytes, record.write_id) == (etag, 5010, completion.write_id)
    assert (record.content_type, record.metadata) == ("text/plain", {"color": "red"})
    [entry] = await env.store.list_objects(env.bucket, Query())
    assert entry.row is not None
    assert (entry.name, entry.row.size_bytes, entry.row.etag) == ("k", 5010, etag)
    manifest = await env.store.manifest(env.bucket, record)
    assert manifest is not None
    assert manifest.part(2) == (3000, 5000)
    assert await env.part_names() == [segment.name for segment in manifest.segments]

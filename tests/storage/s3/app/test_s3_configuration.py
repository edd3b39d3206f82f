"""Configuration documents: kept beside the bucket, parsed once, never out of date."""

from __future__ import annotations

import pytest
from s3_harness import S3, Client

from storage.container.record import ContainerRecord
from storage.s3.configuration import Configurations, pointer_of


class Counting:
    """A parser that counts what it parses."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def __call__(self, data: bytes) -> str:
        self.parsed.append(data)
        return data.decode()


async def bucket_of(s3: S3) -> ContainerRecord:
    record = await s3.memory.store.container("AUTH_test", "photos")
    assert record is not None
    return record


@pytest.fixture
async def documents(s3: S3, tester: Client) -> Configurations:
    await tester.call("CreateBucket", Bucket="photos")
    return Configurations(s3.memory.store)


async def test_a_document_is_parsed_once(s3: S3, documents: Configurations) -> None:
    parse = Counting()
    assert await documents.get(await bucket_of(s3), "notes", parse) is None
    await documents.put(await bucket_of(s3), "notes", b"one")
    for _ in range(3):
        assert await documents.get(await bucket_of(s3), "notes", parse) == "one"
    assert parse.parsed == [b"one"]


async def test_a_change_counts_at_once_everywhere(s3: S3, documents: Configurations) -> None:
    other, parse = Configurations(s3.memory.store), Counting()
    await documents.put(await bucket_of(s3), "notes", b"one")
    assert await other.get(await bucket_of(s3), "notes", parse) == "one"
    await documents.put(await bucket_of(s3), "notes", b"two")
    assert await other.get(await bucket_of(s3), "notes", parse) == "two"
    assert await documents.delete(await bucket_of(s3), "notes")
    assert await other.get(await bucket_of(s3), "notes", parse) is None
    assert not await documents.delete(await bucket_of(s3), "notes")


async def test_kinds_do_not_meet(s3: S3, documents: Configurations) -> None:
    await documents.put(await bucket_of(s3), "notes", b"one")
    await documents.put(await bucket_of(s3), "cors", b"two")
    assert await documents.get(await bucket_of(s3), "notes", bytes.decode) == "one"
    assert await documents.get(await bucket_of(s3), "cors", bytes.decode) == "two"


async def test_a_large_document_is_read_whole(s3: S3, documents: Configurations) -> None:
    text = "x" * 300_000
    await documents.put(await bucket_of(s3), "notes", text.encode())
    assert await documents.get(await bucket_of(s3), "notes", bytes.decode) == text


async def test_a_document_whose_writer_died_is_pointed_to_by_its_next_reader(
    s3: S3, documents: Configurations
) -> None:
    await documents.put(await bucket_of(s3), "notes", b"one")
    first = await bucket_of(s3)
    await documents.put(first, "notes", b"two")
    second = pointer_of(await bucket_of(s3), "notes")
    stale = {"x-s3-config-notes": pointer_of(first, "notes") or "00"}
    await s3.memory.store.update_container("AUTH_test", "photos", stale)
    assert await documents.get(await bucket_of(s3), "notes", bytes.decode) == "two"
    assert pointer_of(await bucket_of(s3), "notes") == second


async def test_documents_go_with_their_bucket(
    s3: S3, documents: Configurations, tester: Client
) -> None:
    await documents.put(await bucket_of(s3), "notes", b"one")
    await tester.call("DeleteBucket", Bucket="photos")
    await tester.call("CreateBucket", Bucket="photos")
    assert await documents.get(await bucket_of(s3), "notes", bytes.decode) is None


async def test_what_is_parsed_is_kept_within_bounds(
    s3: S3, documents: Configurations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.s3.configuration.DOCUMENTS_KNOWN_MAX", 2)
    parse = Counting()
    for kind in ("a", "b", "c"):
        await documents.put(await bucket_of(s3), kind, kind.encode())
        assert await documents.get(await bucket_of(s3), kind, parse) == kind
    assert await documents.get(await bucket_of(s3), "c", parse) == "c"
    assert await documents.get(await bucket_of(s3), "a", parse) == "a"
    assert parse.parsed == [b"a", b"b", b"c", b"a"]

"""Listing open uploads: order, pages, prefixes and delimiters, against a plain model."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from multipart_env import ACCOUNT, BUCKET, Env, multipart_env

from storage.proxy.uploads import UploadPage, UploadQuery


@pytest.fixture
async def env() -> AsyncIterator[Env]:
    async with multipart_env() as made:
        yield made


Lines = list[tuple[str, str]]


def lines(page: UploadPage) -> Lines:
    """Return a page as keys with ids, and prefixes with none, in order."""
    found = [(one.key, one.id) for one in page.uploads] + [(one, "") for one in page.prefixes]
    return sorted(found)


def expected(uploads: Lines, prefix: str, delimiter: str) -> Lines:
    found = set()
    for key, upload_id in uploads:
        if not key.startswith(prefix):
            continue
        head, found_it, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        found.add((prefix + head + found_it, "") if found_it else (key, upload_id))
    return sorted(found)


async def walk(env: Env, query: UploadQuery) -> Lines:
    """Return all lines, page by page."""
    found: Lines = []
    while True:
        page = await env.multipart.list_uploads(env.bucket, query)
        assert len(page.uploads) + len(page.prefixes) <= query.limit
        found += lines(page)
        if not page.next_key_marker:
            return found
        assert len(page.uploads) + len(page.prefixes) == query.limit
        query = query._replace(key_marker=page.next_key_marker, id_marker=page.next_id_marker)


async def test_no_uploads_are_an_empty_page(env: Env) -> None:
    assert await env.multipart.list_uploads(env.bucket, UploadQuery()) == UploadPage([], [])
    await env.begin("k")
    assert await env.multipart.list_uploads(env.bucket, UploadQuery(limit=0)) == UploadPage([], [])


async def test_uploads_sort_by_key_then_by_time(env: Env) -> None:
    begun = [await env.begin(key) for key in ("b", "a", "b", "ba", "a", "B", "é", "𐍈", "\uffee")]
    page = await env.multipart.list_uploads(env.bucket, UploadQuery())
    wanted = sorted(((one.key, one.id) for one in begun), key=lambda one: (one[0].encode(), one[1]))
    assert [(one.key, one.id) for one in page.uploads] == wanted
    assert (page.next_key_marker, page.next_id_marker) == ("", "")
    first = page.uploads[1]
    assert (first.initiator, first.attributes.metadata) == ("me", {"color": "red"})


async def test_markers(env: Env) -> None:
    a1, a2, b1 = [await env.begin(key) for key in ("a", "a", "b")]

    async def after(key: str, upload_id: str = "") -> list[str]:
        query = UploadQuery(key_marker=key, id_marker=upload_id)
        return [one.id for one in (await env.multipart.list_uploads(env.bucket, query)).uploads]

    assert await after("a") == [b1.id]
    assert await after("a", a1.id) == [a2.id, b1.id]
    assert await after("a", a2.id) == [b1.id]
    assert await after("A") == [a1.id, a2.id, b1.id]
    assert await after("b") == []


async def test_ended_uploads_are_not_listed(env: Env) -> None:
    uploads = [await env.begin("k") for _ in range(4)]
    await env.complete(uploads[1], [await env.part(uploads[1], 1, b"x")])
    await env.multipart.abort(env.bucket, "k", uploads[2].id)
    wanted = [("k", uploads[0].id), ("k", uploads[3].id)]
    for limit in (1, 2, 3):
        assert await walk(env, UploadQuery(limit=limit)) == wanted


async def test_uploads_of_an_earlier_bucket_are_not_listed(env: Env) -> None:
    await env.begin("k")
    await env.store.delete_container(ACCOUNT, BUCKET)
    await env.store.create_container(ACCOUNT, BUCKET, {})
    bucket = await env.store.container(ACCOUNT, BUCKET)
    assert bucket is not None
    new = await env.multipart.create(bucket, "k", (await env.begin("x")).attributes)
    page = await env.multipart.list_uploads(bucket, UploadQuery())
    assert [one.id for one in page.uploads] == [new.id]


@pytest.mark.parametrize("delimiter", ["", "/", "a", "0", "a/", "//"])
async def test_every_page_size_lists_the_same(env: Env, delimiter: str) -> None:
    """The delimiters 0 and a are in every upload id, which no key may be rolled up to."""
    rng = random.Random(7)
    keys = ["".join(rng.choices("ab/0", k=rng.randrange(1, 6))) for _ in range(25)]
    uploads = [(key, (await env.begin(key)).id) for key in keys for _ in range(rng.randrange(1, 3))]
    for prefix in ("", "a", "b/", "zz"):
        wanted = expected(uploads, prefix, delimiter)
        for limit in (1, 2, 7, 1000):
            query = UploadQuery(limit, prefix=prefix, delimiter=delimiter)
            assert await walk(env, query) == wanted, (prefix, limit)

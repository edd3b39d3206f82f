"""Bucket names: AWS's rules, unique over the cluster, whoever races and wherever a process dies."""

from __future__ import annotations

import random
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_store import BytesBody, MemoryStore, memory_store
from s3_harness import S3, USERS, ApiError, Client

from storage.auth.static_users import identity_of
from storage.proxy.engine import Attributes
from storage.proxy.errors import StoreError
from storage.reserved import parts_of, uploads_of
from storage.s3.errors import S3Error
from storage.s3.names import OWNER, BucketNames, is_bucket_name, is_marked

TESTER, _, OTHER, _ = (identity_of(user) for user in USERS)


@pytest.mark.parametrize(
    "name",
    ["abc", "a" * 63, "my.bucket-1", "0ab", "1.2.3", "1.2.3.4.5", "a-b", "xn-a", "256.1.1.1"],
)
def test_names_that_a_bucket_may_have(name: str) -> None:
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "192.168.5.4",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "a b",
        "\u00e9ab",
        "abc\n",
    ],
)
def test_names_that_no_bucket_may_have(name: str) -> None:
    assert not is_bucket_name(name)


class MortalEngine:
    """An engine in a process that dies before its n-th call, and that yields to others often."""

    def __init__(self, memory: MemoryStore, calls: float = float("inf"), seed: int = 0) -> None:
        self._store = memory.store
        self._left = calls
        self._random = random.Random(seed)
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            for _ in range(self._random.randrange(4)):
                await trio.lowlevel.checkpoint()
            self.calls += 1
            if self.calls > self._left:
                raise DiedError
            return await method(*args, **kwargs)

        return call


class DiedError(Exception):
    """The process is gone."""


async def create(names: BucketNames, engine: Any, account: str, owner: str) -> None:
    """Do what CreateBucket does."""
    if await names.is_others("photos", account):
        raise S3Error("BucketAlreadyExists")
    created = await engine.create_container(account, "photos", {})
    try:
        await names.take("photos", account, owner)
    except S3Error:
        if created:
            await engine.delete_container(account, "photos")
        raise


async def delete(names: BucketNames, engine: Any, account: str) -> None:
    """Do what DeleteBucket does."""
    claim = await names.claim_of("photos", account)
    await engine.delete_container(account, "photos")
    if claim is not None:
        await names.release("photos", claim)


async def owner_of(memory: MemoryStore) -> str | None:
    """Return who has the name, upon which all callers must agree."""
    names = BucketNames(memory.store)
    found = [await names.find("photos", caller) for caller in (None, TESTER, OTHER, None)]
    owners = {None if one is None else one.account for one in found[1:]}
    assert len(owners) == 1, found
    marked = []
    for identity in (TESTER, OTHER):
        container = await memory.store.container(identity.account, "photos")
        if container is not None and is_marked(container):
            marked.append(identity.account)
    assert len(marked) <= 1, "two containers have one name"
    return owners.pop()


@pytest.mark.parametrize("dies_before", range(9))
async def test_a_creation_that_dies_at_any_step(dies_before: int) -> None:
    async with memory_store() as memory:
        mortal = MortalEngine(memory, dies_before)
        try:
            await create(BucketNames(mortal), mortal, TESTER.account, TESTER.user)
        except DiedError:
            pass
        owner = await owner_of(memory)
        assert owner in (None, TESTER.account)
        names = BucketNames(memory.store)
        if owner is None:
            await create(names, memory.store, OTHER.account, OTHER.user)
            assert await owner_of(memory) == OTHER.account
        else:
            with pytest.raises(S3Error, match="BucketAlreadyExists"):
                await create(names, memory.store, OTHER.account, OTHER.user)


@pytest.mark.parametrize("dies_before", range(5))
@pytest.mark.parametrize("next_one", [TESTER, OTHER])
async def test_a_deletion_that_dies_at_any_step(dies_before: int, next_one: Any) -> None:
    async with memory_store() as memory:
        names = BucketNames(memory.store)
        await create(names, memory.store, TESTER.account, TESTER.user)
        mortal = MortalEngine(memory, dies_before)
        try:
            await delete(BucketNames(mortal), mortal, TESTER.account)
        except DiedError:
            pass
        owner = await owner_of(memory)
        if owner is None:
            await create(names, memory.store, next_one.account, next_one.user)
            owner = next_one.account
        assert await owner_of(memory) == owner


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    acts=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=6),
    held=st.sampled_from([None, TESTER, OTHER]),
)
async def test_whoever_races_one_has_the_name(
    seed: int, acts: list[tuple[bool, bool]], held: Any
) -> None:
    async with memory_store() as memory:
        if held is not None:
            await create(BucketNames(memory.store), memory.store, held.account, held.user)

        async def act(number: int, creates: bool, is_tester: bool) -> None:
            engine = MortalEngine(memory, seed=seed + number)
            names, who = BucketNames(engine), TESTER if is_tester else OTHER
            try:
                if creates:
                    await create(names, engine, who.account, who.user)
                else:
                    await delete(names, engine, who.account)
            except (S3Error, StoreError):
                pass

        async with trio.open_nursery() as nursery:
            for number, (creates, is_tester) in enumerate(acts):
                nursery.start_soon(act, number, creates, is_tester)
        await owner_of(memory)


async def test_a_swift_container_is_claimed_when_it_is_first_asked_for(
    s3: S3, tester: Client
) -> None:
    store = s3.memory.store
    await store.create_container("AUTH_test", "photos", {})
    assert [one["Name"] for one in (await tester.call("ListBuckets"))["Buckets"]] == ["photos"]
    await tester.call("HeadBucket", Bucket="photos")
    container = await store.container("AUTH_test", "photos")
    assert container is not None
    assert container.values[OWNER] == "test:tester"
    with pytest.raises(ApiError) as error:
        await s3.clients["other:admin"].call("CreateBucket", Bucket="photos")
    assert error.value.code == "BucketAlreadyExists"


async def test_a_swift_container_of_a_name_that_is_taken_is_no_bucket(
    s3: S3, tester: Client
) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    other = s3.clients["other:admin"]
    await s3.memory.store.create_container("AUTH_other", "photos", {})
    assert (await other.call("ListBuckets"))["Buckets"] == []
    with pytest.raises(ApiError) as error:
        await other.call("ListObjects", Bucket="photos")
    assert (error.value.status, error.value.code) == (403, "AccessDenied")


async def test_a_bucket_that_swift_deleted_frees_its_name(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await s3.memory.store.delete_container("AUTH_test", "photos")
    await s3.clients["other:admin"].call("CreateBucket", Bucket="photos")
    with pytest.raises(ApiError) as error:
        await tester.call("CreateBucket", Bucket="photos")
    assert error.value.code == "BucketAlreadyExists"


async def test_what_lies_hidden_beside_a_bucket_goes_with_it(s3: S3, tester: Client) -> None:
    store = s3.memory.store
    for deletes_by_swift in (False, True):
        await tester.call("CreateBucket", Bucket="photos")
        for hidden in (uploads_of("photos"), parts_of("photos")):
            await store.create_container("AUTH_test", hidden, {})
            container = await store.container("AUTH_test", hidden)
            assert container is not None
            for number in range(40):
                attributes = Attributes("", {}, {})
                await store.put_object(container, f"o{number}", attributes, BytesBody(b"x"))
        if deletes_by_swift:
            await store.delete_container("AUTH_test", "photos")
            await tester.call("CreateBucket", Bucket="photos")
        else:
            await tester.call("DeleteBucket", Bucket="photos")
        assert await store.container("AUTH_test", uploads_of("photos")) is None
        assert await store.container("AUTH_test", parts_of("photos")) is None

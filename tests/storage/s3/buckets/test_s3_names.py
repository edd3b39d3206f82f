"""Bucket names: AWS's rules, unique over the cluster, whoever races and wherever a process dies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from memory_store import BytesBody, MemoryStore, memory_store
from s3_harness import S3, USERS, ApiError, Client

from storage.auth.authenticator import Identity
from storage.auth.static_users import identity_of
from storage.proxy.engine import Attributes
from storage.proxy.errors import StoreError
from storage.proxy.store import Store
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
    """An engine in a process that dies after so many calls."""

    def __init__(self, memory: MemoryStore, calls_max: float = float("inf")) -> None:
        self._store = memory.store
        self._calls_max = calls_max
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            await self.before()
            return await method(*args, **kwargs)

        return call

    async def before(self) -> None:
        """What happens before each call."""
        if self.calls > self._calls_max:
            raise DiedError


class DiedError(Exception):
    """The process is gone."""


class Case(NamedTuple):
    """A store, and the bucket name that everybody wants."""

    memory: MemoryStore
    bucket: str = "photos"

    @property
    def store(self) -> Store:
        return self.memory.store

    async def create(self, engine: Any, who: Identity) -> None:
        """Do what CreateBucket does."""
        names, bucket, account = BucketNames(engine), self.bucket, who.account
        if await names.is_others(bucket, account):
            raise S3Error("BucketAlreadyExists")
        created = await engine.create_container(account, bucket, {})
        try:
            await names.take(bucket, account, who.user)
        except S3Error:
            if created:
                await engine.delete_container(account, bucket)
            raise

    async def delete(self, engine: Any, who: Identity) -> None:
        """Do what DeleteBucket does."""
        names = BucketNames(engine)
        claim = await names.claim_of(self.bucket, who.account)
        await engine.delete_container(who.account, self.bucket)
        if claim is not None:
            await names.release(self.bucket, claim)

    async def owner(self) -> str | None:
        """Return who has the name, upon which all callers must agree once all have asked."""
        names = BucketNames(self.store)
        for who in (TESTER, OTHER):
            await names.find(self.bucket, who)
        found = [await names.find(self.bucket, who) for who in (None, TESTER, OTHER)]
        owners = {None if one is None else one.account for one in found}
        assert len(owners) == 1, found
        marked = []
        for who in (TESTER, OTHER):
            container = await self.store.container(who.account, self.bucket)
            if container is not None and is_marked(container):
                marked.append(who.account)
        assert set(marked) == owners - {None}
        return owners.pop()

    async def do(self, act: Act, engine: Any) -> None:
        """Do what a request does; one that is refused is as good."""
        what, who = act
        try:
            if what == "create":
                await self.create(engine, who)
            elif what == "delete":
                await self.delete(engine, who)
            elif what == "find":
                await BucketNames(engine).find(self.bucket, who)
            elif what == "swift creates":
                await engine.create_container(who.account, self.bucket, {})
            else:
                await engine.delete_container(who.account, self.bucket)
        except (S3Error, StoreError):
            pass


Act = tuple[str, Identity]
ACTS: list[Act] = [
    (what, who)
    for what in ("create", "delete", "swift creates", "swift deletes")
    for who in (TESTER, OTHER)
]


def shown(act: Act | None) -> str:
    return "nothing" if act is None else f"{act[0]} {act[1].user}"


@pytest.mark.parametrize("calls", range(9))
async def test_a_creation_that_dies_at_any_step(calls: int) -> None:
    async with memory_store() as memory:
        case = Case(memory)
        try:
            await case.create(MortalEngine(memory, calls), TESTER)
        except DiedError:
            pass
        owner = await case.owner()
        assert owner in (None, TESTER.account)
        if owner is None:
            await case.create(memory.store, OTHER)
            assert await case.owner() == OTHER.account
        else:
            with pytest.raises(S3Error, match="BucketAlreadyExists"):
                await case.create(memory.store, OTHER)


@pytest.mark.parametrize("calls", range(6))
@pytest.mark.parametrize("next_one", [TESTER, OTHER], ids=["again", "other"])
async def test_a_deletion_that_dies_at_any_step(calls: int, next_one: Identity) -> None:
    async with memory_store() as memory:
        case = Case(memory)
        await case.create(memory.store, TESTER)
        try:
            await case.delete(MortalEngine(memory, calls), TESTER)
        except DiedError:
            pass
        owner = await case.owner()
        if owner is None:
            await case.create(memory.store, next_one)
            owner = next_one.account
        assert await case.owner() == owner


class InterruptedEngine(MortalEngine):
    """An engine in a process that others overtake before its n-th call."""

    def __init__(self, case: Case, at: int, meanwhile: Sequence[Act]) -> None:
        super().__init__(case.memory)
        self._case, self._at, self._meanwhile = case, at, meanwhile

    async def before(self) -> None:
        if self.calls == self._at:
            for act in self._meanwhile:
                await self._case.do(act, self._case.store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "act"),
    [
        (None, ("create", TESTER)),
        (("create", TESTER), ("delete", TESTER)),
        (("swift creates", TESTER), ("create", OTHER)),
        (("swift creates", TESTER), ("find", TESTER)),
    ],
    ids=shown,
)
async def test_whoever_overtakes_one_has_the_name(before: Act | None, act: Act) -> None:
    sequences = [(one,) for one in ACTS] + [(one, two) for one in ACTS for two in ACTS]
    async with memory_store() as memory:
        for number, meanwhile in enumerate(sequences):
            for at in range(1, 20):
                case = Case(memory, f"photos-{number}-{at}")
                if before is not None:
                    await case.do(before, memory.store)
                engine = InterruptedEngine(case, at, meanwhile)
                await case.do(act, engine)
                await case.owner()
                for who in (OTHER, TESTER):
                    await case.do(("create", who), memory.store)
                    assert await case.owner() is not None
                if engine.calls < at:
                    break


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

"""Directories as they are stored and changed, and tokens."""

from __future__ import annotations

import random
from base64 import b64decode, b64encode

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from iam_harness import Iam, iam_of, make_user, policy
from s3_harness import S3, ApiError

from storage.s3.iam.directory_format import DirectoryFormatError, decode, encode
from storage.s3.iam.errors import IamError
from storage.s3.iam.model import Directory, Group, Key, ManagedPolicy, PolicyVersion, Role, User
from storage.s3.iam.names import Arn, read_arn
from storage.s3.iam.store import DirectoryStore, Snapshot
from storage.s3.iam.tokens import (
    TOKEN_LENGTH_MAX,
    Origin,
    Session,
    SessionTokens,
    TokenTooLongError,
)

ANN = User("Ann", "AIDA1", "/", 1, {"k": "v"}, {"p": "{}"}, ("arn",), (Key("AKIA", b"s", 2),))
SAMPLE = Directory(
    {"ann": ANN},
    {"g": Group("g", "AGPA1", "/x/", 3, {}, (), ("AIDA1",))},
    {"r": Role("r", "AROA1", "/", 4, "{}", "d", 3600)},
    {"p": ManagedPolicy("p", "ANPA1", "/", 5, 6, "", {}, (PolicyVersion(1, "{}", 5),), 1, 1)},
)
GOLDEN = (
    "415449414d01949198a3416e6ea54149444131a12f0181a16ba17681a170a27b7d91a361726e9194a4414b4941"
    "c4017302c39197a167a54147504131a32f782f03809091a54149444131919aa172a541524f4131a12f04a27b7d"
    "a164cd0e10808090919aa170a5414e504131a12f0506a080919301a27b7d050101"
)


def test_the_stored_form_is_golden() -> None:
    assert encode(SAMPLE).hex() == GOLDEN
    assert encode(Directory()) == b"ATIAM\x01\x94\x90\x90\x90\x90"


def test_what_is_stored_is_read_back() -> None:
    read = decode(encode(SAMPLE))
    assert read.users == SAMPLE.users
    assert read.groups == SAMPLE.groups
    assert read.roles == SAMPLE.roles
    assert read.policies == SAMPLE.policies
    assert encode(read) == encode(SAMPLE)


@pytest.mark.parametrize("data", [b"", b"ATIAM", b"ATIAM\x02\x94\x90\x90\x90\x90", b"OTHER\x01"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DirectoryFormatError):
        decode(data)


def test_a_copy_is_another() -> None:
    copy = SAMPLE.copy()
    copy.users.clear()
    assert SAMPLE.users


def add(name: str) -> User:
    return User(name, f"AIDA{name}", "/", 0)


async def test_no_change_is_lost(s3: S3) -> None:
    """Several processes change one directory at once."""
    stores = [DirectoryStore(s3.memory.store) for _ in range(4)]

    async def change(store: DirectoryStore, name: str) -> None:
        await store.change("AUTH_x", lambda one: one.users.update({name: add(name)}))

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(change, stores[number % 4], f"u{number:02d}")
    for store in stores:
        found = (await store.get("AUTH_x")).directory.users
        assert sorted(found) == [f"u{number:02d}" for number in range(12)]


class Slow(DirectoryStore):
    """Others change a directory whenever this one has read it, as often as they like."""

    def __init__(self, s3: S3, races: int) -> None:
        super().__init__(s3.memory.store)
        self.races = races
        self.other = DirectoryStore(s3.memory.store)

    async def get(self, account: str) -> Snapshot:
        snapshot = await super().get(account)
        if self.races:
            self.races -= 1
            name = f"other{self.races}"
            await self.other.change(account, lambda one: one.users.update({name: add(name)}))
        return snapshot


@pytest.mark.parametrize("races", [1, 3])
async def test_a_change_that_comes_too_late_is_made_again(s3: S3, races: int) -> None:
    slow = Slow(s3, races)
    await slow.change("AUTH_x", lambda one: one.users.update(own=add("own")))
    found = (await slow.get("AUTH_x")).directory.users
    assert sorted(found) == [*(f"other{number}" for number in range(races)), "own"]


async def test_a_change_that_always_comes_too_late_is_given_up(s3: S3) -> None:
    with pytest.raises(IamError) as caught:
        await Slow(s3, 100).change("AUTH_x", lambda one: one.users.update(own=add("own")))
    assert caught.value.code == "ConcurrentModification"


async def test_a_change_that_fails_changes_nothing(s3: S3) -> None:
    store = DirectoryStore(s3.memory.store)
    await store.change("AUTH_x", lambda one: one.users.update(a=add("a")))

    def fail(directory: Directory) -> None:
        directory.users.clear()
        raise IamError("InvalidInput", "")

    with pytest.raises(IamError):
        await store.change("AUTH_x", fail)
    assert list((await store.get("AUTH_x")).directory.users) == ["a"]


async def test_a_large_directory_is_read_back(s3: S3) -> None:
    store = DirectoryStore(s3.memory.store)
    users = {f"user{number}": add(f"user{number}") for number in range(2000)}
    await store.change("AUTH_x", lambda one: one.users.update(users))
    found = await DirectoryStore(s3.memory.store).get("AUTH_x")
    assert found.directory.users == users


async def test_a_deleted_key_ends_in_all_processes(s3: S3, admin: Iam) -> None:
    """Another process looks at the directory anew with each request."""
    alice = await make_user(admin, "alice", policy("Allow", "s3:*"))
    await alice.call("ListBuckets")
    other = DirectoryStore(s3.memory.store)

    def forget(directory: Directory) -> None:
        directory.users["alice"] = directory.users["alice"]._replace(keys=())

    await other.change("AUTH_test", forget)
    with pytest.raises(ApiError, match="InvalidAccessKeyId"):
        await alice.call("ListBuckets")
    assert (await iam_of(alice).post(b"")).status == 403


def tokens(secret: bytes = bytes(32)) -> SessionTokens:
    return SessionTokens(secret, random.Random(0))  # type: ignore[arg-type]


SESSION = Session(Origin.ROLE, "AUTH_x", "r", "AROA1", "tea", 7, ("{}",), ("arn",))


def test_a_token_says_what_it_was_made_of() -> None:
    issued = tokens().issue(SESSION)
    assert issued.access_key.startswith("ASIA")
    assert tokens().read(issued.access_key, issued.token) == SESSION
    assert tokens().secret(issued.access_key) == issued.secret
    assert tokens(bytes([1] * 32)).read(issued.access_key, issued.token) is None
    assert tokens().read("ASIAOTHER", issued.token) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_token_is_read(at: int, change: int) -> None:
    issued = tokens().issue(SESSION)
    sealed = bytearray(b64decode(issued.token))
    sealed[at % len(sealed)] ^= change
    assert tokens().read(issued.access_key, b64encode(sealed).decode()) is None


@given(st.text(max_size=80))
def test_other_texts_are_no_tokens(text: str) -> None:
    assert tokens().read("ASIA", text) is None


def test_a_token_has_a_greatest_length() -> None:
    noise = random.Random(1).randbytes(TOKEN_LENGTH_MAX).hex()
    with pytest.raises(TokenTooLongError):
        tokens().issue(SESSION._replace(policies=(noise,)))


@given(st.sampled_from(["user", "role"]), st.sampled_from(["/", "/a/", "/a/b/"]))
def test_arns(kind: str, path: str) -> None:
    arn = Arn("acct", kind, path, "name")
    assert read_arn(str(arn)) == arn


@pytest.mark.parametrize("text", ["", "arn:aws:iam::a:user", "arn:aws:s3:::b", "x" * 99])
def test_what_is_no_arn(text: str) -> None:
    assert read_arn(text) is None

"""Access keys: of the file of users, and of the store."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # where memory_store lies

from memory_store import MemoryStore, memory_store

from storage.auth.access_keys import AccessKeys
from storage.auth.users_file import User, parse_users
from storage.reserved import ACCESS_KEYS, SYSTEM_ACCOUNT

SECRET = bytes(range(32))
USERS = {
    user.name: user
    for user in (
        User("demo:admin", "s3cret", "AUTH_demo", frozenset(["admin"]), frozenset(), "FIXED", "s"),
        User("demo:member", "other", "AUTH_demo"),
    )
}


@pytest.fixture
async def memory() -> AsyncIterator[MemoryStore]:
    async with memory_store() as memory:
        yield memory


def make(memory: MemoryStore, secret: bytes = SECRET, users: dict[str, User] = USERS) -> AccessKeys:
    return AccessKeys(memory.store, users, secret, memory.world)


async def test_a_key_of_the_file_is_found(memory: MemoryStore) -> None:
    key = await make(memory).find("FIXED")
    assert key is not None
    assert (key.secret, key.identity.user) == ("s", "demo:admin")
    assert "AUTH_demo" in key.identity.groups


async def test_a_new_key_is_found_by_every_process(memory: MemoryStore) -> None:
    made = await make(memory).create("demo:member")
    assert made.access_key.startswith("ATOL")
    assert len(made.access_key) == 20
    assert len(made.secret) == 40
    assert await make(memory).find(made.access_key) == made


async def test_a_deleted_key_ends_at_once(memory: MemoryStore) -> None:
    keys, others = make(memory), make(memory)
    made = await keys.create("demo:member")
    assert await others.find(made.access_key) == made
    assert await keys.delete(made.access_key)
    assert await others.find(made.access_key) is None
    assert not await keys.delete(made.access_key)


async def test_a_key_ends_with_its_user(memory: MemoryStore) -> None:
    made = await make(memory).create("demo:member")
    assert (
        await make(memory, users={"demo:admin": USERS["demo:admin"]}).find(made.access_key) is None
    )


async def test_there_is_no_key_for_nobody(memory: MemoryStore) -> None:
    with pytest.raises(KeyError):
        await make(memory).create("demo:nobody")


@pytest.mark.parametrize("name", ["", "UNKNOWN", "a/b", "\0", "A" * 2000, "\xff\xfe"])
async def test_what_is_no_key_is_not_found(memory: MemoryStore, name: str) -> None:
    keys = make(memory)
    await keys.create("demo:member")
    assert await keys.find(name) is None


async def test_all_keys_are_listed_without_their_secrets(memory: MemoryStore) -> None:
    keys = make(memory)
    made = await keys.create("demo:member")
    fixed, stored = await keys.keys()
    assert (fixed.access_key, fixed.user, fixed.created) == ("FIXED", "demo:admin", None)
    assert (stored.access_key, stored.user) == (made.access_key, "demo:member")
    assert stored.created is not None


async def test_no_secret_lies_open_in_the_store(memory: MemoryStore) -> None:
    made = await make(memory).create("demo:member")
    container = await memory.store.container(SYSTEM_ACCOUNT, ACCESS_KEYS)
    assert container is not None
    record = await memory.store.object(container, made.access_key)
    assert record is not None
    assert made.secret not in repr(record)


async def test_a_secret_is_bound_to_its_key_and_the_cluster(memory: MemoryStore) -> None:
    from storage.auth.sealer import UnsealError

    made = await make(memory).create("demo:member")
    with pytest.raises(UnsealError):
        await make(memory, SECRET[::-1]).find(made.access_key)


def test_keys_of_the_file_are_read() -> None:
    entry = {"name": "a:b", "key": "k", "access_key": "AKIA", "secret_key": "s"}
    assert parse_users({"user": [entry]})["a:b"].access_key == "AKIA"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([{"name": "a:b", "key": "k", "access_key": "AKIA"}], "secret_key must be"),
        ([{"name": "a:b", "key": "k", "secret_key": "s"}], "access_key must be"),
        (
            [{"name": "a:b", "key": "k", "access_key": "A/B", "secret_key": "s"}],
            "3 to 128 letters",
        ),
        (
            [
                {"name": name, "key": "k", "access_key": "AKIA", "secret_key": "s"}
                for name in ("a:b", "a:c")
            ],
            "is there twice",
        ),
    ],
)
def test_unusable_keys_of_the_file(entries: list[dict[str, str]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_users({"user": entries})

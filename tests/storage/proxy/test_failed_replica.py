"""What the engine says when the only device of a name cannot answer, whatever it is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from memory_store import BytesBody, MemoryStore, memory_store

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.proxy.engine import Attributes
from storage.proxy.errors import UnavailableError

PLAIN = Attributes("text/plain", {}, {})
Question = Callable[[MemoryStore, ContainerRecord], Awaitable[object]]

QUESTIONS: dict[str, Question] = {
    "account": lambda one, _: one.store.account("a"),
    "containers": lambda one, _: one.store.list_containers("a", Query()),
    "container": lambda one, _: one.store.container("a", "c"),
    "counters": lambda one, held: one.store.counters(held),
    "objects": lambda one, held: one.store.list_objects(held, Query()),
    "object": lambda one, held: one.store.object(held, "o"),
    "object with payload": lambda one, held: one.store.objects.find_with_payload(held, "o"),
    "put": lambda one, held: one.store.put_object(held, "o", PLAIN, BytesBody(b"new")),
    "delete": lambda one, held: one.store.delete_object(held, "o"),
    "create container": lambda one, _: one.store.create_container("a", "c", {}),
    "delete container": lambda one, _: one.store.delete_container("a", "c"),
    "update account": lambda one, _: one.store.update_account("a", {"x": "y"}),
}


@pytest.fixture
async def filled() -> AsyncIterator[MemoryStore]:
    async with memory_store() as store:
        await store.store.create_container("a", "c", {})
        container = await store.store.container("a", "c")
        assert container is not None
        await store.store.put_object(container, "o", PLAIN, BytesBody(b"old"))
        yield store


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_failed_only_replica_is_unavailable(filled: MemoryStore, name: str) -> None:
    container = await filled.store.container("a", "c")
    assert container is not None
    filled.devices[0].replica.failed = "as a test wants it"
    with pytest.raises(UnavailableError):
        await QUESTIONS[name](filled, container)

"""What a deleted account leaves: all versions go, but not those that a lock holds."""

from memory_store import memory_store
from version_model import Compared

from storage.keeper.reaper import reap
from storage.object.lock import HOLD
from storage.proxy.engine import Attributes, Versioning

HELD = Attributes("text/plain", {}, {HOLD: "ON"})
FREE = Attributes("text/plain", {}, {HOLD: "OFF"})


async def test_the_reaper_removes_versions_and_leaves_what_is_locked() -> None:
    async with memory_store() as env:
        await env.store.create_container("AUTH_a", "c", {})
        container = await env.store.container("AUTH_a", "c")
        assert container is not None
        compared = Compared(env, container)
        await compared.put("old", b"1", Versioning.OFF)
        await compared.put("a", b"2", Versioning.OFF)
        locked = await compared.put("a", b"3", Versioning.ENABLED)
        await compared.put("a", b"4", Versioning.ENABLED)
        await compared.delete("a", Versioning.ENABLED)
        await env.store.amend_object(container, "a", lambda _: HELD, locked.write_id)
        await env.store.delete_account("AUTH_a")
        indexes = [device.index for device in env.devices.values()]
        for _ in range(3):
            await reap(env.store, indexes)
        assert await env.store.container("AUTH_a", "c") is not None
        assert await compared.read("a", locked.write_id) == b"3"
        counters = await env.store.version_counters(container)
        assert (counters.rows, counters.size_bytes) == (1, 1)
        await env.store.amend_object(container, "a", lambda _: FREE, locked.write_id)
        await reap(env.store, indexes)
        assert await env.store.container("AUTH_a", "c") is None
        assert (await env.store.version_counters(container)).rows == 0

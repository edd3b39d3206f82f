"""Object lock: no path removes a locked version, or makes its retention weaker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_store import BytesBody, memory_store
from trio.testing import MockClock
from version_model import Compared

from storage.keeper.due import settle_due
from storage.mutation import Authority, PutObject, Status
from storage.object.lock import COMPLIANCE, GOVERNANCE, HOLD, MODE, UNTIL, forbids, protects
from storage.object.record import NULL_VERSION, ObjectRecord, buried, tombstone
from storage.proxy.engine import Attributes, Versioning
from storage.proxy.errors import LockedError

YEAR_S = 365 * 86400
KINDS = ("governance", "compliance", "hold")


def system(env: Compared, kind: str, seconds: int = YEAR_S) -> dict[str, str]:
    if kind == "hold":
        return {HOLD: "ON"}
    until_s = env.env.world.clock.wall_ns() // 10**9 + seconds
    return {MODE: kind.upper(), UNTIL: str(until_s)}


async def put_locked(
    env: Compared, kind: str, versioned: Versioning, more: dict[str, str] | None = None
) -> ObjectRecord:
    attributes = Attributes("text/plain", {}, system(env, kind) | (more or {}))
    return await env.store.put_object(
        env.container, "o", attributes, BytesBody(b"locked"), versioned=versioned
    )


@pytest.fixture(params=[(1, 1), (3, 3)], ids=["1 replica", "3 replicas"])
async def env(request: pytest.FixtureRequest, autojump_clock: MockClock) -> AsyncIterator[Compared]:
    devices, replicas = request.param
    async with memory_store(devices=devices, replicas=replicas) as memory:
        await memory.store.create_container("AUTH_a", "c", {})
        container = await memory.store.container("AUTH_a", "c")
        assert container is not None
        yield Compared(memory, container)


async def put_over(env: Compared, versioned: Versioning) -> None:
    await env.put("o", b"new", versioned)


async def composite_over(env: Compared, versioned: Versioning) -> None:
    plain = Attributes("text/plain", {}, {})
    await env.store.put_composite(
        env.container, "o", plain, b"manifest", size_bytes=5, etag="x-1", versioned=versioned
    )


async def delete_over(env: Compared, versioned: Versioning) -> None:
    await env.store.delete_object(env.container, "o", versioned=versioned)


@pytest.mark.parametrize("versioned", [Versioning.OFF, Versioning.SUSPENDED])
@pytest.mark.parametrize("write", [put_over, composite_over, delete_over])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_locked_null_version_is_not_replaced(
    env: Compared,
    kind: str,
    write: Callable[[Compared, Versioning], Awaitable[None]],
    versioned: Versioning,
) -> None:
    await put_locked(env, kind, Versioning.OFF)
    with pytest.raises(LockedError):
        await write(env, versioned)
    assert await env.read("o", None) == b"locked"
    await write(env, Versioning.ENABLED)  # beside it there is room
    assert await env.read("o", NULL_VERSION) == b"locked"
    with pytest.raises(LockedError):
        await write(env, Versioning.SUSPENDED)
    assert await env.read("o", NULL_VERSION) == b"locked"
    for device in env.env.devices.values():
        assert [path for path in env.env.disk.files if "payload" in path.parts] == []
        assert device.index


@pytest.mark.parametrize("versioned", [Versioning.ENABLED, Versioning.SUSPENDED])
@pytest.mark.parametrize("is_current", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_locked_version_is_not_deleted(
    env: Compared, kind: str, is_current: bool, versioned: Versioning
) -> None:
    record = await put_locked(env, kind, versioned)
    if not is_current:
        await env.put("o", b"new", Versioning.ENABLED)
    with pytest.raises(LockedError):
        await env.store.delete_version(env.container, "o", record.version_id)
    assert await env.read("o", record.version_id) == b"locked"
    if kind == "governance":
        await env.store.delete_version(
            env.container, "o", record.version_id, bypass_governance=True
        )
        assert await env.read("o", record.version_id) is None
        return
    with pytest.raises(LockedError):
        await env.store.delete_version(
            env.container, "o", record.version_id, bypass_governance=True
        )
    env.env.world.clock.offset_ns += 2 * YEAR_S * 10**9
    if kind == "hold":
        with pytest.raises(LockedError):
            await env.store.delete_version(env.container, "o", record.version_id)
        free = Attributes("text/plain", {}, {HOLD: "OFF"})
        await env.store.amend_object(env.container, "o", lambda _: free, record.version_id)
    await env.store.delete_version(env.container, "o", record.version_id)
    assert await env.read("o", record.version_id) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_locked_version_does_not_expire(env: Compared, kind: str) -> None:
    now_s = env.env.world.clock.wall_ns() // 10**9
    record = await put_locked(env, kind, Versioning.OFF, {"x-delete-at": str(now_s + 10)})
    replicas = [device.replica for device in env.env.devices.values()]
    clock = env.env.world.clock
    clock.offset_ns += 1000 * 10**9
    report = await settle_due(env.env.world, env.store, replicas)
    assert (report.expired, report.postponed) == (0, 0)
    assert await env.read("o", None) == b"locked"
    assert not await env.store.objects.deletions.expire(
        env.container, "o", NULL_VERSION, record.write_id
    )
    if kind == "hold":
        free = {**record.system, HOLD: "OFF"}
        await env.store.amend_object(
            env.container, "o", lambda _: Attributes("text/plain", {}, free)
        )
    else:
        clock.offset_ns += 2 * YEAR_S * 10**9
    assert await env.read("o", None) is None
    report = await settle_due(env.env.world, env.store, replicas)
    assert report.expired == 1
    for device in env.env.devices.values():
        with device.index.snapshot() as snapshot:
            assert list(snapshot.scan("inline", b"")) == []


async def amend(env: Compared, changed: dict[str, str], *, bypass: bool = False) -> None:
    await env.store.amend_object(
        env.container,
        "o",
        lambda _: Attributes("text/plain", {}, changed),
        bypass_governance=bypass,
    )


async def test_a_retention_of_mode_compliance_only_grows(env: Compared) -> None:
    await put_locked(env, "compliance", Versioning.ENABLED)
    weaker: list[dict[str, str]] = [
        {},
        system(env, "compliance", YEAR_S - 1),
        system(env, "governance", 2 * YEAR_S),
        {HOLD: "ON"},
    ]
    for changed in weaker:
        for bypass in (False, True):
            with pytest.raises(LockedError):
                await amend(env, changed, bypass=bypass)
    longer = system(env, "compliance", 2 * YEAR_S)
    await amend(env, longer)
    await amend(env, longer | {HOLD: "ON", "other": "x"})
    record = await env.store.object(env.container, "o")
    assert record is not None
    assert record.system == longer | {HOLD: "ON", "other": "x"}


async def test_a_retention_of_mode_governance_is_weakened_by_those_who_may(env: Compared) -> None:
    await put_locked(env, "governance", Versioning.ENABLED)
    weaker = [
        {},
        system(env, "governance", YEAR_S - 1),
        system(env, "compliance", 2 * YEAR_S),
    ]
    for changed in weaker:
        with pytest.raises(LockedError):
            await amend(env, changed)
    for changed in weaker:
        await amend(env, changed, bypass=True)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_another_replica_has_is_judged_unless_most_have_it(
    env: Compared, kind: str
) -> None:
    null = await put_locked(env, kind, Versioning.OFF)
    version = await put_locked(env, kind, Versioning.ENABLED)
    now = env.env.clock.now()
    grave = tombstone("AUTH_a", "c", "o", env.container.id, now)
    name_hash = env.env.hasher("AUTH_a", "c", "o")
    device = next(iter(env.env.devices.values()))
    for record in (
        grave,
        buried(version, now),
        null._replace(write_id=now, created=now, changed=now),
    ):
        ask = PutObject(0, name_hash, record, authority=Authority.PEER)
        [[outcome]] = device.writer.apply([[ask]])
        assert outcome.status == Status.LOCKED
    for record in (grave, buried(version, now)):
        ask = PutObject(0, name_hash, record, authority=Authority.MAJORITY)
        [[outcome]] = device.writer.apply([[ask]])
        assert outcome.status == Status.ACCEPTED


async def test_an_unfinished_deletion_of_a_locked_version_is_taken_back() -> None:
    async with memory_store(devices=3, replicas=3) as memory:
        await memory.store.create_container("AUTH_a", "c", {})
        container = await memory.store.container("AUTH_a", "c")
        assert container is not None
        env = Compared(memory, container)
        version = await put_locked(env, "governance", Versioning.ENABLED)
        grave = buried(version, memory.clock.now())
        ask = PutObject(
            0,
            memory.hasher("AUTH_a", "c", "o"),
            grave,
            null_id=b"",
            authority=Authority.BYPASS,
        )
        [[outcome]] = memory.devices[1].writer.apply([[ask]])
        assert outcome.status == Status.ACCEPTED
        for _ in range(2):
            assert await env.read("o", version.version_id) == b"locked"
            assert await env.read("o", None) == b"locked"
        found = [
            await device.replica.version(version_prefix(memory.hasher), version.version_id)
            for device in memory.devices.values()
        ]
        assert [one is not None and one.is_visible for one in found] == [True, True, True]


def version_prefix(hasher: Callable[..., bytes]) -> bytes:
    return (0).to_bytes(2) + hasher("AUTH_a", "c", "o")


SYSTEMS = st.one_of(
    st.just({}),
    st.builds(
        lambda mode, until, hold: {MODE: mode, UNTIL: str(until), HOLD: hold},
        st.sampled_from((GOVERNANCE, COMPLIANCE)),
        st.integers(0, 5),
        st.sampled_from(("ON", "OFF")),
    ),
)


@given(held=SYSTEMS, wanted=SYSTEMS, now_s=st.integers(0, 6), bypass=st.booleans())
def test_what_may_be_changed_protects_no_less(
    held: dict[str, str], wanted: dict[str, str], now_s: int, bypass: bool
) -> None:
    """But for the hold, what was protected stays so at any time, whoever asks."""
    if forbids(held, wanted, now_s, bypass_governance=bypass):
        assert protects({**held, HOLD: "OFF"}, now_s, bypass_governance=bypass)
        return
    is_bypassed = bypass and held.get(MODE) == GOVERNANCE
    for later_s in range(now_s, 7):
        for one in (False, True):
            if not is_bypassed and protects({**held, HOLD: "OFF"}, later_s, bypass_governance=one):
                assert protects({**wanted, HOLD: "OFF"}, later_s, bypass_governance=one)

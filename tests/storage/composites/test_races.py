"""Completions, aborts and parts that meet, and processes that die between their steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio
from memory_store import BytesBody
from multipart_env import ACCOUNT, BUCKET, PART, Env, multipart_env
from trio.testing import MockClock

from storage.object.record import ObjectRecord
from storage.proxy.completion import CompletedPart
from storage.proxy.errors import OutcomeUnknownError, PreconditionFailedError, UnavailableError
from storage.proxy.multipart import Multipart, MultipartSettings
from storage.proxy.multipart_errors import InvalidPartError, NoSuchUploadError
from storage.proxy.uploads import Completion, Upload, UploadQuery

Act = Callable[[], Awaitable[object]]
PARTS = (b"a" * 3000, b"b" * 10)
WHOLE = b"".join(PARTS)


class DiedError(BaseException):
    """The process dies here: nothing in it hears of it."""


class Engine:
    """A store of which one method is taken over."""

    def __init__(self, env: Env, **methods: Any) -> None:
        self._store = env.store
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def around(env: Env, method: str, before: Act | None = None, after: Act | None = None) -> Multipart:
    """Return another process's uploads, with acts around each call of a method of its engine."""
    original = getattr(env.store, method)

    async def call(*arguments: Any, **options: Any) -> Any:
        if before is not None:
            await before()
        result = await original(*arguments, **options)
        if after is not None:
            await after()
        return result

    engine: Any = Engine(env, **{method: call})
    settings = MultipartSettings(part_size_bytes_min=1000)
    return Multipart(env.memory.world, env.memory.clock, engine, settings)


def raising(error: BaseException) -> Act:
    async def fail() -> None:
        raise error

    return fail


@pytest.fixture(params=[(1, 1), (3, 3)], ids=["1 replica", "3 replicas"])
async def env(request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    devices, replicas = request.param
    async with multipart_env(devices=devices, replicas=replicas) as made:
        yield made


async def fill(env: Env) -> tuple[Upload, list[CompletedPart]]:
    upload = await env.begin("k")
    return upload, [await env.part(upload, number, data) for number, data in enumerate(PARTS, 1)]


async def test_of_completions_at_once_all_get_one_answer(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    answers: list[Completion] = []

    async def complete() -> None:
        answers.append(await env.complete(upload, done))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(complete)
    assert len(set(answers)) == 1
    record = await env.store.object(env.bucket, "k")
    assert record is not None
    assert record.write_id == answers[0].write_id
    assert await env.get("k") == WHOLE


@pytest.mark.parametrize("delay", [0, 1, 2, 4, 8, 16, 32])
async def test_of_completion_and_abort_one_wins(
    env: Env, autojump_clock: MockClock, delay: int
) -> None:
    upload, done = await fill(env)
    outcomes: dict[str, bool] = {}

    async def attempt(name: str, act: Act) -> None:
        try:
            await act()
            outcomes[name] = True
        except (NoSuchUploadError, OutcomeUnknownError, InvalidPartError):
            outcomes[name] = False

    async def abort() -> None:
        for _ in range(delay):
            await trio.lowlevel.checkpoint()
        await env.multipart.abort(env.bucket, "k", upload.id)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, "complete", lambda: env.complete(upload, done))
        nursery.start_soon(attempt, "abort", abort)
    assert not (outcomes["complete"] and outcomes["abort"])
    if len(env.memory.devices) == 1:  # several may not be able to tell who was first
        assert outcomes["complete"] or outcomes["abort"]
    assert await env.get("k") == (WHOLE if outcomes["complete"] else None)
    if outcomes["complete"] or outcomes["abort"]:
        assert len(await env.part_names()) == (2 if outcomes["complete"] else 0)


async def test_a_part_that_comes_while_its_upload_is_completed_is_refused(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    refused: list[bool] = []

    async def send(number: int) -> None:
        try:
            await env.part(upload, number, b"late" * 1000)
        except NoSuchUploadError:
            refused.append(True)

    async with trio.open_nursery() as nursery:

        async def send_all() -> None:
            for number in (1, 2, 3):
                nursery.start_soon(send, number)
            await trio.sleep(1)

        other = around(env, "put_composite", before=send_all)
        await other.complete(env.bucket, "k", upload.id, done)
    assert refused == [True] * 3
    assert await env.get("k") == WHOLE
    assert len(await env.part_names()) == 2


async def test_a_part_that_comes_while_its_upload_is_aborted_leaves_nothing(env: Env) -> None:
    upload, _ = await fill(env)

    class Slow(BytesBody):
        async def receive(self) -> bytes:
            piece = await super().receive()
            if not piece:
                await env.multipart.abort(env.bucket, "k", upload.id)
            return piece

    with pytest.raises(NoSuchUploadError):
        await env.multipart.upload_part(env.bucket, upload, 3, PART, Slow(b"x" * 5000))
    assert await env.part_names() == []
    assert not [path for path in env.memory.disk.files if "payload" in path.parts]


async def test_a_part_that_was_completed_before_its_sender_knew_stays(env: Env) -> None:
    """The same bytes come again, and the completion takes the newer attempt."""
    upload, done = await fill(env)

    async def complete() -> None:
        if await env.get("k") is None:
            await env.complete(upload, done)

    other = around(env, "put_object", after=complete)
    with pytest.raises(NoSuchUploadError):
        await other.upload_part(env.bucket, upload, 1, PART, BytesBody(PARTS[0]))
    assert await env.get("k") == WHOLE
    assert len(await env.part_names()) == 2


async def test_a_completion_that_died_before_the_object_is_done_by_the_next(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    other = around(env, "put_composite", before=raising(DiedError()))
    with pytest.raises(DiedError):
        await other.complete(env.bucket, "k", upload.id, done)
    started = trio.current_time()
    await env.complete(upload, done)
    assert 100 < trio.current_time() - started < 130  # the lease had to end
    assert await env.get("k") == WHOLE


async def test_a_completion_that_died_behind_the_object_is_found_by_the_next(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    other = around(env, "put_composite", after=raising(DiedError()))
    with pytest.raises(DiedError):
        await other.complete(env.bucket, "k", upload.id, done)
    record = await env.store.object(env.bucket, "k")
    assert record is not None
    completion = await env.complete(upload, done)
    assert completion.write_id == record.write_id


async def test_a_completion_of_unknown_outcome_is_not_done_twice(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    other = around(env, "put_composite", after=raising(OutcomeUnknownError("test")))
    with pytest.raises(OutcomeUnknownError):
        await other.complete(env.bucket, "k", upload.id, done)
    record = await env.store.object(env.bucket, "k")
    assert record is not None
    started = trio.current_time()
    completion = await env.complete(upload, done)
    assert trio.current_time() == started  # nobody had to wait for it
    assert completion.write_id == record.write_id
    assert await env.get("k") == WHOLE


async def test_an_abort_behind_a_dead_completion_tells_what_became_of_it(
    env: Env, autojump_clock: MockClock
) -> None:
    for died in ("before", "after"):
        upload, done = await fill(env)
        other = around(env, "put_composite", **{died: raising(DiedError())})
        with pytest.raises(DiedError):
            await other.complete(env.bucket, "k", upload.id, done)
        if died == "before":
            await env.multipart.abort(env.bucket, "k", upload.id)
            assert await env.part_names() == []
            with pytest.raises(NoSuchUploadError):
                await env.complete(upload, done)
        else:
            with pytest.raises(NoSuchUploadError):
                await env.multipart.abort(env.bucket, "k", upload.id)
            assert await env.get("k") == WHOLE
            await env.complete(upload, done)


async def test_a_completion_whose_lease_ran_out_takes_its_object_back(env: Env) -> None:
    """Its clock stood still for longer than a completion may take, and an abort went by."""
    upload, done = await fill(env)

    async def abort() -> None:
        env.memory.world.clock.offset_ns += 10**12
        await env.multipart.abort(env.bucket, "k", upload.id)

    other = around(env, "put_composite", before=abort)
    with pytest.raises(NoSuchUploadError):
        await other.complete(env.bucket, "k", upload.id, done)
    assert await env.store.object(env.bucket, "k") is None
    assert await env.part_names() == []


async def test_two_completions_of_one_upload_keep_what_either_names(env: Env) -> None:
    upload, done = await fill(env)

    async def complete() -> None:
        env.memory.world.clock.offset_ns += 10**12
        await env.complete(upload, done)

    other = around(env, "put_composite", before=complete)
    await other.complete(env.bucket, "k", upload.id, done)
    assert await env.get("k") == WHOLE
    assert len(await env.part_names()) == 2


async def test_a_completion_that_takes_too_long_is_unknown(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    other = around(env, "put_composite", before=lambda: trio.sleep(61))
    with pytest.raises(OutcomeUnknownError):
        await other.complete(env.bucket, "k", upload.id, done)
    await env.complete(upload, done)
    assert await env.get("k") == WHOLE


async def test_a_client_that_leaves_does_not_stop_a_completion(
    env: Env, autojump_clock: MockClock
) -> None:
    upload, done = await fill(env)
    with trio.CancelScope() as scope:

        async def leave() -> None:
            scope.cancel()

        other = around(env, "put_composite", before=leave)
        await other.complete(env.bucket, "k", upload.id, done)
    assert await env.get("k") == WHOLE
    started = trio.current_time()
    await env.complete(upload, done)
    assert trio.current_time() == started


async def test_a_store_that_is_away_leaves_the_upload(env: Env) -> None:
    upload, done = await fill(env)
    other = around(env, "put_composite", before=raising(UnavailableError("test")))
    with pytest.raises(UnavailableError):
        await other.complete(env.bucket, "k", upload.id, done)
    page = await env.multipart.list_uploads(env.bucket, UploadQuery())
    assert [one.id for one in page.uploads] == [upload.id]
    again = await env.part(upload, 2, b"c" * 20)
    await env.complete(upload, [done[0], again])
    assert await env.get("k") == PARTS[0] + b"c" * 20
    assert len(await env.part_names()) == 2


async def test_an_object_that_comes_between_fails_the_condition(env: Env) -> None:
    def must_be_new(current: ObjectRecord | None) -> None:
        if current is not None:
            raise PreconditionFailedError(current.name)

    async def put() -> None:
        await env.store.put_object(env.bucket, "k", PART, BytesBody(b"faster"))

    upload, done = await fill(env)
    other = around(env, "put_composite", before=put)
    with pytest.raises(PreconditionFailedError):
        await other.complete(env.bucket, "k", upload.id, done, condition=must_be_new)
    assert await env.get("k") == b"faster"
    assert await env.multipart.reclaim_parts(ACCOUNT, BUCKET, "k", upload.id) == 0


async def test_a_part_that_comes_again_spares_an_object_nobody_knows_of(env: Env) -> None:
    """A completion of unknown outcome may have named the attempt that was there."""
    upload, done = await fill(env)
    other = around(env, "put_composite", after=raising(OutcomeUnknownError("test")))
    with pytest.raises(OutcomeUnknownError):
        await other.complete(env.bucket, "k", upload.id, done)
    await env.part(upload, 1, b"again" * 1000)
    assert await env.get("k") == WHOLE
    await env.complete(upload, done)
    assert await env.get("k") == WHOLE
    assert len(await env.part_names()) == 2

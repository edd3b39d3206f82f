"""What goes wrong below, beside and in front of the API, and what the client is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from swift_harness import Answer, Client, Swift

from storage.proxy.errors import (
    ContainerMissingError,
    ObjectMissingError,
    OutcomeUnknownError,
    PayloadLostError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.store import Store
from storage.swift.app import SwiftApp
from storage.swift.settings import SwiftSettings

DATA = bytes(range(256)) * 2048


class FaultyStore:
    """A store of which single methods do something else."""

    def __init__(self, store: Store, **methods: Any) -> None:
        self._store = store
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def faulty(swift: Swift, **methods: Any) -> Client:
    """Return the administrator's client of an API over a faulty store."""
    store = FaultyStore(swift.memory.store, **methods)
    app = SwiftApp(store, swift.users, SwiftSettings(), swift.memory.world)  # type: ignore[arg-type]
    return Client(app, swift.clients["test:tester"].token)


def raising(error: BaseException) -> Any:
    async def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.fixture
async def c(tester: Client) -> Client:
    """The administrator, with a container and a large object."""
    await tester("PUT", "c")
    await tester("PUT", "c", "o", body=DATA)
    return tester


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (StoreFullError("disk 7"), 507, b"Insufficient Storage"),
        (UnavailableError("disk 7"), 503, b"Service Unavailable"),
        (OutcomeUnknownError("disk 7"), 503, b"Service Unavailable"),
        (ContainerMissingError("disk 7"), 404, b"Not Found"),
        (StoreError("disk 7"), 500, b"Internal Error"),
        (RuntimeError("disk 7"), 500, b"Internal Error"),
    ],
)
async def test_errors_of_the_store(
    swift: Swift, c: Client, error: Exception, status: int, title: bytes
) -> None:
    client = faulty(
        swift,
        put_object=raising(error),
        amend_object=raising(error),
        delete_object=raising(error),
        update_account=raising(error),
        list_objects=raising(error),
    )
    for method, names in (
        ("PUT", ("c", "o")),
        ("POST", ("c", "o")),
        ("DELETE", ("c", "o")),
        ("POST", ()),
        ("GET", ("c",)),
    ):
        answer = await client(method, *names)
        assert answer.status == status
        assert answer.body.startswith(b"<html><h1>" + title)
        assert b"disk 7" not in answer.body
        assert b"Traceback" not in answer.body


async def test_operator_finds_the_cause_with_the_request_id(
    swift: Swift, c: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    error = UnavailableError("no quorum")
    error.__cause__ = OSError("disk 7 is gone")
    for fault in (error, RuntimeError("a bug")):
        answer = await faulty(swift, put_object=raising(fault))("PUT", "c", "o")
        logged = capfd.readouterr().err
        assert answer["x-trans-id"] in logged
        assert str(fault) in logged
    assert "disk 7 is gone" not in logged
    await faulty(swift, put_object=raising(ContainerMissingError("c")))("PUT", "c", "o")
    assert capfd.readouterr().err == "", "a client's mistake is none of the operator's business"


# payloads


def with_payloads(swift: Swift, open_payload: Any) -> Client:
    """Return a client of an API over a store that opens payloads in another way."""
    store = swift.memory.store

    async def get_object(container: Any, name: str, version: bytes | None = None) -> Any:
        record = await store.object(container, name, version)
        return None if record is None else (record, open_payload(container, record))

    return faulty(swift, open=open_payload, get_object=get_object)


def opening(swift: Swift, *faults: Exception | None) -> Any:
    """Return an `open` that fails as told, one call after the other."""
    pending = list(faults)

    @asynccontextmanager
    async def open_payload(*arguments: Any) -> AsyncIterator[Any]:
        fault = pending.pop(0) if len(pending) > 1 else pending[0]
        if fault is not None:
            raise fault
        async with swift.memory.store.open(*arguments) as payload:
            yield payload

    return open_payload


async def test_lost_payload(swift: Swift, c: Client) -> None:
    client = with_payloads(swift, opening(swift, PayloadLostError("all gone")))
    for headers in ({}, {"range": "bytes=0-1,3-4"}):
        answer = await client.request("GET", client.path("c", "o"), headers)
        assert answer.status == 503
    assert (await client("HEAD", "c", "o")).status == 200
    assert (await client("COPY", "c", "o", destination="c/p")).status == 503
    assert (await c("GET", "c")).lines == ["o"]


async def test_object_replaced_under_a_reader(swift: Swift, c: Client) -> None:
    gone = ObjectMissingError("o")
    client = with_payloads(swift, opening(swift, gone, gone, None))
    assert (await client("GET", "c", "o")).body == DATA
    client = with_payloads(swift, opening(swift, gone, None))
    assert (await client("COPY", "c", "o", destination="c/p")).status == 201
    client = with_payloads(swift, opening(swift, gone))
    assert (await client("GET", "c", "o")).status == 503
    assert (await client("COPY", "c", "o", destination="c/q")).status == 503


class BreakingPayload:
    """A payload that fails after so many pieces."""

    whole = None

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            yield b"x"
        raise PayloadLostError("the last replica broke")


def breaking(pieces: int) -> Any:
    @asynccontextmanager
    async def open_payload(*_: Any) -> AsyncIterator[BreakingPayload]:
        yield BreakingPayload(pieces)

    return open_payload


async def test_payload_that_breaks_before_its_first_byte(swift: Swift, c: Client) -> None:
    answer = await with_payloads(swift, breaking(0))("GET", "c", "o")
    assert answer.status == 503
    assert answer.body.startswith(b"<html><h1>Service Unavailable</h1>")


async def test_payload_without_pieces(swift: Swift, c: Client) -> None:
    class Empty(BreakingPayload):
        async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
            for piece in ():
                yield piece

    @asynccontextmanager
    async def open_payload(*_: Any) -> AsyncIterator[Empty]:
        yield Empty(0)

    await c("PUT", "c", "empty", body=b"")
    answer = await with_payloads(swift, open_payload)("GET", "c", "empty")
    assert (answer.status, answer.body) == (200, b"")


async def test_requests_for_accounts_need_no_container(swift: Swift, c: Client) -> None:
    client = faulty(swift, container=raising(UnavailableError("no container")))
    assert (await client("GET")).lines == ["c"]
    assert (await client("GET", "c")).status == 503
    assert (await client("GET", "c" * 257)).status == 404, "nor do names that cannot be"


async def test_payload_that_breaks_later_breaks_the_response(swift: Swift, c: Client) -> None:
    with pytest.raises(PayloadLostError):
        await with_payloads(swift, breaking(3))("GET", "c", "o")


# clients


@pytest.mark.parametrize("body", [b"half of", [b"half", b"of"], DATA])
async def test_upload_that_breaks_off_leaves_nothing(c: Client, body: Any) -> None:
    path = c.path("c", "new")
    if isinstance(body, bytes):
        headers = {"content-length": str(len(body) + 5)}
        short = await c.request("PUT", path, headers, body)
        assert short.status == 499
        answer = await c.request("PUT", path, headers, body, breaks=True)
    else:
        answer = await c.request("PUT", path, (), body, breaks=True)
    assert answer.status == 499
    assert (await c("GET", "c")).lines == ["o"]


async def test_client_that_is_gone_is_no_error(
    c: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        raise ConnectionResetError("gone")

    for method in ("GET", "PUT"):
        scope = {
            "type": "http",
            "method": method,
            "raw_path": c.path("c", "o").encode(),
            "query_string": b"",
            "headers": [(b"x-auth-token", c.token.encode()), (b"content-length", b"5")],
        }
        with pytest.raises(ConnectionResetError):
            await c.app(scope, receive, send)
    assert capfd.readouterr().err == ""


async def test_only_http_is_served(swift: Swift) -> None:
    with pytest.raises(NotImplementedError):
        await swift.app({"type": "lifespan"}, None, None)  # type: ignore[arg-type]


async def test_server_learns_request_and_user(c: Client) -> None:
    seen: list[dict[str, Any]] = []
    app = c.app

    async def spy(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(scope["atoll"])

    answer: Answer = await Client(spy, c.token)("HEAD", "c")  # type: ignore[arg-type]
    assert seen == [{"request_id": answer["x-trans-id"], "user": "test:tester"}]


async def test_repeated_headers_are_one_list(c: Client) -> None:
    etag = (await c("HEAD", "c", "o"))["etag"]
    pairs = [("if-match", '"x"'), ("if-match", f'"{etag}"')]
    assert (await c.request("HEAD", c.path("c", "o"), pairs)).status == 200

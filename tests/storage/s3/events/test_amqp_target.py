"""Events reach a real RabbitMQ, for good; what it does not confirm was not delivered."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from urllib.parse import quote

import pytest
import trio
from rabbitmq import IS_INSTALLED, PASSWORD, USER, RabbitMQ, rabbitmq

from atoll.world import real_world
from storage.s3.events.amqp import AmqpTarget
from storage.s3.events.errand import ErrandFailedError
from storage.s3.events.targets import check_targets, make_target

pytestmark = pytest.mark.slow
installed = pytest.mark.skipif(not IS_INSTALLED, reason="rabbitmq-server is not installed")
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"
TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


@pytest.fixture
async def target(server: RabbitMQ) -> AsyncIterator[Callable[[str], AmqpTarget]]:
    made: list[AmqpTarget] = []

    def make(query: str) -> AmqpTarget:
        url = f"amqp://{LOGIN}@127.0.0.1:{server.port}/?{query}"
        made.append(AmqpTarget(real_world(), url, TIMEOUT_S))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@installed
async def test_events_wait_in_a_queue(
    server: RabbitMQ, target: Callable[[str], AmqpTarget]
) -> None:
    with server.channel() as channel:
        channel.queue_declare("plain", durable=True, auto_delete=False)
        to = target("routing_key=plain")
        for body in (b"1", b"2", b"\xff" * 200_000):
            await to.send(body)
        found = [channel.basic_get("plain", no_ack=True) for _ in range(4)]
        assert [one and one.body for one in found] == [b"1", b"2", b"\xff" * 200_000, None]
        assert found[0].properties["delivery_mode"] == 2
        assert found[0].properties["content_type"] == "application/json"


@installed
async def test_an_exchange_is_declared_where_its_type_is_named(
    server: RabbitMQ, target: Callable[[str], AmqpTarget]
) -> None:
    to = target("exchange=happened&exchange_type=topic&routing_key=s3.photos")
    await to.send(b"nobody listens")
    with server.channel() as channel:
        channel.queue_declare("listener", auto_delete=False)
        channel.queue_bind("listener", "happened", "s3.*")
        await to.send(b"1")
        assert channel.basic_get("listener", no_ack=True).body == b"1"


@installed
async def test_an_exchange_that_is_not_there_is_awaited(
    server: RabbitMQ, target: Callable[[str], AmqpTarget]
) -> None:
    to = target("exchange=late&routing_key=x")
    with pytest.raises(ErrandFailedError, match="late"):
        await to.send(b"1")
    with server.channel() as channel:
        channel.exchange_declare("late", "fanout", auto_delete=False)
    await to.send(b"1")


@installed
async def test_an_event_that_no_queue_takes_may_be_one_that_failed(
    server: RabbitMQ, target: Callable[[str], AmqpTarget]
) -> None:
    to = target("routing_key=none&mandatory=on")
    with pytest.raises(ErrandFailedError, match="NO_ROUTE"):
        await to.send(b"1")
    with server.channel() as channel:
        channel.queue_declare("none", auto_delete=False)
        await to.send(b"2")
        assert channel.basic_get("none", no_ack=True).body == b"2"


@installed
async def test_what_the_server_refuses_was_not_delivered(
    server: RabbitMQ, target: Callable[[str], AmqpTarget]
) -> None:
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    with server.channel() as channel:
        channel.queue_declare("full", auto_delete=False, arguments=limits)
        to = target("routing_key=full")
        await to.send(b"1")
        with pytest.raises(ErrandFailedError, match="MessageNacked"):
            await to.send(b"2")
        channel.basic_get("full", no_ack=True)
        await to.send(b"3")
        assert channel.basic_get("full", no_ack=True).body == b"3"


@installed
async def test_a_wrong_password_is_told(server: RabbitMQ) -> None:
    url = f"amqp://{USER}:wrong@127.0.0.1:{server.port}/"
    with pytest.raises(ErrandFailedError):
        await AmqpTarget(real_world(), url, TIMEOUT_S).send(b"1")


@installed
async def test_tls_is_spoken_with_whom_we_trust_alone(
    server: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"amqps://{LOGIN}@localhost:{server.tls_port}/?routing_key=tls"
    async with aclosing(AmqpTarget(real_world(), url, TIMEOUT_S)) as to:
        with pytest.raises(ErrandFailedError, match="CERTIFICATE_VERIFY_FAILED"):
            await to.send(b"1")
        monkeypatch.setenv("SSL_CERT_FILE", str(server.trust))
        await to.send(b"1")
    other_name = AmqpTarget(real_world(), url.replace("localhost", "127.0.0.1"), TIMEOUT_S)
    with pytest.raises(ErrandFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        await other_name.send(b"1")


async def test_a_server_that_is_silent_is_not_awaited_for_ever() -> None:
    world = real_world()
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        to = make_target(world, f"amqp://127.0.0.1:{port}/", 0.1)
        with pytest.raises(ErrandFailedError, match="timed out"):
            await to.send(b"1")
    with pytest.raises(ErrandFailedError, match="refused"):
        await to.send(b"1")


def test_addresses_are_checked_at_start() -> None:
    assert (
        check_targets({"arn:x": "amqp://host/", "arn:y": "amqps://u:p@host:1/v?exchange=e"}) is None
    )
    assert check_targets({"arn:x": "amqp:///"})

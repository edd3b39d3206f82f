"""Messages between supervisor and role, questions to the supervisor."""

import json
from pathlib import Path

import pytest
import trio

from atoll.supervisor.answer import Answerer, ask
from atoll.supervisor.channel import MESSAGE_SIZE_BYTES_MAX, Channel, encode_message, pair
from atoll.world import real_world


async def test_messages_keep_borders_and_order() -> None:
    left, right = map(Channel, pair())
    for number in range(5):
        await left.send({"n": number})
    assert [await right.receive() for _ in range(5)] == [{"n": n} for n in range(5)]
    await right.send({"back": "x" * 60_000})
    assert await left.receive() == {"back": "x" * 60_000}
    left.close()
    assert await right.receive() is None
    await right.send({"to": "nobody"})
    right.close()


async def test_what_was_said_before_the_end_is_heard() -> None:
    left, right = map(Channel, pair())
    await left.send({"refused": "why"})
    left.close()
    assert await right.receive() == {"refused": "why"}
    assert await right.receive() is None
    right.close()


def test_long_message_is_refused() -> None:
    encode_message({"x": "a" * (MESSAGE_SIZE_BYTES_MAX - 10)})
    with pytest.raises(ValueError, match="at most"):
        encode_message({"x": "a" * MESSAGE_SIZE_BYTES_MAX})


async def echo(question: str) -> dict[str, object]:
    return {"asked": question}


async def test_questions_are_answered(tmp_path: Path) -> None:
    network, path = real_world().network, tmp_path / "s"
    async with trio.open_nursery() as nursery:
        await nursery.start(Answerer(network, path).run, echo)
        for question in ("status", "", "ä"):
            assert await ask(network, path, question) == {"asked": question}
        nursery.cancel_scope.cancel()


async def test_bad_askers_do_no_harm(tmp_path: Path) -> None:
    network, path = real_world().network, tmp_path / "s"
    async with trio.open_nursery() as nursery:
        await nursery.start(Answerer(network, path).run, echo)
        for data in (b"x" * 5000, b"", b"\xff\xfe\n", b"half"):
            stream = await network.connect(str(path))
            await stream.send(data)
            if data.endswith(b"\n"):
                assert json.loads(await stream.receive())
            await stream.aclose()
        assert await ask(network, path, "still there") == {"asked": "still there"}
        nursery.cancel_scope.cancel()


async def test_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        await ask(real_world().network, tmp_path / "none", "status")

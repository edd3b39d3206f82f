"""Questions to a running supervisor over its Unix socket: one JSON line each way."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from atoll.log import get_logger
from atoll.world import Listener, Network, Stream

QUESTION_SIZE_BYTES_MAX = 1024
QUESTION_DEADLINE_S = 5.0
ACCEPT_RETRY_S = 0.5
ASKERS_MAX = 64

log = get_logger()

Answer = dict[str, Any]


class Answerer:
    """Answers whoever may open the socket: the owner of the data folder."""

    def __init__(self, network: Network, path: Path) -> None:
        """Say where to listen; a socket that a dead supervisor left is replaced."""
        self._network = network
        self._path = path
        self._limit = trio.CapacityLimiter(ASKERS_MAX)

    async def run(
        self,
        answer: Callable[[str], Awaitable[Answer]],
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer for ever. On cancel: askers still there are cut off.

        Args:
            answer: returns the answer to a question.
            task_status: started when questions can be asked.
        """
        listener = await self._network.listen(str(self._path))
        task_status.started()
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        stream = await listener.accept()
                    except OSError as error:  # out of descriptors; there will be some again
                        log.error("cannot accept a question", error)
                        await trio.sleep(ACCEPT_RETRY_S)
                        continue
                    nursery.start_soon(self._serve, stream, answer)
        finally:
            await _close(listener)

    async def _serve(self, stream: Stream, answer: Callable[[str], Awaitable[Answer]]) -> None:
        try:
            async with self._limit:
                with trio.fail_after(QUESTION_DEADLINE_S):
                    question = await _receive_line(stream, QUESTION_SIZE_BYTES_MAX)
                reply = await answer(question.decode(errors="replace"))
                await stream.send(json.dumps(reply, default=str).encode() + b"\n")
        except (ConnectionError, ValueError, trio.TooSlowError) as error:
            log.debug("a question was broken off", reason=str(error))
        finally:
            await _close(stream)


async def ask(network: Network, path: Path, question: str) -> Answer:
    """Return a supervisor's answer. On cancel: nothing has changed.

    Args:
        network: to reach it.
        path: of its socket.
        question: "status", or "screen" to wait until the cloud is up.

    Raises:
        ConnectionError: none is running, or it ended before it answered.
    """
    stream = await network.connect(str(path))
    try:
        await stream.send(question.encode() + b"\n")
        answer: Answer = json.loads(await _receive_line(stream, 2**26))
        return answer
    except ValueError as error:
        raise ConnectionAbortedError("the supervisor broke off its answer") from error
    finally:
        await _close(stream)


async def _close(thing: Stream | Listener) -> None:
    """Close, also when cancelled: it takes no time."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
        await thing.aclose()


async def _receive_line(stream: Stream, size_bytes_max: int) -> bytes:
    """Return a line without its end.

    Raises:
        ValueError: it is too long, or the stream ended before it did.
    """
    data = bytearray()
    while not data.endswith(b"\n"):
        part = await stream.receive()
        data += part
        if not part or len(data) > size_bytes_max:
            raise ValueError("not a line")
    return bytes(data[:-1])

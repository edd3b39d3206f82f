"""The disk process's service: takes groups from its clients and commits what waits as one batch.

Connections only queue; one task commits. While a batch syncs, the next one gathers, so that many
small writes share the cost of the sync.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import trio

from atoll.world import Listener, Stream, World
from storage.device.writer import Writer
from storage.mutation import GROUP_SIZE_BYTES_MAX, Mutation, pack_outcomes, unpack_group
from storage.rpc.frame import FrameDecoder, FrameError, frame

BATCH_GROUPS_MAX = 256
BATCH_SIZE_BYTES_MAX = 4 * 1024 * 1024
WAITING_GROUPS_MAX = 4096


@dataclass(slots=True)
class _Waiting:
    client: _Client
    number: int
    group: list[Mutation]
    size_bytes: int


class _Client:
    """A connection; answers are gathered and sent by a task of its own."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.answers = bytearray()
        self.has_answers = trio.Event()


class DiskService:
    """Commits groups of mutations to one device.

    Args:
        writer: of the device.
        world: for its threads.

    Attributes:
        batches: committed so far.
        groups: answered so far.
    """

    def __init__(self, writer: Writer, world: World) -> None:
        self._writer = writer
        self._world = world
        self._waiting: deque[_Waiting] = deque()
        self._has_waiting = trio.Event()
        self._has_room = trio.Event()
        self._clients = 0
        self._client_left = trio.Event()
        self.batches = 0
        self.groups = 0

    async def serve(self, listener: Listener, stopping: trio.Event) -> None:
        """Serve clients until stopped, and then until the last of them has left.

        When a supervisor dies its workers stop at the same time as this process: it stays for
        the requests that they finish. On cancel: what was not answered has an unknown outcome.

        Raises:
            IndexFailedError: the device has to be failed.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._accept, listener, nursery)
            nursery.start_soon(self._commit_forever)
            await stopping.wait()
            while self._clients:
                await self._client_left.wait()
            nursery.cancel_scope.cancel()

    async def _accept(self, listener: Listener, nursery: trio.Nursery) -> None:
        try:
            while True:
                nursery.start_soon(self._serve_client, _Client(await listener.accept()))
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()

    async def _serve_client(self, client: _Client) -> None:
        self._clients += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send_answers, client)
                await self._receive_groups(client)
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            others = errors.split((ConnectionError, FrameError))[1]
            if others is not None:
                raise others from None
            # the client is gone, or not one of ours: nothing more can be told to it
        finally:
            self._clients -= 1
            self._client_left.set()
            self._client_left = trio.Event()
            with trio.CancelScope(shield=True):
                await client.stream.aclose()

    async def _receive_groups(self, client: _Client) -> None:
        decoder = FrameDecoder(GROUP_SIZE_BYTES_MAX)
        while data := await client.stream.receive():
            for body in decoder.feed(data):
                try:
                    number, group = unpack_group(body)
                except (ValueError, TypeError, IndexError) as error:
                    raise FrameError(f"no group of mutations: {error}") from error
                self._waiting.append(_Waiting(client, number, group, len(body)))
            if self._waiting:
                self._has_waiting.set()
            while len(self._waiting) >= WAITING_GROUPS_MAX:
                self._has_room = trio.Event()
                await self._has_room.wait()

    async def _send_answers(self, client: _Client) -> None:
        while True:
            await client.has_answers.wait()
            client.has_answers = trio.Event()
            answers, client.answers = client.answers, bytearray()
            await client.stream.send(answers)

    async def _commit_forever(self) -> None:
        while True:
            await self._has_waiting.wait()
            await self._commit()

    async def _commit(self) -> None:
        batch: list[_Waiting] = []
        size_bytes = 0
        while self._waiting and len(batch) < BATCH_GROUPS_MAX and size_bytes < BATCH_SIZE_BYTES_MAX:
            batch.append(self._waiting.popleft())
            size_bytes += batch[-1].size_bytes
        if not self._waiting:
            self._has_waiting = trio.Event()
        self._has_room.set()
        with trio.CancelScope(shield=True):  # as long as the disk takes; it cannot be interrupted
            answers = await self._world.threads.run(
                self._writer.apply, [one.group for one in batch]
            )
        self.batches += 1
        self.groups += len(batch)
        for one, outcomes in zip(batch, answers, strict=True):
            one.client.answers += frame(pack_outcomes(one.number, outcomes))
            one.client.has_answers.set()

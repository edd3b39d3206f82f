"""How a process reaches the disk process of a device of its own node."""

from __future__ import annotations

import math
from collections.abc import Sequence

import trio

from atoll.world import Stream, World
from storage.mutation import Mutation, Outcome, pack_group, unpack_outcomes
from storage.rpc.frame import FrameDecoder, FrameError, frame

RECONNECT_DELAY_S_MIN = 0.02
RECONNECT_DELAY_S_MAX = 1.0
RECONNECT_PATIENCE_S = 5.0
EXPIRY_INTERVAL_S = 0.5


class DeviceUnavailableError(Exception):
    """The device took nothing: its disk process could not be reached in time."""


class OutcomeUnknownError(Exception):
    """The group was sent and no answer came: it may have been applied, or not."""


class _Call:
    __slots__ = ("deadline", "done", "is_late", "outcomes")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.done = trio.Event()
        self.is_late = False
        self.outcomes: list[Outcome] | None = None


class DiskClient:
    """A connection to a disk process that is made again when it breaks.

    Groups that are sent at one time share a write to the socket. While a disk process is being
    replaced they wait for it; when none has come for `RECONNECT_PATIENCE_S` they fail at once,
    so that a dead device delays nobody who has others.

    Args:
        world: for its network.
        address: of the disk process.
    """

    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._address = address
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._outgoing = bytearray()
        self._has_outgoing = trio.Event()
        self._connected = trio.Event()
        self._lost = math.inf

    async def run(self) -> None:
        """Keep the connection up until cancelled.

        On cancel: what was not answered has an unknown outcome.
        """
        delay_s = RECONNECT_DELAY_S_MIN
        self._lost = trio.current_time()
        while True:
            try:
                stream = await self._world.network.connect(self._address)
            except OSError:
                await trio.sleep(delay_s)
                delay_s = min(2 * delay_s, RECONNECT_DELAY_S_MAX)
                continue
            delay_s = RECONNECT_DELAY_S_MIN
            try:
                await self._converse(stream)
            finally:
                self._connected = trio.Event()
                self._lost = trio.current_time()
                self._outgoing.clear()
                for call in self._calls.values():
                    call.done.set()
                with trio.CancelScope(shield=True):
                    await stream.aclose()

    async def commit(self, group: Sequence[Mutation], deadline_s: float) -> list[Outcome]:
        """Have a group applied; return when it is durable.

        On cancel: the outcome is unknown.

        Raises:
            DeviceUnavailableError: it was not sent.
            OutcomeUnknownError: it was sent and not answered in time.
        """
        deadline = trio.current_time() + deadline_s
        if not self._connected.is_set():
            with trio.move_on_at(min(deadline, self._lost + RECONNECT_PATIENCE_S)):
                await self._connected.wait()
        if not self._connected.is_set():
            raise DeviceUnavailableError(f"no disk process at {self._address}")
        self._number += 1
        number, call = self._number, _Call(deadline)
        self._calls[number] = call
        try:
            self._outgoing += frame(pack_group(number, list(group)))
            self._has_outgoing.set()
            await call.done.wait()
        finally:
            del self._calls[number]
        if call.outcomes is not None:
            return call.outcomes
        if call.is_late:
            raise OutcomeUnknownError(f"{self._address} did not answer in {deadline_s} s")
        raise OutcomeUnknownError(f"the connection to {self._address} broke")

    async def _converse(self, stream: Stream) -> None:
        self._connected.set()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, stream)
                nursery.start_soon(self._expire)
                await self._receive(stream)
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            others = errors.split((ConnectionError, FrameError))[1]
            if others is not None:
                raise others from None
            # the calls that wait learn it from their missing answers

    async def _expire(self) -> None:
        """End the calls whose deadline has come: one timer for all is cheaper than one each."""
        while True:
            if not self._calls:
                await self._has_outgoing.wait()
                await trio.lowlevel.checkpoint()
                continue
            now = trio.current_time()
            first = min(call.deadline for call in self._calls.values())
            await trio.sleep_until(min(first, now + EXPIRY_INTERVAL_S))  # shorter ones may come
            now = trio.current_time()
            for call in self._calls.values():
                if call.deadline <= now:
                    call.is_late = True
                    call.done.set()

    async def _send(self, stream: Stream) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing = trio.Event()
            data, self._outgoing = self._outgoing, bytearray()
            await stream.send(data)

    async def _receive(self, stream: Stream) -> None:
        decoder = FrameDecoder()
        while data := await stream.receive():
            for body in decoder.feed(data):
                number, outcomes = unpack_outcomes(body)
                call = self._calls.get(number)
                if call is not None:
                    call.outcomes = outcomes
                    call.done.set()

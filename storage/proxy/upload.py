"""Taking in a payload: hashed and written while it arrives, never whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio
from blake3 import blake3

from atoll.world import DiskError, DiskFullError, World
from storage.object.record import Location
from storage.proxy.engine import Body
from storage.proxy.errors import (
    BodyIncompleteError,
    BodyTooLargeError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from storage.proxy.quorum import majority
from storage.proxy.replica import Replica, ReplicaFailedError, Upload
from storage.proxy.settings import EngineSettings

PIECE_SIZE_BYTES_MIN = 64 * 1024
PIECE_SIZE_BYTES_MAX = 1024 * 1024
THREAD_SIZE_BYTES_MIN = 256 * 1024


class Digest(Protocol):
    """A hash under way."""

    def update(self, data: bytes, /) -> None:
        """Take in data."""


@dataclass(slots=True)
class Intake:
    """A payload that has arrived.

    Attributes:
        size_bytes: of it.
        etag: MD5 in hexadecimal.
        identity: BLAKE3; of a payload in files known once it is published.
        inline: the bytes, when they are few.
        uploads: by device number, when they are many; what fails is dropped.
        failures: of devices, while a majority goes on.
        voters: how many devices there are.
    """

    size_bytes: int = 0
    etag: str = ""
    identity: bytes = b""
    inline: bytes | None = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    voters: int = 1

    async def publish(self, description: dict[str, str]) -> dict[int, Location]:
        """Make the payload durable on its devices and return where it is, by device.

        Raises:
            StoreFullError: too few devices had room.
            UnavailableError: too few devices work.
        """
        if self.inline is not None:
            return {}
        locations: dict[int, Location] = {}

        async def publish(number: int, upload: Upload) -> None:
            locations[number], self.identity = await upload.publish(description)

        await self.each(publish)
        self.check()
        return locations

    async def each(self, work: Callable[[int, Upload], Awaitable[None]]) -> None:
        """Do something with all uploads at once; those that fail are dropped."""

        async def attempt(number: int, upload: Upload) -> None:
            try:
                await work(number, upload)
            except DiskError as error:
                self.failures.append(error)
                del self.uploads[number]
                upload.abandon()

        if len(self.uploads) == 1:  # without the price of a nursery
            for one in list(self.uploads.items()):
                await attempt(*one)
            return
        async with trio.open_nursery() as nursery:
            for one in self.uploads.items():
                nursery.start_soon(attempt, *one)

    def check(self) -> None:
        """See that a majority of the devices still takes part.

        Raises:
            StoreFullError: too few devices had room.
            UnavailableError: too few devices work.
        """
        if len(self.uploads) >= majority(self.voters):
            return
        error = self.failures[-1]
        is_full = any(isinstance(failure, DiskFullError) for failure in self.failures)
        raise (StoreFullError if is_full else UnavailableError)(str(error)) from error


class Intakes:
    """Takes in the payloads of one process.

    Args:
        world: for its threads.
        settings: limits.
    """

    def __init__(self, world: World, settings: EngineSettings) -> None:
        self._world = world
        self._settings = settings
        self._active = 0

    def take(
        self, body: Body, write_id: bytes, replicas: Sequence[Replica], size_bytes: int | None
    ) -> Taking:
        """Return the context of taking in a body; see `Taking`."""
        return Taking(self, body, write_id, replicas, size_bytes)

    async def fill(
        self,
        intake: Intake,
        body: Body,
        write_id: bytes,
        replicas: Sequence[Replica],
        size_bytes: int | None,
    ) -> None:
        """Take in a body, in the time that a request has.

        A body that is announced as a small one has no deadline of its own: its maker bounds each
        wait for its bytes, and those are few.
        """
        if size_bytes is not None and size_bytes <= self._settings.inline_size_bytes_max:
            await self._take(intake, body, write_id, replicas)
        else:
            deadline_s = self._settings.request_deadline_s
            with trio.move_on_after(deadline_s) as patience:
                await self._take(intake, body, write_id, replicas)
            if patience.cancelled_caught:
                raise BodyIncompleteError(f"the body took longer than {deadline_s:g} s")
        if size_bytes is not None and intake.size_bytes != size_bytes:
            raise BodyIncompleteError(f"{intake.size_bytes} of {size_bytes} bytes came")

    def count(self, change: int) -> None:
        """Book that a payload begins (1) or ends (-1); they share the room for pieces."""
        self._active += change

    async def _take(
        self, intake: Intake, body: Body, write_id: bytes, replicas: Sequence[Replica]
    ) -> None:
        first = await self._receive(body, self._settings.inline_size_bytes_max + 1, b"")
        if len(first) <= self._settings.inline_size_bytes_max:
            intake.inline = first
            intake.etag = hashlib.md5(first, usedforsecurity=False).hexdigest()
            intake.identity = blake3(first).digest()
            intake.size_bytes = len(first)
        else:
            await self._stream(intake, body, first, write_id, replicas)

    async def _receive(self, body: Body, size_bytes: int, held: bytes) -> bytes:
        """Gather bytes until there are so many, or the body ends."""
        if len(held) >= size_bytes:
            return held
        pieces, total = [held] if held else [], len(held)
        while total < size_bytes:
            data = await body.receive()
            if not data:
                break
            pieces.append(data)
            total += len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _stream(
        self,
        intake: Intake,
        body: Body,
        first: bytes,
        write_id: bytes,
        replicas: Sequence[Replica],
    ) -> None:
        """Hash and write each piece while the next one arrives."""
        digest = hashlib.md5(usedforsecurity=False)
        send, receive = trio.open_memory_channel[bytes](0)
        failures: list[Exception] = []  # one is raised as it is, not in a group

        async def consume() -> None:
            with receive:  # a failure closes it, and with it the other end
                try:
                    async for piece in receive:
                        await self._consume(digest, intake, piece)
                except StoreError as error:
                    failures.append(error)

        for replica in replicas:
            try:
                intake.uploads[replica.number] = await replica.create_payload(write_id)
            except (DiskError, ReplicaFailedError) as error:
                intake.failures.append(error)
        intake.check()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            with send:
                try:
                    await self._fill(intake, body, first, send)
                except trio.BrokenResourceError:
                    pass  # the consumer failed, and has said why
                except Exception as error:
                    failures.append(error)
        if failures:
            raise failures[0]
        intake.etag = digest.hexdigest()

    async def _fill(
        self, intake: Intake, body: Body, held: bytes, send: trio.MemorySendChannel[bytes]
    ) -> None:
        while True:
            share = self._settings.pieces_bytes_max // (3 * self._active)
            size = min(max(share, PIECE_SIZE_BYTES_MIN), PIECE_SIZE_BYTES_MAX)
            piece = await self._receive(body, size - size % PIECE_SIZE_BYTES_MIN, held)
            held = b""
            if not piece:
                return
            intake.size_bytes += len(piece)
            if intake.size_bytes > self._settings.object_size_bytes_max:
                raise BodyTooLargeError(f"over {self._settings.object_size_bytes_max} bytes")
            await send.send(piece)

    async def _consume(self, digest: Digest, intake: Intake, piece: bytes) -> None:
        async def write(_: int, upload: Upload) -> None:
            await upload.write(piece)

        if len(piece) < THREAD_SIZE_BYTES_MIN:
            digest.update(piece)
            await intake.each(write)
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._world.threads.run, digest.update, piece)
                await intake.each(write)
        intake.check()


class Taking:
    """A body that is taken in on entry; what was not published on exit is forgotten.

    A class, not a generator: every PUT passes here.

    Raises on entry:
        BodyIncompleteError: it broke off, or took longer than a request may.
        BodyTooLargeError: it is over the limit.
        StoreFullError: too few devices have room.
        UnavailableError: too few devices work.
    """

    __slots__ = ("_body", "_intake", "_intakes", "_replicas", "_size_bytes", "_write_id")

    def __init__(
        self,
        intakes: Intakes,
        body: Body,
        write_id: bytes,
        replicas: Sequence[Replica],
        size_bytes: int | None,
    ) -> None:
        self._intakes = intakes
        self._intake = Intake(voters=len(replicas))
        self._body = body
        self._write_id = write_id
        self._replicas = replicas
        self._size_bytes = size_bytes

    async def __aenter__(self) -> Intake:
        self._intakes.count(1)
        try:
            await self._intakes.fill(
                self._intake, self._body, self._write_id, self._replicas, self._size_bytes
            )
        except BaseException:
            self._end()
            raise
        return self._intake

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._intakes.count(-1)
        for upload in self._intake.uploads.values():
            upload.abandon()

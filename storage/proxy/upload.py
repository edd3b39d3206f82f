"""Taking in a payload: hashed and written while it arrives, never whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import trio
from blake3 import blake3

from atoll.world import DiskError, World
from storage.object.record import Location
from storage.proxy.engine import Body
from storage.proxy.errors import (
    BodyIncompleteError,
    BodyTooLargeError,
    StoreError,
    StoreFullError,
)
from storage.proxy.quorum import majority
from storage.proxy.replica import Replica, Upload
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
        uploads: by device number, when they are many.
    """

    size_bytes: int = 0
    etag: str = ""
    identity: bytes = b""
    inline: bytes | None = None
    uploads: dict[int, Upload] = field(default_factory=dict)

    async def publish(self, description: dict[str, str]) -> dict[int, Location]:
        """Make the payload durable on its devices and return where it is, by device.

        Raises:
            StoreFullError: too few devices had room.
        """
        if self.inline is not None:
            return {}
        locations: dict[int, Location] = {}
        errors: list[DiskError] = []

        async def publish(number: int, upload: Upload) -> None:
            try:
                locations[number], self.identity = await upload.publish(description)
            except DiskError as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            for number, upload in self.uploads.items():
                nursery.start_soon(publish, number, upload)
        if len(locations) < majority(len(self.uploads)):
            raise StoreFullError(str(errors[0])) from errors[0]
        return locations


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

    @asynccontextmanager
    async def take(
        self, body: Body, write_id: bytes, replicas: Sequence[Replica], size_bytes: int | None
    ) -> AsyncIterator[Intake]:
        """Take in a body; what was not published when the block ends is forgotten.

        Raises:
            BodyIncompleteError: it broke off.
            BodyTooLargeError: it is over the limit.
            StoreFullError: the devices have no room.
        """
        intake = Intake()
        self._active += 1
        try:
            first = await self._receive(body, self._settings.inline_size_bytes_max + 1, b"")
            if len(first) <= self._settings.inline_size_bytes_max:
                intake.inline = first
                intake.etag = hashlib.md5(first, usedforsecurity=False).hexdigest()
                intake.identity = blake3(first).digest()
                intake.size_bytes = len(first)
            else:
                await self._stream(intake, body, first, write_id, replicas)
            if size_bytes is not None and intake.size_bytes != size_bytes:
                raise BodyIncompleteError(f"{intake.size_bytes} of {size_bytes} bytes came")
            yield intake
        finally:
            self._active -= 1
            for upload in intake.uploads.values():
                upload.abandon()

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
        failures: list[StoreError] = []

        async def consume() -> None:
            with receive:  # a failure closes it, and with it the other end
                try:
                    async for piece in receive:
                        await self._consume(digest, intake.uploads, piece)
                except DiskError as error:
                    failures.append(StoreFullError(str(error)))

        try:
            for replica in replicas:
                intake.uploads[replica.number] = await replica.create_payload(write_id)
        except DiskError as error:
            raise StoreFullError(str(error)) from error
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            with send:
                try:
                    await self._fill(intake, body, first, send)
                except trio.BrokenResourceError:
                    pass  # the consumer failed, and has said why
                except StoreError as error:
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

    async def _consume(self, digest: Digest, uploads: Mapping[int, Upload], piece: bytes) -> None:
        if len(piece) < THREAD_SIZE_BYTES_MIN:
            digest.update(piece)
            for upload in uploads.values():
                await upload.write(piece)
            return
        failures: list[DiskError] = []

        async def write(upload: Upload) -> None:
            try:
                await upload.write(piece)
            except DiskError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for upload in uploads.values():
                nursery.start_soon(write, upload)
            await self._world.threads.run(digest.update, piece)
        if failures:
            raise failures[0]

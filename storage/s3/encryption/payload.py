"""Payloads on their way in and out: encrypted while they arrive, decrypted while they leave."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import cast

from atoll.world import Threads
from storage.proxy.engine import Attributes, Body, Payload, Shown
from storage.proxy.errors import EtagMismatchError, PayloadLostError
from storage.s3.encryption.segments import (
    PLAIN_SIZE_BYTES,
    SEGMENT_SIZE_BYTES,
    SegmentCipher,
    segment_count,
    stored_size,
)

PIECE_SEGMENTS = 4
"""How many segments are encrypted or decrypted at once. Sixteen take six times as long a byte:
their buffers are mapped, and cleared by the kernel, anew each time."""
PIECE_SIZE_BYTES = PIECE_SEGMENTS * PLAIN_SIZE_BYTES
THREAD_SIZE_BYTES_MIN = 128 * 1024
"""Of pieces whose MD5 is taken in a thread; encryption alone takes less than the way there."""

_STORED_PIECE_SIZE_BYTES = PIECE_SEGMENTS * SEGMENT_SIZE_BYTES


class EncryptedBody:
    """An upload that is encrypted while it is received.

    Args:
        body: in the clear.
        cipher: of this object alone.
        threads: where much is encrypted at once.
        etag: MD5 in hexadecimal that the bytes in the clear must have, or nothing.
        shows_md5: whether the object's ETag is the MD5 of its bytes in the clear.
    """

    def __init__(
        self,
        body: Body,
        cipher: SegmentCipher,
        threads: Threads,
        etag: str | None,
        *,
        shows_md5: bool,
    ) -> None:
        self._body = body
        self._cipher = cipher
        self._threads = threads
        self._etag = etag
        self._shows_md5 = shows_md5
        self._md5 = hashlib.md5(usedforsecurity=False) if shows_md5 or etag is not None else None
        self._held = bytearray()
        self._number = 0
        self._size_bytes = 0
        self._has_ended = False

    async def receive(self) -> bytes:
        """Return the next encrypted bytes, none at the end; see `Body`."""
        if self._has_ended:
            return b""
        held = self._held
        while len(held) <= PIECE_SIZE_BYTES:  # more than a piece: what is held back is no end
            data = await self._body.receive()
            if not data:
                self._has_ended = True
                break
            held += data
        piece = bytes(held if self._has_ended else held[:PIECE_SIZE_BYTES])
        del held[: len(piece)]
        if self._md5 is None or len(piece) < THREAD_SIZE_BYTES_MIN:
            return self._encrypt(piece)
        return await self._threads.run(self._encrypt, piece)

    def _encrypt(self, piece: bytes) -> bytes:
        if self._md5 is not None:
            self._md5.update(piece)
        first, self._number = self._number, self._number + segment_count(len(piece))
        self._size_bytes += len(piece)
        return self._cipher.encrypt(piece, first, is_end=self._has_ended)

    def finish(self) -> Shown:
        """Return what the object's readers see, now that the body has ended.

        Raises:
            EtagMismatchError: its MD5 is not as announced.
        """
        if self._md5 is None:
            return Shown(self._size_bytes, None)
        etag = self._md5.hexdigest()
        if self._etag is not None and etag != self._etag:
            raise EtagMismatchError(etag)
        return Shown(self._size_bytes, etag if self._shows_md5 else None)


def finishing(
    attributes: Attributes | Callable[[], Attributes], body: EncryptedBody, seal: dict[str, str]
) -> Callable[[], Attributes]:
    """Return what is asked for an object's attributes once its body has ended.

    Args:
        attributes: that it has beside its encryption.
        body: of it.
        seal: its encryption, as system metadata.
    """

    def finish() -> Attributes:
        given = attributes() if callable(attributes) else attributes
        return given._replace(system={**given.system, **seal}, shown=body.finish())

    return finish


class DecryptedPayload:
    """A payload that is decrypted while it is read.

    Args:
        stored: the encrypted one.
        size_bytes: of what it holds.
        cipher: of this object.

    Attributes:
        whole: see `Payload`.

    Raises:
        PayloadLostError: it is not what was stored.
    """

    def __init__(self, stored: Payload, size_bytes: int, cipher: SegmentCipher) -> None:
        self._stored = stored
        self._size_bytes = size_bytes
        self._cipher = cipher
        self.whole: bytes | None = None
        if stored.whole is not None:
            if len(stored.whole) != stored_size(size_bytes):
                raise PayloadLostError("an encrypted payload has another size")
            self.whole = cipher.decrypt(stored.whole, 0, is_end=True)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`; see `Payload`.

        Raises:
            PayloadLostError: the bytes are not what was stored.
        """
        if self.whole is not None:
            yield self.whole[start:stop]
            return
        if start >= stop:
            return
        number, end = start // PLAIN_SIZE_BYTES, segment_count(stop)
        skip, left_bytes = start - number * PLAIN_SIZE_BYTES, stop - start
        stored_stop = min(end * SEGMENT_SIZE_BYTES, stored_size(self._size_bytes))
        reading = self._stored.read(number * SEGMENT_SIZE_BYTES, stored_stop)
        chunks = cast(AsyncGenerator[bytes | memoryview, None], reading)
        async with aclosing(_whole_segments(chunks)) as pieces:
            async for piece in pieces:
                following = number - (-len(piece) // SEGMENT_SIZE_BYTES)
                is_end = following == segment_count(self._size_bytes)
                data = memoryview(self._cipher.decrypt(piece, number, is_end=is_end))
                data = data[skip : skip + left_bytes]
                left_bytes -= len(data)
                number, skip = following, 0
                yield data
        if left_bytes:
            raise PayloadLostError("an encrypted payload is too short")


async def _whole_segments(
    chunks: AsyncGenerator[bytes | memoryview, None],
) -> AsyncGenerator[bytes | memoryview, None]:
    """Yield bytes again in pieces of whole segments; a piece is valid until the next."""
    held = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            data = held + bytes(chunk) if held else chunk
            whole = len(data) - len(data) % SEGMENT_SIZE_BYTES
            held = bytes(data[whole:])
            for at in range(0, whole, _STORED_PIECE_SIZE_BYTES):
                yield data[at : min(whole, at + _STORED_PIECE_SIZE_BYTES)]
    if held:
        yield held

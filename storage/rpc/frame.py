"""Frames, sans-IO: a 4-byte big-endian length, then so many bytes."""

from __future__ import annotations

FRAME_SIZE_BYTES_MAX = 16 * 1024 * 1024
_LENGTH_SIZE_BYTES = 4


class FrameError(Exception):
    """The other side sent what is no frame, or one that is too large; it is at fault."""


def frame(body: bytes) -> bytes:
    """Return a body with its length before it."""
    return len(body).to_bytes(_LENGTH_SIZE_BYTES) + body


class FrameDecoder:
    """Cuts a stream of bytes into frames.

    Args:
        size_bytes_max: no frame may be longer.
    """

    def __init__(self, size_bytes_max: int = FRAME_SIZE_BYTES_MAX) -> None:
        self._size_bytes_max = size_bytes_max
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are whole by now.

        Raises:
            FrameError: a length is over the limit.
        """
        held = self._held + data if self._held else data
        frames = []
        at = 0
        while len(held) - at >= _LENGTH_SIZE_BYTES:
            size = int.from_bytes(held[at : at + _LENGTH_SIZE_BYTES])
            if size > self._size_bytes_max:
                raise FrameError(f"a frame of {size} bytes is over the limit")
            end = at + _LENGTH_SIZE_BYTES + size
            if end > len(held):
                break
            frames.append(held[at + _LENGTH_SIZE_BYTES : end])
            at = end
        self._held = held[at:]
        return frames

    @property
    def is_between_frames(self) -> bool:
        """Whether the stream may end here without a loss."""
        return not self._held

"""The stored form of an encrypted payload: segments, each encrypted and authenticated by itself.

After STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-
Reuse Misuse-Resistance", 2015), as age and Tink use it: AES-256-GCM whose nonce is the segment's
number and whether it is the last one. So no segment can be changed, moved, repeated, left out, or
taken from another object, and no payload can be cut short. A key encrypts one payload only: no
nonce is ever used twice.

A segment and its tag fill a block of a payload file, so a range reads few blocks more than it
needs. An empty payload is one empty segment.
"""

from __future__ import annotations

from collections.abc import Iterator

from storage.proxy.errors import PayloadLostError

SEGMENT_SIZE_BYTES = 65_536
"""Of a segment as it is stored, but the last."""
TAG_SIZE_BYTES = 16
PLAIN_SIZE_BYTES = SEGMENT_SIZE_BYTES - TAG_SIZE_BYTES
"""What a segment holds."""
KEY_SIZE_BYTES = 32
OBJECT_ID_SIZE_BYTES = 16

_MAGIC = b"ATOLLSE\x01"
"""Name and version of this form, authenticated with every segment."""
_NUMBER_SIZE_BYTES = 11


def segment_count(size_bytes: int) -> int:
    """Return how many segments hold so many bytes of an object."""
    return max(1, -(-size_bytes // PLAIN_SIZE_BYTES))


def stored_size(size_bytes: int) -> int:
    """Return the size of what is stored for so many bytes of an object."""
    return size_bytes + segment_count(size_bytes) * TAG_SIZE_BYTES


class SegmentCipher:
    """Encrypts and decrypts the segments of one payload.

    Args:
        key: of this payload alone, `KEY_SIZE_BYTES` long.
        object_id: of this payload alone, `OBJECT_ID_SIZE_BYTES` long.
    """

    __slots__ = ("_aead", "_bound")

    def __init__(self, key: bytes, object_id: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only who uses it pays

        self._aead = AESGCM(key)
        self._bound = _MAGIC + object_id

    def encrypt(self, data: bytes | memoryview, first: int, *, is_end: bool) -> bytes:
        """Return segments as they are stored.

        Args:
            data: what they hold: `PLAIN_SIZE_BYTES` each, or less in the last one of a payload.
            first: number of the first of them, from 0.
            is_end: whether the payload ends with them.
        """
        pieces = list(_cut(data, PLAIN_SIZE_BYTES))
        last = first + len(pieces) - 1 if is_end else -1
        return b"".join(
            self._aead.encrypt(_nonce(number, is_last=number == last), piece, self._bound)
            for number, piece in enumerate(pieces, start=first)
        )

    def decrypt(self, data: bytes | memoryview, first: int, *, is_end: bool) -> bytes:
        """Return what segments hold.

        Args:
            data: whole segments, one after the other.
            first: number of the first of them, from 0.
            is_end: whether the payload must end with them.

        Raises:
            PayloadLostError: they are not what was stored there.
        """
        from cryptography.exceptions import InvalidTag

        pieces = list(_cut(data, SEGMENT_SIZE_BYTES))
        last = first + len(pieces) - 1 if is_end else -1
        try:
            return b"".join(
                self._aead.decrypt(_nonce(number, is_last=number == last), piece, self._bound)
                for number, piece in enumerate(pieces, start=first)
            )
        except InvalidTag as error:
            raise PayloadLostError("an encrypted segment is not what was stored") from error


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_NUMBER_SIZE_BYTES) + (b"\x01" if is_last else b"\x00")


def _cut(data: bytes | memoryview, size_bytes: int) -> Iterator[memoryview]:
    view = memoryview(data)
    for at in range(0, max(1, len(view)), size_bytes):
        yield view[at : at + size_bytes]

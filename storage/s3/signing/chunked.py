"""The content coding aws-chunked, without I/O: chunks with signatures, and trailers.

Source: "Signature calculations for the Authorization header: Transferring payload in multiple
chunks" and "... Including trailing headers" in the Amazon S3 API Reference:

    size;chunk-signature=...\\r\\n data\\r\\n ... 0;chunk-signature=...\\r\\n
    x-amz-checksum-crc32c:...\\r\\n x-amz-trailer-signature:...\\r\\n \\r\\n

Without signatures, lines of sizes have the size alone. No byte of a signed chunk is handed out
before the signature of its chunk was checked: until then the pieces in which it arrived are held,
as they are. So a decoder holds at most `signed_chunk_bytes_max` and one piece.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Final

from atoll.invariant import invariant
from storage.s3.errors import S3Error
from storage.s3.signing.payload import EMPTY_SHA256, SHA256_HEX_BYTES, Payload
from storage.s3.signing.v4 import Seed

CODING: Final = "aws-chunked"
SMALL_CHUNK_BYTES: Final = 8192
"""Only the last chunk may be smaller."""
LENGTH_DIGITS_MAX: Final = 18

_SIZE_DIGITS_MAX: Final = 16
_LINE_BYTES_MAX: Final = 1024
_SMALL_PIECE_BYTES: Final = 4096
_TRAILERS_MAX: Final = 16
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_SIGNATURE: Final = b"chunk-signature="
_TRAILER_SIGNATURE: Final = b"x-amz-trailer-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLimits:
    """What a chunked body may have.

    Attributes:
        signed_chunk_bytes_max: of a chunk that has a signature, for it is held in memory.
    """

    signed_chunk_bytes_max: int = 16 << 20


class _State(Enum):
    """What comes next."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class AwsChunkedDecoder:
    """Takes a body apart.

    Attributes:
        trailers: lower-case name → value; complete when `finish` has returned.
    """

    def __init__(
        self,
        payload: Payload,
        decoded_bytes: int,
        trailer_names: frozenset[str] = frozenset(),
        seed: Seed | None = None,
        limits: ChunkLimits | None = None,
    ) -> None:
        """Begin a body.

        Args:
            payload: how it is signed.
            decoded_bytes: x-amz-decoded-content-length, which the chunks must add up to.
            trailer_names: announced by x-amz-trailer, in lower case.
            seed: of the request's signature, where chunks are signed.
            limits: of chunks.
        """
        invariant(payload.is_chunked, "the body is chunked", payload=payload)
        invariant((seed is not None) == payload.has_signed_chunks, "signed chunks have a seed")
        self.trailers: dict[str, str] = {}
        self._has_trailers = payload is not Payload.SIGNED_CHUNKS
        self._trailer_names = trailer_names
        self._decoded_bytes = decoded_bytes
        self._chain = None if seed is None else _Chain(seed)
        self._limits = limits or ChunkLimits()
        self._state = _State.SIZE
        self._line = b""
        self._left_bytes = 0
        self._size_bytes = 0
        self._total_bytes = 0
        self._chunks = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the body.

        Returns:
            The next bytes of what the body carries, checked, in pieces.

        Raises:
            S3Error: SignatureDoesNotMatch, IncompleteBody, InvalidChunkSizeError or
                MalformedTrailerError. The decoder must not be used any more.
        """
        if self._line:
            data = self._line + data
            self._line = b""
        pieces: list[bytes] = []
        position = 0
        while position < len(data):
            if self._state is _State.DATA:
                piece = data[position : position + self._left_bytes]
                position += len(piece)
                self._take_data(piece, pieces)
            else:
                end = data.find(b"\r\n", position, position + _LINE_BYTES_MAX)
                if end < 0:
                    self._keep_line(data[position:])
                    break
                self._take_line(data[position:end])
                position = end + 2
        return pieces

    def finish(self) -> None:
        """Say that the body has ended.

        Raises:
            S3Error: IncompleteBody, it ended too early.
        """
        if self._state is not _State.DONE:
            raise S3Error("IncompleteBody")

    def _take_data(self, piece: bytes, pieces: list[bytes]) -> None:
        self._left_bytes -= len(piece)
        if not self._left_bytes:
            self._state = _State.DATA_END
        if self._chain is None:
            pieces.append(piece)
            return
        self._chain.hold(piece)
        if not self._left_bytes:
            pieces += self._chain.release()

    def _keep_line(self, line: bytes) -> None:
        """Keep the begin of a line until the rest comes."""
        is_possible = b"\r\n".startswith(line) if self._state is _State.DATA_END else True
        if not is_possible or self._state is _State.DONE or len(line) >= _LINE_BYTES_MAX:
            raise S3Error("IncompleteBody")
        self._line = line

    def _take_line(self, line: bytes) -> None:
        if self._state is _State.SIZE:
            self._begin_chunk(line)
        elif self._state is _State.TRAILER:
            self._take_trailer(line)
        elif self._state is _State.DATA_END and not line:
            self._state = _State.SIZE
        else:  # a chunk that is longer than it says, or bytes behind the end
            raise S3Error("IncompleteBody")

    def _begin_chunk(self, line: bytes) -> None:
        digits, _, extension = line.partition(b";")
        if not digits or len(digits) > _SIZE_DIGITS_MAX or digits.translate(None, _HEX_DIGITS):
            raise S3Error("IncompleteBody")
        previous_bytes, self._size_bytes = self._size_bytes, int(digits, 16)
        if self._chunks and self._size_bytes and previous_bytes < SMALL_CHUNK_BYTES:
            raise S3Error("InvalidChunkSizeError", Chunk=self._chunks, BadChunkSize=previous_bytes)
        self._chunks += 1
        self._total_bytes += self._size_bytes
        if self._total_bytes > self._decoded_bytes or (
            not self._size_bytes and self._total_bytes < self._decoded_bytes
        ):
            raise wrong_length(self._decoded_bytes, self._total_bytes)
        if self._chain is not None:
            self._begin_signed(self._chain, extension)
        elif extension:
            raise S3Error("IncompleteBody")
        self._left_bytes = self._size_bytes
        self._state = _State.DATA if self._size_bytes else _State.TRAILER

    def _begin_signed(self, chain: _Chain, extension: bytes) -> None:
        signature = extension.removeprefix(_SIGNATURE)
        if signature == extension or len(signature) != SHA256_HEX_BYTES:
            raise S3Error("IncompleteBody")
        limit = self._limits.signed_chunk_bytes_max
        if self._size_bytes > limit:
            raise S3Error(
                "InvalidChunkSizeError",
                f"A chunk with a signature may have at most {limit} bytes",
                Chunk=self._chunks,
                BadChunkSize=self._size_bytes,
            )
        chain.begin(signature)
        if not self._size_bytes:
            chain.release()

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self._end()
            return
        raw_name, colon, raw_value = line.partition(b":")
        name = raw_name.strip().lower().decode("latin-1")
        if not (self._has_trailers and colon and name) or name in self.trailers:
            raise S3Error("MalformedTrailerError")
        if len(self.trailers) >= _TRAILERS_MAX:
            raise S3Error("MalformedTrailerError")
        self.trailers[name] = raw_value.strip().decode("latin-1")

    def _end(self) -> None:
        signature = self.trailers.pop(_TRAILER_SIGNATURE.decode(), None)
        if self.trailers.keys() != self._trailer_names:
            raise S3Error("MalformedTrailerError")
        if self._chain is not None and self._has_trailers:
            if signature is None:
                raise S3Error("MalformedTrailerError")
            self._chain.check_trailers(self.trailers, signature)
        self._state = _State.DONE


class _Chain:
    """The chain of signatures, each of which covers the one before it; holds a chunk's bytes."""

    def __init__(self, seed: Seed) -> None:
        self._key = seed.signing_key
        self._terms = b"\n".join((seed.timestamp, seed.scope, b""))
        self._previous = seed.signature
        self._signature = b""
        self._hash = sha256()
        self._held: list[bytes] = []
        self._small = bytearray()

    def begin(self, signature: bytes) -> None:
        """Begin a chunk."""
        self._signature = signature
        self._hash = sha256()

    def hold(self, piece: bytes) -> None:
        """Keep the next bytes of a chunk."""
        self._hash.update(piece)
        if len(piece) < _SMALL_PIECE_BYTES:
            self._small += piece
        else:
            self._gather_small()
            self._held.append(piece)

    def release(self) -> list[bytes]:
        """Return the bytes of a chunk, which is complete, if its signature is right.

        Raises:
            S3Error: SignatureDoesNotMatch.
        """
        digest = self._hash.hexdigest().encode("ascii")
        lines = (b"AWS4-HMAC-SHA256-PAYLOAD", self._terms + self._previous, EMPTY_SHA256, digest)
        self._check(b"\n".join(lines), self._signature)
        self._gather_small()
        held, self._held = self._held, []
        return held

    def _gather_small(self) -> None:
        """Make one piece of small ones: a million of two bytes would take fifty times as much."""
        if self._small:
            self._held.append(bytes(self._small))
            self._small.clear()

    def check_trailers(self, trailers: dict[str, str], signature: str) -> None:
        """Check the signature of the trailers.

        Raises:
            S3Error: SignatureDoesNotMatch.
        """
        text = "".join([f"{name}:{value}\n" for name, value in sorted(trailers.items())])
        digest = sha256(text.encode("latin-1")).hexdigest().encode("ascii")
        lines = (b"AWS4-HMAC-SHA256-TRAILER", self._terms + self._previous, digest)
        self._check(b"\n".join(lines), signature.encode("latin-1"))

    def _check(self, text: bytes, signature: bytes) -> None:
        expected = hmac.digest(self._key, text, "sha256").hex().encode("ascii")
        if not hmac.compare_digest(expected, signature):
            raise S3Error("SignatureDoesNotMatch", StringToSign=text.decode("latin-1"))
        self._previous = expected


def wrong_length(expected_bytes: int, provided_bytes: int) -> S3Error:
    """Return the error for a body that has not the length announced."""
    return S3Error(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        NumberBytesExpected=expected_bytes,
        NumberBytesProvided=provided_bytes,
    )


def read_decoded_length(value: bytes | None) -> int:
    """Return x-amz-decoded-content-length, which every chunked body must have.

    Raises:
        S3Error: MissingContentLength, or InvalidArgument where it is no number.
    """
    if value is None:
        raise S3Error("MissingContentLength")
    if not value.isdigit() or len(value) > LENGTH_DIGITS_MAX:
        raise S3Error(
            "InvalidArgument",
            "x-amz-decoded-content-length must be a number",
            ArgumentName="x-amz-decoded-content-length",
            ArgumentValue=value.decode("latin-1"),
        )
    return int(value)


def without_coding(content_encoding: str) -> str:
    """Return a Content-Encoding as it is stored: aws-chunked was only for the way here."""
    codings = [coding.strip() for coding in content_encoding.split(",")]
    return ",".join([coding for coding in codings if coding.lower() != CODING])

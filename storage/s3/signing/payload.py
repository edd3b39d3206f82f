"""What the header x-amz-content-sha256 says about a body (SigV4, "x-amz-content-sha256")."""

from __future__ import annotations

from enum import Enum
from typing import Final

from storage.s3.errors import S3Error
from storage.s3.signing.request import SignedRequest

SHA256_HEX_BYTES: Final = 64
EMPTY_SHA256: Final = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"


class Payload(Enum):
    """How a body is signed; the values are those of x-amz-content-sha256."""

    HASHED = b"a SHA-256 in hexadecimal"
    UNSIGNED = b"UNSIGNED-PAYLOAD"
    SIGNED_CHUNKS = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_TRAILER = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_CHUNKS_TRAILER = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def is_chunked(self) -> bool:
        """Whether the body is in the coding aws-chunked."""
        return self in _CHUNKED

    @property
    def has_signed_chunks(self) -> bool:
        """Whether every chunk has a signature."""
        return self in _SIGNED


_CHUNKED: Final = frozenset(
    (Payload.SIGNED_CHUNKS, Payload.SIGNED_CHUNKS_TRAILER, Payload.UNSIGNED_CHUNKS_TRAILER)
)
_SIGNED: Final = frozenset((Payload.SIGNED_CHUNKS, Payload.SIGNED_CHUNKS_TRAILER))
_BY_VALUE: Final = {kind.value: kind for kind in (Payload.UNSIGNED, *_CHUNKED)}


def read_payload(value: bytes) -> Payload:
    """Return what a value of x-amz-content-sha256 says.

    Raises:
        S3Error: InvalidArgument, it is none.
    """
    known = _BY_VALUE.get(value)
    if known is not None:
        return known
    if len(value) != SHA256_HEX_BYTES or value.translate(None, _HEX_DIGITS):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
            "valid sha256 value.",
            ArgumentName="x-amz-content-sha256",
            ArgumentValue=value.decode("latin-1"),
        )
    return Payload.HASHED


def declared_payload(request: SignedRequest) -> Payload:
    """Return how the body of a request comes that is anonymous or signed in version 2.

    Raises:
        S3Error: InvalidArgument, x-amz-content-sha256 has another value; InvalidRequest, it says
            that chunks are signed, which needs a signature of version 4 to begin with.
    """
    value = request.values.get(b"x-amz-content-sha256")
    payload = Payload.UNSIGNED if value is None else read_payload(value)
    if payload.has_signed_chunks:
        text = "Signed chunks need a request that is signed with AWS4-HMAC-SHA256."
        raise S3Error("InvalidRequest", text)
    return payload

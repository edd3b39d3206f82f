"""The bytes of an upload, from ASGI to whoever stores or reads them: decoded and verified."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from storage.http.asgi import Receive
from storage.proxy.errors import BodyIncompleteError
from storage.s3.errors import S3Error
from storage.s3.signing.chunked import AwsChunkedDecoder, read_decoded_length, wrong_length
from storage.s3.signing.payload import EMPTY_SHA256, Payload
from storage.s3.signing.v4 import Seed

LENGTH_DIGITS_MAX = 18


class RequestBody:
    """The body of a request, as it is sent.

    Args:
        receive: of the ASGI request.
        headers: of the request.
        content_sha256: in hexadecimal, what it must have; empty where that is not signed.

    Attributes:
        length_bytes: as declared, without any coding; None where only the end tells.
        is_declared: whether the request says that it has a body, be it an empty one.
        trailers: lower-case name → value; complete at the end.

    Raises:
        S3Error: InvalidArgument, a length is malformed.
    """

    def __init__(
        self, receive: Receive, headers: Mapping[bytes, bytes], content_sha256: bytes = b""
    ) -> None:
        self.length_bytes = _read_length(headers)
        self.is_declared = b"content-length" in headers or self.length_bytes is None
        self.trailers: Mapping[str, str] = {}
        self._receive = receive
        self._left_bytes = self.length_bytes
        self._is_done = self.length_bytes == 0
        self._content_sha256 = content_sha256.lower()
        self._hash = None
        if content_sha256 and self._is_done:
            if self._content_sha256 != EMPTY_SHA256:
                raise _mismatch(content_sha256, EMPTY_SHA256)
        elif content_sha256:
            self._hash = sha256()

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            BodyIncompleteError: the client went away.
            S3Error: IncompleteBody, it sent less or more than it declared;
                XAmzContentSHA256Mismatch at the end.
        """
        while not self._is_done:
            message = await self._receive()
            if message["type"] != "http.request":
                raise BodyIncompleteError("the client went away")
            data: bytes = message.get("body", b"")
            self._is_done = not message.get("more_body", False)
            if self._hash is not None:
                self._hash.update(data)
            self._count(len(data))
            if data:
                return data
        return b""

    def _count(self, size_bytes: int) -> None:
        if self._left_bytes is not None and self.length_bytes is not None:
            self._left_bytes -= size_bytes
            if self._left_bytes < 0 or (self._is_done and self._left_bytes):
                raise wrong_length(self.length_bytes, self.length_bytes - self._left_bytes)
        if self._is_done and self._hash is not None:
            found = self._hash.hexdigest().encode("ascii")
            if not hmac.compare_digest(found, self._content_sha256):
                raise _mismatch(self._content_sha256, found)


class ChunkedBody(RequestBody):
    """The body of a request that is in the coding aws-chunked.

    Args:
        receive: of the ASGI request.
        headers: of the request.
        payload: how it is signed.
        seed: of chunks that are signed.

    Raises:
        S3Error: MissingContentLength or InvalidArgument, a length is missing or malformed.
    """

    def __init__(
        self,
        receive: Receive,
        headers: Mapping[bytes, bytes],
        payload: Payload,
        seed: Seed | None,
    ) -> None:
        super().__init__(receive, headers)
        size_bytes = read_decoded_length(headers.get(b"x-amz-decoded-content-length"))
        self.length_bytes = size_bytes
        self.is_declared = True
        self._encoded = RequestBody(receive, headers)
        names = headers.get(b"x-amz-trailer", b"").decode("latin-1").lower().split(",")
        trailers = frozenset(name.strip() for name in names if name.strip())
        self._decoder = AwsChunkedDecoder(payload, size_bytes, trailers, seed)
        self._ready: deque[bytes] = deque()

    async def receive(self) -> bytes:
        """Return the next bytes, checked, none at the end; see `AwsChunkedDecoder` for errors."""
        while not self._ready:
            data = await self._encoded.receive()
            if not data:
                self._decoder.finish()
                self.trailers = self._decoder.trailers
                return b""
            self._ready.extend(self._decoder.feed(data))
        return self._ready.popleft()


class BodyTerms(NamedTuple):
    """How a body comes, and what its signature asks of it.

    Attributes:
        payload: the coding, and what is signed.
        content_sha256: in hexadecimal, what it must have; empty where that is not signed.
        seed: of chunks that are signed.
    """

    payload: Payload
    content_sha256: bytes = b""
    seed: Seed | None = None


UNSIGNED = BodyTerms(Payload.UNSIGNED)


def read_body(receive: Receive, headers: Mapping[bytes, bytes], terms: BodyTerms) -> RequestBody:
    """Return the body of a request.

    Args:
        receive: of the ASGI request.
        headers: of the request.
        terms: of the body.

    Raises:
        S3Error: a length is missing or malformed.
    """
    if terms.payload.is_chunked:
        return ChunkedBody(receive, headers, terms.payload, terms.seed)
    return RequestBody(receive, headers, terms.content_sha256)


def _read_length(headers: Mapping[bytes, bytes]) -> int | None:
    """Return the Content-Length, or None where the body comes in HTTP's chunks; 0 for neither."""
    if b"transfer-encoding" in headers:
        return None
    value = headers.get(b"content-length", b"0")
    if not value.isdigit() or len(value) > LENGTH_DIGITS_MAX:
        raise S3Error("InvalidArgument", ArgumentName="Content-Length")
    return int(value)


def _mismatch(expected: bytes, found: bytes) -> S3Error:
    return S3Error(
        "XAmzContentSHA256Mismatch",
        ClientComputedContentSHA256=expected.decode("ascii"),
        S3ComputedContentSHA256=found.decode("ascii"),
    )

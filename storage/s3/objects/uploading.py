"""The bytes of an object on their way in: checked against what the request announces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from storage.proxy.engine import Body
from storage.s3.checksums import BY_HEADER, Algorithm, Checksum
from storage.s3.errors import S3Error
from storage.s3.integrity import BodyChecks
from storage.s3.request import Request

_SHA256: Final = re.compile(rb"[0-9A-Fa-f]{64}")


class CheckedBody:
    """An upload that is hashed while it is received.

    Pieces are those of the network, 64 KiB at most: hashing them takes microseconds, less than a
    thread would. The engine's MD5, by far the slowest, runs beside it in one.

    Args:
        request: whose body it is.
        default: algorithm of the checksum where the request announces none.

    Attributes:
        length_bytes: as declared, or None where only the end tells.
        etag: MD5 in hexadecimal that the client announced, or None.
        algorithm: of the checksum.

    Raises:
        S3Error: InvalidDigest or InvalidRequest, what is announced is malformed.
    """

    __slots__ = ("_body", "_checks", "algorithm", "etag", "length_bytes")

    def __init__(self, request: Request, default: Algorithm = Algorithm.CRC64NVME) -> None:
        self._body = request.body
        self._checks = checks = BodyChecks(request.headers, default=default)
        self.length_bytes = self._body.length_bytes
        self.etag = checks.md5.hex() or None
        self.algorithm = default
        if checks.checksum is not None:
            self.algorithm = checks.checksum.algorithm
        for name in checks.trailer_names:
            self.algorithm = BY_HEADER[name]

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            BodyIncompleteError: the connection broke.
            S3Error: the signature of the body is wrong.
        """
        data = await self._body.receive()
        if data:
            self._checks.update(data)
        return data

    def finish(self) -> Checksum | None:
        """Check the body, which has ended, and return the checksum to store with it.

        Raises:
            S3Error: BadDigest or InvalidRequest.
        """
        return self._checks.finish(self._body.trailers)


class StreamedBody:
    """Bytes of the store itself, on their way to another place.

    Args:
        source: gives them.
        algorithm: of the checksum to make.
    """

    def __init__(self, source: Body, algorithm: Algorithm) -> None:
        self._source = source
        self._algorithm = algorithm
        self._digest = algorithm.new()

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        data = await self._source.receive()
        self._digest.update(data)
        return data

    def finish(self) -> Checksum:
        """Return the checksum of what has passed."""
        return Checksum(self._algorithm, self._digest.digest())


def check_size(length_bytes: int | None, size_bytes_max: int) -> None:
    """See that an upload is not too large.

    Raises:
        S3Error: EntityTooLarge.
    """
    if length_bytes is not None and length_bytes > size_bytes_max:
        raise S3Error("EntityTooLarge", ProposedSize=length_bytes, MaxSizeAllowed=size_bytes_max)


def check_announced(headers: Mapping[bytes, bytes]) -> None:
    """See that a write with a lock says what it writes, as S3 wants it.

    A signed hash of the body says it no less; S3 does not count that, but MinIO's SDK sends nothing
    else where there is no TLS.

    Raises:
        S3Error: InvalidRequest.
    """
    if b"content-md5" in headers or b"x-amz-trailer" in headers:
        return
    if _SHA256.fullmatch(headers.get(b"x-amz-content-sha256", b"")):
        return
    if not any(name.startswith(b"x-amz-checksum-") for name in headers):
        text = (
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with "
            "Object Lock parameters"
        )
        raise S3Error("InvalidRequest", text)

"""What a request announces about its body, and whether that is true.

Source: "Checking object integrity in Amazon S3" in the User Guide. A body is checked against the
hash that was signed, against one checksum that came in a header or will come in a trailer, and
against Content-MD5, each if the client sent it. Where it sent no checksum, one is computed all
the same and stored.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from storage.s3.checksums import (
    BY_HEADER,
    BY_NAME,
    HEADER_PREFIX,
    Algorithm,
    Checksum,
    Kind,
    decode_digest,
    parse_checksum,
)
from storage.s3.errors import S3Error

TYPE_HEADER: Final = b"x-amz-checksum-type"
ALGORITHM_HEADER: Final = b"x-amz-checksum-algorithm"
SDK_ALGORITHM_HEADER: Final = b"x-amz-sdk-checksum-algorithm"
TRAILER_HEADER: Final = b"x-amz-trailer"

_PREFIX: Final = HEADER_PREFIX.encode("ascii")
_NO_CHECKSUM_HEADERS: Final = frozenset((TYPE_HEADER, ALGORITHM_HEADER))
_MD5_BYTES: Final = 16


class BodyChecks:
    """What a request announces about its body. Feed it the body, then ask it.

    Attributes:
        md5: from Content-MD5, 16 bytes; empty without it. Not checked here unless asked for: an
            engine that computes the MD5 of an object anyway checks it (`md5.hex()` is the ETag).
        trailer_names: headers that must follow the body, in lower case.
        checksum: what was announced in a header, or nothing.
    """

    def __init__(
        self,
        headers: Mapping[bytes, bytes],
        *,
        signed_sha256: bytes = b"",
        default: Algorithm | None = Algorithm.CRC64NVME,
        is_md5_checked: bool = False,
    ) -> None:
        """Read the headers of a request.

        Args:
            headers: in lower case.
            signed_sha256: of the body, in hexadecimal, as the signature covers it; empty where
                the body is unsigned or signed in chunks.
            default: algorithm of the checksum that is computed where none was announced.
            is_md5_checked: whether Content-MD5 is checked here.

        Raises:
            S3Error: InvalidDigest for Content-MD5; InvalidRequest for all else.
        """
        self.md5 = _read_md5(headers)
        self.checksum = _read_checksum(headers)
        trailing = _read_trailer(headers)
        self.trailer_names = frozenset(() if trailing is None else (trailing.header,))
        algorithm = trailing
        if self.checksum is not None:
            if trailing is not None:
                raise _several()
            algorithm = self.checksum.algorithm
        _check_sdk_algorithm(headers, algorithm)
        self._algorithm = algorithm or default
        self._signed_sha256 = signed_sha256.lower()
        self._is_md5_checked = is_md5_checked
        wanted = (
            self._algorithm,
            Algorithm.SHA256 if signed_sha256 else None,
            Algorithm.MD5 if self.md5 and is_md5_checked else None,
        )
        self._digests = {algorithm: algorithm.new() for algorithm in wanted if algorithm}
        self._updates = [digest.update for digest in self._digests.values()]

    def update(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        for update in self._updates:
            update(data)

    def finish(self, trailers: Mapping[str, str] | None = None) -> Checksum | None:
        """Check the body, which has ended.

        Args:
            trailers: that followed it; those of `trailer_names` are there.

        Returns:
            The checksum to store with it: of the announced or the default algorithm.

        Raises:
            S3Error: XAmzContentSHA256Mismatch, BadDigest, or InvalidRequest for a trailer whose
                value is no checksum.
        """
        if self._signed_sha256:
            self._check_signed(self._digests[Algorithm.SHA256].digest())
        if self.md5 and self._is_md5_checked:
            check_md5(self.md5, self._digests[Algorithm.MD5].digest())
        if self._algorithm is None:
            return None
        actual = Checksum(self._algorithm, self._digests[self._algorithm].digest())
        for expected in (self.checksum, self._trailing(trailers or {})):
            if expected is not None and expected.digest != actual.digest:
                name = actual.algorithm.value
                text = f"The {name} you specified did not match the calculated checksum."
                raise S3Error("BadDigest", text)
        return actual

    def _trailing(self, trailers: Mapping[str, str]) -> Checksum | None:
        for name in self.trailer_names:
            checksum = parse_checksum(BY_HEADER[name], trailers.get(name, ""))
            if checksum is None:
                raise S3Error("InvalidRequest", f"Value for {name} trailing header is invalid.")
            return checksum
        return None

    def _check_signed(self, actual: bytes) -> None:
        computed = actual.hex().encode("ascii")
        if computed != self._signed_sha256:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=self._signed_sha256.decode("ascii"),
                S3ComputedContentSHA256=computed.decode("ascii"),
            )


def check_md5(expected: bytes, actual: bytes) -> None:
    """Compare the MD5 of Content-MD5 with a body's.

    Raises:
        S3Error: BadDigest.
    """
    if expected != actual:
        raise S3Error(
            "BadDigest",
            CalculatedDigest=b64encode(actual).decode("ascii"),
            ExpectedDigest=b64encode(expected).decode("ascii"),
        )


def upload_checksum(headers: Mapping[bytes, bytes]) -> tuple[Algorithm, Kind] | None:
    """Return what a new multipart upload asks its checksums to be; nothing: the default.

    Raises:
        S3Error: InvalidRequest.
    """
    raw_algorithm, raw_kind = headers.get(ALGORITHM_HEADER), headers.get(TYPE_HEADER)
    if raw_algorithm is None:
        if raw_kind is not None:
            text = "The x-amz-checksum-type header can only be used with the "
            raise S3Error("InvalidRequest", text + "x-amz-checksum-algorithm header.")
        return None
    algorithm = BY_NAME.get(raw_algorithm.decode("latin-1").upper())
    if algorithm is None:
        choices = ", ".join(BY_NAME)
        text = "Checksum algorithm provided is unsupported. Please try again with any of the "
        raise S3Error("InvalidRequest", f"{text}valid types: [{choices}]")
    if raw_kind is None:
        return algorithm, algorithm.kinds[0]
    try:
        kind = Kind(raw_kind.decode("latin-1").upper())
    except ValueError as error:
        raise _invalid_value(TYPE_HEADER.decode()) from error
    if kind not in algorithm.kinds:
        name = algorithm.value.lower()
        text = f"The {kind.value} checksum type cannot be used with the {name} checksum algorithm."
        raise S3Error("InvalidRequest", text)
    return algorithm, kind


def _read_md5(headers: Mapping[bytes, bytes]) -> bytes:
    value = headers.get(b"content-md5")
    if value is None:
        return b""
    text = value.decode("latin-1")
    digest = decode_digest(text, _MD5_BYTES)
    if digest is None:
        raise S3Error("InvalidDigest", details={"Content-MD5": text})
    return digest


def _read_checksum(headers: Mapping[bytes, bytes]) -> Checksum | None:
    names = [
        name.decode("latin-1")
        for name in headers
        if name.startswith(_PREFIX) and name not in _NO_CHECKSUM_HEADERS
    ]
    if not names:
        return None
    if len(names) > 1:
        raise _several()
    algorithm = BY_HEADER.get(names[0])
    if algorithm is None:
        text = "The algorithm type you specified in x-amz-checksum- header is invalid."
        raise S3Error("InvalidRequest", text)
    checksum = parse_checksum(algorithm, headers[names[0].encode("latin-1")].decode("latin-1"))
    if checksum is None:
        raise _invalid_value(names[0])
    return checksum


def _read_trailer(headers: Mapping[bytes, bytes]) -> Algorithm | None:
    value = headers.get(TRAILER_HEADER)
    if value is None:
        return None
    algorithm = BY_HEADER.get(value.decode("latin-1").strip().lower())
    if algorithm is None:
        text = "The value specified in the x-amz-trailer header is not supported"
        raise S3Error("InvalidRequest", text)
    return algorithm


def _check_sdk_algorithm(headers: Mapping[bytes, bytes], announced: Algorithm | None) -> None:
    value = headers.get(SDK_ALGORITHM_HEADER)
    if value is None:
        return
    algorithm = BY_NAME.get(value.decode("latin-1").upper())
    if algorithm is not None and announced is None:
        raise S3Error(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found.",
        )
    if algorithm is None or algorithm is not announced:
        raise _invalid_value(SDK_ALGORITHM_HEADER.decode())


def _several() -> S3Error:
    text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    return S3Error("InvalidRequest", text)


def _invalid_value(header: str) -> S3Error:
    return S3Error("InvalidRequest", f"Value for {header} header is invalid.")

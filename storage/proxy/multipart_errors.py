"""What a multipart upload can be refused for; all of them are the caller's mistakes.

The names are S3's error codes (Amazon S3 API Reference, "Error responses").
"""

from __future__ import annotations

from storage.proxy.errors import StoreError


class MultipartError(StoreError):
    """The base of all refusals."""


class NoSuchUploadError(MultipartError):
    """There is no such upload: never begun, aborted, or completed (with other parts)."""


class InvalidPartOrderError(MultipartError):
    """The parts of a completion do not ascend."""


class InvalidPartError(MultipartError):
    """A part that a completion names was not uploaded, or is another one.

    Attributes:
        number: of the part.
        etag: that the completion names.
    """

    def __init__(self, number: int, etag: str) -> None:
        self.number = number
        self.etag = etag
        super().__init__(f"part {number} with ETag {etag} is not there")


class PartChecksumMissingError(MultipartError):
    """A completion must name the checksum of each part, and does not; S3: InvalidRequest.

    Attributes:
        number: of the first part without one.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"the completion names no checksum of part {number}")


class EntityTooSmallError(MultipartError):
    """A part that is not the last one is too small.

    Attributes:
        number: of the part.
        etag: of the part.
        size_bytes: of the part.
        size_bytes_min: the least there may be.
    """

    def __init__(self, number: int, etag: str, size_bytes: int, size_bytes_min: int) -> None:
        self.number = number
        self.etag = etag
        self.size_bytes = size_bytes
        self.size_bytes_min = size_bytes_min
        super().__init__(f"part {number} has {size_bytes} of at least {size_bytes_min} bytes")


class EntityTooLargeError(MultipartError):
    """The parts together are larger than an object may be.

    Attributes:
        size_bytes: of all parts.
        size_bytes_max: the most there may be.
    """

    def __init__(self, size_bytes: int, size_bytes_max: int) -> None:
        self.size_bytes = size_bytes
        self.size_bytes_max = size_bytes_max
        super().__init__(f"{size_bytes} bytes are over {size_bytes_max}")


class SizeMismatchError(MultipartError):
    """The object has another size than the completion announced; S3: InvalidRequest.

    Attributes:
        size_bytes: that it has.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(f"the parts have {size_bytes} bytes")


class ChecksumMismatchError(MultipartError):
    """The object has another checksum than the completion announced; S3: BadDigest.

    Attributes:
        checksum: that it has, as base64.
    """

    def __init__(self, checksum: str) -> None:
        self.checksum = checksum
        super().__init__(f"the object's checksum is {checksum}")

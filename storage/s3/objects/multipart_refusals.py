"""What a client is told of what a multipart upload is refused for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storage.proxy.multipart_errors import (
    ChecksumMismatchError,
    EntityTooLargeError,
    EntityTooSmallError,
    InvalidPartError,
    InvalidPartOrderError,
    MultipartError,
    PartChecksumMissingError,
    SizeMismatchError,
)
from storage.s3.errors import S3Error


@contextmanager
def multipart_refusals(upload_id: str) -> Iterator[None]:
    """Turn the refusals of a block into errors of S3.

    Raises:
        S3Error: instead of a MultipartError.
    """
    try:
        yield
    except MultipartError as error:
        raise _refusal(error, upload_id) from error


def _refusal(error: MultipartError, upload_id: str) -> S3Error:
    if isinstance(error, InvalidPartError):
        return S3Error("InvalidPart", UploadId=upload_id, PartNumber=error.number, ETag=error.etag)
    if isinstance(error, InvalidPartOrderError):
        return S3Error("InvalidPartOrder", UploadId=upload_id)
    if isinstance(error, EntityTooSmallError):
        return S3Error(
            "EntityTooSmall",
            ProposedSize=error.size_bytes,
            MinSizeAllowed=error.size_bytes_min,
            PartNumber=error.number,
            ETag=error.etag,
        )
    if isinstance(error, EntityTooLargeError):
        return S3Error(
            "EntityTooLarge", ProposedSize=error.size_bytes, MaxSizeAllowed=error.size_bytes_max
        )
    if isinstance(error, PartChecksumMissingError):
        text = (
            "The upload was created with a checksum of its parts' checksums. The complete request "
            "must include the checksum for each part. It was missing for part "
            f"{error.number} in the request."
        )
        return S3Error("InvalidRequest", text)
    if isinstance(error, SizeMismatchError):
        text = "The provided 'x-amz-mp-object-size' header does not match what was computed."
        return S3Error("InvalidRequest", text, ComputedObjectSize=error.size_bytes)
    if isinstance(error, ChecksumMismatchError):
        text = "The checksum you specified did not match what was computed."
        return S3Error("BadDigest", text)
    return S3Error("NoSuchUpload", UploadId=upload_id)

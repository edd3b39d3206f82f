"""What a key may be that comes in a document or a form; the one in a path was checked there."""

from __future__ import annotations

from storage.path import OBJECT_NAME_BYTES_MAX
from storage.s3.errors import S3Error


def check_key(key: str) -> None:
    """Refuse a key that no object can have.

    Raises:
        S3Error: InvalidURI for one with NUL, KeyTooLongError.
    """
    if "\0" in key:
        raise S3Error("InvalidURI")
    size_bytes = len(key.encode())
    if size_bytes > OBJECT_NAME_BYTES_MAX:
        raise S3Error("KeyTooLongError", Size=size_bytes, MaxSizeAllowed=OBJECT_NAME_BYTES_MAX)

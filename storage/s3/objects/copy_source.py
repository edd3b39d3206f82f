"""x-amz-copy-source: where a copy is taken from."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_plus

from storage.s3.errors import S3Error
from storage.s3.objects.key_limits import check_key

_VERSION = "?versionId="


class CopySource(NamedTuple):
    """An object that is copied.

    Attributes:
        bucket: its name.
        key: its name in there.
        version: id, or nothing for the current one.
    """

    bucket: str
    key: str
    version: str | None


def parse_copy_source(value: bytes) -> CopySource:
    """Return what a copy is taken from.

    As S3 does it, a plus sign stands for a space: clients send "%2B" where they mean one.

    Args:
        value: "bucket/key" or "/bucket/key", URL-encoded, with "?versionId=…" or without.

    Raises:
        S3Error: InvalidArgument.
    """
    try:
        path, found, version = value.decode("ascii").rpartition(_VERSION)
        if not found:
            path, version = version, ""
        bucket, _, key = unquote_plus(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise _invalid("Copy Source must be URL-encoded UTF-8", value) from None
    if not bucket or not key or bucket.startswith("arn:"):
        text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise _invalid(text, value)
    check_key(key)
    if found and not version:
        raise _invalid("Version id cannot be the empty string", value)
    return CopySource(bucket, key, version or None)


def _invalid(message: str, value: bytes) -> S3Error:
    return S3Error(
        "InvalidArgument",
        message,
        ArgumentName="x-amz-copy-source",
        ArgumentValue=value.decode("latin-1"),
    )

"""What a request addresses: the service, a bucket or an object; in the path or in the host's name.

Pure. After "Virtual hosting of general purpose buckets" in the Amazon S3 User Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from storage.path import OBJECT_NAME_BYTES_MAX
from storage.s3.errors import S3Error
from storage.s3.operations import Level

HOSTS_KNOWN_MAX = 4096


class Address(NamedTuple):
    """What is addressed.

    Attributes:
        level: which of the names are set.
        bucket: name, or empty.
        key: name of the object, or empty.
    """

    level: Level
    bucket: str
    key: str


SERVICE = Address(Level.SERVICE, "", "")


class Addressing:
    """Knows which hosts are buckets.

    Args:
        domains: those whose sub-domains are buckets, in lower case.
    """

    def __init__(self, domains: Sequence[str]) -> None:
        longest_first = sorted(domains, key=len, reverse=True)
        self._domains = [domain.encode("ascii") for domain in longest_first]
        self.bucket_of_host = lru_cache(maxsize=HOSTS_KNOWN_MAX)(self._bucket_of_host)

    def _bucket_of_host(self, host: bytes) -> str:
        """Return the bucket that a Host header names; empty where the path names it.

        Args:
            host: the header's value, with or without a port.
        """
        name = host.lower()
        if name.startswith(b"["):
            return ""  # an IPv6 address
        name = name.partition(b":")[0].rstrip(b".")
        for domain in self._domains:
            if name == domain:
                return ""
            if name.endswith(b"." + domain):
                return name[: -len(domain) - 1].decode("latin-1")
        return ""


def read_address(host_bucket: str, raw_path: bytes) -> Address:
    """Return what a request addresses.

    Args:
        host_bucket: the bucket that the host's name names, or empty.
        raw_path: as sent.

    Raises:
        S3Error: InvalidURI, it is not UTF-8 or has NUL; KeyTooLongError.
    """
    if host_bucket:
        bucket, raw_key = host_bucket, raw_path[1:]
    else:
        raw_bucket, _, raw_key = raw_path[1:].partition(b"/")
        bucket = _decode(raw_bucket)
        if not bucket:
            if raw_key:
                raise S3Error("InvalidURI")
            return SERVICE
    if not raw_key:
        return Address(Level.BUCKET, bucket, "")
    return Address(Level.OBJECT, bucket, decode_key(raw_key))


def decode_key(raw: bytes) -> str:
    """Return a percent-encoded key as text.

    Raises:
        S3Error: InvalidURI, it is not UTF-8 or has NUL; KeyTooLongError.
    """
    key = _decode(raw)
    if len(raw) > OBJECT_NAME_BYTES_MAX:  # percent-encoding may have made it so
        size_bytes = len(key.encode())
        if size_bytes > OBJECT_NAME_BYTES_MAX:
            raise S3Error("KeyTooLongError", Size=size_bytes, MaxSizeAllowed=OBJECT_NAME_BYTES_MAX)
    return key


def _decode(raw: bytes) -> str:
    try:
        text = (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI") from None
    if "\0" in text:
        raise S3Error("InvalidURI")
    return text

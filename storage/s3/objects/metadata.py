"""User metadata: x-amz-meta-… headers, and the map that Swift shows as X-Object-Meta-….

Text that is not US-ASCII leaves as RFC 2047 encoded words, and arrives as them or as plain UTF-8
("Working with object metadata", Amazon S3 User Guide).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache

from storage.s3.errors import S3Error
from storage.s3.objects.conditions import RequestHeaders
from storage.swift.text import decode, encode

Header = tuple[bytes, bytes]

PREFIX = b"x-amz-meta-"
SIZE_BYTES_MAX = 2048

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_PRINTABLE = re.compile(r"[\t -~]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")


def read_metadata(headers: RequestHeaders) -> dict[str, str]:
    """Return the user metadata of a request by name, without the prefix.

    Raises:
        S3Error: MetadataTooLarge.
    """
    found: dict[str, str] = {}
    size_bytes = 0
    for name, value in headers.items():
        if not name.startswith(PREFIX):
            continue
        key, text = decode(name[len(PREFIX) :]), _decode_value(value)
        size_bytes += len(key.encode()) + len(text.encode())
        found[key] = text
    if size_bytes > SIZE_BYTES_MAX:
        raise S3Error("MetadataTooLarge", Size=size_bytes, MaxSizeAllowed=SIZE_BYTES_MAX)
    return found


def show_metadata(metadata: Mapping[str, str]) -> list[Header]:
    """Return the headers of user metadata.

    What no header can carry, which only another front door lets in, is counted in
    x-amz-missing-meta.
    """
    headers: list[Header] = []
    missing = 0
    for name, text in metadata.items():
        header = _header_name(name)
        if header is None or _CONTROL.search(text):
            missing += 1
        else:
            headers.append((header, _encode_value(text)))
    if missing:
        headers.append((b"x-amz-missing-meta", b"%d" % missing))
    return headers


@lru_cache(maxsize=4096)
def _header_name(name: str) -> bytes | None:
    return PREFIX + name.encode("ascii") if _TOKEN.fullmatch(name) else None


def _decode_value(value: bytes) -> str:
    text = decode(value)
    if "=?" not in text or not _ENCODED_WORD.search(text):
        return text
    try:
        parts = decode_header(text)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "latin-1")
            for part, charset in parts
        )
    except (HeaderParseError, LookupError, UnicodeDecodeError, binascii.Error):
        return text  # it only looks like an encoded word


def _encode_value(text: str) -> bytes:
    if _PRINTABLE.fullmatch(text):
        return text.encode("ascii")
    raw = encode(text)
    try:
        raw.decode()
    except UnicodeDecodeError:  # bytes of another encoding, which Swift keeps as they are
        raw = raw.decode("latin-1").encode()
    return b"=?UTF-8?B?%b?=" % base64.b64encode(raw)

"""Metadata in headers: what clients may set, and how it is shown again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from storage.swift.response import Header, refuse
from storage.swift.settings import SwiftSettings
from storage.swift.text import decode, encode, is_utf8

RequestHeaders = Mapping[bytes, bytes]

ACCOUNT_PREFIX = "x-account-meta-"
CONTAINER_PREFIX = "x-container-meta-"
OBJECT_PREFIX = "x-object-meta-"

OBJECT_MANIFEST = "x-object-manifest"
"""Names the segments that an object stands for."""

STATIC_LARGE = "x-static-large-object"
"""In system metadata of a static large object: the MD5 of its manifest, as that is shown."""

OBJECT_SYSTEM_HEADERS = (
    "content-disposition",
    "content-encoding",
    "content-language",
    "cache-control",
    "expires",
    "x-robots-tag",
    "x-delete-at",
    OBJECT_MANIFEST,
)
"""Headers that an object keeps besides its own metadata, replaced by POST like that."""

CONTAINER_HEADERS = ("x-container-read", "x-container-write", "x-container-sync-key")
"""Headers that a container keeps besides its metadata."""

OWNER_HEADERS = frozenset(
    (
        *CONTAINER_HEADERS,
        "x-account-meta-temp-url-key",
        "x-account-meta-temp-url-key-2",
        "x-container-meta-temp-url-key",
        "x-container-meta-temp-url-key-2",
        "x-account-access-control",
    )
)
"""Set by and shown to the account's owner alone; from others they are ignored."""

_HIDDEN_PREFIX = "x-s3-"  # the other front door's own facts about a container


class MetadataRules:
    """The limits of metadata.

    Args:
        settings: where they are set.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        self._settings = settings

    def check_headers(self, headers: RequestHeaders) -> None:
        """Refuse a header that is too long.

        Raises:
            SwiftError: 400.
        """
        for name, value in headers.items():
            if len(value) > self._settings.header_value_bytes_max:
                shown = name[: self._settings.metadata_name_bytes_max].decode("latin-1")
                raise refuse(f"Header value too long: {shown}")

    def read(self, headers: RequestHeaders, prefix: str, *, text: bool) -> dict[str, str]:
        """Return the metadata of a request by lower-case name without its prefix.

        Args:
            headers: of the request.
            prefix: of the names, in lower case.
            text: whether names and values must be UTF-8.

        Raises:
            SwiftError: 400, it breaks a limit.
        """
        self.check_headers(headers)
        start = prefix.encode("ascii")
        found: dict[str, str] = {}
        size_bytes = 0
        for header, value in headers.items():
            if not header.startswith(start):
                continue
            name = header[len(start) :]
            size_bytes += len(name) + len(value)
            self._check_item(prefix, name, value, text=text)
            self.check_totals(len(found) + 1, size_bytes)
            found[decode(name)] = decode(value)
        return found

    def check_totals(self, count: int, size_bytes: int) -> None:
        """Refuse too much metadata on one resource.

        Raises:
            SwiftError: 400.
        """
        settings = self._settings
        if count > settings.metadata_count_max:
            raise refuse(f"Too many metadata items; max {settings.metadata_count_max}")
        if size_bytes > settings.metadata_bytes_max:
            raise refuse(f"Total metadata too large; max {settings.metadata_bytes_max}")

    def check_merged(
        self, held: Mapping[str, str], changes: Mapping[str, str], prefix: str
    ) -> None:
        """Refuse changes that would leave an account or container with too much metadata.

        Args:
            held: by full name, as recorded.
            changes: by full name; an empty value removes.
            prefix: of the names that count.

        Raises:
            SwiftError: 400.
        """
        merged = {
            name: value
            for name, value in {**held, **changes}.items()
            if value and name.startswith(prefix)
        }
        names_bytes = sum(len(encode(name)) - len(prefix) for name in merged)
        self.check_totals(
            len(merged), names_bytes + sum(len(encode(value)) for value in merged.values())
        )

    def _check_item(self, prefix: str, name: bytes, value: bytes, *, text: bool) -> None:
        settings = self._settings
        if not name:
            raise refuse("Metadata name cannot be empty")
        if text and not (is_utf8(name) and is_utf8(value)):
            raise refuse("Metadata must be valid UTF-8")
        shown = prefix + name.decode("latin-1")
        if len(name) > settings.metadata_name_bytes_max:
            raise refuse(f"Metadata name too long: {shown}")
        if len(value) > settings.metadata_value_bytes_max:
            longest = settings.metadata_value_bytes_max
            raise refuse(f"Metadata value longer than {longest}: {shown}")


def removals(headers: RequestHeaders, held: Mapping[str, str], level: str) -> dict[str, str]:
    """Return the changes that X-Remove-… headers ask for, of what there is.

    Args:
        headers: of the request.
        held: what is recorded, by full name.
        level: "account" or "container".
    """
    start = f"x-remove-{level}-".encode("ascii")
    names = (
        f"x-{level}-" + decode(header[len(start) :])
        for header in headers
        if header.startswith(start)
    )
    return dict.fromkeys((name for name in names if name in held), "")


def show(values: Mapping[str, str], *, owner: bool) -> Iterator[Header]:
    """Yield the headers of an account's or container's metadata.

    Args:
        values: by full lower-case name.
        owner: whether the account's owner asks.
    """
    for name, value in values.items():
        if (owner or name not in OWNER_HEADERS) and not name.startswith(_HIDDEN_PREFIX):
            yield header_name(name), encode(value)


@lru_cache(maxsize=4096)
def header_name(name: str) -> bytes:
    """Return a header's name the way Swift writes it, with capitals."""
    return encode(name).title()


@lru_cache(maxsize=4096)
def object_header_name(name: str) -> bytes:
    """Return the header of an object's metadata item."""
    return encode(OBJECT_PREFIX + name).title()

"""Listings of objects and of their versions.

A page counts keys and common prefixes alike, in the byte order of UTF-8. After ListObjects,
ListObjectsV2 and ListObjectVersions in the Amazon S3 API Reference.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from storage.container.listing import Entry, Query
from storage.container.row import Row
from storage.container.versions import VersionEntry, VersionQuery
from storage.object.record import NULL_VERSION
from storage.s3.dates import iso
from storage.s3.errors import S3Error
from storage.s3.owner import owner_content
from storage.s3.parameters import Parameters
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import (
    Content,
    Fragment,
    element,
    escape_all,
    rows,
    url_encode,
    url_encode_all,
)

KEYS_MAX = 1000
_TOKEN_FORM = b"1"
_VERSION = re.compile(r"[0-9a-f]{24}")
_STORAGE_CLASS = "STANDARD"


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    listings = Listings(services)
    return {
        "ListObjects": listings.list_objects,
        "ListObjectsV2": listings.list_objects_v2,
        "ListObjectVersions": listings.list_versions,
    }


class Page(NamedTuple):
    """What a listing request asks for, but for where it begins.

    Attributes:
        prefix: only names that begin with it.
        delimiter: names with it behind the prefix are rolled up.
        keys_max: most keys and common prefixes.
        is_encoded: whether names are percent-encoded in the answer.
    """

    prefix: str
    delimiter: str
    keys_max: int
    is_encoded: bool

    def show(self, name: str) -> str:
        """Return a name as the answer has it, before it is XML."""
        return url_encode(name) if self.is_encoded else name

    def show_all(self, names: Sequence[str]) -> Sequence[str]:
        """Return names as the answer has them, as XML."""
        return url_encode_all(names) if self.is_encoded else escape_all(names)

    def echo(self) -> Iterable[tuple[str, Content]]:
        """Return what every listing repeats of its request."""
        return (
            ("Prefix", self.show(self.prefix)),
            ("Delimiter", self.show(self.delimiter) or None),
            ("MaxKeys", self.keys_max),
            ("EncodingType", "url" if self.is_encoded else None),
        )

    def prefixes(self, names: Sequence[str]) -> Fragment:
        """Return the common prefixes."""
        return rows("CommonPrefixes", {"Prefix": self.show_all(names)})


def read_page(parameters: Parameters) -> Page:
    """Return what a listing request asks for.

    Raises:
        S3Error: InvalidArgument.
    """
    encoding = parameters.get("encoding-type")
    if encoding not in (None, "", "url"):
        message = "Invalid Encoding Method specified in Request"
        raise _refuse(message, "encoding-type", encoding)
    return Page(
        parameters.text("prefix"),
        parameters.text("delimiter"),
        parameters.integer("max-keys", KEYS_MAX, 0, KEYS_MAX),
        encoding == "url",
    )


class Listings:
    """Handles listing requests.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine

    async def list_objects(self, request: Request) -> Response:
        """ListObjects, the first form, which begins behind a name."""
        page = read_page(request.parameters)
        marker = request.parameters.text("marker")
        entries, more = await self._list(request, page, marker)
        next_marker = page.show(entries[-1].name) if more and page.delimiter else None
        owner = owner_content(request.existing.account)
        head = (
            ("Name", request.bucket),
            ("Marker", page.show(marker)),
            ("NextMarker", next_marker),
            *page.echo(),
            ("IsTruncated", more),
        )
        return _answer("ListBucketResult", head, _write(entries, page, owner))

    async def list_objects_v2(self, request: Request) -> Response:
        """ListObjectsV2, which goes on by a token."""
        parameters = request.parameters
        page = read_page(parameters)
        token, start_after = parameters.get("continuation-token"), parameters.get("start-after")
        marker = _read_token(token) if token else start_after or ""
        entries, more = await self._list(request, page, marker)
        shows_owner = parameters.text("fetch-owner").lower() == "true"
        owner = owner_content(request.existing.account) if shows_owner else None
        head = (
            ("Name", request.bucket),
            *page.echo(),
            ("KeyCount", len(entries)),
            ("IsTruncated", more),
            ("ContinuationToken", token),
            ("NextContinuationToken", _write_token(entries[-1].name) if more else None),
            ("StartAfter", None if start_after is None else page.show(start_after)),
        )
        return _answer("ListBucketResult", head, _write(entries, page, owner))

    async def _list(self, request: Request, page: Page, marker: str) -> tuple[list[Entry], bool]:
        """Return the entries of a page, and whether there are more behind them."""
        if not page.keys_max:
            return [], False
        query = Query(
            limit=page.keys_max + 1, marker=marker, prefix=page.prefix, delimiter=page.delimiter
        )
        entries = await self._engine.list_objects(request.existing, query)
        return entries[: page.keys_max], len(entries) > page.keys_max

    async def list_versions(self, request: Request) -> Response:
        """ListObjectVersions, delete markers among them, the newest of each key first."""
        parameters = request.parameters
        page = read_page(parameters)
        key_marker, version_marker = parameters.text("key-marker"), _read_marker(parameters)
        entries: list[VersionEntry] = []
        if page.keys_max:
            query = VersionQuery(
                page.keys_max + 1, key_marker, version_marker, page.prefix, page.delimiter
            )
            entries = await self._engine.list_versions(request.existing, query)
        more = len(entries) > page.keys_max > 0
        entries = entries[: page.keys_max]
        last = entries[-1] if more else None
        head = (
            ("Name", request.bucket),
            ("KeyMarker", page.show(key_marker)),
            ("VersionIdMarker", parameters.text("version-id-marker")),
            ("NextKeyMarker", None if last is None else page.show(last.name)),
            ("NextVersionIdMarker", _shown_version(last) if last and last.version else None),
            *page.echo(),
            ("IsTruncated", more),
        )
        owner = owner_content(request.existing.account)
        written = [_write_version(entry, entry.row, page, owner) for entry in entries if entry.row]
        prefixes = page.prefixes([entry.name for entry in entries if entry.row is None])
        return _answer("ListVersionsResult", head, "".join(written) + prefixes)


def _answer(root: str, head: Iterable[tuple[str, Content]], rest: str) -> Response:
    written = "".join([element(name, content) for name, content in head])
    return document(root, Fragment(written + rest))


def _write(entries: Sequence[Entry], page: Page, owner: Fragment | None) -> str:
    """Return keys and common prefixes as they stand in the answer."""
    keys: list[str] = []
    prefixes: list[str] = []
    found: list[Row] = []
    for name, row in entries:
        if row is None:
            prefixes.append(name)
        else:
            keys.append(name)
            found.append(row)
    columns = {
        "Key": page.show_all(keys),
        "LastModified": [iso(row.timestamp) for row in found],
        "ETag": [f"&quot;{row.etag}&quot;" for row in found],
        "Size": [str(row.size_bytes) for row in found],
    }
    if owner is not None:
        columns["Owner"] = [owner] * len(found)
    columns["StorageClass"] = [_STORAGE_CLASS] * len(found)
    return rows("Contents", columns) + page.prefixes(prefixes)


def _write_version(entry: VersionEntry, row: Row, page: Page, owner: Fragment) -> str:
    shared: tuple[tuple[str, Content], ...] = (
        ("Key", page.show(entry.name)),
        ("VersionId", _shown_version(entry)),
        ("IsLatest", entry.is_latest),
        ("LastModified", iso(row.timestamp)),
        ("Owner", owner),
    )
    if entry.is_delete_marker:
        return element("DeleteMarker", shared)
    return element(
        "Version",
        (
            *shared,
            ("ETag", f'"{row.etag}"'),
            ("Size", row.size_bytes),
            ("StorageClass", _STORAGE_CLASS),
        ),
    )


def _shown_version(entry: VersionEntry) -> str:
    return "null" if entry.version == NULL_VERSION else entry.version.hex()


def _read_marker(parameters: Parameters) -> bytes:
    """Return the version behind which a listing of versions begins; empty for none.

    Raises:
        S3Error: InvalidArgument, it is no version, or there is no key to it.
    """
    marker = parameters.text("version-id-marker")
    if not marker:
        return b""
    if not parameters.text("key-marker"):
        message = "A version-id marker cannot be specified without a key marker."
        raise _refuse(message, "version-id-marker", marker)
    if marker == "null":
        return NULL_VERSION
    if not _VERSION.fullmatch(marker):
        raise _refuse("Invalid version id specified", "version-id-marker", marker)
    return bytes.fromhex(marker)


def _write_token(name: str) -> str:
    return urlsafe_b64encode(_TOKEN_FORM + name.encode()).decode("ascii")


def _read_token(token: str) -> str:
    """Return the name behind which a page begins.

    Raises:
        S3Error: InvalidArgument, the token is none of ours.
    """
    try:
        data = urlsafe_b64decode(token.encode("ascii"))
        if data.startswith(_TOKEN_FORM):
            return data[len(_TOKEN_FORM) :].decode()
    except ValueError:  # of Base64, ASCII or UTF-8
        pass
    message = "The continuation token provided is incorrect"
    raise _refuse(message, "continuation-token", token) from None


def _refuse(message: str, name: str, value: str) -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)

"""DeleteObjects: up to a thousand at once, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import trio

from storage.proxy.engine import Condition
from storage.proxy.errors import StoreError
from storage.s3.authorization import Resource
from storage.s3.errors import S3Error
from storage.s3.objects.conditions import deletion_condition
from storage.s3.objects.delete import Deleted, Deletes, may_bypass
from storage.s3.objects.documents import read_document
from storage.s3.objects.key_limits import check_key
from storage.s3.objects.versions import is_delete_marker, parse_version_id, version_id
from storage.s3.request import Request
from storage.s3.response import Response, document, of_store_error
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content, Element

KEYS_MAX = 1000
WORKERS = 64
"""How many deletions of a request are under way at once: the store commits them together."""


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"DeleteObjects": MultiDelete(services).delete}


class _Wanted(NamedTuple):
    """An object that shall go, as the request has it."""

    key: str
    version: str | None
    etag: str | None
    modified: str | None
    size: str | None

    def condition(self) -> Condition | None:
        """Return what must be true of it.

        Raises:
            S3Error: InvalidArgument.
        """
        if self.etag is None and self.modified is None and self.size is None:
            return None
        return deletion_condition(self.key, self.etag, self.modified, self.size)


class MultiDelete:
    """Deletes many objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._deletes = Deletes(services)
        self._authorizer = services.authorizer
        self._document_bytes_max = services.settings.document_bytes_max

    async def delete(self, request: Request) -> Response:
        """DeleteObjects. On cancel: some are deleted."""
        wanted, quiet = _parse(
            await read_document(request, "Delete", self._document_bytes_max, needs_digest=True)
        )
        results: list[tuple[str, Content] | None] = [None] * len(wanted)
        waiting = iter(enumerate(wanted))
        async with trio.open_nursery() as nursery:
            for _ in range(min(WORKERS, len(wanted))):
                nursery.start_soon(self._work, request, waiting, results)
        shown = [one for one in results if one is not None and (one[0] == "Error" or not quiet)]
        return document("DeleteResult", shown)

    async def _work(
        self,
        request: Request,
        waiting: Iterator[tuple[int, _Wanted]],
        results: list[tuple[str, Content] | None],
    ) -> None:
        for number, one in waiting:
            try:
                results[number] = "Deleted", _deleted(one, await self._remove(request, one))
            except S3Error as error:
                results[number] = "Error", _failed(one, error)
            except StoreError as error:
                told = of_store_error(error, request.bucket, one.key)
                results[number] = "Error", _failed(one, told)

    async def _remove(self, request: Request, one: _Wanted) -> Deleted:
        check_key(one.key)
        version = None if one.version is None else parse_version_id(one.version)
        action = "s3:DeleteObject" if version is None else "s3:DeleteObjectVersion"
        resource = Resource(request.container, request.bucket, one.key, version)
        await self._authorizer.authorize(request, action, resource)
        bypass = await may_bypass(self._authorizer, request, one.key)
        return await self._deletes.remove(request, one.key, version, one.condition(), bypass=bypass)


def _parse(root: Element) -> tuple[list[_Wanted], bool]:
    """Return what a document Delete asks for, and whether only failures shall be told.

    Raises:
        S3Error: MalformedXML.
    """
    wanted = [_object(element) for element in root.all("Object")]
    if not 1 <= len(wanted) <= KEYS_MAX:
        raise S3Error("MalformedXML")
    return wanted, (root.value("Quiet") or "").strip().lower() == "true"


def _object(element: Element) -> _Wanted:
    key = element.value("Key")
    if not key:
        raise S3Error("MalformedXML")
    names = ("VersionId", "ETag", "LastModifiedTime", "Size")
    version, etag, modified, size = (element.value(name) for name in names)
    return _Wanted(key, version or None, etag, modified, size)


def _deleted(one: _Wanted, deleted: Deleted) -> Content:
    content: list[tuple[str, Content]] = [("Key", one.key)]
    if one.version is not None:
        content.append(("VersionId", one.version))
        gone = deleted.version
        if gone is not None and is_delete_marker(gone):
            content += (("DeleteMarker", True), ("DeleteMarkerVersionId", one.version))
    elif deleted.marker is not None:
        marker = version_id(deleted.marker)
        content += (("DeleteMarker", True), ("DeleteMarkerVersionId", marker))
    return content


def _failed(one: _Wanted, error: S3Error) -> Content:
    return (
        ("Key", one.key),
        ("VersionId", one.version),
        ("Code", error.code),
        ("Message", error.message),
    )

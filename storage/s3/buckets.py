"""Buckets: create, head, delete, location, and the list of the caller's own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import trio

from storage.auth.authenticator import Identity
from storage.container.listing import Entry, Query
from storage.container.record import ContainerRecord
from storage.proxy.errors import (
    AccountMissingError,
    ContainerMissingError,
    ContainerNotEmptyError,
    ObjectMissingError,
)
from storage.reserved import hidden_of
from storage.s3.dates import iso
from storage.s3.errors import S3Error
from storage.s3.granting import Granting
from storage.s3.marks import OBJECT_LOCK, ON, REGION, VERSIONING
from storage.s3.names import is_addressable, is_bucket_name, is_marked
from storage.s3.owner import owner_content
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import parse_document, read_body
from storage.s3.subresources.tagging import TAGGING
from storage.s3.xml import Element
from storage.s3.xml import document as xml_document

CLASSIC_REGION = "us-east-1"
"""Where creating a bucket that one has already is no error."""

BUCKETS_PAGE_MAX = 10_000
PURGE_PAGE = 256
PURGE_WORKERS = 16
_ALIASES = {"EU": "eu-west-1"}


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    buckets = Buckets(services)
    return {
        "ListBuckets": buckets.list_own,
        "CreateBucket": buckets.create,
        "HeadBucket": buckets.head,
        "DeleteBucket": buckets.delete,
        "GetBucketLocation": buckets.location,
    }


class Buckets:
    """Handles requests for buckets.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._names = services.names
        self._configurations = services.configurations
        self._granting = Granting(services.engine, services.settings)
        self._settings = services.settings

    async def list_own(self, request: Request) -> Response:
        """ListBuckets: those of the caller's account."""
        identity = _known(request)
        parameters = request.parameters
        limit = parameters.integer("max-buckets", BUCKETS_PAGE_MAX, 1, BUCKETS_PAGE_MAX)
        prefix = parameters.text("prefix")
        region = parameters.text("bucket-region")
        marker = parameters.text("continuation-token")
        found: list[ContainerRecord] = []
        more = False
        while len(found) <= limit:
            query = Query(limit=limit + 1 - len(found), marker=marker, prefix=prefix)
            entries = await self._containers(identity.account, query)
            for entry in entries:
                record = await self._visible(entry.name, identity)
                if record is not None and region in ("", self._region(record)):
                    found.append(record)
            if len(entries) < query.limit:
                break
            marker = entries[-1].name
        more = len(found) > limit
        found = found[:limit]
        shown = [
            (
                "Bucket",
                (
                    ("Name", one.name),
                    ("CreationDate", iso(one.created)),
                    ("BucketRegion", self._region(one)),
                ),
            )
            for one in found
        ]
        return document(
            "ListAllMyBucketsResult",
            (
                ("Owner", owner_content(identity.account)),
                ("Buckets", shown),
                ("ContinuationToken", found[-1].name if more else None),
                ("Prefix", prefix or None),
            ),
        )

    async def _containers(self, account: str, query: Query) -> list[Entry]:
        try:
            return await self._engine.list_containers(account, query)
        except AccountMissingError:
            return []

    async def _visible(self, name: str, identity: Identity) -> ContainerRecord | None:
        """Return a container if S3 clients find it under its name."""
        if not is_addressable(name):
            return None
        record = await self._engine.container(identity.account, name)
        if record is None or is_marked(record):
            return record
        return None if await self._names.is_others(name, identity.account) else record

    async def create(self, request: Request) -> Response:
        """CreateBucket."""
        identity, name = _known(request), request.bucket
        if not is_bucket_name(name):
            raise S3Error("InvalidBucketName", BucketName=name)
        region, tagging = await self._asked(request)
        values = {REGION: region, **self._granting.for_bucket(request)}
        if request.header(b"x-amz-bucket-object-lock-enabled").lower() == "true":
            values |= {OBJECT_LOCK: ON, VERSIONING: ON}
        held = await self._engine.container(identity.account, name)
        if held is not None and is_marked(held):
            if region != CLASSIC_REGION:
                raise S3Error("BucketAlreadyOwnedByYou", BucketName=name)
            return _created(name)
        if await self._names.is_others(name, identity.account):
            raise S3Error("BucketAlreadyExists", BucketName=name)
        if held is None:
            await self._check_room(identity.account)
        created = await self._engine.create_container(identity.account, name, values)
        try:
            if created:
                await self._purge(identity.account, name)
            await self._names.take(name, identity.account, identity.user)
        except S3Error:
            if created:
                with suppress(ContainerMissingError, ContainerNotEmptyError):  # then it is Swift's
                    await self._engine.delete_container(identity.account, name)
            raise
        if tagging is not None:
            await self._tag(identity.account, name, tagging)
        return _created(name)

    async def _tag(self, account: str, name: str, tagging: bytes) -> None:
        record = await self._engine.container(account, name)
        if record is not None:
            await self._configurations.put(record, TAGGING.name, tagging)

    async def _check_room(self, account: str) -> None:
        found = await self._engine.account(account)
        if found is not None and found[1].rows >= self._settings.buckets_max:
            raise S3Error("TooManyBuckets")

    async def _asked(self, request: Request) -> tuple[str, bytes | None]:
        """Return the region that a new bucket is to be in, and the document of its tags, if any.

        Raises:
            S3Error: MalformedXML, or InvalidLocationConstraint for a region that is not here.
        """
        data = await read_body(request, self._settings.document_bytes_max)
        if not data.strip():
            return self._settings.region, None
        configuration = parse_document(data, "CreateBucketConfiguration")
        asked = configuration.value("LocationConstraint") or ""
        if asked and _ALIASES.get(asked, asked) != self._settings.region:
            raise S3Error("InvalidLocationConstraint", LocationConstraint=asked)
        tags = configuration.find("Tags")
        tagging = None if tags is None else _tagging(tags)
        return self._settings.region, tagging

    async def head(self, request: Request) -> Response:
        """HeadBucket."""
        region = self._region(request.existing).encode("ascii")
        return Response(
            200,
            [
                (b"Content-Type", b"application/xml"),
                (b"x-amz-bucket-region", region),
                (b"x-amz-access-point-alias", b"false"),
            ],
        )

    async def delete(self, request: Request) -> Response:
        """DeleteBucket, with what is hidden beside it; open uploads are no obstacle.

        The claim is released last: until then nobody else can take the name, and whoever finds
        it without a container knows that it is void.
        """
        record = request.existing
        claim = await self._names.claim_of(record.name, record.account)
        await self._engine.delete_container(record.account, record.name)
        await self._purge(record.account, record.name)
        if claim is not None:
            await self._names.release(record.name, claim)
        return Response(204)

    async def location(self, request: Request) -> Response:
        """GetBucketLocation: nothing stands for us-east-1."""
        region = self._region(request.existing)
        return document("LocationConstraint", "" if region == CLASSIC_REGION else region)

    def _region(self, record: ContainerRecord) -> str:
        return record.values.get(REGION, self._settings.region)

    async def _purge(self, account: str, name: str) -> None:
        """Delete the hidden containers of a bucket that is gone, or that is not there yet."""
        for hidden in hidden_of(name):
            container = await self._engine.container(account, hidden)
            if container is None:
                continue
            while entries := await self._engine.list_objects(container, Query(limit=PURGE_PAGE)):
                await self._purge_objects(container, entries)
            await self._engine.delete_container(account, hidden)

    async def _purge_objects(self, container: ContainerRecord, entries: list[Entry]) -> None:
        waiting = iter(entries)

        async def work() -> None:
            for entry in waiting:
                try:
                    await self._engine.delete_object(container, entry.name)
                except ObjectMissingError:
                    continue  # the keeper was faster

        async with trio.open_nursery() as nursery:
            for _ in range(PURGE_WORKERS):
                nursery.start_soon(work)


def _known(request: Request) -> Identity:
    """Return who asks.

    Raises:
        S3Error: AccessDenied, nobody knows.
    """
    if request.identity is None:
        raise S3Error("AccessDenied")
    return request.identity


def _created(name: str) -> Response:
    return Response(200, [(b"Location", f"/{name}".encode())])


def _tagging(tags: Element) -> bytes:
    """Return the document Tagging that says what the element Tags of a request does.

    Raises:
        S3Error: MalformedXML, InvalidTag or BadRequest.
    """
    listed = [("Tag", (("Key", tag.value("Key")), ("Value", tag.value("Value")))) for tag in tags]
    data = xml_document("Tagging", (("TagSet", listed),))
    TAGGING.parse(data)
    return data

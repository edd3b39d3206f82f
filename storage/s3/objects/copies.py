"""CopyObject: an object made from another one, inside the store."""

from __future__ import annotations

from collections.abc import Mapping

from storage.container.record import ContainerRecord
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.proxy.errors import ObjectMissingError, UnavailableError
from storage.s3.checksums import Algorithm
from storage.s3.dates import iso
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.granting import Granting
from storage.s3.integrity import upload_checksum
from storage.s3.objects.attributes import (
    CONTENT_HEADERS,
    content_system,
    content_type,
    lock_system,
    place_system,
    tagging_system,
)
from storage.s3.objects.conditions import RequestHeaders, write_condition
from storage.s3.objects.headers import (
    checksum_elements,
    checksum_system,
    quoted_etag,
    stored_checksums,
)
from storage.s3.objects.keep_alive import answer_slowly
from storage.s3.objects.lock_rights import authorize_lock
from storage.s3.objects.metadata import read_metadata
from storage.s3.objects.read import LOOKS_MAX
from storage.s3.objects.sources import Source, Sources, check_copy_size
from storage.s3.objects.tags import TAGS
from storage.s3.objects.uploading import StreamedBody
from storage.s3.objects.versions import version_headers, versioning_of
from storage.s3.replication.pending import pending
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content

_METADATA_DIRECTIVE = b"x-amz-metadata-directive"
_TAGGING_DIRECTIVE = b"x-amz-tagging-directive"
_CHANGES = frozenset(
    (
        b"x-amz-storage-class",
        b"x-amz-website-redirect-location",
        b"x-amz-checksum-algorithm",
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-customer-algorithm",
    )
)
"""Headers that give a copy of an object onto itself a purpose."""
_NS_PER_S = 1e9


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"CopyObject": Copies(services).copy}


class Copies:
    """Makes copies.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._authorizer = services.authorizer
        self._clock = services.world.clock
        self._configurations = services.configurations
        self._sources = Sources(services)
        self._encryption = Encryption(services)
        self._granting = Granting(services.engine, services.settings)

    async def copy(self, request: Request) -> Response | None:
        """CopyObject. On cancel: the outcome is unknown; never half an object."""

        async def work() -> Response:
            for _ in range(LOOKS_MAX):
                source = await self._sources.find(request)
                try:
                    record = await self._store(request, source)
                except ObjectMissingError:
                    continue  # replaced while we looked
                headers = [*source.headers(), *version_headers(request, record)]
                headers += self._encryption.headers(request, record)
                return _answer(record, headers)
            raise UnavailableError(f"{request.key}: its source is replaced again and again")

        return await answer_slowly(request, work)

    async def _store(self, request: Request, source: Source) -> ObjectRecord:
        container, key, headers = request.existing, request.key, request.headers
        now_s = self._clock.wall_ns() / _NS_PER_S
        record = source.record
        _check_purpose(headers, source, container, key)
        check_copy_size(record.size_bytes)
        given = _copied_attributes(headers, record, container, now_s)
        await authorize_lock(self._authorizer, request)
        acl = await self._granting.for_object(request, container)
        status = await pending(self._configurations, container, key, given)
        sealing = await self._encryption.of_new(request)
        asked = upload_checksum(headers)
        held = stored_checksums(record.system)
        algorithm = held[0][0] if held else Algorithm.CRC64NVME
        async with source.body(0, record.size_bytes) as payload:
            body = StreamedBody(payload, algorithm if asked is None else asked[0])

            def attributes() -> Attributes:
                system = {**given.system, **acl, **status, **checksum_system(body.finish())}
                return given._replace(system=system)

            upload = sealing.take(attributes, body, record.size_bytes)
            return await self._engine.put_object(
                container,
                key,
                upload.attributes,
                upload.body,
                size_bytes=upload.size_bytes,
                condition=write_condition(headers, key),
                versioned=versioning_of(container),
            )


def _copied_attributes(
    headers: RequestHeaders, source: ObjectRecord, container: ContainerRecord, now_s: float
) -> Attributes:
    """Return what a copy carries: of the source or of the request, as the directives say.

    Raises:
        S3Error: a header is not valid.
    """
    if _replaces(headers, _METADATA_DIRECTIVE, "metadata"):
        kind, metadata = content_type(headers), read_metadata(headers)
        system = content_system(headers)
    else:
        kind, metadata = source.content_type, dict(source.metadata)
        system = {name: source.system[name] for name in CONTENT_HEADERS if name in source.system}
        system |= place_system(headers)
    if _replaces(headers, _TAGGING_DIRECTIVE, "tagging"):
        system |= tagging_system(headers)
    elif TAGS in source.system:
        system[TAGS] = source.system[TAGS]
    return Attributes(kind, metadata, system | lock_system(headers, container, now_s))


def _replaces(headers: RequestHeaders, name: bytes, kind: str) -> bool:
    """Tell whether a directive says REPLACE.

    Raises:
        S3Error: InvalidArgument, it says neither that nor COPY.
    """
    value = headers.get(name, b"COPY")
    if value not in (b"COPY", b"REPLACE"):
        raise S3Error(
            "InvalidArgument",
            f"Unknown {kind} directive.",
            ArgumentName=name.decode(),
            ArgumentValue=value.decode("latin-1"),
        )
    return value == b"REPLACE"


def _check_purpose(
    headers: RequestHeaders, source: Source, container: ContainerRecord, key: str
) -> None:
    """Refuse to copy an object onto itself when nothing would change.

    Raises:
        S3Error: InvalidRequest.
    """
    is_itself = (
        source.container.id == container.id
        and source.named.key == key
        and source.named.version is None
    )
    if not is_itself or not _CHANGES.isdisjoint(headers):
        return
    if not _replaces(headers, _METADATA_DIRECTIVE, "metadata"):
        text = (
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )
        raise S3Error("InvalidRequest", text)


def _answer(record: ObjectRecord, headers: list[Header]) -> Response:
    content: list[tuple[str, Content]] = [
        ("LastModified", iso(record.created)),
        ("ETag", quoted_etag(record)),
        *checksum_elements(record.system),
    ]
    return document("CopyObjectResult", content, *headers)

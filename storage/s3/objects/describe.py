"""GetObjectAttributes: what is known of an object, its parts included."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from storage.object.record import ObjectRecord
from storage.proxy.manifest import Manifest
from storage.s3.dates import http_date
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.objects.attributes import STANDARD, STORAGE_CLASS
from storage.s3.objects.finding import Finder
from storage.s3.objects.headers import checksum_elements, stored_checksums
from storage.s3.objects.ranges import PART_NUMBER_MAX
from storage.s3.objects.versions import version_headers
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content

_ATTRIBUTES = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))
_HEADER = b"x-amz-object-attributes"
_MARKER = b"x-amz-part-number-marker"
_LIMIT = b"x-amz-max-parts"
PARTS_MAX = 1000


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"GetObjectAttributes": Descriptions(services).read}


class Descriptions:
    """Describes objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._finder = Finder(services)
        self._encryption = Encryption(services)

    async def read(self, request: Request) -> Response:
        """GetObjectAttributes."""
        asked = _asked(request)
        record = await self._finder.find(request)
        self._encryption.of_existing(request, record)
        checksums = checksum_elements(record.system)
        content: list[tuple[str, Content]] = []
        if "ETag" in asked:
            content.append(("ETag", record.etag))
        if "Checksum" in asked and checksums:
            content.append(("Checksum", checksums))
        if "ObjectParts" in asked:
            manifest = await self._engine.manifest(request.existing, record)
            if manifest is not None:
                content.append(("ObjectParts", _parts(request, record, manifest)))
        if "StorageClass" in asked:
            content.append(("StorageClass", record.system.get(STORAGE_CLASS, STANDARD)))
        if "ObjectSize" in asked:
            content.append(("ObjectSize", record.size_bytes))
        headers: list[Header] = [(b"Last-Modified", http_date(record.created))]
        headers += version_headers(request, record)
        return document("GetObjectAttributesResponse", content, *headers)


def _parts(request: Request, record: ObjectRecord, manifest: Manifest) -> Content:
    """Return what is told of parts; of each by itself only where they have checksums."""
    count = len(manifest.segments)
    content: list[tuple[str, Content]] = [("PartsCount", count)]
    held = stored_checksums(record.system)
    if not held:
        return content
    after = _number(request, _MARKER, 0, PART_NUMBER_MAX)
    limit = _number(request, _LIMIT, PARTS_MAX, PARTS_MAX)
    found = [segment for segment in manifest.segments if segment.number > after]
    shown = found[:limit]
    last = shown[-1].number if shown else after
    content += (
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", last),
        ("MaxParts", limit),
        ("IsTruncated", len(found) > len(shown)),
    )
    element = held[0][0].element
    for segment in shown:
        part: Content = (
            ("PartNumber", segment.number),
            ("Size", segment.size_bytes),
            (element, b64encode(segment.checksum).decode("ascii")),
        )
        content.append(("Part", part))
    return content


def _number(request: Request, name: bytes, default: int, high: int) -> int:
    """Return the number in a header.

    Raises:
        S3Error: InvalidArgument.
    """
    value = request.header(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        text = f"Provided {name.decode()} not an integer or within integer range"
        raise S3Error("InvalidArgument", text, ArgumentName=name.decode(), ArgumentValue=value)
    return min(int(value), high)


def _asked(request: Request) -> frozenset[str]:
    """Return the attributes that a request wants to know.

    Raises:
        S3Error: InvalidArgument.
    """
    value = request.header(_HEADER)
    asked = frozenset(name.strip() for name in value.split(",") if name.strip())
    if not asked:
        text = (
            "The x-amz-object-attributes header specifying the attributes to be retrieved is "
            "either missing or empty"
        )
    elif not asked <= _ATTRIBUTES:
        text = "Invalid attribute name specified."
    else:
        return asked
    raise S3Error("InvalidArgument", text, ArgumentName=_HEADER.decode(), ArgumentValue=value)

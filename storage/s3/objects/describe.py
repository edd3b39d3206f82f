"""GetObjectAttributes: what is known of an object, its parts included."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.dates import http_date
from storage.s3.errors import Header, S3Error
from storage.s3.objects.attributes import STANDARD, STORAGE_CLASS
from storage.s3.objects.finding import Finder
from storage.s3.objects.headers import checksum_elements
from storage.s3.objects.versions import version_headers
from storage.s3.request import Request
from storage.s3.response import Response, document
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Content

_ATTRIBUTES = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))
_HEADER = b"x-amz-object-attributes"


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"GetObjectAttributes": Descriptions(services).read}


class Descriptions:
    """Describes objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._finder = Finder(services)

    async def read(self, request: Request) -> Response:
        """GetObjectAttributes."""
        asked = _asked(request)
        record = await self._finder.find(request)
        checksums = checksum_elements(record.system)
        content: list[tuple[str, Content]] = []
        if "ETag" in asked:
            content.append(("ETag", record.etag))
        if "Checksum" in asked and checksums:
            content.append(("Checksum", checksums))
        if "StorageClass" in asked:
            content.append(("StorageClass", record.system.get(STORAGE_CLASS, STANDARD)))
        if "ObjectSize" in asked:
            content.append(("ObjectSize", record.size_bytes))
        headers: list[Header] = [(b"Last-Modified", http_date(record.created))]
        headers += version_headers(request, record)
        return document("GetObjectAttributesResponse", content, *headers)


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

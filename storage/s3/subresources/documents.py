"""How configuration documents are read from requests, kept, shown and removed.

Most sub-resources of a bucket are one XML document: it is parsed to be sure of it, kept as it was
sent, and parsed once more by whoever acts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from storage.s3.errors import S3Error
from storage.s3.integrity import BodyChecks
from storage.s3.request import Request
from storage.s3.response import XML, Response
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.xml import Element, XmlError, parse


async def read_body(request: Request, size_bytes_max: int) -> bytes:
    """Return the document in a request's body, which may be empty.

    Raises:
        S3Error: MaxMessageLengthExceeded, or what the body's signature or digest is refused with.
        BodyIncompleteError: it broke off.
    """
    checks = BodyChecks(request.headers, default=None, is_md5_checked=True)
    body = await request.document(size_bytes_max)
    checks.update(body)
    checks.finish(request.body.trailers)
    return body


def parse_document(data: bytes, root: str) -> Element:
    """Return an XML document.

    Raises:
        S3Error: MalformedXML, it is none or another one; MissingRequestBodyError.
    """
    if not data:
        raise S3Error("MissingRequestBodyError")
    try:
        return parse(data, root)
    except XmlError:
        raise S3Error("MalformedXML") from None


class DocumentKind(NamedTuple):
    """A kind of document that is kept as it was sent.

    Attributes:
        name: of the kind, under which it is kept.
        parse: of a document's bytes; raises S3Error where it is not valid.
        missing: the code of the error where a bucket has none.
        operation: what the operations are called: "BucketCors".
        put_status: of the response to a document that was kept.
    """

    name: str
    parse: Callable[[bytes], object]
    missing: str
    operation: str
    put_status: int = 200


class Documents:
    """Handlers of one kind of document.

    Args:
        services: of the application.
        kind: of the documents.
    """

    def __init__(self, services: Services, kind: DocumentKind) -> None:
        self._configurations = services.configurations
        self._size_bytes_max = services.settings.document_bytes_max
        self._kind = kind

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        operation = self._kind.operation
        return {
            f"Get{operation}": self.get,
            f"Put{operation}": self.put,
            f"Delete{operation}": self.delete,
        }

    async def get(self, request: Request) -> Response:
        """Show the document as it was sent."""
        found = await self._configurations.get(request.existing, self._kind.name, as_sent)
        if found is None:
            raise S3Error(self._kind.missing, BucketName=request.bucket)
        return Response(200, [XML], found)

    async def put(self, request: Request) -> Response:
        """Keep a document if it is valid."""
        data = await read_body(request, self._size_bytes_max)
        self._kind.parse(data)
        await self._configurations.put(request.existing, self._kind.name, data)
        return Response(self._kind.put_status)

    async def delete(self, request: Request) -> Response:
        """Remove the document; that there was none is no error."""
        await self._configurations.delete(request.existing, self._kind.name)
        return Response(204)


def as_sent(data: bytes) -> bytes:
    """Return a document as it is kept."""
    return data


def allow_only(element: Element, *names: str) -> None:
    """Return where an element has no children but those of the names given.

    Raises:
        S3Error: MalformedXML, it has others.
    """
    if any(child.name not in names for child in element):
        raise S3Error("MalformedXML")


def texts(element: Element, name: str) -> tuple[str, ...]:
    """Return the texts of all children of a name."""
    return tuple(child.text for child in element.all(name))


def only(element: Element, name: str) -> str | None:
    """Return the text of the one child of a name, or nothing where there is none.

    Raises:
        S3Error: MalformedXML, there are several.
    """
    found = texts(element, name)
    if len(found) > 1:
        raise S3Error("MalformedXML")
    return found[0] if found else None


def integer(text: str) -> int:
    """Return a number of a document.

    Raises:
        S3Error: MalformedXML, it is none.
    """
    bare = text.strip().removeprefix("-")
    if not (bare.isascii() and bare.isdigit() and len(bare) <= _DIGITS_MAX):
        raise S3Error("MalformedXML")
    return int(text)


def boolean(text: str | None) -> bool:
    """Return a boolean of a document; where it is absent, it is false.

    Raises:
        S3Error: MalformedXML, it is none.
    """
    found = (text or "false").strip().lower()
    if found not in ("true", "false"):
        raise S3Error("MalformedXML")
    return found == "true"


_DIGITS_MAX = 15

"""Cross-origin rules of buckets: their document, preflights, and the headers of responses."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.configuration import Configurations, pointer_of
from storage.s3.cors import CorsRule, headers_for, parse_cors, preflight
from storage.s3.errors import S3Error
from storage.s3.request import Request
from storage.s3.response import Response
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.documents import DocumentKind, parse_document


def read_cors(data: bytes) -> tuple[CorsRule, ...]:
    """Return the rules in a document CORSConfiguration.

    Raises:
        S3Error: MalformedXML or InvalidRequest.
    """
    return parse_cors(parse_document(data, "CORSConfiguration"))


CORS = DocumentKind("cors", read_cors, "NoSuchCORSConfiguration", "BucketCors")


class Preflights:
    """Answers preflights.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._names = services.names
        self._configurations = services.configurations

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by operation."""
        return {"Preflight": self.answer}

    async def answer(self, request: Request) -> Response:
        """Answer a preflight; nobody has to say who they are."""
        container = await self._names.find(request.bucket, None)
        if container is None:
            raise S3Error("NoSuchBucket", BucketName=request.bucket)
        rules = await self._configurations.get(container, CORS.name, read_cors)
        return Response(200, preflight(rules or (), request.headers))


async def let_page_read(request: Request, configurations: Configurations) -> None:
    """Add to a request's response, whatever it is, what lets the page that asked read it.

    Args:
        request: of a page: it has the header Origin.
        configurations: documents of buckets.
    """
    container = request.container
    if container is not None and pointer_of(container, CORS.name):
        rules = await configurations.get(container, CORS.name, read_cors) or ()
        request.more_headers += headers_for(rules, request.method, request.headers)

"""Documents in the bodies of requests."""

from __future__ import annotations

from storage.s3.errors import S3Error
from storage.s3.integrity import BodyChecks
from storage.s3.request import Request
from storage.s3.xml import Element, XmlError, parse


async def read_document(
    request: Request, root: str, size_bytes_max: int, *, needs_digest: bool = False
) -> Element:
    """Return the document that is a request's body.

    Args:
        request: not yet read.
        root: name of the outermost element.
        size_bytes_max: of the document.
        needs_digest: whether the request must announce an MD5 or a checksum of it.

    Raises:
        S3Error: MissingRequestBodyError, MalformedXML, MaxMessageLengthExceeded, InvalidRequest,
            or what the body's signature or digest is refused with.
    """
    checks = BodyChecks(request.headers, default=None, is_md5_checked=True)
    if needs_digest and not (checks.md5 or checks.checksum or checks.trailer_names):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")
    body = await request.document(size_bytes_max)
    if not body:
        raise S3Error("MissingRequestBodyError")
    checks.update(body)
    checks.finish(request.body.trailers)
    return parse_document(body, root)


def parse_document(body: bytes, root: str) -> Element:
    """Return a document.

    Args:
        body: of a request.
        root: name of the outermost element.

    Raises:
        S3Error: MalformedXML.
    """
    try:
        return parse(body, root)
    except XmlError as error:
        raise S3Error("MalformedXML") from error

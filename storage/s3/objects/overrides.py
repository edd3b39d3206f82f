"""Parameters of a GET that replace headers of its response: response-content-type and its kin."""

from __future__ import annotations

from storage.s3.errors import Header, S3Error
from storage.s3.parameters import Parameters
from storage.swift.text import encode

_NAMES = {
    "response-content-type": b"Content-Type",
    "response-content-language": b"Content-Language",
    "response-expires": b"Expires",
    "response-cache-control": b"Cache-Control",
    "response-content-disposition": b"Content-Disposition",
    "response-content-encoding": b"Content-Encoding",
}


def override_headers(
    headers: list[Header], parameters: Parameters, *, anonymous: bool
) -> list[Header]:
    """Return headers with what the parameters put in their place.

    Args:
        headers: of the response.
        parameters: of the request.
        anonymous: whether the request is not signed; such a request may not ask for this.

    Raises:
        S3Error: InvalidRequest or InvalidArgument.
    """
    overrides = {
        header: _value(name, parameters.text(name))
        for name, header in _NAMES.items()
        if name in parameters
    }
    if not overrides:
        return headers
    if anonymous:
        raise S3Error(
            "InvalidRequest",
            "Request specific response headers cannot be used for anonymous GET requests.",
        )
    kept = [header for header in headers if header[0] not in overrides]
    return [*kept, *overrides.items()]


def _value(name: str, text: str) -> bytes:
    value = encode(text)
    if any(byte < 0x20 or byte == 0x7F for byte in value):
        message = "Header value cannot be represented using ISO-8859-1."
        raise S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=text)
    return value

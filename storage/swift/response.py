"""Responses in Swift's own form, and the errors that become responses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from storage.proxy.errors import (
    AccountMissingError,
    BodyIncompleteError,
    BodyTooLargeError,
    ContainerMissingError,
    ContainerNotEmptyError,
    EtagMismatchError,
    LockedError,
    ObjectMissingError,
    OutcomeUnknownError,
    PayloadLostError,
    PreconditionFailedError,
    SealedError,
    StoreError,
    StoreFullError,
    UnavailableError,
)

Header: TypeAlias = tuple[bytes, bytes]

HTML: Header = (b"Content-Type", b"text/html; charset=UTF-8")
PLAIN: Header = (b"Content-Type", b"text/plain")

_UNAUTHORIZED = (
    "This server could not verify that you are authorized to access the document you requested."
)
_BAD_REQUEST = (
    "The server could not comply with the request since it is either malformed or otherwise "
    "incorrect."
)
_INTERNAL_ERROR = (
    "The server has either erred or is incapable of performing the requested operation."
)
_TITLES_AND_TEXTS = {
    202: ("Accepted", "The request is accepted for processing."),
    301: ("Moved Permanently", "The resource has moved permanently."),
    400: ("Bad Request", _BAD_REQUEST),
    401: ("Unauthorized", _UNAUTHORIZED),
    403: ("Forbidden", "Access was denied to this resource."),
    404: ("Not Found", "The resource could not be found."),
    405: ("Method Not Allowed", "The method is not allowed for this resource."),
    406: (
        "Not Acceptable",
        "The resource is not available in a format acceptable to your browser.",
    ),
    409: ("Conflict", "There was a conflict when trying to complete your request."),
    411: ("Length Required", "Content-Length header required."),
    412: ("Precondition Failed", "A precondition for this request was not met."),
    413: ("Request Entity Too Large", "The body of your request was too large for this server."),
    416: ("Requested Range Not Satisfiable", "The Range requested is not available."),
    422: ("Unprocessable Entity", "Unable to process the contained instructions"),
    499: ("Client Disconnect", "The client was disconnected during request."),
    500: ("Internal Error", _INTERNAL_ERROR),
    502: ("Bad Gateway", "Bad gateway."),
    501: ("Not Implemented", "The requested method is not implemented by this server."),
    503: (
        "Service Unavailable",
        "The server is currently unavailable. Please try again at a later time.",
    ),
    507: ("Insufficient Storage", "There was not enough space to save the resource."),
}

PAGES = {
    status: f"<html><h1>{title}</h1><p>{text}</p></html>".encode()
    for status, (title, text) in _TITLES_AND_TEXTS.items()
}
"""The bodies of responses that have nothing else to say, by status."""

STATUS_OF_STORE_ERROR: dict[type[StoreError], int] = {
    AccountMissingError: 404,
    ContainerMissingError: 404,
    ObjectMissingError: 404,
    LockedError: 403,
    SealedError: 403,
    ContainerNotEmptyError: 409,
    PreconditionFailedError: 412,
    BodyTooLargeError: 413,
    EtagMismatchError: 422,
    BodyIncompleteError: 499,
    UnavailableError: 503,
    OutcomeUnknownError: 503,
    PayloadLostError: 503,
    StoreFullError: 507,
}

_OTHER_TITLES = {200: "OK", 201: "Created", 204: "No Content"}


def status_line(status: int) -> str:
    """Return a status as reports have it: "404 Not Found"."""
    title = _OTHER_TITLES.get(status) or _TITLES_AND_TEXTS.get(status, (str(status),))[0]
    return f"{status} {title}"


class Response(NamedTuple):
    """A response whose body, if it has one, is at hand.

    Attributes:
        status: code.
        headers: all but the length and those that every response has.
        body: whole.
        length_bytes: for HEAD, the size of the body that GET would send.
    """

    status: int
    headers: Iterable[Header] = ()
    body: bytes = b""
    length_bytes: int | None = None


class SwiftError(Exception):
    """A request that is refused; the caller is at fault unless the status says otherwise.

    Attributes:
        response: what the client gets.
    """

    def __init__(
        self, status: int, text: str = "", *headers: Header, content_type: Header = HTML
    ) -> None:
        """Make the response.

        Args:
            status: code.
            text: body in the place of the status's own page.
            headers: besides the content type.
            content_type: of the text; an echo of what the client sent must be plain.
        """
        self.response = page(status, *headers)
        if text:
            self.response = Response(status, [content_type, *headers], text.encode())
        super().__init__(f"{status} {text}")


def refuse(text: str, status: int = 400) -> SwiftError:
    """Return an error in plain text, the form of most that name a header."""
    return SwiftError(status, text, content_type=PLAIN)


def reason(status: int) -> str:
    """Return what a status's own page says, as plain text."""
    return "\n".join(_TITLES_AND_TEXTS.get(status, ()))


def page(status: int, *headers: Header) -> Response:
    """Return a response with the status's own page as its body, or none."""
    return Response(status, [HTML, *headers], PAGES.get(status, b""))


def of_store_error(error: StoreError) -> Response:
    """Return what a client is told about an error of the store."""
    known = (
        STATUS_OF_STORE_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_STORE_ERROR
    )
    return page(next(known, 500))


def method_not_allowed(allowed: Sequence[str]) -> SwiftError:
    """Return the error for a method that a resource does not have."""
    return SwiftError(405, "", (b"Allow", ", ".join(allowed).encode()))

"""What can go wrong on a connection, by who is at fault."""

from __future__ import annotations

from http import HTTPStatus


class ProtocolError(Exception):
    """The client broke HTTP or went over a limit; it gets `status` and the connection ends.

    Attributes:
        status: the 4xx or 5xx status code that says what was wrong.
        reason: one sentence for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status} {HTTPStatus(status).phrase}: {reason}")


class ClientDisconnectedError(ConnectionError):
    """The client is gone: there is nobody to send this response to.

    An application lets it pass; the server does not report it.
    """


class ApplicationError(Exception):
    """The application broke ASGI or HTTP: the response cannot be completed; we are at fault."""

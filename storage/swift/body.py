"""The bytes of an upload, from ASGI to the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

from storage.http.asgi import Receive
from storage.proxy.errors import BodyIncompleteError, BodyTooLargeError
from storage.swift.metadata import RequestHeaders
from storage.swift.response import SwiftError, refuse

LENGTH_DIGITS_MAX = 18


class RequestBody:
    """An upload.

    Args:
        receive: of the ASGI request.
        length_bytes: as declared, or None where only the end tells.
        size_bytes_max: of what is taken.
    """

    __slots__ = ("_is_done", "_left_bytes", "_length_bytes", "_receive")

    def __init__(self, receive: Receive, length_bytes: int | None, size_bytes_max: int) -> None:
        self._receive = receive
        self._length_bytes = length_bytes
        self._left_bytes = size_bytes_max if length_bytes is None else length_bytes
        self._is_done = length_bytes == 0

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            BodyIncompleteError: the client went away, or sent less or more than it declared.
            BodyTooLargeError: an upload of undeclared length is over the limit.
        """
        while not self._is_done:
            message = await self._receive()
            if message["type"] != "http.request":
                raise BodyIncompleteError("the client went away")
            data: bytes = message.get("body", b"")
            self._is_done = not message.get("more_body", False)
            self._count(len(data))
            if data:
                return data
        return b""

    def _count(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        is_declared = self._length_bytes is not None
        if self._left_bytes < 0:
            if is_declared:
                raise BodyIncompleteError(f"more than the {self._length_bytes} bytes declared")
            raise BodyTooLargeError("the upload is over the limit")
        if self._is_done and is_declared and self._left_bytes:
            raise BodyIncompleteError(f"{self._left_bytes} bytes are missing at the end")


class PayloadBody:
    """A payload as an upload."""

    def __init__(self, pieces: AsyncIterator[bytes | memoryview]) -> None:
        self._pieces = pieces

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        async for piece in self._pieces:
            if piece:
                return bytes(piece)
        return b""


def declared_length(headers: RequestHeaders, size_bytes_max: int) -> int | None:
    """Return how long an upload says it is, or None where it comes in chunks.

    Raises:
        SwiftError: 400, 411, 413 or 501.
    """
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        _check_coding(coding)
        return None
    value = headers.get(b"content-length")
    if value is None:
        raise refuse("Missing Content-Length header.", 411)
    if not value.isdigit():
        raise refuse("Invalid Content-Length header value")
    if len(value) > LENGTH_DIGITS_MAX or int(value) > size_bytes_max:
        raise refuse("Your request is too large.", 413)
    return int(value)


def _check_coding(coding: bytes) -> None:
    if b"," in coding:
        text = "Unsupported Transfer-Coding header value specified in Transfer-Encoding header"
        raise SwiftError(501, text)
    if coding.lower() != b"chunked":
        raise refuse("Invalid Transfer-Encoding header value")

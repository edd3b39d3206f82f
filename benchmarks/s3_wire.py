"""Requests that were written beforehand, sent one after the other on one connection."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable

from benchmarks.load import HOST, PIECE_BYTES, RefusedRequestError

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
DEADLINE_S = 60.0


def exchange(port: int, request: bytes) -> bytes:
    """Send one request; return the body of its response.

    Raises:
        RefusedRequestError: the answer is not of the 200s.
    """
    with socket.create_connection((HOST, port), DEADLINE_S) as sock:
        return _exchange(sock, request)


def converse(port: int, requests: Iterable[bytes]) -> None:
    """Send requests, each after the answer to the one before.

    Raises:
        RefusedRequestError: an answer is not of the 200s.
    """
    with socket.create_connection((HOST, port), DEADLINE_S) as sock:
        for request in requests:
            _exchange(sock, request)


def _exchange(sock: socket.socket, request: bytes) -> bytes:
    sock.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length is not None and len(body) < int(length[1]):
        body += _receive(sock)
    if not head.startswith(b"HTTP/1.1 2"):
        raise RefusedRequestError(f"{request[:100]!r}: {head[:100]!r} {body[:300]!r}")
    return body


def _receive(sock: socket.socket) -> bytes:
    piece = sock.recv(PIECE_BYTES)
    if not piece:
        raise RefusedRequestError("the connection was closed before a response")
    return piece

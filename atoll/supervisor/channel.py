"""How the supervisor and a role process speak: one JSON object per packet on a socket pair.

The supervisor says ``{"enter": true}`` when the role may enter its ``main``, and ``{"stop":
seconds}`` with the deadline to finish. The role says ``{"status": {…}}`` every second, ``{"ready":
true}`` and ``{"refused": reason}``. The channel's end means that the other side is gone: that is
how a role notices the death of its supervisor, however it died.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

import trio

MESSAGE_SIZE_BYTES_MAX = 64 * 1024

Message = dict[str, Any]


def encode_message(message: Mapping[str, object]) -> bytes:
    """Return a message as it is sent.

    Raises:
        ValueError: it is longer than a packet may be, or no JSON.
    """
    data = json.dumps(message, default=str).encode()
    if len(data) > MESSAGE_SIZE_BYTES_MAX:
        raise ValueError(f"a message of {len(data)} bytes; at most {MESSAGE_SIZE_BYTES_MAX}")
    return data


class Channel:
    """One end; messages keep their borders and their order."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a socket made by `pair`."""
        self._sock = trio.socket.from_stdlib_socket(sock)

    async def send(self, message: Mapping[str, object]) -> None:
        """Send a message. On cancel: it was sent whole or not at all.

        That the other side is gone is no error here: `receive` tells.

        Raises:
            ValueError: the message is longer than a packet may be.
        """
        try:
            await self._sock.send(encode_message(message))
        except (BrokenPipeError, ConnectionResetError):
            return

    async def receive(self) -> Message | None:
        """Return the next message, or None when the other side is gone.

        On cancel: nothing was lost.
        """
        try:
            data = await self._sock.recv(MESSAGE_SIZE_BYTES_MAX)
        except ConnectionResetError:
            return None
        if not data:
            return None
        message: Message = json.loads(data)
        return message

    def close(self) -> None:
        """Close this end."""
        self._sock.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets that keep the borders of messages."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

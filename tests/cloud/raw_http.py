"""Bytes to a cloud as they are, and what comes back until it closes or falls silent."""

import socket
import struct

from running_cloud import RunningCloud

SILENCE_S = 20.0


class RawConnection:
    """A TCP connection without manners."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._socket = socket.create_connection(("127.0.0.1", cloud.port), timeout=SILENCE_S)

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a server that has closed by then has said what it had to say."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def finish(self) -> None:
        """Say that nothing more will come."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Tear the connection down without a farewell."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def receive_until(self, end: bytes) -> bytes:
        """Return what comes up to and including an end, or all when the server closes."""
        received = bytearray()
        while end not in received or not end:
            try:
                piece = self._socket.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
        return bytes(received)

    def receive_all(self) -> bytes:
        """Return all that comes until the server closes."""
        return self.receive_until(b"")


def exchange(cloud: RunningCloud, data: bytes) -> list[int]:
    """Send bytes and nothing more; return the statuses of all answers until the server closes."""
    with RawConnection(cloud) as connection:
        connection.send(data)
        connection.finish()
        return statuses(connection.receive_all())


def statuses(received: bytes) -> list[int]:
    """Return the status of every response in what was received."""
    lines = received.split(b"\r\n")
    return [int(line[9:12]) for line in lines if line.startswith(b"HTTP/1.1 ")]

"""Listening sockets that outlive the processes which accept from them.

Each role instance has a socket of its own on the shared port (SO_REUSEPORT): the kernel spreads
connections over them, and one that waits in the queue of a process that died is served by the
process that follows it.
"""

from __future__ import annotations

import socket

from atoll.errors import OperatorError


class ListeningAddress:
    """An address reserved for this cloud.

    Attributes:
        host: as configured.
        port: the real one, also where 0 was asked for.
    """

    def __init__(self, address: str, backlog: int) -> None:
        """Reserve the address.

        The first socket is bound without SO_REUSEPORT, because with it the address of another
        cloud would be shared instead of refused.

        Args:
            address: "host:port"; port 0 takes a free one.
            backlog: connections that may wait on each socket.

        Raises:
            OperatorError: it is taken, or not an address of this machine.
        """
        host, _, port = address.rpartition(":")
        self.host = host
        self._backlog = backlog
        try:
            found = socket.getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            self._family, self._target = found[0][0], found[0][4]
            with self._bound(shared=False) as probe:
                probe.listen()  # another socket may be bound yet not listening
                self._target = probe.getsockname()
            self._reservation = self._bound(shared=True)
        except OSError as error:
            raise OperatorError(f"cannot listen on {address}: {error.strerror}") from error
        self.port = int(self._target[1])

    @property
    def address(self) -> str:
        """The address as "host:port", with the real port."""
        return f"{self.host}:{self.port}"

    def open(self) -> socket.socket:
        """Return a new listening socket, non-blocking.

        Raises:
            OSError: out of descriptors.
        """
        sock = self._bound(shared=True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by connections
        sock.listen(self._backlog)
        sock.setblocking(False)
        return sock

    def close(self) -> None:
        """Give the address back."""
        self._reservation.close()

    def _bound(self, *, shared: bool) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if self._family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(self._target)
        except BaseException:
            sock.close()
            raise
        return sock

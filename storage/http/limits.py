"""Every limit of the HTTP server, as a named setting with its unit."""

from __future__ import annotations

from dataclasses import dataclass, fields

KIB = 1024
TIB = 1024**4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server process grants to its clients.

    Attributes:
        connections_max: open connections; beyond it, new ones wait in the kernel's queue.
        request_line_bytes_max: method, target and version; a longer line is 414.
        header_bytes_max: the whole head with its request line; a longer one is 431.
        header_line_bytes_max: one header line; a longer one is 431.
        header_count_max: header lines of a request; more are 431.
        chunk_line_bytes_max: a chunk's size with its extensions, or a trailer line.
        trailer_bytes_max: all trailer lines of a request.
        body_bytes_max: a request's body, declared or counted; a longer one is 413.
        receive_bytes: the largest piece in which a body is received.
        drain_bytes_max: how much of an unread body is received and dropped to keep the
            connection; with more left to come, it is closed instead.
        idle_timeout_s: how long a connection may wait between requests.
        head_timeout_s: how long a request's head may take, from its first byte; also how long
            a new connection may stay silent.
        stall_timeout_s: how long a client may keep a transfer waiting in all, bodies both ways;
            each `transfer_bytes_per_s_min` bytes that it moves give it back a second.
        transfer_bytes_per_s_min: the slowest transfer that can go on without end.
        linger_timeout_s: how long a connection that ends is still read, so that the client sees
            the last response (RFC 9112 section 9.6).
        tls_handshake_timeout_s: how long a TLS handshake may take.
        stop_timeout_s: how long a stopping server waits for the requests under way.
    """

    connections_max: int = 4096
    request_line_bytes_max: int = 8 * KIB
    header_bytes_max: int = 64 * KIB
    header_line_bytes_max: int = 16 * KIB
    header_count_max: int = 256
    chunk_line_bytes_max: int = 256
    trailer_bytes_max: int = 8 * KIB
    body_bytes_max: int = 5 * TIB
    receive_bytes: int = 256 * KIB
    drain_bytes_max: int = 64 * KIB
    idle_timeout_s: float = 75.0
    head_timeout_s: float = 15.0
    stall_timeout_s: float = 30.0
    transfer_bytes_per_s_min: float = 1024.0
    linger_timeout_s: float = 2.0
    tls_handshake_timeout_s: float = 10.0
    stop_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a limit that would let nothing through.

        Raises:
            ValueError: a limit is not above zero; `drain_bytes_max` may be zero.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name != "drain_bytes_max"):
                raise ValueError(f"{field.name} must be above zero, not {value}")

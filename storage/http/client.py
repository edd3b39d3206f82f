"""A small HTTP/1.1 client: requests of the cloud to other services, over the World's network.

One connection is kept and used again. A request that met a connection which the server had closed
meanwhile fails like any other: whoever asks decides whether to ask again.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import httptools
import trio
from typing_extensions import Buffer

from atoll.world import Stream, World

ANSWER_SIZE_BYTES_MAX = 1024 * 1024
_PORTS = {"http": 80, "https": 443}


class HttpFailedError(Exception):
    """The other side gave no answer, or none that is HTTP; it or the way to it is at fault."""


class HttpAnswer(NamedTuple):
    """An answer.

    Attributes:
        status: code.
        headers: by lower-case name; of a repeated one the last.
        body: whole.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """Asks one server, one request at a time.

    Args:
        world: network.
        url: http or https; its path is of no concern here.
        timeout_s: of a request with a short body; each piece of a long one has as much.
        tls: for https; by default the system's trust.
    """

    def __init__(
        self, world: World, url: str, timeout_s: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._network = world.network
        self._parts: SplitResult = urlsplit(url)
        self._timeout_s = timeout_s
        self._tls = tls
        self._stream: trio.abc.Stream | None = None
        self._lock = trio.Lock()
        self.host = self._parts.netloc.rpartition("@")[2]

    async def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | AsyncIterable[Buffer] = b"",
        size_bytes: int | None = None,
    ) -> HttpAnswer:
        """Ask once. On cancel: whether the server acted is unknown; the connection is closed.

        Args:
            method: of HTTP.
            target: path and query, encoded.
            headers: but Host and Content-Length.
            body: bytes, or pieces of them.
            size_bytes: of a body in pieces.

        Raises:
            HttpFailedError: there is no answer; the server may have acted all the same.
        """
        length = len(body) if isinstance(body, bytes) else size_bytes or 0
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        async with self._lock:
            try:
                return await self._exchange(head, body)
            except BaseException as error:
                await self.aclose()
                if isinstance(error, _FAILURES):
                    raise HttpFailedError(
                        f"{self.host}: {error or type(error).__name__}"
                    ) from error
                raise

    async def _exchange(self, head: bytes, body: bytes | AsyncIterable[Buffer]) -> HttpAnswer:
        with trio.fail_after(self._timeout_s) as deadline:
            stream = self._stream = self._stream or await self._connect()
            if isinstance(body, bytes):
                await stream.send_all(head + body)
            else:
                await stream.send_all(head)
                async for piece in body:
                    deadline.deadline = trio.current_time() + self._timeout_s
                    await stream.send_all(bytes(piece))
                deadline.deadline = trio.current_time() + self._timeout_s
            reading = _Reading()
            parser = httptools.HttpResponseParser(reading)
            while not reading.is_complete:
                data = await stream.receive_some(65536)
                if not data:
                    raise ConnectionError("the server closed the connection")
                parser.feed_data(bytes(data))
            status = parser.get_status_code()
            if not parser.should_keep_alive():
                await self.aclose()
        return HttpAnswer(status, reading.headers, bytes(reading.body))

    async def _connect(self) -> trio.abc.Stream:
        scheme, host = self._parts.scheme, self._parts.hostname or ""
        port = self._parts.port or _PORTS[scheme]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        stream = _Wire(await self._network.connect(address))
        if scheme != "https":
            return stream
        context = self._tls or ssl.create_default_context()
        secured = trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)
        await secured.do_handshake()
        return secured

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await trio.aclose_forcefully(stream)


class _Wire(trio.abc.Stream):
    """A World's stream as trio has streams."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def send_all(self, data: Buffer) -> None:
        await self._stream.send(data)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._stream.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Reading:
    """What the parser tells of an answer."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_complete = False

    def on_message_begin(self) -> None:
        self.headers.clear()  # of an interim answer

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > ANSWER_SIZE_BYTES_MAX:
            raise ConnectionError("the answer is too long")

    def on_message_complete(self) -> None:
        self.is_complete = True


_FAILURES = (
    OSError,
    trio.TooSlowError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    httptools.HttpParserError,
)

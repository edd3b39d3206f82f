"""A Redis list or channel that events go to: the few lines of RESP that this takes.

Redis documentation, "Redis serialization protocol specification" (version 2).
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import trio

from atoll.world import Stream, World
from storage.s3.events.errand import ErrandFailedError

PORT = 6379
ANSWER_SIZE_BYTES_MAX = 65_536


class RedisTarget:
    """Appends events to a list, or publishes them.

    Args:
        world: network.
        url: `redis://[user:password@]host[:port]/[database]?list=name` or `…?channel=name`.
        timeout_s: of one event.
    """

    def __init__(self, world: World, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._network = world.network
        self._address = f"{parts.hostname}:{parts.port or PORT}"
        self._timeout_s = timeout_s
        is_list = "channel" not in query
        self._verb = "RPUSH" if is_list else "PUBLISH"
        self._name = query.get("list" if is_list else "channel", ["events"])[0]
        self._greeting: list[tuple[str, ...]] = []
        if parts.password:
            user = (unquote(parts.username),) if parts.username else ()
            self._greeting.append(("AUTH", *user, unquote(parts.password)))
        if parts.path.strip("/"):
            self._greeting.append(("SELECT", parts.path.strip("/")))
        self._stream: Stream | None = None
        self._answers = b""

    async def send(self, message: bytes) -> None:
        """Hand over an event. On cancel: whether it was is unknown."""
        try:
            with trio.fail_after(self._timeout_s):
                if self._stream is None:
                    self._stream, self._answers = await self._network.connect(self._address), b""
                    for words in self._greeting:
                        await self._ask(self._stream, *(word.encode() for word in words))
                await self._ask(self._stream, self._verb.encode(), self._name.encode(), message)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, (OSError, trio.TooSlowError)):
                reason = error or type(error).__name__
                raise ErrandFailedError(f"{self._address}: {reason}") from error
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()

    async def _ask(self, stream: Stream, *words: bytes) -> None:
        parts = [b"*%d\r\n" % len(words)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        await stream.send(b"".join(parts))
        while b"\r\n" not in self._answers:
            data = await stream.receive()
            if not data or len(self._answers) > ANSWER_SIZE_BYTES_MAX:
                raise ConnectionError("no answer of Redis")
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\r\n")
        if line[:1] not in (b"+", b":"):
            raise ConnectionError(line.decode("utf-8", "replace"))

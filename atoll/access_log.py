"""The access log: one line per request, formatted by hand because every request pays for it.

Lines wait in memory until they fill a block or half a second has passed, so at most one block
waits. A process that is killed loses the lines of its last half second.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring_ascii as quoted

import trio

from atoll.log import Sink, timestamp
from atoll.world import Clock

BLOCK_SIZE_BYTES = 32 * 1024
TARGET_LENGTH_MAX = 2048
FLUSH_INTERVAL_S = 0.5

_SECOND_NS = 1_000_000_000
_SECRET_PARAMETER = re.compile(
    r"(?i)(^|(?<=&))((?:x-amz-|temp_url_|auth_)?"
    r"(?:signature|sig|security-token|token|credential|password|secret|key))=[^&]*"
)


class AccessLog:
    """Writes what was asked and answered."""

    def __init__(self, sink: Sink, clock: Clock, process: str, *, as_json: bool = True) -> None:
        """Start with nothing waiting.

        Args:
            sink: where lines go.
            clock: for the time on each line.
            process: name shown on each line.
            as_json: JSON, or else text for a terminal.
        """
        self._sink = sink
        self._clock = clock
        self._process = quoted(process)
        self._as_json = as_json
        self._lines: list[str] = []
        self._pending = 0
        self._second = -1
        self._prefix = ""

    def record(
        self,
        *,
        method: str,
        target: str,
        status: int,
        received_bytes: int,
        sent_bytes: int,
        duration_s: float,
        request_id: str,
        client: str,
        user: str = "",
    ) -> None:
        """Note one request; costs a few microseconds and never fails.

        Args:
            method: of the request.
            target: path and query as the client sent them; secrets in the query are hidden.
            status: of the response, 499 when the client left before it.
            received_bytes: size of the request's body.
            sent_bytes: size of the response's body.
            duration_s: from the request's first byte to the response's last.
            request_id: also sent to the client and on every other line about the request.
            client: address of the peer.
            user: who asked, where that is known.
        """
        now_ns = self._clock.wall_ns()
        second = now_ns // _SECOND_NS
        if second != self._second:
            self._second = second
            self._prefix = timestamp(now_ns)[:19]
        if "?" in target:
            path, _, query = target.partition("?")
            target = path + "?" + _SECRET_PARAMETER.sub(r"\2=***", query)
        if len(target) > TARGET_LENGTH_MAX:
            target = target[:TARGET_LENGTH_MAX] + "…"
        milliseconds = now_ns // 1_000_000 % 1000
        if self._as_json:
            line = (
                f'{{"time":"{self._prefix}.{milliseconds:03d}Z","level":"info",'
                f'"event":"request","process":{self._process},"request_id":{quoted(request_id)},'
                f'"client":{quoted(client)},"user":{quoted(user)},"method":{quoted(method)},'
                f'"target":{quoted(target)},"status":{status},"received_bytes":{received_bytes},'
                f'"sent_bytes":{sent_bytes},"duration_ms":{duration_s * 1000:.3f}}}\n'
            )
        else:
            line = (
                f"{self._prefix[11:]}.{milliseconds:03d}Z {client} {quoted(method)[1:-1]} "
                f"{quoted(target)[1:-1]} {status} {received_bytes}>{sent_bytes} "
                f"{duration_s * 1000:.3f}ms {request_id}\n"
            )
        self._lines.append(line)
        self._pending += len(line)
        if self._pending >= BLOCK_SIZE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits; what cannot be written is dropped."""
        if self._lines:
            data = "".join(self._lines).encode(errors="backslashreplace")
            self._lines.clear()
            self._pending = 0
            self._sink.write(data)

    async def run(self) -> None:
        """Flush twice a second for ever. On cancel: all that waited has been written."""
        try:
            while True:
                await trio.sleep(FLUSH_INTERVAL_S)
                self.flush()
        finally:
            self.flush()

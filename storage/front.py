"""The shared port: sends each request to the front door whose address space it is in.

`/v1/…`, `/auth/…`, `/info` and `/healthcheck` are Swift's; `/-/…` is the operator's, which no
bucket can be called; the rest is S3's.
"""

from __future__ import annotations

from collections.abc import Callable

from storage.http import App, Receive, Scope, Send

METRICS_PATH = b"/-/metrics"
_LOOPBACK = frozenset(("127.0.0.1", "::1"))


class Front:
    """An ASGI application over the front doors.

    Args:
        swift: the Swift front door.
        exposition: returns the metrics as text.
    """

    def __init__(self, swift: App, exposition: Callable[[], bytes]) -> None:
        self._swift = swift
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["raw_path"] == METRICS_PATH:
            await self._metrics(scope, send)
        else:
            await self._swift(scope, receive, send)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        """Answer with the metrics, to this machine alone."""
        client = scope.get("client")
        is_local = client is None or client[0] in _LOOPBACK
        body = self._exposition() if is_local else b"Metrics are for this machine.\n"
        headers = [
            (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send(
            {"type": "http.response.start", "status": 200 if is_local else 403, "headers": headers}
        )
        await send({"type": "http.response.body", "body": body})

"""The shared port: sends each request to the front door whose address space it is in.

`/v1/…`, `/v1.0/…`, `/auth/v1.0`, `/info` and `/healthcheck` are Swift's, unless the request is
signed as S3's are, or the host's name is a bucket; so are the few other paths and hosts that Swift
claims. `/-/…` is the operator's, which no bucket can be called. A form that is posted to `/`, or a
GET of it with an action, is IAM's or STS's unless the host's name is a bucket; the rest is S3's.
"""

from __future__ import annotations

from collections.abc import Callable

from storage.http import App, Receive, Scope, Send

METRICS_PATH = b"/-/metrics"
_LOOPBACK = frozenset(("127.0.0.1", "::1"))
_SWIFT_PREFIXES = (b"/v1/", b"/v1.0/", b"/auth/v1.0/")
_SWIFT_PATHS = frozenset((b"/v1", b"/v1.0", b"/auth/v1.0", b"/info", b"/healthcheck"))
_S3_SCHEMES = (b"AWS ", b"AWS4-")
_FORM = b"application/x-www-form-urlencoded"
_S3_PARAMETERS = (b"X-Amz-Signature=", b"AWSAccessKeyId=")


class Front:
    """An ASGI application over the front doors.

    Args:
        swift: the Swift front door.
        s3: the S3 front door.
        bucket_of_host: returns the bucket that a Host header names, or nothing.
        exposition: returns the metrics as text.
        swift_claims: tells whether a request for any other path is Swift's.
        iam: IAM and STS, where there are any.
    """

    def __init__(
        self,
        swift: App,
        s3: App,
        bucket_of_host: Callable[[bytes], str],
        exposition: Callable[[], bytes],
        swift_claims: Callable[[Scope], bool] = lambda _scope: False,
        iam: App | None = None,
    ) -> None:
        self._swift = swift
        self._s3 = s3
        self._bucket_of_host = bucket_of_host
        self._exposition = exposition
        self._swift_claims = swift_claims
        self._iam = iam

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["raw_path"] if scope["type"] == "http" else b""
        if path.startswith(_SWIFT_PREFIXES) or path in _SWIFT_PATHS:
            door = self._s3 if self._is_s3(scope) else self._swift
            await door(scope, receive, send)
        elif path == METRICS_PATH:
            await self._metrics(scope, send)
        elif path and self._swift_claims(scope) and not self._is_s3(scope):
            await self._swift(scope, receive, send)
        elif path == b"/" and self._iam is not None and self._is_iam(scope):
            await self._iam(scope, receive, send)
        else:
            await self._s3(scope, receive, send)

    def _is_s3(self, scope: Scope) -> bool:
        """Tell whether a request for a path of Swift's is S3's nevertheless."""
        for name, value in scope["headers"]:
            if name == b"host":
                if self._bucket_of_host(value):
                    return True
            elif name == b"authorization" and value.startswith(_S3_SCHEMES):
                return True
        query = scope["query_string"]
        return bool(query) and any(name in query for name in _S3_PARAMETERS)

    def _is_iam(self, scope: Scope) -> bool:
        """Tell whether a request for the path "/" is IAM's or STS's: in AWS's Query protocol."""
        headers, method = scope["headers"], scope["method"]
        is_query = method == "GET" and b"Action=" in scope["query_string"]
        for name, value in headers:
            if name == b"host" and self._bucket_of_host(value):
                return False
            is_query |= method == "POST" and name == b"content-type" and value.startswith(_FORM)
        return is_query

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

"""The data plane's HTTP server: ASGI 3 over HTTP/1.1, on trio and httptools, for throughput.

The protocol is understood without I/O in `head`, `chunked`, `parser` and `response`; `transport`
and `wire` move the bytes; `exchange` is one request, `connection` many, `server` all. Nothing in
here knows what is served.
"""

from storage.http.asgi import App, Headers, Message, Receive, Scope, Send
from storage.http.errors import ApplicationError, ClientDisconnectedError
from storage.http.limits import Limits
from storage.http.server import serve, tls_context
from storage.http.service import OnError, OnResponse

__all__ = [
    "App",
    "ApplicationError",
    "ClientDisconnectedError",
    "Headers",
    "Limits",
    "Message",
    "OnError",
    "OnResponse",
    "Receive",
    "Scope",
    "Send",
    "serve",
    "tls_context",
]

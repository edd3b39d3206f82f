"""Where clients reach this API: what the URLs that it hands out begin with."""

from __future__ import annotations

from storage.swift.request import Request

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def base_url(request: Request, storage_url: str) -> str:
    """Return scheme and host, with the port where it is not the scheme's own.

    Args:
        request: whose address is taken where there is no other.
        storage_url: the operator's; empty for none.
    """
    if storage_url:
        return storage_url.rstrip("/")
    scheme: str = request.scope.get("scheme", "http")
    host = request.headers.get(b"host", b"").decode("latin-1")
    if not host:
        server = request.scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ''))}"

"""Cross-origin requests: what a container lets the pages of other sites do.

A container says so in X-Container-Meta-Access-Control-Allow-Origin, -Max-Age and -Expose-Headers.
Swift's "strict" mode: a page whose origin is not allowed gets no permission at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.swift.metadata import RequestHeaders
from storage.swift.response import Header, Response, page
from storage.swift.text import encode

_PREFIX = "x-container-meta-access-control-"
_EXPOSED = (
    "cache-control", "content-language", "content-type", "etag", "expires", "last-modified",
    "pragma", "x-openstack-request-id", "x-timestamp", "x-trans-id",
)  # fmt: skip
_EXPOSED_PREFIXES = (b"X-Container-Meta-", b"X-Object-Meta-")


class CorsRule(NamedTuple):
    """What a container answers to the page that asks.

    Attributes:
        origin: for Access-Control-Allow-Origin: "*", or the page's own.
        exposed: headers that the container wants pages to see.
        max_age: how long a browser may keep the answer, as the container says.
    """

    origin: bytes
    exposed: tuple[str, ...]
    max_age: str

    def expose(self, _status: int, headers: list[Header]) -> list[Header]:
        """Return a response's headers with those that let the page read it."""
        own = (name for name, _ in headers if name.startswith(_EXPOSED_PREFIXES))
        names = {*_EXPOSED, *self.exposed, *(name.decode("latin-1").lower() for name in own)}
        exposed = ", ".join(sorted(names)).encode("latin-1", "replace")
        return [
            *self._vary(headers),
            (b"Access-Control-Expose-Headers", exposed),
            (b"Access-Control-Allow-Origin", self.origin),
        ]

    def permit(self, methods: Sequence[str], asked_headers: bytes) -> Response:
        """Return the answer to a preflight.

        Args:
            methods: that the resource has.
            asked_headers: those that the page would send.
        """
        allowed = ", ".join(methods).encode()
        headers: list[Header] = [
            (b"Allow", allowed),
            (b"Access-Control-Allow-Origin", self.origin),
            (b"Access-Control-Allow-Methods", allowed),
        ]
        if self.max_age:
            headers.append((b"Access-Control-Max-Age", encode(self.max_age)))
        if asked_headers:
            headers.append((b"Access-Control-Allow-Headers", asked_headers))
            headers.append((b"Vary", b"Access-Control-Request-Headers"))
        return page(200, *self._vary(headers))

    def _vary(self, headers: Sequence[Header]) -> list[Header]:
        """Return headers that say that the answer depends on the origin, if it does."""
        if self.origin == b"*":
            return list(headers)
        varies = [value for name, value in headers if name == b"Vary"]
        rest = [header for header in headers if header[0] != b"Vary"]
        return [*rest, (b"Vary", b", ".join([*varies, b"Origin"]))]


def rule_for(values: Mapping[str, str], origin: bytes) -> CorsRule | None:
    """Return a container's rule for an origin, or nothing where it allows none.

    Args:
        values: the container's metadata.
        origin: of the page, as the browser says.
    """
    allowed = values.get(_PREFIX + "allow-origin", "").split()
    if "*" not in allowed and origin.decode("latin-1") not in allowed:
        return None
    return CorsRule(
        b"*" if allowed == ["*"] else origin,
        tuple(values.get(_PREFIX + "expose-headers", "").lower().split()),
        values.get(_PREFIX + "max-age", ""),
    )


def preflight(
    values: Mapping[str, str], headers: RequestHeaders, methods: Sequence[str]
) -> Response:
    """Return the answer to an OPTIONS request to a container or object.

    Args:
        values: the container's metadata; none where there is no container.
        headers: of the request.
        methods: that the resource has.
    """
    allow = (b"Allow", ", ".join(methods).encode())
    origin = headers.get(b"origin")
    if origin is None:
        return page(200, allow)
    rule = rule_for(values, origin)
    asked = headers.get(b"access-control-request-method", b"").decode("latin-1")
    if rule is None or asked not in methods:
        return page(401, allow)
    return rule.permit(methods, headers.get(b"access-control-request-headers", b""))

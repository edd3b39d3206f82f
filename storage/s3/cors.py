"""Cross-origin requests: what a bucket lets the pages of other sites do.

Pure. After "Using cross-origin resource sharing (CORS)" in the Amazon S3 User Guide. The first
rule that fits decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from storage.s3.errors import Header, S3Error
from storage.s3.xml import Element

RULES_MAX = 100
ID_LENGTH_MAX = 255
_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_ELEMENTS = (
    "ID", "AllowedHeader", "AllowedMethod", "AllowedOrigin", "ExposeHeader", "MaxAgeSeconds",
)  # fmt: skip
_VARY: Header = (
    b"Vary",
    b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
)
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers "
    "are not whitelisted by the resource's CORS spec."
)


class CorsRule(NamedTuple):
    """One rule.

    Attributes:
        origins: that may ask; one star stands for anything.
        methods: that they may use.
        headers: in lower case, that they may send; one star stands for anything.
        exposed: headers of the response that their pages may read.
        max_age_s: how long a browser may keep the answer, in decimal; empty for unsaid.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_s: str

    def admits(self, origin: str, method: str, headers: tuple[str, ...]) -> bool:
        """Tell whether the rule fits a request."""
        return (
            method in self.methods
            and any(_is_like(origin, pattern) for pattern in self.origins)
            and all(any(_is_like(name, one) for one in self.headers) for name in headers)
        )

    def response_headers(self, origin: str, asked_headers: tuple[str, ...]) -> list[Header]:
        """Return the headers that let a page of an origin read the response."""
        is_open = "*" in self.origins
        made: list[tuple[bytes, str]] = [
            (b"Access-Control-Allow-Origin", "*" if is_open else origin),
            (b"Access-Control-Allow-Methods", ", ".join(self.methods)),
        ]
        if asked_headers:
            made.append((b"Access-Control-Allow-Headers", ", ".join(asked_headers)))
        if self.exposed:
            made.append((b"Access-Control-Expose-Headers", ", ".join(self.exposed)))
        if self.max_age_s:
            made.append((b"Access-Control-Max-Age", self.max_age_s))
        if not is_open:
            made.append((b"Access-Control-Allow-Credentials", "true"))
        return [*((name, value.encode("latin-1", "replace")) for name, value in made), _VARY]


def parse_cors(configuration: Element) -> tuple[CorsRule, ...]:
    """Return the rules in a document CORSConfiguration.

    Raises:
        S3Error: MalformedXML or InvalidRequest.
    """
    rules = configuration.children
    if not 1 <= len(rules) <= RULES_MAX or any(rule.name != "CORSRule" for rule in rules):
        raise S3Error("MalformedXML")
    return tuple(map(_parse_rule, rules))


def _parse_rule(rule: Element) -> CorsRule:
    if any(child.name not in _ELEMENTS for child in rule):
        raise S3Error("MalformedXML")
    texts = {name: tuple(one.text.strip() for one in rule.all(name)) for name in _ELEMENTS}
    age = "".join(texts["MaxAgeSeconds"])
    if (
        not texts["AllowedMethod"]
        or not texts["AllowedOrigin"]
        or len(texts["ID"]) > 1
        or len(texts["MaxAgeSeconds"]) > 1
        or any(len(text) > ID_LENGTH_MAX for text in texts["ID"])
        or (texts["MaxAgeSeconds"] and not (age.isascii() and age.isdigit()))
    ):
        raise S3Error("MalformedXML")
    for method in texts["AllowedMethod"]:
        if method not in _METHODS:
            message = "Found unsupported HTTP method in CORS config. Unsupported method is "
            raise S3Error("InvalidRequest", message + method)
    for name in ("AllowedOrigin", "AllowedHeader"):
        for text in texts[name]:
            if text.count("*") > 1:
                message = f'{name} "{text}" can not have more than one wildcard.'
                raise S3Error("InvalidRequest", message)
    return CorsRule(
        texts["AllowedOrigin"],
        texts["AllowedMethod"],
        tuple(text.lower() for text in texts["AllowedHeader"]),
        texts["ExposeHeader"],
        age,
    )


def headers_for(
    rules: tuple[CorsRule, ...], method: str, headers: Mapping[bytes, bytes]
) -> list[Header]:
    """Return the headers that a response gets for the page that asked; none where none fits.

    Args:
        rules: of the bucket.
        method: of the request.
        headers: of the request.
    """
    origin = headers.get(b"origin", b"").decode("latin-1")
    asked = headers.get(b"access-control-request-method", b"").decode("latin-1")
    for rule in rules:
        if rule.admits(origin, asked or method, ()):
            return rule.response_headers(origin, ())
    return []


def preflight(rules: tuple[CorsRule, ...], headers: Mapping[bytes, bytes]) -> list[Header]:
    """Return the headers of the answer to a preflight.

    Args:
        rules: of the bucket; none where it has no configuration.
        headers: of the request.

    Raises:
        S3Error: BadRequest, it is no preflight; AccessForbidden, no rule fits.
    """
    origin = headers.get(b"origin", b"").decode("latin-1")
    method = headers.get(b"access-control-request-method", b"").decode("latin-1")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in _METHODS:
        message = f"Invalid Access-Control-Request-Method: {method or 'null'}"
        raise S3Error("BadRequest", message)
    if not rules:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method)
    listed = headers.get(b"access-control-request-headers", b"").decode("latin-1").lower()
    asked = tuple(name for item in listed.split(",") if (name := item.strip()))
    for rule in rules:
        if rule.admits(origin, method, asked):
            return rule.response_headers(origin, asked)
    raise _forbidden(_NOT_ALLOWED, method)


def _forbidden(message: str, method: str) -> S3Error:
    return S3Error("AccessForbidden", message, Method=method, ResourceType="BUCKET")


def _is_like(text: str, pattern: str) -> bool:
    head, star, tail = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)

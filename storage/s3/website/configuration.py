"""The document WebsiteConfiguration, and where its rules lead.

Pure. After "Hosting a static website using Amazon S3" in the Amazon S3 User Guide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from storage.s3.errors import S3Error
from storage.s3.subresources.documents import allow_only, only, parse_document
from storage.s3.xml import Element

RULES_MAX = 50
DEFAULT_REDIRECT = 301
_HOST = re.compile(r"[\w.:\[\]-]{0,255}", re.ASCII)
_PROTOCOLS = ("", "http", "https")


class Redirect(NamedTuple):
    """Where a request is sent to; empty texts stay as they are in the request.

    Attributes:
        host: name of the host.
        protocol: "http" or "https".
        code: HTTP status.
        key: of the object.
        prefix: in the place of the condition's.
    """

    host: str = ""
    protocol: str = ""
    code: int = DEFAULT_REDIRECT
    key: str | None = None
    prefix: str | None = None


class RoutingRule(NamedTuple):
    """When a request is redirected.

    Attributes:
        prefix: its key begins with this.
        error: it failed with this HTTP status; 0 for requests that are not tried yet.
        redirect: where it goes.
    """

    prefix: str
    error: int
    redirect: Redirect

    def target(self, key: str) -> str:
        """Return the key that a request is sent to."""
        if self.redirect.key is not None:
            return self.redirect.key
        if self.redirect.prefix is not None:
            return self.redirect.prefix + key.removeprefix(self.prefix)
        return key


class Website(NamedTuple):
    """How a bucket is served.

    Attributes:
        all_to: where all requests go, if they do.
        suffix: of the index document of a folder.
        error_key: of the object that is shown on errors; may be empty.
        rules: for redirects; the first that fits counts.
    """

    all_to: Redirect | None
    suffix: str = ""
    error_key: str = ""
    rules: tuple[RoutingRule, ...] = ()

    def key_of(self, path: str) -> str:
        """Return the key that a path means: that of a folder is its index document's."""
        return path + self.suffix if not path or path.endswith("/") else path

    def rule_for(self, key: str, error: int = 0) -> RoutingRule | None:
        """Return the rule that redirects a request, or nothing.

        Args:
            key: that is asked for.
            error: with which it failed; 0 before it was tried.
        """
        for rule in self.rules:
            if rule.error == error and key.startswith(rule.prefix):
                return rule
        return None


def parse_website(data: bytes) -> Website:
    """Return what a document says.

    Raises:
        S3Error: MalformedXML, InvalidArgument or InvalidRequest.
    """
    root = parse_document(data, "WebsiteConfiguration")
    allow_only(root, "RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules")
    everywhere = _the_one(root, "RedirectAllRequestsTo")
    if everywhere is not None:
        if len(root.children) > 1:
            message = (
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
            )
            raise S3Error("InvalidRequest", message)
        allow_only(everywhere, "HostName", "Protocol")
        host = _host(everywhere)
        if not host:
            raise S3Error("MalformedXML")
        return Website(Redirect(host, _protocol(everywhere)))
    index, error = _the_one(root, "IndexDocument"), _the_one(root, "ErrorDocument")
    suffix = "" if index is None else only(index, "Suffix") or ""
    if index is None:
        message = (
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        )
        raise S3Error("InvalidArgument", message, ArgumentName="IndexDocument")
    if not suffix or "/" in suffix:
        message = "The IndexDocument Suffix is not well formed"
        raise S3Error("InvalidArgument", message, ArgumentName="IndexDocument")
    error_key = "" if error is None else only(error, "Key") or ""
    if error is not None and not error_key:
        message = "The ErrorDocument Key is not well formed"
        raise S3Error("InvalidArgument", message, ArgumentName="ErrorDocument")
    return Website(None, suffix, error_key, _rules(_the_one(root, "RoutingRules")))


def _the_one(element: Element, name: str) -> Element | None:
    found = element.all(name)
    if len(found) > 1:
        raise S3Error("MalformedXML")
    return found[0] if found else None


def _rules(listed: Element | None) -> tuple[RoutingRule, ...]:
    if listed is None:
        return ()
    allow_only(listed, "RoutingRule")
    if len(listed.children) > RULES_MAX:
        message = f"{len(listed.children)} routing rules provided, the number of routing rules in a website configuration is limited to {RULES_MAX}."  # noqa: E501
        raise S3Error("InvalidRequest", message)
    return tuple(map(_rule, listed))


def _rule(rule: Element) -> RoutingRule:
    allow_only(rule, "Condition", "Redirect")
    condition, redirect = _the_one(rule, "Condition"), _the_one(rule, "Redirect")
    if redirect is None or not redirect.children:
        raise S3Error("MalformedXML")
    prefix, error = "", 0
    if condition is not None:
        allow_only(condition, "KeyPrefixEquals", "HttpErrorCodeReturnedEquals")
        if not condition.children:
            message = "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present."  # noqa: E501
            raise S3Error("InvalidRequest", message)
        prefix = only(condition, "KeyPrefixEquals") or ""
        error = _code(only(condition, "HttpErrorCodeReturnedEquals"), 0, "error", range(400, 600))
    return RoutingRule(prefix, error, _redirect(redirect))


def _redirect(element: Element) -> Redirect:
    fields = ("HostName", "Protocol", "HttpRedirectCode", "ReplaceKeyWith", "ReplaceKeyPrefixWith")
    allow_only(element, *fields)
    key, prefix = only(element, "ReplaceKeyWith"), only(element, "ReplaceKeyPrefixWith")
    if key is not None and prefix is not None:
        message = "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        raise S3Error("InvalidRequest", message)
    code = _code(only(element, "HttpRedirectCode"), DEFAULT_REDIRECT, "redirect", range(301, 400))
    return Redirect(_host(element), _protocol(element), code, key, prefix)


def _host(element: Element) -> str:
    host = only(element, "HostName") or ""
    if not _HOST.fullmatch(host):
        raise S3Error("MalformedXML")
    return host


def _protocol(element: Element) -> str:
    protocol = only(element, "Protocol") or ""
    if protocol not in _PROTOCOLS:
        message = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."  # noqa: E501
        raise S3Error("InvalidRequest", message)
    return protocol


def _code(text: str | None, default: int, kind: str, valid: range) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and int(text) in valid):
        allowed = "4XX or 5XX" if kind == "error" else "3XX except 300"
        message = f"The provided HTTP {kind} code ({text}) is not valid. Valid codes are {allowed}."
        raise S3Error("InvalidRequest", message)
    return int(text)

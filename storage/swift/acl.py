"""Access rules of containers and accounts (OpenStack Swift, `swift.common.middleware.acl`)."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_REFERRER_DESIGNATORS = (".r", ".ref", ".referer", ".referrer")
_ACCOUNT_RIGHTS = ("admin", "read-write", "read-only")


class ContainerAcl(NamedTuple):
    """Who may use a container besides its owner.

    Attributes:
        referrers: hosts in the order given, a leading "-" denies, a leading "." is a domain.
        groups: names of users, tenants and groups.
    """

    referrers: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()

    def admits(self, groups: Collection[str], referrer: str, *, is_object: bool) -> bool:
        """Tell whether somebody may.

        Args:
            groups: of who asks.
            referrer: the Referer header.
            is_object: an object is asked for, not a listing, which needs ".rlistings".
        """
        by_referrer = is_object or ".rlistings" in self.groups
        if by_referrer and self.referrers and self._admits_referrer(referrer):
            return True
        return not self.groups.isdisjoint(groups)

    def _admits_referrer(self, referrer: str) -> bool:
        host = _host_of(referrer)
        admitted = False
        for rule in self.referrers:
            pattern = rule.removeprefix("-")
            is_domain = pattern.startswith(".")
            if pattern == host or (is_domain and host.endswith(pattern)):
                admitted = not rule.startswith("-")
            elif rule == "*":
                admitted = True
        return admitted


class AccountAcl(NamedTuple):
    """Who may use an account besides its owner.

    Attributes:
        admin: may do what the owner may.
        read_write: may do everything with containers and objects.
        read_only: may read everything.
    """

    admin: frozenset[str] = frozenset()
    read_write: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()


def clean_container_acl(value: str, *, for_write: bool) -> str:
    """Return a container's access rule in its shortest form.

    Args:
        value: of X-Container-Read or X-Container-Write.
        for_write: which knows no referrers.

    Raises:
        ValueError: it breaks the rules; the message says how.
    """
    cleaned = []
    for item in value.split(","):
        item = item.strip()
        designator, colon, rest = (part.strip() for part in item.partition(":"))
        if not item:
            continue
        if not colon or not designator.startswith("."):
            cleaned.append(item)
            continue
        if designator not in _REFERRER_DESIGNATORS:
            raise ValueError(f"Unknown designator {designator!r} in ACL: {item!r}")
        if for_write:
            raise ValueError(f"Referrers not allowed in write ACL: {item!r}")
        cleaned.append(".r:" + _clean_referrer(rest, item))
    return ",".join(cleaned)


def _clean_referrer(host: str, item: str) -> str:
    sign = "-" if host.startswith("-") else ""
    host = host.removeprefix("-").strip()
    if host != "*" and host.startswith("*"):
        host = host[1:].strip()
    if host in ("", "."):
        raise ValueError(f"No host/domain value after referrer designation in ACL: {item!r}")
    return sign + host


@lru_cache(maxsize=256)
def parse_container_acl(value: str) -> ContainerAcl:
    """Return a cleaned access rule's meaning."""
    items = [item for item in value.split(",") if item]
    return ContainerAcl(
        tuple(item[3:] for item in items if item.startswith(".r:")),
        frozenset(unquote(item) for item in items if not item.startswith(".r:")),
    )


def clean_account_acl(value: str) -> str:
    """Return X-Account-Access-Control, a JSON object, as one line of ASCII; empty for no rule.

    Raises:
        ValueError: it breaks the rules; the message says how.
    """
    rights = _account_rights(value)
    return json.dumps(rights, separators=(",", ":"), sort_keys=True) if rights else ""


@lru_cache(maxsize=256)
def parse_account_acl(value: str) -> AccountAcl:
    """Return a cleaned access rule's meaning."""
    rights = _account_rights(value)
    return AccountAcl(*(frozenset(rights.get(right, ())) for right in _ACCOUNT_RIGHTS))


def _account_rights(value: str) -> dict[str, list[str]]:
    try:
        rights = json.loads(value or "{}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Syntax error in input ({value!r})") from error
    if not isinstance(rights, dict):
        raise ValueError(f"Syntax error in input ({value!r})")
    for right, grantees in rights.items():
        shown = json.dumps(right)
        if right not in _ACCOUNT_RIGHTS:
            raise ValueError(f"Key {shown} not recognized")
        if not isinstance(grantees, list):
            raise ValueError(f"Value for key {shown} must be a list")
        if not all(isinstance(grantee, str) for grantee in grantees):
            raise ValueError(f"Elements of {shown} list must be strings")
    return rights


def _host_of(referrer: str) -> str:
    try:
        return urlsplit(referrer).hostname or "unknown"
    except ValueError:  # brackets that hold no IPv6 address
        return "unknown"

"""Accounts and containers as hosts: "container.AUTH_account.example.com/object".

After OpenStack Swift (`swift.common.middleware.domain_remap`). As hosts know no capitals and some
no underscore, "auth-account" is "AUTH_account".
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from storage.auth.authenticator import ACCOUNT_PREFIX
from storage.swift.response import refuse
from storage.swift.settings import SwiftSettings

_ROOT = b"/v1/"
_PREFIX = ACCOUNT_PREFIX.rstrip("_").encode("ascii")


class Domains:
    """Puts what a host stands for in front of a path.

    Args:
        settings: the domains.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        domains = (domain.lstrip(".").encode() for domain in settings.storage_domains)
        self._endings = tuple(b"." + domain for domain in domains)
        self._prefix = settings.storage_domain_prefix.encode()
        self._drops_version = settings.storage_domain_drops_version

    def applies_to(self, host: bytes) -> bool:
        """Tell whether a host is below a storage domain."""
        return host.partition(b":")[0].endswith(self._endings)

    def full_path(self, host: bytes, path: bytes) -> bytes:
        """Return the path that a request means; the same where its host is no special one.

        Args:
            host: the Host header.
            path: as sent.

        Raises:
            SwiftError: 400, the host has too many parts.
        """
        name = host.partition(b":")[0]
        ending = next((ending for ending in self._endings if name.endswith(ending)), None)
        if ending is None:
            return path
        *containers, account = name[: -len(ending)].strip(b".").split(b".")
        if len(containers) > 1:
            raise refuse("Bad domain in host header")
        account = self._account(account)
        if not account:
            return path
        if self._drops_version and (path + b"/").startswith(_ROOT):
            path = path[len(_ROOT) - 1 :]
        quoted = "/".join(quote_from_bytes(part) for part in (account, *containers))
        return _ROOT + quoted.encode("ascii") + b"/" + path[1:]

    def _account(self, given: bytes) -> bytes:
        """Return the account that a part of a host stands for; empty for none."""
        account = given if b"_" in given else given.replace(b"-", b"_", 1)
        prefix, _, rest = account.partition(b"_")
        if prefix.lower() == _PREFIX.lower():
            return _PREFIX + b"_" + rest
        return self._prefix + b"_" + account if self._prefix and account else b""

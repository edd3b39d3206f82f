"""Accounts, or a whole cloud, that nobody can write to for now.

After OpenStack Swift (`swift.common.middleware.read_only`); which accounts is the operator's word,
in the configuration.
"""

from __future__ import annotations

from storage.swift.request import Request
from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings
from storage.swift.target import parse_account_name

_WRITES = frozenset(("COPY", "POST", "PUT"))


class ReadOnly:
    """Refuses writes.

    Args:
        settings: to which accounts.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        deletes = () if settings.read_only_allows_deletes else ("DELETE",)
        self._writes = _WRITES.union(deletes)
        self._is_all = settings.read_only
        self._accounts = frozenset(settings.read_only_accounts)
        self._exceptions = frozenset(settings.writable_accounts)

    @staticmethod
    def is_set(settings: SwiftSettings) -> bool:
        """Tell whether anything is read-only."""
        return settings.read_only or bool(settings.read_only_accounts)

    def check(self, request: Request) -> None:
        """Refuse a request that would write to a read-only account.

        Raises:
            SwiftError: 405.
        """
        if request.method not in self._writes:
            return
        account = request.target.account
        if request.method == "COPY" and b"destination-account" in request.headers:
            account = parse_account_name(request.headers[b"destination-account"])
        if account in self._accounts or (self._is_all and account not in self._exceptions):
            raise SwiftError(405, "Writes are disabled for this account.")

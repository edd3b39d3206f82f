"""What Swift can do and Atoll cannot yet: refused with 501, never ignored in silence.

To accept a request for a feature and not do it would lie about what was stored, kept or deleted.
"""

from __future__ import annotations

from storage.swift.request import Request
from storage.swift.response import SwiftError

_HEADERS = {
    b"x-symlink-target": "symbolic links",
    b"x-versions-location": "object versions",
    b"x-history-location": "object versions",
    b"x-container-sync-to": "container synchronization",
    b"x-account-meta-quota-bytes": "quotas",
    b"x-account-meta-quota-count": "quotas",
    b"x-container-meta-quota-bytes": "quotas",
    b"x-container-meta-quota-count": "quotas",
}
_CHANGING_METHODS = frozenset(("PUT", "POST", "COPY"))


def refuse_absent(request: Request) -> None:
    """Refuse a request that needs what is not there.

    Raises:
        SwiftError: 501.
    """
    if request.method in _CHANGING_METHODS and not request.headers.keys().isdisjoint(_HEADERS):
        for header, feature in _HEADERS.items():
            if request.headers.get(header):
                raise _absent(feature)


def _absent(feature: str) -> SwiftError:
    return SwiftError(501, f"This server does not have {feature}.")

"""How owners of buckets and objects are named towards clients."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from storage.auth.authenticator import ACCOUNT_PREFIX
from storage.s3.xml import Fragment, element

ACCOUNTS_KNOWN_MAX = 4096


@lru_cache(maxsize=ACCOUNTS_KNOWN_MAX)
def canonical_id(account: str) -> str:
    """Return a storage account's canonical user id: 64 hexadecimal digits."""
    return sha256(account.encode()).hexdigest()


def display_name(account: str) -> str:
    """Return a storage account's name without its prefix."""
    return account.removeprefix(ACCOUNT_PREFIX)


@lru_cache(maxsize=ACCOUNTS_KNOWN_MAX)
def owner_content(account: str) -> Fragment:
    """Return what an element holds that names an owner or initiator."""
    name = display_name(account)
    return Fragment(element("ID", canonical_id(account)) + element("DisplayName", name))

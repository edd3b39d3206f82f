"""The users that stand in the file of users, as IAM shows them: there, and not to be changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from storage.auth.users_file import User as FixedUser
from storage.s3.iam.model import User
from storage.s3.iam.names import USER_ID, fixed_id


class FixedAccount(NamedTuple):
    """The users of one account.

    Attributes:
        users: by name in lower case.
        keys: ids of access keys that stand in the file, by the same.
    """

    users: dict[str, User]
    keys: dict[str, tuple[str, ...]]


_NOBODY = FixedAccount({}, {})


class FixedUsers:
    """The users of all accounts.

    Args:
        users: in the file.
    """

    def __init__(self, users: Iterable[FixedUser]) -> None:
        self._accounts: dict[str, FixedAccount] = {}
        for one in users:
            folder, _, name = one.name.partition(":")[2].rpartition("/")
            shown = User(name, fixed_id(USER_ID, one.name), f"/{folder}/" if folder else "/", 0)
            account = self._accounts.setdefault(one.account, FixedAccount({}, {}))
            account.users[name.lower()] = shown
            account.keys[name.lower()] = (one.access_key,) if one.access_key else ()

    def of(self, account: str) -> FixedAccount:
        """Return the users of a storage account."""
        return self._accounts.get(account, _NOBODY)

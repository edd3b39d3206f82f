"""A call of an IAM operation, and what all operations do alike. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from atoll.world import Random
from storage.auth.sealer import Sealer
from storage.s3.iam.errors import IamError, no_such
from storage.s3.iam.limits import PAGE_SIZE, PAGE_SIZE_MAX
from storage.s3.iam.model import Directory, Group, Role, User
from storage.s3.iam.names import Arn
from storage.s3.iam.parameters import Parameters
from storage.s3.xml import Content

T = TypeVar("T")


class Named(Protocol):
    """Whatever has a name and a path."""

    @property
    def name(self) -> str:
        """As given."""

    @property
    def path(self) -> str:
        """Begins and ends with a slash."""


Fields = list[tuple[str, Content]]
"""What an element of an answer holds."""


@dataclass(slots=True, eq=False)
class Call:
    """A call of an operation.

    Attributes:
        parameters: of the request.
        account: id of the caller's account, as in ARNs.
        caller_name: of the user who calls; empty for others.
        directory: of the account; operations that change it are given a copy.
        fixed: users of the account that stand in the file of users, by name in lower case.
        fixed_keys: ids of access keys of those users, by name in lower case.
        now_s: in seconds since 1970.
        random: ids and secrets.
        sealer: of secrets.
        made_keys: ids of access keys that the operation made.
        gone_keys: ids of those that it deleted.
    """

    parameters: Parameters
    account: str
    caller_name: str
    directory: Directory
    fixed: Mapping[str, User]
    fixed_keys: Mapping[str, tuple[str, ...]]
    now_s: int
    random: Random
    sealer: Sealer
    made_keys: list[str] = field(default_factory=list)
    gone_keys: list[str] = field(default_factory=list)

    def arn(self, kind: str, path: str, name: str) -> str:
        """Return the ARN of an entity of the account."""
        return str(Arn(self.account, kind, path, name))

    def user_name(self) -> str:
        """Return the user that is asked about: the caller, where no name is given.

        Raises:
            IamError: ValidationError.
        """
        if "UserName" in self.parameters or not self.caller_name:
            return self.parameters.name("UserName", 128)
        return self.caller_name

    def any_user(self) -> User:
        """Return the user that is asked about, who may stand in the file of users.

        Raises:
            IamError: NoSuchEntity.
        """
        name = self.user_name()
        found = self.directory.users.get(name.lower()) or self.fixed.get(name.lower())
        if found is None:
            raise no_such("user", name)
        return found

    def user(self) -> User:
        """Return the user that is to be changed.

        Raises:
            IamError: NoSuchEntity; UnmodifiableEntity, the user stands in the file of users.
        """
        found = self.any_user()
        if found.name.lower() not in self.directory.users:
            raise IamError("UnmodifiableEntity", f"{found.name} is a user of users.toml.")
        return found

    def group(self) -> Group:
        """Return the group that is asked about.

        Raises:
            IamError: NoSuchEntity.
        """
        name = self.parameters.name("GroupName", 128)
        found = self.directory.groups.get(name.lower())
        if found is None:
            raise no_such("group", name)
        return found

    def role(self) -> Role:
        """Return the role that is asked about.

        Raises:
            IamError: NoSuchEntity.
        """
        name = self.parameters.name("RoleName")
        found = self.directory.roles.get(name.lower())
        if found is None:
            raise no_such("role", name)
        return found

    def page(
        self,
        name: str,
        items: Iterable[T],
        key: Callable[[T], str],
        show: Callable[[T], Content],
    ) -> Fields:
        """Return a page of a list, in the order of its keys.

        Args:
            name: of the element.
            items: all of them.
            key: of an item; no two have the same.
            show: returns what an item's element holds.
        """
        marker = self.parameters.get("Marker")
        size = self.parameters.number("MaxItems", PAGE_SIZE, 1, PAGE_SIZE_MAX)
        rest = sorted((item for item in items if key(item) > marker), key=key)
        shown = rest[:size]
        fields: Fields = [(name, members(show(item) for item in shown))]
        fields.append(("IsTruncated", len(rest) > size))
        if len(rest) > size:
            fields.append(("Marker", key(shown[-1])))
        return fields


def members(contents: Iterable[Content]) -> Fields:
    """Return what a list's element holds."""
    return [("member", content) for content in contents]


def tag_members(tags: Mapping[str, str]) -> Fields:
    """Return what a list of tags holds."""
    return members([("Key", key), ("Value", value)] for key, value in sorted(tags.items()))


_DATE: Final = "%Y-%m-%dT%H:%M:%SZ"


def date(at_s: int) -> str:
    """Return a time as answers have it."""
    return time.strftime(_DATE, time.gmtime(at_s))


def by_name(entity: Named) -> str:
    """Return what lists of entities are sorted by."""
    return entity.name.lower()

"""What a directory holds: users, groups, roles and managed policies of one storage account.

Entries are immutable; a change replaces them. They stand under their names in lower case, for
names differ in more than capitals (IAM user guide, "IAM identifiers").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias


class Key(NamedTuple):
    """An access key.

    Attributes:
        id: by which requests name it.
        sealed: the secret, encrypted.
        created_s: in seconds since 1970.
        is_active: whether it may be used.
    """

    id: str
    sealed: bytes
    created_s: int
    is_active: bool = True


class User(NamedTuple):
    """A user.

    Attributes:
        name: as given.
        id: never given to another.
        path: begins and ends with a slash.
        created_s: in seconds since 1970.
        tags: by key.
        inline: policy documents of its own, by name.
        attached: ARNs of managed policies.
        keys: of access, at most two.
    """

    name: str
    id: str
    path: str
    created_s: int
    tags: Mapping[str, str] = {}
    inline: Mapping[str, str] = {}
    attached: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()


class Group(NamedTuple):
    """A group: its members have its policies. See `User` for what has the same name."""

    name: str
    id: str
    path: str
    created_s: int
    inline: Mapping[str, str] = {}
    attached: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    """Ids of users."""


class Role(NamedTuple):
    """A role: whom its trust policy names may act as it. See `User` for the rest.

    Attributes:
        trust: the policy that says who may assume it.
        description: for people.
        duration_s_max: of its sessions.
    """

    name: str
    id: str
    path: str
    created_s: int
    trust: str
    description: str
    duration_s_max: int
    tags: Mapping[str, str] = {}
    inline: Mapping[str, str] = {}
    attached: tuple[str, ...] = ()


class PolicyVersion(NamedTuple):
    """A version of a managed policy."""

    number: int
    text: str
    created_s: int


class ManagedPolicy(NamedTuple):
    """A policy of its own, which users, groups and roles may be given.

    Attributes:
        name: as given.
        id: never given to another.
        path: begins and ends with a slash.
        created_s: in seconds since 1970.
        updated_s: when its versions last changed.
        description: for people.
        tags: by key.
        versions: oldest first.
        default: number of the version that counts.
        last: highest number that was ever given.
    """

    name: str
    id: str
    path: str
    created_s: int
    updated_s: int
    description: str
    tags: Mapping[str, str]
    versions: tuple[PolicyVersion, ...]
    default: int
    last: int

    @property
    def text(self) -> str:
        """The document that counts."""
        return next(one.text for one in self.versions if one.number == self.default)


Bearer: TypeAlias = User | Group | Role
"""What can be given policies."""


@dataclass(slots=True, eq=False)
class Directory:
    """All that IAM knows of one account.

    Attributes:
        users: by name in lower case; so are the others.
        groups: see above.
        roles: see above.
        policies: managed ones.
    """

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    policies: dict[str, ManagedPolicy] = field(default_factory=dict)

    def copy(self) -> Directory:
        """Return a directory that can be changed without this one noticing."""
        return replace(
            self,
            users=dict(self.users),
            groups=dict(self.groups),
            roles=dict(self.roles),
            policies=dict(self.policies),
        )

    def bearers(self) -> list[Bearer]:
        """Return everything that can be given policies."""
        return [*self.users.values(), *self.groups.values(), *self.roles.values()]

    def groups_of(self, user: User) -> list[Group]:
        """Return the groups that a user is in, by name."""
        return [group for _, group in sorted(self.groups.items()) if user.id in group.members]

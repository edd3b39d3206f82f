"""The policies of users, groups and roles, inline and attached, which work alike for all three.

`KINDS` says how each kind of bearer is found and kept. Pure functions of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from storage.s3.iam.call import Call, Fields
from storage.s3.iam.documents import read_document, size_of
from storage.s3.iam.errors import exceeded, no_such
from storage.s3.iam.limits import ATTACHED_MAX, INLINE_SIZE_MAX
from storage.s3.iam.model import Bearer, Directory, Group, User
from storage.s3.iam.names import read_arn
from storage.s3.iam.rights import find_policy

_POLICY_NAME_LENGTH_MAX = 128


class BearerKind(NamedTuple):
    """A kind of what can be given policies.

    Attributes:
        title: as in the names of operations and parameters: "User".
        find: returns the one that is asked about.
        find_for_change: returns the one that is to be changed.
    """

    title: str
    find: Callable[[Call], Bearer]
    find_for_change: Callable[[Call], Bearer]

    @property
    def kind(self) -> str:
        """As in ARNs."""
        return self.title.lower()

    def put_policy(self, call: Call) -> Fields:
        """Put…Policy: an inline policy, new or in the place of one."""
        bearer = self.find_for_change(call)
        name = call.parameters.name("PolicyName", _POLICY_NAME_LENGTH_MAX)
        size_max = INLINE_SIZE_MAX[self.kind]
        text = read_document(call.parameters, "PolicyDocument", size_max)
        inline = {**bearer.inline, name: text}
        if sum(map(size_of, inline.values())) > size_max:
            raise exceeded("PolicySize", size_max)
        _keep(call.directory, bearer._replace(inline=inline))
        return []

    def get_policy(self, call: Call) -> Fields:
        """Get…Policy."""
        bearer = self.find(call)
        name = call.parameters.name("PolicyName", _POLICY_NAME_LENGTH_MAX)
        if name not in bearer.inline:
            raise no_such(f"{self.kind} policy", name)
        return [
            (f"{self.title}Name", bearer.name),
            ("PolicyName", name),
            ("PolicyDocument", quote(bearer.inline[name], safe="")),
        ]

    def list_policies(self, call: Call) -> Fields:
        """List…Policies: names of the inline ones."""
        return call.page("PolicyNames", self.find(call).inline, str, str)

    def delete_policy(self, call: Call) -> Fields:
        """Delete…Policy."""
        bearer = self.find_for_change(call)
        name = call.parameters.name("PolicyName", _POLICY_NAME_LENGTH_MAX)
        if name not in bearer.inline:
            raise no_such(f"{self.kind} policy", name)
        inline = {key: text for key, text in bearer.inline.items() if key != name}
        _keep(call.directory, bearer._replace(inline=inline))
        return []

    def attach_policy(self, call: Call) -> Fields:
        """Attach…Policy; one that is attached stays so."""
        bearer = self.find_for_change(call)
        arn = call.parameters.required("PolicyArn")
        if find_policy(call.directory, call.account, arn) is None:
            raise no_such("policy", arn)
        if arn in bearer.attached:
            return []
        if len(bearer.attached) >= ATTACHED_MAX:
            raise exceeded(f"PoliciesPer{self.title}", ATTACHED_MAX)
        _keep(call.directory, bearer._replace(attached=(*bearer.attached, arn)))
        return []

    def detach_policy(self, call: Call) -> Fields:
        """Detach…Policy."""
        bearer = self.find_for_change(call)
        arn = call.parameters.required("PolicyArn")
        if arn not in bearer.attached:
            raise no_such("attached policy", arn)
        left = tuple(one for one in bearer.attached if one != arn)
        _keep(call.directory, bearer._replace(attached=left))
        return []

    def list_attached_policies(self, call: Call) -> Fields:
        """ListAttached…Policies."""
        prefix = call.parameters.get("PathPrefix", "/")
        found = [
            (parts.name, arn)
            for arn in self.find(call).attached
            if (parts := read_arn(arn)) is not None and parts.path.startswith(prefix)
        ]
        return call.page(
            "AttachedPolicies",
            found,
            lambda item: item[1],
            lambda item: [("PolicyName", item[0]), ("PolicyArn", item[1])],
        )


def _keep(directory: Directory, bearer: Bearer) -> None:
    """Put a bearer in the place of the one that has its name."""
    name = bearer.name.lower()
    if isinstance(bearer, User):
        directory.users[name] = bearer
    elif isinstance(bearer, Group):
        directory.groups[name] = bearer
    else:
        directory.roles[name] = bearer


KINDS: Final[Mapping[str, BearerKind]] = {
    "User": BearerKind("User", Call.any_user, Call.user),
    "Group": BearerKind("Group", Call.group, Call.group),
    "Role": BearerKind("Role", Call.role, Call.role),
}

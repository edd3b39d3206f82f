"""Every operation of IAM that is answered: what it does, whether it writes, what it acts on.

The name of an operation is that of its action in policies, "iam:" before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from storage.s3.iam import account, groups, policies, roles, tagging, users
from storage.s3.iam.bearing import KINDS
from storage.s3.iam.call import Call, Fields, Named

Handler: TypeAlias = Callable[[Call], Fields]


class Operation(NamedTuple):
    """An operation.

    Attributes:
        handler: answers it, and changes the directory of its call where it writes.
        is_write: whether it does.
        resource: returns the ARN of what it acts on.
    """

    handler: Handler
    is_write: bool
    resource: Callable[[Call], str]


def _user(call: Call) -> str:
    name = call.parameters.get("UserName") or call.caller_name
    key = name.lower()
    return _arn(call, "user", call.directory.users.get(key) or call.fixed.get(key), name)


def _group(call: Call) -> str:
    name = call.parameters.get("GroupName")
    return _arn(call, "group", call.directory.groups.get(name.lower()), name)


def _role(call: Call) -> str:
    name = call.parameters.get("RoleName")
    return _arn(call, "role", call.directory.roles.get(name.lower()), name)


def _policy(call: Call) -> str:
    given = call.parameters.get("PolicyArn")
    return given or _arn(call, "policy", None, call.parameters.get("PolicyName"))


def _everything(_call: Call) -> str:
    return "*"


def _arn(call: Call, kind: str, found: Named | None, name: str) -> str:
    """Return the ARN of what there is, or of what would be made."""
    if found is not None:
        return call.arn(kind, found.path, found.name)
    return call.arn(kind, call.parameters.get("Path", "/"), name)


_RESOURCES: Final = {"User": _user, "Group": _group, "Role": _role}

_READS: Final[Mapping[str, tuple[Handler, Callable[[Call], str]]]] = {
    "GetAccessKeyLastUsed": (account.get_access_key_last_used, _everything),
    "GetAccountSummary": (account.get_account_summary, _everything),
    "GetGroup": (groups.get_group, _group),
    "GetPolicy": (policies.get_policy, _policy),
    "GetPolicyVersion": (policies.get_policy_version, _policy),
    "GetRole": (roles.get_role, _role),
    "GetUser": (users.get_user, _user),
    "ListAccessKeys": (users.list_access_keys, _user),
    "ListEntitiesForPolicy": (policies.list_entities_for_policy, _policy),
    "ListGroups": (groups.list_groups, _everything),
    "ListGroupsForUser": (groups.list_groups_for_user, _user),
    "ListPolicies": (policies.list_policies, _everything),
    "ListPolicyVersions": (policies.list_policy_versions, _policy),
    "ListRoleTags": (tagging.list_tags(Call.role), _role),
    "ListRoles": (roles.list_roles, _everything),
    "ListUserTags": (tagging.list_tags(Call.any_user), _user),
    "ListUsers": (users.list_users, _everything),
}

_WRITES: Final[Mapping[str, tuple[Handler, Callable[[Call], str]]]] = {
    "AddUserToGroup": (groups.add_user_to_group, _group),
    "CreateAccessKey": (users.create_access_key, _user),
    "CreateGroup": (groups.create_group, _group),
    "CreatePolicy": (policies.create_policy, _policy),
    "CreatePolicyVersion": (policies.create_policy_version, _policy),
    "CreateRole": (roles.create_role, _role),
    "CreateUser": (users.create_user, _user),
    "DeleteAccessKey": (users.delete_access_key, _user),
    "DeleteGroup": (groups.delete_group, _group),
    "DeletePolicy": (policies.delete_policy, _policy),
    "DeletePolicyVersion": (policies.delete_policy_version, _policy),
    "DeleteRole": (roles.delete_role, _role),
    "DeleteUser": (users.delete_user, _user),
    "RemoveUserFromGroup": (groups.remove_user_from_group, _group),
    "SetDefaultPolicyVersion": (policies.set_default_policy_version, _policy),
    "TagRole": (tagging.tag_role, _role),
    "TagUser": (tagging.tag_user, _user),
    "UntagRole": (tagging.untag_role, _role),
    "UntagUser": (tagging.untag_user, _user),
    "UpdateAccessKey": (users.update_access_key, _user),
    "UpdateAssumeRolePolicy": (roles.update_assume_role_policy, _role),
    "UpdateGroup": (groups.update_group, _group),
    "UpdateRole": (roles.update_role, _role),
    "UpdateRoleDescription": (roles.update_role_description, _role),
    "UpdateUser": (users.update_user, _user),
}


def _all() -> Iterator[tuple[str, Operation]]:
    for name, (handler, resource) in _READS.items():
        yield name, Operation(handler, False, resource)
    for name, (handler, resource) in _WRITES.items():
        yield name, Operation(handler, True, resource)
    for title, kind in KINDS.items():
        resource = _RESOURCES[title]
        yield f"Get{title}Policy", Operation(kind.get_policy, False, resource)
        yield f"List{title}Policies", Operation(kind.list_policies, False, resource)
        yield (
            f"ListAttached{title}Policies",
            Operation(kind.list_attached_policies, False, resource),
        )
        yield f"Put{title}Policy", Operation(kind.put_policy, True, resource)
        yield f"Delete{title}Policy", Operation(kind.delete_policy, True, resource)
        yield f"Attach{title}Policy", Operation(kind.attach_policy, True, resource)
        yield f"Detach{title}Policy", Operation(kind.detach_policy, True, resource)


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(dict(_all()))
"""Name → operation."""

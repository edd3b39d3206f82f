"""Roles and who may assume them. Pure functions of a call."""

from __future__ import annotations

from urllib.parse import quote

from storage.s3.iam.call import Call, Fields, by_name, date, tag_members
from storage.s3.iam.documents import read_document
from storage.s3.iam.errors import IamError, exceeded, exists
from storage.s3.iam.limits import (
    ROLE_DURATION_S,
    ROLE_DURATION_S_MAX,
    ROLES_MAX,
    TRUST_POLICY_SIZE_MAX,
)
from storage.s3.iam.model import Role
from storage.s3.iam.names import ROLE_ID, new_id
from storage.s3.policy import Kind

DESCRIPTION_LENGTH_MAX = 1000


def create_role(call: Call) -> Fields:
    """CreateRole."""
    parameters, roles = call.parameters, call.directory.roles
    parameters.refuse("PermissionsBoundary")
    name, path = parameters.name("RoleName"), parameters.path()
    trust = _trust(call, "AssumeRolePolicyDocument")
    if name.lower() in roles:
        raise exists("role", name)
    if len(roles) >= ROLES_MAX:
        raise exceeded("RolesPerAccount", ROLES_MAX)
    role = Role(
        name,
        new_id(ROLE_ID, call.random),
        path,
        call.now_s,
        trust,
        parameters.text("Description", DESCRIPTION_LENGTH_MAX),
        _duration_s_max(call, ROLE_DURATION_S),
        parameters.tags(),
    )
    roles[name.lower()] = role
    return [("Role", _whole(call, role))]


def get_role(call: Call) -> Fields:
    """GetRole."""
    return [("Role", _whole(call, call.role()))]


def list_roles(call: Call) -> Fields:
    """ListRoles."""
    prefix = call.parameters.get("PathPrefix", "/")
    found = [one for one in call.directory.roles.values() if one.path.startswith(prefix)]
    return call.page("Roles", found, by_name, lambda role: _show_role(call, role))


def update_role(call: Call) -> Fields:
    """UpdateRole: its description, and how long its sessions may last."""
    role = call.role()
    description = role.description
    if "Description" in call.parameters:
        description = call.parameters.text("Description", DESCRIPTION_LENGTH_MAX)
    duration_s_max = _duration_s_max(call, role.duration_s_max)
    _set(call, role._replace(description=description, duration_s_max=duration_s_max))
    return []


def update_role_description(call: Call) -> Fields:
    """UpdateRoleDescription."""
    role = call.role()
    changed = role._replace(description=call.parameters.text("Description", DESCRIPTION_LENGTH_MAX))
    _set(call, changed)
    return [("Role", _whole(call, changed))]


def update_assume_role_policy(call: Call) -> Fields:
    """UpdateAssumeRolePolicy: who may assume it."""
    role = call.role()
    _set(call, role._replace(trust=_trust(call, "PolicyDocument")))
    return []


def delete_role(call: Call) -> Fields:
    """DeleteRole, which must have no policies any more. Its sessions end."""
    role = call.role()
    if role.inline:
        raise IamError("DeleteConflict", "Cannot delete entity, must delete policies first.")
    if role.attached:
        raise IamError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    del call.directory.roles[role.name.lower()]
    return []


def _trust(call: Call, name: str) -> str:
    return read_document(call.parameters, name, TRUST_POLICY_SIZE_MAX, Kind.TRUST)


def _duration_s_max(call: Call, default: int) -> int:
    return call.parameters.number(
        "MaxSessionDuration", default, ROLE_DURATION_S, ROLE_DURATION_S_MAX
    )


def _show_role(call: Call, role: Role) -> Fields:
    return [
        ("Path", role.path),
        ("RoleName", role.name),
        ("RoleId", role.id),
        ("Arn", call.arn("role", role.path, role.name)),
        ("CreateDate", date(role.created_s)),
        ("AssumeRolePolicyDocument", quote(role.trust, safe="")),
        ("Description", role.description or None),
        ("MaxSessionDuration", role.duration_s_max),
    ]


def _whole(call: Call, role: Role) -> Fields:
    tags: Fields = [("Tags", tag_members(role.tags))] if role.tags else []
    return _show_role(call, role) + tags


def _set(call: Call, role: Role) -> None:
    call.directory.roles[role.name.lower()] = role

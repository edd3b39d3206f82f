"""Groups and who is in them. Pure functions of a call."""

from __future__ import annotations

from storage.s3.iam.call import Call, Fields, by_name, date
from storage.s3.iam.errors import IamError, exceeded, exists, no_such
from storage.s3.iam.limits import GROUPS_MAX, GROUPS_OF_USER_MAX
from storage.s3.iam.model import Group
from storage.s3.iam.names import GROUP_ID, new_id
from storage.s3.iam.users import show_user


def create_group(call: Call) -> Fields:
    """CreateGroup."""
    parameters, groups = call.parameters, call.directory.groups
    name, path = parameters.name("GroupName", 128), parameters.path()
    if name.lower() in groups:
        raise exists("group", name)
    if len(groups) >= GROUPS_MAX:
        raise exceeded("GroupsPerAccount", GROUPS_MAX)
    group = Group(name, new_id(GROUP_ID, call.random), path, call.now_s)
    groups[name.lower()] = group
    return [("Group", _show_group(call, group))]


def get_group(call: Call) -> Fields:
    """GetGroup: with its members."""
    group = call.group()
    users = [user for user in call.directory.users.values() if user.id in group.members]
    shown = call.page("Users", users, by_name, lambda user: show_user(call, user))
    return [("Group", _show_group(call, group)), *shown]


def list_groups(call: Call) -> Fields:
    """ListGroups."""
    prefix = call.parameters.get("PathPrefix", "/")
    found = [one for one in call.directory.groups.values() if one.path.startswith(prefix)]
    return call.page("Groups", found, by_name, lambda group: _show_group(call, group))


def list_groups_for_user(call: Call) -> Fields:
    """ListGroupsForUser."""
    found = call.directory.groups_of(call.any_user())
    return call.page("Groups", found, by_name, lambda group: _show_group(call, group))


def update_group(call: Call) -> Fields:
    """UpdateGroup: another name or path."""
    group, groups = call.group(), call.directory.groups
    name, path = group.name, group.path
    if "NewGroupName" in call.parameters:
        name = call.parameters.name("NewGroupName", 128)
    if "NewPath" in call.parameters:
        path = call.parameters.path("NewPath")
    if name.lower() in groups and name.lower() != group.name.lower():
        raise exists("group", name)
    del groups[group.name.lower()]
    groups[name.lower()] = group._replace(name=name, path=path)
    return []


def delete_group(call: Call) -> Fields:
    """DeleteGroup, which must have nothing and nobody any more."""
    group = call.group()
    held = (
        (group.members, "remove users from group first"),
        (group.inline, "delete policies first"),
        (group.attached, "detach all policies first"),
    )
    for things, advice in held:
        if things:
            raise IamError("DeleteConflict", f"Cannot delete entity, must {advice}.")
    del call.directory.groups[group.name.lower()]
    return []


def add_user_to_group(call: Call) -> Fields:
    """AddUserToGroup; a user who is in it stays in it."""
    group, user = call.group(), call.user()
    if user.id in group.members:
        return []
    if len(call.directory.groups_of(user)) >= GROUPS_OF_USER_MAX:
        raise exceeded("GroupsPerUser", GROUPS_OF_USER_MAX)
    _set_members(call, group, (*group.members, user.id))
    return []


def remove_user_from_group(call: Call) -> Fields:
    """RemoveUserFromGroup."""
    group, user = call.group(), call.user()
    if user.id not in group.members:
        raise no_such("user in group", user.name)
    _set_members(call, group, tuple(one for one in group.members if one != user.id))
    return []


def _show_group(call: Call, group: Group) -> Fields:
    return [
        ("Path", group.path),
        ("GroupName", group.name),
        ("GroupId", group.id),
        ("Arn", call.arn("group", group.path, group.name)),
        ("CreateDate", date(group.created_s)),
    ]


def _set_members(call: Call, group: Group, members: tuple[str, ...]) -> None:
    call.directory.groups[group.name.lower()] = group._replace(members=members)

"""Tags of users and roles, which work alike. Pure functions of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storage.s3.iam.call import Call, Fields
from storage.s3.iam.errors import exceeded
from storage.s3.iam.limits import TAGS_MAX
from storage.s3.iam.model import Role, User


def tag_user(call: Call) -> Fields:
    """TagUser."""
    user = call.user()
    call.directory.users[user.name.lower()] = user._replace(tags=_added(call, user))
    return []


def untag_user(call: Call) -> Fields:
    """UntagUser."""
    user = call.user()
    call.directory.users[user.name.lower()] = user._replace(tags=_left(call, user))
    return []


def tag_role(call: Call) -> Fields:
    """TagRole."""
    role = call.role()
    call.directory.roles[role.name.lower()] = role._replace(tags=_added(call, role))
    return []


def untag_role(call: Call) -> Fields:
    """UntagRole."""
    role = call.role()
    call.directory.roles[role.name.lower()] = role._replace(tags=_left(call, role))
    return []


def list_tags(find: Callable[[Call], User | Role]) -> Callable[[Call], Fields]:
    """Return the operation that lists the tags of what is found."""

    def operation(call: Call) -> Fields:
        return call.page(
            "Tags",
            find(call).tags.items(),
            lambda tag: tag[0],
            lambda tag: [("Key", tag[0]), ("Value", tag[1])],
        )

    return operation


def _added(call: Call, bearer: User | Role) -> Mapping[str, str]:
    new = call.parameters.tags()
    replaced = {key.lower() for key in new}
    kept = {key: value for key, value in bearer.tags.items() if key.lower() not in replaced}
    if len(kept) + len(new) > TAGS_MAX:
        raise exceeded("TagsPerResource", TAGS_MAX)
    return {**kept, **new}


def _left(call: Call, bearer: User | Role) -> Mapping[str, str]:
    gone = {key.lower() for key in call.parameters.members("TagKeys")}
    return {key: value for key, value in bearer.tags.items() if key.lower() not in gone}

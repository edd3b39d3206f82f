"""Users, and their access keys. Pure functions of a call."""

from __future__ import annotations

from storage.auth.keys import SECRET_KEY_RANDOM_BYTES, new_secret_key
from storage.s3.iam.call import Call, Fields, by_name, date, tag_members
from storage.s3.iam.errors import IamError, exceeded, exists, invalid, no_such
from storage.s3.iam.limits import KEYS_MAX, USERS_MAX
from storage.s3.iam.model import Key, User
from storage.s3.iam.names import KEY_ID, USER_ID, new_id

_STATUSES = {"Active": True, "Inactive": False}


def show_user(call: Call, user: User) -> Fields:
    """Return a user as lists show one."""
    return [
        ("Path", user.path),
        ("UserName", user.name),
        ("UserId", user.id),
        ("Arn", call.arn("user", user.path, user.name)),
        ("CreateDate", date(user.created_s)),
    ]


def create_user(call: Call) -> Fields:
    """CreateUser."""
    parameters, users = call.parameters, call.directory.users
    parameters.refuse("PermissionsBoundary")
    name, path = parameters.name("UserName"), parameters.path()
    if name.lower() in users or name.lower() in call.fixed:
        raise exists("user", name)
    if len(users) >= USERS_MAX:
        raise exceeded("UsersPerAccount", USERS_MAX)
    user = User(name, new_id(USER_ID, call.random), path, call.now_s, parameters.tags())
    users[name.lower()] = user
    return [("User", _whole(call, user))]


def get_user(call: Call) -> Fields:
    """GetUser."""
    return [("User", _whole(call, call.any_user()))]


def list_users(call: Call) -> Fields:
    """ListUsers: those in the file of users too."""
    prefix = call.parameters.get("PathPrefix", "/")
    users = {**call.fixed, **call.directory.users}.values()
    found = [user for user in users if user.path.startswith(prefix)]
    return call.page("Users", found, by_name, lambda user: show_user(call, user))


def update_user(call: Call) -> Fields:
    """UpdateUser: another name or path."""
    user, users = call.user(), call.directory.users
    name, path = user.name, user.path
    if "NewUserName" in call.parameters:
        name = call.parameters.name("NewUserName")
    if "NewPath" in call.parameters:
        path = call.parameters.path("NewPath")
    is_taken = name.lower() in users or name.lower() in call.fixed
    if is_taken and name.lower() != user.name.lower():
        raise exists("user", name)
    del users[user.name.lower()]
    users[name.lower()] = user._replace(name=name, path=path)
    return []


def delete_user(call: Call) -> Fields:
    """DeleteUser, who must have nothing any more."""
    user = call.user()
    held = (
        (user.keys, "delete access keys first"),
        (user.inline, "delete policies first"),
        (user.attached, "detach all policies first"),
        (call.directory.groups_of(user), "remove users from group first"),
    )
    for things, advice in held:
        if things:
            raise IamError("DeleteConflict", f"Cannot delete entity, must {advice}.")
    del call.directory.users[user.name.lower()]
    return []


def create_access_key(call: Call) -> Fields:
    """CreateAccessKey: the only answer that has the secret."""
    user = call.user()
    if len(user.keys) >= KEYS_MAX:
        raise exceeded("AccessKeysPerUser", KEYS_MAX)
    key_id = new_id(KEY_ID, call.random)
    secret = new_secret_key(call.random.randbytes(SECRET_KEY_RANDOM_BYTES))
    key = Key(key_id, call.sealer.seal(secret.encode(), key_id.encode()), call.now_s)
    _set_keys(call, user, (*user.keys, key))
    call.made_keys.append(key_id)
    return [("AccessKey", [*_show_key(user, key), ("SecretAccessKey", secret)])]


def list_access_keys(call: Call) -> Fields:
    """ListAccessKeys."""
    user = call.any_user()
    keys = list(user.keys)
    if user.name.lower() not in call.directory.users:
        keys = [Key(one, b"", 0) for one in call.fixed_keys.get(user.name.lower(), ())]
    fields = call.page(
        "AccessKeyMetadata", keys, lambda key: key.id, lambda key: _show_key(user, key)
    )
    return [("UserName", user.name), *fields]


def update_access_key(call: Call) -> Fields:
    """UpdateAccessKey: whether it may be used."""
    user, key = _key(call)
    status = call.parameters.required("Status")
    if status not in _STATUSES:
        raise invalid("Status", status, "Member must be one of [Active, Inactive]")
    changed = key._replace(is_active=_STATUSES[status])
    _set_keys(call, user, tuple(changed if one is key else one for one in user.keys))
    return []


def delete_access_key(call: Call) -> Fields:
    """DeleteAccessKey."""
    user, key = _key(call)
    _set_keys(call, user, tuple(one for one in user.keys if one is not key))
    call.gone_keys.append(key.id)
    return []


def _whole(call: Call, user: User) -> Fields:
    tags: Fields = [("Tags", tag_members(user.tags))] if user.tags else []
    return show_user(call, user) + tags


def _show_key(user: User, key: Key) -> Fields:
    return [
        ("UserName", user.name),
        ("AccessKeyId", key.id),
        ("Status", "Active" if key.is_active else "Inactive"),
        ("CreateDate", date(key.created_s)),
    ]


def _key(call: Call) -> tuple[User, Key]:
    user = call.user()
    key_id = call.parameters.name("AccessKeyId", 128)
    for key in user.keys:
        if key.id == key_id:
            return user, key
    raise no_such("access key", key_id)


def _set_keys(call: Call, user: User, keys: tuple[Key, ...]) -> None:
    call.directory.users[user.name.lower()] = user._replace(keys=keys)

"""Which policies speak for a user or role. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from storage.s3.iam import builtin
from storage.s3.iam.model import Bearer, Directory, ManagedPolicy, Role, User
from storage.s3.iam.names import Arn, read_arn


def find_policy(directory: Directory, account: str, arn: str) -> ManagedPolicy | None:
    """Return a managed policy: the account's own, or one that everybody has.

    Args:
        directory: of the account.
        account: its id, as in ARNs.
        arn: of the policy.
    """
    if arn in builtin.POLICIES:
        return builtin.POLICIES[arn]
    parts = read_arn(arn)
    found = None if parts is None else directory.policies.get(parts.name.lower())
    if found is None or str(Arn(account, "policy", found.path, found.name)) != arn:
        return None
    return found


def policies_of_user(directory: Directory, account: str, user: User) -> tuple[str, ...]:
    """Return the documents that say what a user may: the user's own and those of groups."""
    return _documents(directory, account, [user, *directory.groups_of(user)])


def policies_of_role(directory: Directory, account: str, role: Role) -> tuple[str, ...]:
    """Return the documents that say what a role may."""
    return _documents(directory, account, [role])


def texts_of(directory: Directory, account: str, arns: Iterable[str]) -> tuple[str, ...]:
    """Return the documents of managed policies; those that are gone say nothing."""
    found = (find_policy(directory, account, arn) for arn in arns)
    return tuple(policy.text for policy in found if policy is not None)


def _documents(directory: Directory, account: str, bearers: Iterable[Bearer]) -> tuple[str, ...]:
    texts: list[str] = []
    for bearer in bearers:
        texts += bearer.inline.values()
        texts += texts_of(directory, account, bearer.attached)
    return tuple(dict.fromkeys(texts))

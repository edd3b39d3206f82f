"""The one decision: whether somebody may do something.

Pure. After "How Amazon S3 authorizes a request" and "Policy evaluation logic" (IAM user guide).
An explicit denial wins. Else, within the bucket's account, what the caller's own rights, the
bucket's policy or a list allows is allowed. Across accounts both sides must agree: the caller's
rights and the bucket.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from storage.auth.authenticator import Identity
from storage.s3.acl import PERMISSION_ON_BUCKET, PERMISSION_ON_OBJECT, Acl, Permission
from storage.s3.owner import canonical_id, display_name
from storage.s3.policy import ANONYMOUS, Caller, Policy, Question, Verdict, is_public, judge_all

OWNERSHIP = "x-s3-ownership"
"""In a bucket's metadata: its `Ownership`."""

PUBLIC_BLOCK = "x-s3-public-block"
"""In a bucket's metadata: its `PublicBlock`, as four digits."""

_OWNER_KEEPS = frozenset(("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"))
"""What no policy takes from the root of the bucket's account, or nobody could mend it."""

_ALWAYS_THE_OWNERS = (Permission.READ_ACP, Permission.WRITE_ACP)


class Ownership(Enum):
    """Who owns new objects, and whether lists mean anything ("Object Ownership")."""

    ENFORCED = "BucketOwnerEnforced"
    """Always the bucket's owner; lists mean nothing and cannot be set."""
    PREFERRED = "BucketOwnerPreferred"
    """The bucket's owner where the writer grants it full control."""
    WRITER = "ObjectWriter"
    """Who writes them."""


class PublicBlock(NamedTuple):
    """What "Block Public Access" keeps a bucket from.

    Attributes:
        acls: new public lists are refused.
        ignore_acls: public grants in lists mean nothing.
        policy: a public policy is refused.
        restrict: a public policy lets in nobody from outside of the account.
    """

    acls: bool = False
    ignore_acls: bool = False
    policy: bool = False
    restrict: bool = False

    def format(self) -> str:
        """Return the stored form."""
        return "".join("1" if one else "0" for one in self)


def parse_public_block(stored: str) -> PublicBlock:
    """Return what the stored form says; empty blocks nothing."""
    return PublicBlock(*(digit == "1" for digit in stored))


class Rights(NamedTuple):
    """What a caller's own side says.

    Attributes:
        policies: of the user; nothing where the user's groups alone say what the user may.
        session: of the session, which narrow whatever else is allowed.
    """

    policies: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None


class Facts(NamedTuple):
    """What the decision rests on.

    Attributes:
        question: who wants to do what.
        rights: of the caller.
        account: id of the bucket's account.
        policy: of the bucket, if it has one.
        acl: the list that governs the action, where one can.
        owner: canonical user id of the bucket's owner.
        block: of the bucket.
    """

    question: Question
    rights: Rights
    account: str
    policy: Policy | None
    acl: Acl | None
    owner: str
    block: PublicBlock


def caller_of(identity: Identity | None, role_arn: str = "", arn: str = "") -> Caller:
    """Return somebody as policies know them.

    Args:
        identity: who asks.
        role_arn: of the role that was assumed, if any.
        arn: of a session that has a name of its own.
    """
    if identity is None:
        return ANONYMOUS
    account = display_name(identity.account)
    user = identity.user.partition(":")[2] or identity.user
    return Caller(
        account,
        canonical_id(identity.account),
        arn or f"arn:aws:iam::{account}:user/{user}",
        identity.account in identity.groups,
        role_arn,
    )


def is_allowed(facts: Facts) -> bool:
    """Decide."""
    question, rights = facts.question, facts.rights
    caller = question.caller
    is_home = caller.account == facts.account
    by_policy = _policy_verdict(facts, is_home=is_home)
    own = judge_all(rights.policies or (), question)
    if Verdict.DENIED in (by_policy, own):
        return False
    if rights.session is not None and judge_all(rights.session, question) is not Verdict.ALLOWED:
        return False
    if caller.is_anonymous:
        return by_policy is Verdict.ALLOWED or _permits(facts, "")
    if not is_home:
        agrees = rights.policies is None or own is Verdict.ALLOWED
        return agrees and (by_policy > Verdict.SILENT or _permits(facts, caller.canonical_id))
    if by_policy is Verdict.ALLOWED:
        return True
    if rights.policies is None:
        may = caller.is_root
        if by_policy is Verdict.DELEGATED:
            return True
    else:
        may = own is Verdict.ALLOWED
    if not may:
        return _permits(facts, "", is_known=True)
    return facts.acl is None or _permits(facts, caller.canonical_id)


def is_denied(facts: Facts) -> bool:
    """Tell whether a policy explicitly denies it: the bucket's, the caller's or the session's."""
    question, rights = facts.question, facts.rights
    policies = (*(rights.policies or ()), *(rights.session or ()))
    if facts.policy is not None:
        policies = (*policies, facts.policy)
    return judge_all(policies, question) is Verdict.DENIED


def permission_for(action: str) -> Permission | None:
    """Return the permission by which a list allows an action, if one does."""
    return PERMISSION_ON_OBJECT.get(action) or PERMISSION_ON_BUCKET.get(action)


def _policy_verdict(facts: Facts, *, is_home: bool) -> Verdict:
    """Return what the bucket's policy says, as far as it has a say."""
    policy, question = facts.policy, facts.question
    if policy is None:
        return Verdict.SILENT
    found = policy.judge(question)
    if found is Verdict.DENIED:
        is_spared = is_home and question.caller.is_root and question.action in _OWNER_KEEPS
        return Verdict.SILENT if is_spared else found
    if facts.block.restrict and not is_home and is_public(policy):
        return Verdict.SILENT
    if facts.acl is not None and facts.acl.owner != facts.owner:
        return Verdict.SILENT  # an object of another account: only its owner gives it away
    return found


def _permits(facts: Facts, canonical_id: str, *, is_known: bool = False) -> bool:
    """Tell whether the list that governs the action grants it to somebody.

    Args:
        facts: of the decision.
        canonical_id: of an account that the caller may speak for; empty for none.
        is_known: the caller has an account.
    """
    acl, permission = facts.acl, permission_for(facts.question.action)
    if acl is None or permission is None:
        return False
    if canonical_id and canonical_id == acl.owner and permission in _ALWAYS_THE_OWNERS:
        return True
    return acl.permits(
        canonical_id,
        permission,
        is_public=not facts.block.ignore_acls,
        is_known=is_known or bool(canonical_id),
    )

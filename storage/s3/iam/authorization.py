"""Whether somebody may call an operation, or assume a role. Pure.

It is the decision of `storage.s3.access`, with a role's trust policy in the place of a bucket's.
"""

from __future__ import annotations

from storage.auth.keys import AccessKey
from storage.s3.access import Facts, PublicBlock, caller_of, is_allowed
from storage.s3.gate import rights_of
from storage.s3.iam.condition_keys import ConditionKeys
from storage.s3.policy import Caller, Kind, Policy, Question, Verdict, parse_policy


def caller_of_key(key: AccessKey) -> Caller:
    """Return whom a key stands for, as policies know them."""
    return caller_of(key.identity, key.role_arn, key.arn)


def may_call(key: AccessKey, action: str, resource: str, keys: ConditionKeys) -> bool:
    """Tell whether somebody may call an operation of the own account.

    Args:
        key: of who asks.
        action: "iam:CreateUser".
        resource: ARN.
        keys: condition keys of the request.
    """
    caller = caller_of_key(key)
    question = Question(caller, action, resource, keys)
    return is_allowed(_facts(key, question, caller.account, None))


def may_assume(
    key: AccessKey, account: str, role_arn: str, trust: str, keys: ConditionKeys
) -> bool:
    """Tell whether somebody may assume a role: its trust policy must say so, whoever asks.

    Args:
        key: of who asks.
        account: id of the role's account.
        role_arn: of the role.
        trust: its trust policy.
        keys: condition keys of the request.
    """
    question = Question(caller_of_key(key), "sts:AssumeRole", role_arn, keys)
    policy = parse_policy(trust, Kind.TRUST)
    if policy.judge(question) not in (Verdict.ALLOWED, Verdict.DELEGATED):
        return False
    return is_allowed(_facts(key, question, account, policy))


def _facts(key: AccessKey, question: Question, account: str, policy: Policy | None) -> Facts:
    return Facts(question, rights_of(key), account, policy, None, "", PublicBlock())

"""Whether a bucket's policy makes it public (S3 user guide, "The meaning of public").

A policy is taken to be public until each of its statements is shown not to be: it denies, names
fixed principals, allows nothing that exposes data, or is held to fixed values of a key that an
outsider cannot choose.
"""

from __future__ import annotations

from collections.abc import Iterator

from storage.s3.policy.actions import ALL_ACTIONS, actions_like, is_exposing
from storage.s3.policy.condition import Condition, Quantifier
from storage.s3.policy.document import Patterns, Policy, Statement
from storage.s3.policy.glob import Glob

PREFIX_BITS_MIN = {4: 8, 6: 32}
"""Networks wider than this are as good as everybody, by IP version."""

_TRUSTED_KEYS_LIST = """
    aws:principalaccount aws:principalarn aws:principalorgid aws:principalorgpaths
    aws:sourceaccount aws:sourcearn aws:sourceowner aws:sourcevpc aws:sourcevpcarn aws:sourcevpce
    aws:userid s3:dataaccesspointaccount s3:dataaccesspointarn
    s3:x-amz-server-side-encryption-aws-kms-key-id
"""
_TRUSTED_KEYS = frozenset(_TRUSTED_KEYS_LIST.split())
_FIXING_OPERATORS = frozenset(
    ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")
)
_ROLE_OF_ANYONE = "AROLEID:"


def is_public(policy: Policy) -> bool:
    """Tell whether a policy lets the public at a bucket's data."""
    return any(_is_public(statement) for statement in policy.statements)


def _is_public(statement: Statement) -> bool:
    if statement.denies or statement.principals is None or not statement.principals.everyone:
        return False
    if not any(map(is_exposing, _allowed(statement.actions))):
        return False
    return not any(map(_is_fixing, statement.conditions))


def _allowed(actions: Patterns) -> Iterator[str]:
    named = frozenset[str]().union(*map(actions_like, actions.globs))
    return (name for name in ALL_ACTIONS if (name in named) is not actions.negated)


def _is_fixing(condition: Condition) -> bool:
    """Tell whether a condition admits only callers whom the bucket's owner picked."""
    if condition.if_exists or condition.quantifier is Quantifier.ALL:
        return False
    if condition.operator == "IpAddress" and condition.key == "aws:sourceip":
        return all(net.prefixlen >= PREFIX_BITS_MIN[net.version] for net in condition.values)
    return (
        condition.operator in _FIXING_OPERATORS
        and condition.key in _TRUSTED_KEYS
        and all(_is_fixed(value) for value in condition.values)
    )


def _is_fixed(value: Glob | tuple[Glob, ...]) -> bool:
    globs = (value,) if isinstance(value, Glob) else value
    return all(glob.is_fixed and not glob.text.startswith(_ROLE_OF_ANYONE) for glob in globs)

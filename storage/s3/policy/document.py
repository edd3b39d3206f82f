"""Policy documents: parsed, checked and asked (IAM user guide, "Policies JSON reference").

Pure: no clock, no store. What a request is about comes as a `Question`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from storage.s3.policy.actions import ALL_ACTIONS, actions_like
from storage.s3.policy.condition import Condition, parse_conditions
from storage.s3.policy.error import PolicyError
from storage.s3.policy.glob import Glob, Keys, parse_glob
from storage.s3.policy.principal import Caller, Match, Principals, parse_principals

POLICY_BYTES_MAX = 20 * 1024
POLICIES_KNOWN_MAX = 512
ARN_PREFIX = "arn:aws:s3:::"
_VERSIONS = ("2012-10-17", "2008-10-17")
_FIELDS = frozenset(("Version", "Id", "Statement"))
_STATEMENT_FIELDS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
     "NotResource", "Condition")
)  # fmt: skip


class Kind(Enum):
    """What a policy is attached to."""

    BUCKET = "bucket"
    """A bucket: it says who may; it speaks of that bucket alone."""
    IDENTITY = "identity"
    """A user, role or session: it says what its bearer may; it names no principal."""
    TRUST = "trust"
    """A role: it says who may assume it; it names no resource, for the role is the resource."""


class Verdict(IntEnum):
    """What a policy says to a question; of several statements the greatest holds."""

    SILENT = 0
    DELEGATED = 1
    """Allowed to the caller's account, which decides who of its users may."""
    ALLOWED = 2
    DENIED = 3


class Question(NamedTuple):
    """May this caller do that?

    Attributes:
        caller: who asks.
        action: such as "s3:GetObject".
        resource: ARN.
        keys: the condition keys of the request.
    """

    caller: Caller
    action: str
    resource: str
    keys: Keys


class Patterns(NamedTuple):
    """The actions or resources of a statement.

    Attributes:
        globs: one that matches is enough.
        negated: the statement is about all others (NotAction, NotResource).
    """

    globs: tuple[Glob, ...]
    negated: bool = False

    def match(self, text: str, keys: Keys, *, ignore_case: bool = False) -> bool:
        """Tell whether the statement is about something."""
        found = any(glob.matches(text, keys, ignore_case=ignore_case) for glob in self.globs)
        return found is not self.negated


class Statement(NamedTuple):
    """A rule.

    Attributes:
        sid: its name; may be empty.
        denies: the effect is Deny.
        principals: whom it names; nothing in a policy of an identity.
        actions: that it is about.
        resources: that it is about.
        conditions: all must hold.
    """

    sid: str
    denies: bool
    principals: Principals | None
    actions: Patterns
    resources: Patterns
    conditions: tuple[Condition, ...]

    def judge(self, question: Question) -> Verdict:
        """Answer a question."""
        caller, action, resource, keys = question
        match = Match.DIRECT if self.principals is None else self.principals.match(caller)
        if (
            match is Match.NONE
            or not self.actions.match(action, {}, ignore_case=True)
            or not self.resources.match(resource, keys)
            or not all(condition.holds(keys) for condition in self.conditions)
        ):
            return Verdict.SILENT
        if self.denies:
            return Verdict.DENIED
        return Verdict.ALLOWED if match is Match.DIRECT else Verdict.DELEGATED

    def may_deny(self, caller: Caller, action: str, resource: str) -> bool:
        """Tell whether it denies something under any circumstances."""
        return (
            self.denies
            and (self.principals is None or self.principals.match(caller) is not Match.NONE)
            and self.actions.match(action, {}, ignore_case=True)
            and (
                any(any(glob.keys) for glob in self.resources.globs)
                or self.resources.match(resource, {})
            )
        )


class Policy(NamedTuple):
    """A policy document.

    Attributes:
        statements: in the order written, which means nothing.
        keys: lower-case names of the condition keys that it reads.
    """

    statements: tuple[Statement, ...]
    keys: frozenset[str]

    def judge(self, question: Question) -> Verdict:
        """Answer a question: an explicit denial wins, then any allowance."""
        return max(
            (statement.judge(question) for statement in self.statements), default=Verdict.SILENT
        )

    def may_deny(self, caller: Caller, action: str, resource: str) -> bool:
        """Tell whether a statement denies something if its conditions hold.

        Args:
            caller: who asks.
            action: such as "s3:GetObject".
            resource: ARN.
        """
        return any(one.may_deny(caller, action, resource) for one in self.statements)


def judge_all(policies: Iterable[Policy], question: Question) -> Verdict:
    """Answer a question from several policies as if they were one."""
    return max((policy.judge(question) for policy in policies), default=Verdict.SILENT)


@lru_cache(maxsize=POLICIES_KNOWN_MAX)
def parse_policy(text: str, kind: Kind, bucket: str = "") -> Policy:
    """Return the policy in a JSON document.

    Args:
        text: the document.
        kind: what it is to be attached to.
        bucket: that the policy must be about; not checked where it is empty.

    Raises:
        PolicyError: it breaks the rules.
    """
    document = _load(text)
    if len(json.dumps(document, separators=(",", ":")).encode()) > POLICY_BYTES_MAX:
        raise PolicyError(
            f"Normalized policy document exceeds the maximum allowed size of "
            f"{POLICY_BYTES_MAX} bytes."
        )
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise PolicyError("The policy must contain a valid version string")
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError("Invalid policy syntax.")
    has_variables = version == _VERSIONS[0]
    listed = document["Statement"]
    listed = listed if isinstance(listed, list) else [listed]
    statements = tuple(_statement(fields, kind, bucket, has_variables) for fields in listed)
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    return Policy(statements, frozenset(_keys_of(statements)))


def _keys_of(statements: Iterable[Statement]) -> Iterator[str]:
    for statement in statements:
        for glob in statement.resources.globs:
            yield from glob.keys
        for condition in statement.conditions:
            yield condition.key
            for value in condition.values:
                globs = (value,) if isinstance(value, Glob) else value
                if isinstance(globs, tuple):
                    for glob in globs:
                        yield from glob.keys


def _load(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'")
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, PolicyError):
            raise
        raise PolicyError("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise PolicyError("Invalid policy syntax.")
    _check_fields(document, _FIELDS, ("Statement",))
    if document["Statement"] in ([], {}):
        raise PolicyError("Could not parse the policy: Statement is empty!")
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise PolicyError("This policy contains invalid Json")
    return fields


def _refuse_constant(constant: str) -> None:
    raise PolicyError(f"This policy contains invalid Json: {constant}")


def _check_fields(
    fields: dict[str, object], known: frozenset[str], required: Iterable[str]
) -> None:
    unknown = next((name for name in fields if name not in known), None)
    if unknown is not None:
        raise PolicyError(f"Unknown field {unknown}")
    missing = next((name for name in required if name not in fields), None)
    if missing is not None:
        raise PolicyError(f"Missing required field {missing}")


def _statement(fields: object, kind: Kind, bucket: str, has_variables: bool) -> Statement:
    if not isinstance(fields, dict):
        raise PolicyError("Invalid policy syntax.")
    _check_fields(fields, _STATEMENT_FIELDS, ("Effect",))
    if fields["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect : {fields['Effect']}")
    denies = fields["Effect"] == "Deny"
    sid = fields.get("Sid", "")
    if not isinstance(sid, str):
        raise PolicyError("Invalid policy syntax.")
    principals = _principals(fields, kind, denies)
    actions = _patterns(fields, "Action", has_variables=False)
    resources = _resources(fields, kind, has_variables)
    if bucket:
        _check_scope(actions, resources, bucket)
    conditions = tuple(parse_conditions(fields.get("Condition", {}), has_variables=has_variables))
    return Statement(sid, denies, principals, actions, resources, conditions)


def _principals(fields: dict[str, object], kind: Kind, denies: bool) -> Principals | None:
    name = _one_of(fields, "Principal", is_needed=kind is not Kind.IDENTITY)
    if name is None:
        return None
    if kind is Kind.IDENTITY:
        raise PolicyError("Policy document should not specify a principal.")
    negated = name.startswith("Not")
    if negated and not denies:
        raise PolicyError("Allow with NotPrincipal is not allowed.")
    return parse_principals(fields[name], negated=negated)


def _resources(fields: dict[str, object], kind: Kind, has_variables: bool) -> Patterns:
    if kind is not Kind.TRUST:
        return _patterns(fields, "Resource", has_variables=has_variables)
    if _one_of(fields, "Resource", is_needed=False) is not None:
        raise PolicyError("Has prohibited field Resource")
    return _patterns({"Resource": "*"}, "Resource", has_variables=False)


def _one_of(fields: dict[str, object], name: str, *, is_needed: bool = True) -> str | None:
    """Return which of an element and its negation a statement has."""
    found = [each for each in (name, f"Not{name}") if each in fields]
    if len(found) > 1:
        raise PolicyError("Invalid policy syntax.")
    if not found and is_needed:
        raise PolicyError(f"Missing required field {name}")
    return found[0] if found else None


def _patterns(fields: dict[str, object], name: str, *, has_variables: bool) -> Patterns:
    chosen = _one_of(fields, name) or name
    value = fields[chosen]
    listed = value if isinstance(value, list) else [value]
    texts = [item for item in listed if isinstance(item, str) and item]
    if not listed or len(texts) != len(listed):
        raise PolicyError(f"Policy has invalid {name.lower()}")
    try:
        globs = tuple(parse_glob(text, has_variables=has_variables) for text in texts)
    except ValueError as error:
        raise PolicyError(f"Policy has invalid {name.lower()}") from error
    return Patterns(globs, chosen != name)


def _check_scope(actions: Patterns, resources: Patterns, bucket: str) -> None:
    """Check that a bucket's policy is about that bucket and about what S3 can do."""
    if not all(map(actions_like, actions.globs)):
        raise PolicyError("Policy has invalid action")
    if not all(_may_be_in(glob, bucket) for glob in resources.globs):
        raise PolicyError("Policy has invalid resource")
    if actions.negated or resources.negated:
        return
    levels = {ALL_ACTIONS[name] for glob in actions.globs for name in actions_like(glob)}
    for level in levels:
        if any(_may_be(glob, level) for glob in resources.globs):
            return
    raise PolicyError("Action does not apply to any resource(s) in statement")


def _may_be_in(glob: Glob, bucket: str) -> bool:
    """Tell whether a resource's pattern can name a bucket or what is in it."""
    if glob.text == "*":
        return True
    if not glob.text.startswith(ARN_PREFIX):
        return False
    name = glob.text.removeprefix(ARN_PREFIX).partition("/")[0]
    return bool(name) and parse_glob(name, has_variables=False).matches(bucket, {})


def _may_be(glob: Glob, level: str) -> bool:
    """Tell whether a resource's pattern can name something of a level."""
    name = glob.text.removeprefix(ARN_PREFIX)
    return "/" not in name if level == "bucket" else "/" in name or "*" in name

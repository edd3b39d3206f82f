"""Who asks, and whom a policy names.

An account's id in an ARN is the storage account's name without its "AUTH_" prefix, so that
`arn:aws:iam::test:user/tester` is the user "test:tester". `arn:aws:iam:::user/ID`, with a
canonical user id and no account, names that whole account (the form that Ceph's tools write).
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from storage.s3.policy.error import PolicyError

EVERYONE = "*"
_ACCOUNT_ID = r"[\w+=,.@-]{1,256}"
_ARN = re.compile(
    rf"arn:aws[\w-]*:(iam|sts)::({_ACCOUNT_ID})?:"
    r"(root|(?:user|role|assumed-role|federated-user)/[^*?]{1,1024})"
)
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_BARE_ACCOUNT = re.compile(_ACCOUNT_ID)
_KINDS = ("AWS", "CanonicalUser", "Service", "Federated")


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        account: id, as in ARNs; empty for an anonymous caller.
        canonical_id: of the account, as in access control lists; empty for an anonymous caller.
        arn: of the user, role session or account root; empty for an anonymous caller.
        is_root: has an owner's rights in the account.
        role_arn: of the role that was assumed, if any.
    """

    account: str
    canonical_id: str
    arn: str
    is_root: bool
    role_arn: str = ""

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody knows who asks."""
        return not self.account


ANONYMOUS = Caller("", "", "", is_root=False)


class Match(IntEnum):
    """How a policy names a caller."""

    NONE = 0
    ACCOUNT = 1
    """By the account: who may use the grant is the account's own decision."""
    DIRECT = 2
    """By its own name, or as everyone."""


class Principals(NamedTuple):
    """Whom a statement names.

    Attributes:
        everyone: "*" is among them.
        names: ARNs of users, roles and sessions.
        accounts: ids of accounts.
        canonical_ids: of accounts.
        negated: the statement is about all others (NotPrincipal).
    """

    everyone: bool
    names: frozenset[str]
    accounts: frozenset[str]
    canonical_ids: frozenset[str]
    negated: bool = False

    def match(self, caller: Caller) -> Match:
        """Tell how these principals name a caller.

        NotPrincipal spares only those that it names directly, as AWS documents: an account in it
        spares the account's root and not its users.
        """
        found = self._named(caller)
        if self.negated:
            return Match.NONE if found is Match.DIRECT else Match.DIRECT
        return found

    def _named(self, caller: Caller) -> Match:
        if self.everyone:
            return Match.DIRECT
        if caller.is_anonymous:
            return Match.NONE
        if caller.arn in self.names or (caller.role_arn and caller.role_arn in self.names):
            return Match.DIRECT
        if caller.account in self.accounts or caller.canonical_id in self.canonical_ids:
            return Match.DIRECT if caller.is_root else Match.ACCOUNT
        return Match.NONE


def parse_principals(value: object, *, negated: bool) -> Principals:
    """Return the principals of a statement.

    Args:
        value: of the element Principal or NotPrincipal.
        negated: it is NotPrincipal.

    Raises:
        PolicyError: it names nobody, or what nobody can be called.
    """
    if value == EVERYONE:
        return Principals(True, frozenset(), frozenset(), frozenset(), negated)
    if not isinstance(value, dict) or not value:
        raise PolicyError("Invalid policy syntax.")
    unknown = next((kind for kind in value if kind not in _KINDS), None)
    if unknown is not None:
        raise PolicyError(f"Invalid principal in policy: {unknown}")
    names, accounts, canonical_ids = set[str](), set[str](), set[str]()
    everyone = False
    for kind, listed in value.items():
        for name in _strings(listed):
            if kind == "CanonicalUser":
                canonical_ids.add(name)
            elif kind != "AWS":
                names.add(f"{kind}:{name}")
            elif name == EVERYONE:
                everyone = True
            else:
                _sort_in(name, names, accounts, canonical_ids)
    return Principals(
        everyone, frozenset(names), frozenset(accounts), frozenset(canonical_ids), negated
    )


def _strings(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    names = [item for item in listed if isinstance(item, str) and item]
    if not listed or len(names) != len(listed):
        raise PolicyError("Invalid principal in policy")
    return names


def _sort_in(name: str, names: set[str], accounts: set[str], canonical_ids: set[str]) -> None:
    """Add what an "AWS" principal names to the set that it belongs to."""
    found = _ARN.fullmatch(name)
    if found is None:
        if name.startswith("arn:") or not _BARE_ACCOUNT.fullmatch(name):
            raise PolicyError("Invalid principal in policy")
        (canonical_ids if _CANONICAL_ID.fullmatch(name) else accounts).add(name)
        return
    account, rest = found[2], found[3]
    if account is None:
        canonical_ids.add(rest.partition("/")[2])
    elif rest == "root":
        accounts.add(account)
    else:
        names.add(name)

"""Access rules, held against Swift's own reading of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from swift_oracle import acl as oracle

from storage.auth.authenticator import Identity
from storage.swift.acl import (
    AccountAcl,
    clean_account_acl,
    clean_container_acl,
    parse_account_acl,
    parse_container_acl,
)
from storage.swift.authorization import (
    Permission,
    Standing,
    standing_by_account,
    standing_by_role,
)
from storage.swift.target import Level, Target

HOSTS = ("www.example.com", "thief.example.com", "example.com", "other.org", "*", "")
ITEM = st.one_of(
    st.sampled_from(["bob", "bob:sue", " bob ", "", ".rlistings", "AUTH_x", "a%2Cb", ".x:y", ":z"]),
    st.tuples(
        st.sampled_from([".r:", ".ref:", ".referer : ", ".referrer:", ".R:"]),
        st.sampled_from(["", "-", " - "]),
        st.sampled_from([*HOSTS, ".example.com", "*.example.com", ".", "*.", " * "]),
    ).map("".join),
)
RULES = st.lists(ITEM, max_size=5).map(",".join)


@given(RULES, st.booleans())
def test_cleaning_is_swifts(rule: str, for_write: bool) -> None:
    name = "X-Container-Write" if for_write else "X-Container-Read"
    try:
        expected = oracle.clean_acl(name, rule)
    except ValueError:
        with pytest.raises(ValueError):
            clean_container_acl(rule, for_write=for_write)
    else:
        assert clean_container_acl(rule, for_write=for_write) == expected


REFERRERS = st.sampled_from(["", "http:", "www.example.com", "http://[x"]) | st.builds(
    "http://{}/page".format, st.sampled_from(HOSTS[:4])
)


@given(RULES, REFERRERS, st.sets(st.sampled_from(["bob", "bob:sue", "a,b", "eve"])), st.booleans())
def test_judgement_is_tempauths(
    rule: str, referrer: str, groups: set[str], is_object: bool
) -> None:
    try:
        cleaned = oracle.clean_acl("X-Container-Read", rule)
    except ValueError:
        return
    referrers, named = oracle.parse_acl(cleaned)
    try:
        by_referrer = oracle.referrer_allowed(referrer, referrers)
    except ValueError:  # Swift answers 500 to a referrer with a broken host
        by_referrer = oracle.referrer_allowed("", referrers)
    expected = by_referrer and (is_object or ".rlistings" in named)
    expected = bool(expected or groups & set(named))
    assert parse_container_acl(cleaned).admits(groups, referrer, is_object=is_object) == expected


def test_account_rules_are_kept_as_given_in_one_line() -> None:
    rule = {"read-only": ["bob", "é"], "admin": ["sue"]}
    cleaned = clean_account_acl(json.dumps(rule, ensure_ascii=False))
    assert cleaned == oracle.format_acl(version=2, acl_dict=rule)
    assert parse_account_acl(cleaned) == AccountAcl(
        admin=frozenset(["sue"]), read_only=frozenset(["bob", "é"])
    )
    assert clean_account_acl("") == clean_account_acl("{}") == ""


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("invalid", "Syntax error in input ('invalid')"),
        ("[]", "Syntax error in input ('[]')"),
        ('{"admin": "bob"}', 'Value for key "admin" must be a list'),
        ('{"admin": [1]}', 'Elements of "admin" list must be strings'),
        ('{"king": []}', 'Key "king" not recognized'),
        ("[" * 4000, "Syntax error in input"),
    ],
)
def test_bad_account_rules(rule: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        clean_account_acl(rule)
    assert complaint in str(refused.value)


def who(*groups: str, admin: bool = False, reader: bool = False) -> Identity:
    return Identity("t:u", "AUTH_t", frozenset(groups), admin, reader, 2**40)


ACCOUNT = Target(Level.ACCOUNT, "AUTH_t", "", "")
OBJECT = Target(Level.OBJECT, "AUTH_t", "c", "o")
R, W, C, M = Permission.READ, Permission.WRITE, Permission.CHANGE, Permission.MANAGE
NO, YES, OWNER = Standing.REFUSED, Standing.ADMITTED, Standing.OWNER


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (None, (NO, NO, NO, NO)),
        (who("t", "t:u"), (NO, NO, NO, NO)),
        (who("t", "t:u", "AUTH_t"), (OWNER, OWNER, OWNER, NO)),
        (who("x", "AUTH_x"), (NO, NO, NO, NO)),
        (who("x", admin=True), (OWNER, OWNER, OWNER, OWNER)),
        (who("x", reader=True), (YES, NO, NO, NO)),
    ],
)
def test_roles(identity: Identity | None, expected: tuple[Standing, ...]) -> None:
    for permission, standing in zip((R, W, C, M), expected, strict=True):
        assert standing_by_role(identity, OBJECT, permission) is standing
    assert standing_by_role(identity, OBJECT, Permission.ANYONE) is not NO


@pytest.mark.parametrize("account", ["AUTH_", "AUTH_.internal", "OTHER_t", "t", ".x"])
def test_accounts_that_nobody_may_touch(account: str) -> None:
    target = OBJECT._replace(account=account)
    for permission in (R, W, C, M):
        assert standing_by_role(who(admin=True, reader=True), target, permission) is NO


@pytest.mark.parametrize(
    ("right", "of_account", "of_object"),
    [
        ("admin", (OWNER, OWNER, OWNER, NO), (OWNER, OWNER, OWNER, NO)),
        ("read_write", (YES, NO, NO, NO), (YES, YES, YES, NO)),
        ("read_only", (YES, NO, NO, NO), (YES, NO, NO, NO)),
    ],
)
def test_account_rules(
    right: str, of_account: tuple[Standing, ...], of_object: tuple[Standing, ...]
) -> None:
    acl = AccountAcl(**{right: frozenset(["bob"])})
    for target, expected in ((ACCOUNT, of_account), (OBJECT, of_object)):
        for permission, standing in zip((R, W, C, M), expected, strict=True):
            assert standing_by_account(acl, who("bob"), target, permission) is standing
            assert standing_by_account(acl, who("eve"), target, permission) is NO

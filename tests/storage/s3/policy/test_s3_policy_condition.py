"""Condition operators, each against what AWS documents of it."""

from __future__ import annotations

from typing import Any

import pytest
from policy_samples import BUCKET_ARN, bucket_policy, statement

from storage.s3.policy import Question, Verdict
from storage.s3.policy.condition import parse_conditions
from storage.s3.policy.principal import ANONYMOUS


def holds(title: str, key: str, values: Any, found: dict[str, list[str]]) -> bool:
    (condition,) = parse_conditions({title: {key: values}}, has_variables=True)
    return condition.holds(found)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "A", "a", False),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringNotEqualsIgnoreCase", "A", "a", False),
        ("StringLike", "a*", "ab", True),
        ("StringLike", "a?", "abc", False),
        ("StringNotLike", "a*", "ab", False),
        ("NumericEquals", 10, "10.0", True),
        ("NumericNotEquals", 10, "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "many", False),
        ("DateGreaterThan", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", True),
        ("DateLessThan", "2024-01-01T00:00:00Z", "1704067199", True),
        ("DateEquals", "1704067200", "2024-01-01T00:00:00Z", True),
        ("DateEquals", "2024-01-01", "2024-01-01T00:00:00Z", True),
        ("Bool", "true", "true", True),
        ("Bool", False, "true", False),
        ("BinaryEquals", "QUI=", "QUI=", True),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.0.0.1", "10.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "::1", False),
        ("IpAddress", "10.0.0.0/8", "unix", False),
        ("NotIpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", False),
        ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", True),
        ("ArnLike", "arn:aws:iam::*:user/a*", "arn:aws:iam::x:user/ann", True),
        ("ArnEquals", "arn:aws:*:user/ann", "arn:aws:iam::x:user/ann", None),
        ("ArnLike", "arn:aws:iam::x*:user/ann", "arn:aws:iam::x:y:user/ann", False),
        ("ArnNotLike", "arn:aws:iam::x:*", "arn:aws:iam::x:user/ann", False),
        ("ArnLike", "*", "arn:aws:iam::x:user/ann", True),
    ],
)
def test_operators(operator: str, wanted: Any, value: str, expected: bool | None) -> None:
    key = "aws:key"
    if expected is None:
        with pytest.raises(ValueError, match="Invalid value"):
            holds(operator, key, wanted, {key: [value]})
        return
    assert holds(operator, key, wanted, {key: [value]}) is expected
    assert holds(f"{operator}IfExists", key, wanted, {key: [value]}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("NotIpAddress", True),
        ("NumericNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
def test_a_key_that_is_not_there(operator: str, expected: bool) -> None:
    wanted = "10.0.0.0/8" if "Ip" in operator else "1"
    assert holds(operator, "aws:key", wanted, {}) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "c"], True),
        ("ForAnyValue:StringEquals", ["c"], False),
        ("ForAllValues:StringNotEquals", ["a", "c"], False),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("StringNotEquals", ["a", "c"], False),
    ],
)
def test_several_values(operator: str, values: list[str], expected: bool) -> None:
    assert (
        holds(operator, "s3:RequestObjectTagKeys", ["a", "b"], {"s3:requestobjecttagkeys": values})
        is expected
    )


def test_null_asks_whether_a_key_is_there() -> None:
    assert holds("Null", "aws:TokenIssueTime", "true", {})
    assert not holds("Null", "aws:TokenIssueTime", "true", {"aws:tokenissuetime": ["1"]})
    assert holds("Null", "aws:TokenIssueTime", False, {"aws:tokenissuetime": ["1"]})


def test_all_conditions_of_a_statement_must_hold() -> None:
    both = {
        "StringEquals": {"s3:prefix": "${aws:username}/", "s3:delimiter": "/"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    policy = bucket_policy(statement(Action="s3:ListBucket", Resource=BUCKET_ARN, Condition=both))
    assert policy.keys == {"s3:prefix", "s3:delimiter", "aws:username", "aws:securetransport"}
    keys = {
        "s3:prefix": ["ann/"],
        "s3:delimiter": ["/"],
        "aws:username": ["ann"],
        "aws:securetransport": ["true"],
    }

    def ask(**changed: list[str]) -> Verdict:
        question = Question(ANONYMOUS, "s3:ListBucket", BUCKET_ARN, {**keys, **changed})
        return policy.judge(question)

    assert ask() is Verdict.ALLOWED
    for key in keys:
        assert ask(**{key: ["false"]}) is Verdict.SILENT

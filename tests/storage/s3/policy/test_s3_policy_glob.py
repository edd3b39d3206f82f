"""Patterns: they match what a slow and plain matcher says, and never slowly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.policy.glob import parse_glob


def reference(pattern: str, text: str) -> bool:
    """Match by dynamic programming."""
    row = [True] + [False] * len(text)
    for sign in pattern:
        if sign == "*":
            for at in range(1, len(row)):
                row[at] = row[at] or row[at - 1]
        else:
            row = [False] + [row[at] and sign in ("?", text[at]) for at in range(len(text))]
    return row[-1]


@given(st.text("ab*?\n", max_size=10), st.text("ab\n*", max_size=14))
def test_a_pattern_is_what_the_reference_says(pattern: str, text: str) -> None:
    assert parse_glob(pattern).matches(text, {}) is reference(pattern, text)


def test_no_pattern_is_slow() -> None:
    pattern = parse_glob("*a" * 500 + "*b")
    assert not pattern.matches("a" * 1024, {})
    assert pattern.matches("a" * 1000 + "b", {})


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("a${?}", "a?", True),
        ("${$}x", "$x", True),
        ("${aws:who}", "ann", True),
        ("${AWS:Who}-*", "ann-1", True),
        ("${aws:none}", "", False),
        ("${aws:none, 'bob'}", "bob", True),
        ("${aws:who, 'bob'}", "bob", False),
        ("${aws:many}", "a", False),
        ("${aws:star}", "anything", False),
        ("${aws:star}", "*", True),
    ],
)
def test_variables(pattern: str, text: str, matches: bool) -> None:
    keys = {"aws:who": ["ann"], "aws:many": ["a", "b"], "aws:star": ["*"]}
    assert parse_glob(pattern).matches(text, keys) is matches


def test_what_means_nothing_is_literal() -> None:
    assert parse_glob("${aws:x}", has_variables=False).matches("${aws:x}", {})
    assert parse_glob("a*", has_wildcards=False).matches("a*", {})
    assert not parse_glob("a*", has_wildcards=False).matches("ab", {})
    with pytest.raises(ValueError, match="not a policy variable"):
        parse_glob("${a b}")

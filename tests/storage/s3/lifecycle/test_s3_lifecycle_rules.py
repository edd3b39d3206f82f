"""Lifecycle rules: what is due, and when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.lifecycle.rules import (
    Calendar,
    Filter,
    Rule,
    Version,
    due_s,
    expiry_of,
    rule_that_ends,
    rules_on_tags,
)

DAY = 86_400.0
NOON = 12 * 3600.0


def rule(**fields: Any) -> Rule:
    return Rule("r", True, fields.pop("filter", Filter()), **fields)


def ends(one: Rule, version: Version, days: float) -> bool:
    return rule_that_ends([one], version, Calendar(days * DAY, DAY)) is not None


@given(st.floats(0, 1e10), st.integers(1, 5000), st.sampled_from([1.0, 10.0, DAY]))
def test_an_action_is_due_at_the_midnight_after_its_days(
    since_s: float, days: int, day_s: float
) -> None:
    at_s = due_s(since_s, days, day_s)
    assert at_s % day_s == 0
    assert since_s + days * day_s <= at_s < since_s + (days + 1) * day_s + 1e-3


def test_days_of_the_current_version() -> None:
    written = Version("a", NOON)
    assert not ends(rule(days=3), written, 3.9)
    assert ends(rule(days=3), written, 4.0)
    assert not ends(rule(days=3)._replace(is_enabled=False), written, 9)
    assert not ends(rule(noncurrent_days=1), written, 9)


def test_a_date_is_for_all_ages() -> None:
    assert ends(rule(at_s=int(5 * DAY)), Version("a", 5 * DAY - 1), 5)
    assert not ends(rule(at_s=int(5 * DAY)), Version("a", 0), 4.9)


@pytest.mark.parametrize(
    ("filter_", "name", "size", "tags", "meant"),
    [
        (Filter(), "x", 0, {}, True),
        (Filter("a/"), "a/b", 0, {}, True),
        (Filter("a/"), "b/a/", 0, {}, False),
        (Filter(size_over=10), "x", 10, {}, False),
        (Filter(size_over=10), "x", 11, {}, True),
        (Filter(size_under=10), "x", 10, {}, False),
        (Filter(size_under=10), "x", 9, {}, True),
        (Filter(tags=(("k", "v"),)), "x", 0, {"k": "v", "more": ""}, True),
        (Filter(tags=(("k", "v"),)), "x", 0, {"k": "w"}, False),
        (Filter(tags=(("k", "v"),)), "x", 0, None, False),
        (Filter("x", (("k", "v"), ("l", "w"))), "x", 0, {"k": "v"}, False),
    ],
)
def test_filters(
    filter_: Filter, name: str, size: int, tags: dict[str, str] | None, meant: bool
) -> None:
    version = Version(name, 0, size, tags=tags)
    assert ends(rule(filter=filter_, days=1), version, 9) is meant
    is_open = bool(filter_.tags) and filter_.admits(name, size)
    assert bool(rules_on_tags([rule(filter=filter_, days=1)], version)) is is_open


def test_noncurrent_versions_count_from_their_replacement() -> None:
    one = rule(noncurrent_days=2, noncurrent_kept=1)
    replaced = Version("a", 0, replaced_s=10 * DAY, newer_noncurrent=1)
    assert not ends(one, replaced, 11.9)
    assert ends(one, replaced, 12)
    assert not ends(one, replaced._replace(newer_noncurrent=0), 99)
    assert ends(one, replaced._replace(is_marker=True), 12)
    assert not ends(rule(days=1), replaced, 99)


def test_a_delete_marker_goes_when_nothing_is_behind_it() -> None:
    marker = Version("a", 0, is_marker=True, is_alone=True)
    assert ends(rule(expires_markers=True), marker, 0)
    assert ends(rule(days=1), marker, 1)
    assert not ends(rule(days=1), marker, 0.5)
    assert not ends(rule(expires_markers=True), marker._replace(is_alone=False), 99)
    assert not ends(rule(days=1), marker._replace(is_alone=False), 99)
    sized = rule(expires_markers=True, filter=Filter(size_over=0))
    assert not ends(sized, marker, 99)


def test_the_first_expiry_counts() -> None:
    rules = [rule(days=5), rule(days=2, filter=Filter("b")), rule(days=3, filter=Filter("a"))]
    found = expiry_of(rules, Version("a", NOON), DAY)
    assert found == (4 * DAY, rules[2])
    assert expiry_of([rule(noncurrent_days=1)], Version("a", 0), DAY) is None

"""Lifecycle rules and what they say is due.

Pure. After "Managing the lifecycle of objects" in the Amazon S3 User Guide. Times are in seconds
since 1970. An action of so many days is due at the midnight (UTC) that follows their end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Filter(NamedTuple):
    """Which objects a rule is about.

    Attributes:
        prefix: their names begin with it.
        tags: they have all of these.
        size_over: they are larger, in bytes.
        size_under: they are smaller, in bytes; nothing for any size.
    """

    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    size_over: int = -1
    size_under: int | None = None

    def admits(self, name: str, size_bytes: int) -> bool:
        """Tell whether an object may be meant, as far as name and size tell."""
        return (
            name.startswith(self.prefix)
            and size_bytes > self.size_over
            and (self.size_under is None or size_bytes < self.size_under)
        )

    def admits_tags(self, tags: Mapping[str, str]) -> bool:
        """Tell whether an object has the tags."""
        return all(tags.get(key) == value for key, value in self.tags)


class Rule(NamedTuple):
    """A rule.

    Attributes:
        id: its name.
        is_enabled: it is to be followed.
        filter: which objects it is about.
        days: after which the current version expires.
        at_s: when the current version expires, whatever its age.
        expires_markers: a delete marker with no version left behind it goes.
        noncurrent_days: after which a version goes that was replaced.
        noncurrent_kept: so many newer ones of them stay in any case.
        abort_days: after which an upload that was not completed is aborted.
    """

    id: str
    is_enabled: bool
    filter: Filter
    days: int | None = None
    at_s: int | None = None
    expires_markers: bool = False
    noncurrent_days: int | None = None
    noncurrent_kept: int = 0
    abort_days: int | None = None

    def expires_s(self, created_s: float, day_s: float) -> float | None:
        """Return when a current version of an age expires, or nothing where it never does."""
        if self.at_s is not None:
            return self.at_s
        return None if self.days is None else due_s(created_s, self.days, day_s)


class Version(NamedTuple):
    """A version as a listing of versions shows it, and its place among its siblings.

    Attributes:
        name: of the object.
        created_s: when it was written.
        size_bytes: of it.
        is_marker: it is a delete marker.
        replaced_s: when its successor was written; nothing for the current version.
        newer_noncurrent: how many noncurrent versions of its name are newer.
        is_alone: its name has no other version.
        tags: of it; nothing where they are not known, which leaves out the rules that ask.
    """

    name: str
    created_s: float
    size_bytes: int = 0
    is_marker: bool = False
    replaced_s: float | None = None
    newer_noncurrent: int = 0
    is_alone: bool = True
    tags: Mapping[str, str] | None = None


class Calendar(NamedTuple):
    """What time it is, and how long a day is.

    Attributes:
        now_s: the time.
        day_s: 86,400, but for those who try rules out.
    """

    now_s: float
    day_s: float


def due_s(since_s: float, days: int, day_s: float) -> float:
    """Return when an action of so many days is due."""
    return math.ceil((since_s + days * day_s) / day_s) * day_s


def rule_that_ends(rules: Iterable[Rule], version: Version, calendar: Calendar) -> Rule | None:
    """Return a rule by which a version is to go now, or nothing where none says so.

    A current version that goes is deleted as a client would delete it; a noncurrent one and a
    delete marker go for good.
    """
    for rule in rules:
        if rule.is_enabled and _is_meant(rule.filter, version) and _ends(rule, version, calendar):
            return rule
    return None


def rules_on_tags(rules: Iterable[Rule], version: Version) -> list[Rule]:
    """Return the rules that cannot be judged before the tags of a version are known."""
    return [
        rule
        for rule in rules
        if rule.is_enabled
        and rule.filter.tags
        and rule.filter.admits(version.name, version.size_bytes)
    ]


def expiry_of(rules: Iterable[Rule], version: Version, day_s: float) -> tuple[float, Rule] | None:
    """Return when a current version expires first, and by which rule."""
    dates = [
        (expires_s, rule)
        for rule in rules
        if rule.is_enabled
        and _is_meant(rule.filter, version)
        and (expires_s := rule.expires_s(version.created_s, day_s)) is not None
    ]
    return min(dates, key=lambda date: date[0], default=None)


def _is_meant(filter_: Filter, version: Version) -> bool:
    if version.is_marker:  # which has no size and no tags
        has_more = filter_.tags or filter_.size_over >= 0 or filter_.size_under is not None
        return not has_more and version.name.startswith(filter_.prefix)
    if not filter_.admits(version.name, version.size_bytes):
        return False
    if not filter_.tags:
        return True
    return version.tags is not None and filter_.admits_tags(version.tags)


def _ends(rule: Rule, version: Version, calendar: Calendar) -> bool:
    now_s, day_s = calendar
    if version.replaced_s is not None:
        return (
            rule.noncurrent_days is not None
            and version.newer_noncurrent >= rule.noncurrent_kept
            and due_s(version.replaced_s, rule.noncurrent_days, day_s) <= now_s
        )
    if version.is_marker and not version.is_alone:
        return False
    if version.is_marker and rule.expires_markers:
        return True
    expires_s = rule.expires_s(version.created_s, day_s)
    return expires_s is not None and expires_s <= now_s

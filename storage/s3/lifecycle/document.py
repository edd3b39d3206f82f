"""The document LifecycleConfiguration: read, checked, and given the ids that it lacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from storage.s3.errors import S3Error
from storage.s3.lifecycle.rules import Filter, Rule
from storage.s3.subresources.documents import allow_only, boolean, integer, only, parse_document
from storage.s3.xml import Content, Element, document

ROOT = "LifecycleConfiguration"
RULES_MAX = 1000
ID_LENGTH_MAX = 255
NONCURRENT_KEPT_MAX = 100
_RULE = ("ID", "Prefix", "Filter", "Status")
_ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
_TRANSITIONS = ("Transition", "NoncurrentVersionTransition")
_CONDITIONS = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
_MIDNIGHT = (0, 0, 0, 0)


def parse_lifecycle(data: bytes) -> tuple[Rule, ...]:
    """Return the rules in a document LifecycleConfiguration.

    Raises:
        S3Error: MalformedXML, InvalidArgument, InvalidRequest; NotImplemented for transitions:
            there is one storage class only.
    """
    return _rules(parse_document(data, ROOT))


def with_ids(data: bytes, draw: Callable[[], str]) -> bytes:
    """Return a valid document in which every rule has an id.

    Args:
        data: the document.
        draw: returns a new id.

    Raises:
        S3Error: as `parse_lifecycle`.
    """
    root = parse_document(data, ROOT)
    _rules(root)
    for rule in root:
        if not rule.value("ID"):
            rule.children = [child for child in rule if child.name != "ID"]
            made = Element("ID", {})
            made.text = draw()
            rule.children.insert(0, made)
    return document(ROOT, _content(root))


def _content(element: Element) -> Content:
    if not element.children:
        return element.text
    return [(child.name, _content(child)) for child in element]


def _rules(root: Element) -> tuple[Rule, ...]:
    if not 1 <= len(root.children) <= RULES_MAX:
        raise S3Error("MalformedXML")
    allow_only(root, "Rule")
    rules = tuple(map(_rule, root))
    ids = [rule.id for rule in rules if rule.id]
    if len(set(ids)) != len(ids):
        message = "Rule ID must be unique. Found same ID for more than one rule"
        raise S3Error("InvalidArgument", message)
    return rules


def _rule(element: Element) -> Rule:
    if any(child.name in _TRANSITIONS for child in element):
        raise S3Error("NotImplemented", "There is one storage class, and nothing to move to.")
    allow_only(element, *_RULE, *_ACTIONS)
    name, status = only(element, "ID") or "", only(element, "Status")
    if len(name) > ID_LENGTH_MAX:
        message = f"ID length should not exceed allowed limit of {ID_LENGTH_MAX}"
        raise S3Error("InvalidArgument", message)
    if status not in ("Enabled", "Disabled"):
        raise S3Error("MalformedXML")
    if all(element.find(action) is None for action in _ACTIONS):
        raise S3Error("InvalidRequest", "At least one action needs to be specified in a rule")
    rule = Rule(name, status == "Enabled", _filter_of(element))
    return _abort(_noncurrent(_expiration(rule, element), element), element)


def _filter_of(element: Element) -> Filter:
    prefix, filters = only(element, "Prefix"), element.all("Filter")
    if len(filters) + (prefix is not None) != 1:
        raise S3Error("MalformedXML")
    if prefix is not None:
        return Filter(prefix)
    outer = filters[0]
    allow_only(outer, *_CONDITIONS, "And")
    if len(outer.children) > 1:
        raise S3Error("MalformedXML")
    joined = outer.find("And")
    return _conditions(outer if joined is None else joined)


def _conditions(element: Element) -> Filter:
    allow_only(element, *_CONDITIONS)
    tags = tuple(map(_tag, element.all("Tag")))
    if len({key for key, _ in tags}) != len(tags):
        raise S3Error("InvalidRequest", "Duplicate Tag Keys are not allowed.")
    over, under = only(element, "ObjectSizeGreaterThan"), only(element, "ObjectSizeLessThan")
    found = Filter(
        only(element, "Prefix") or "",
        tags,
        -1 if over is None else integer(over),
        None if under is None else integer(under),
    )
    if (over is not None and found.size_over < 0) or (
        found.size_under is not None and found.size_under <= max(found.size_over, 0)
    ):
        message = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        raise S3Error("InvalidRequest", message)
    return found


def _tag(element: Element) -> tuple[str, str]:
    allow_only(element, "Key", "Value")
    key, value = only(element, "Key"), only(element, "Value")
    if not key or value is None:
        raise S3Error("MalformedXML")
    return key, value


def _the_one(element: Element, name: str, *fields: str) -> Element | None:
    """Return the one child of a name, which has some of the fields and no others."""
    found = element.all(name)
    if not found:
        return None
    if len(found) > 1 or not found[0].children:
        raise S3Error("MalformedXML")
    allow_only(found[0], *fields)
    return found[0]


def _expiration(rule: Rule, element: Element) -> Rule:
    found = _the_one(element, "Expiration", "Days", "Date", "ExpiredObjectDeleteMarker")
    if found is None:
        return rule
    if len(found.children) != 1:
        raise S3Error("MalformedXML")
    days, date = only(found, "Days"), only(found, "Date")
    if days is not None:
        return rule._replace(days=_positive(days, "Days", "Expiration"))
    if date is not None:
        return rule._replace(at_s=_midnight(date))
    expires_markers = boolean(only(found, "ExpiredObjectDeleteMarker"))
    if expires_markers and rule.filter.tags:
        message = "ExpiredObjectDeleteMarker cannot be specified with Tags."
        raise S3Error("InvalidRequest", message)
    return rule._replace(expires_markers=expires_markers)


def _noncurrent(rule: Rule, element: Element) -> Rule:
    action = "NoncurrentVersionExpiration"
    found = _the_one(element, action, "NoncurrentDays", "NewerNoncurrentVersions")
    if found is None:
        return rule
    days, kept = only(found, "NoncurrentDays"), only(found, "NewerNoncurrentVersions")
    if days is None:
        raise S3Error("MalformedXML")
    number = 0 if kept is None else _positive(kept, "NewerNoncurrentVersions", action)
    if number > NONCURRENT_KEPT_MAX:
        message = f"'NewerNoncurrentVersions' must be at most {NONCURRENT_KEPT_MAX}"
        raise S3Error("InvalidArgument", message)
    return rule._replace(
        noncurrent_days=_positive(days, "NoncurrentDays", action), noncurrent_kept=number
    )


def _abort(rule: Rule, element: Element) -> Rule:
    action = "AbortIncompleteMultipartUpload"
    found = _the_one(element, action, "DaysAfterInitiation")
    if found is None:
        return rule
    if rule.filter.tags or rule.filter.size_over >= 0 or rule.filter.size_under is not None:
        message = f"{action} cannot be specified with Tags or sizes."
        raise S3Error("InvalidRequest", message)
    days = only(found, "DaysAfterInitiation") or ""
    return rule._replace(abort_days=_positive(days, "DaysAfterInitiation", action))


def _positive(text: str, name: str, action: str) -> int:
    number = integer(text)
    if number < 1:
        message = f"'{name}' for {action} action must be a positive integer"
        raise S3Error("InvalidArgument", message)
    return number


def _midnight(text: str) -> int:
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        raise S3Error("MalformedXML") from None
    date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    if (date.hour, date.minute, date.second, date.microsecond) != _MIDNIGHT:
        raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
    return int(date.timestamp())

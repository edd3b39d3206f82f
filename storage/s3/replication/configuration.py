"""The document ReplicationConfiguration: read, checked, and matched with objects.

Amazon S3 API Reference, "PutBucketReplication"; S3 User Guide, "Replication configuration file
elements".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from storage.s3.errors import S3Error
from storage.s3.subresources.documents import allow_only, integer, only, parse_document
from storage.s3.xml import Element

REPLICATION = "replication"
ROOT = "ReplicationConfiguration"
RULES_MAX = 1000
_RULE = (
    "ID",
    "Priority",
    "Prefix",
    "Filter",
    "Status",
    "Destination",
    "DeleteMarkerReplication",
    "ExistingObjectReplication",
    "SourceSelectionCriteria",
)
_STATES = ("Enabled", "Disabled")


class Rule(NamedTuple):
    """Which objects are sent where.

    Attributes:
        id: of the rule.
        priority: of rules with one destination the highest counts.
        is_enabled: it counts at all.
        prefix: that names must begin with.
        tags: that objects must have.
        arn: names the destination.
        sends_markers: delete markers are sent, too.
    """

    id: str
    priority: int
    is_enabled: bool
    prefix: str
    tags: tuple[tuple[str, str], ...]
    arn: str
    sends_markers: bool

    def admits(self, name: str, tags: Mapping[str, str]) -> bool:
        """Tell whether an object is meant."""
        has_tags = all(tags.get(key) == value for key, value in self.tags)
        return self.is_enabled and name.startswith(self.prefix) and has_tags


def rules_for(
    rules: Iterable[Rule], name: str, tags: Mapping[str, str], *, is_marker: bool
) -> list[Rule]:
    """Return the rule that counts for each destination that an object is sent to."""
    found: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda rule: rule.priority):
        if rule.admits(name, tags):
            found[rule.arn] = rule
    return [rule for rule in found.values() if rule.sends_markers or not is_marker]


def parse_replication(data: bytes) -> tuple[Rule, ...]:
    """Return the rules in a document.

    Raises:
        S3Error: MalformedXML or InvalidArgument; NotImplemented where existing objects are to be
            replicated.
    """
    root = parse_document(data, ROOT)
    allow_only(root, "Role", "Rule")
    rules = tuple(map(_rule, root.all("Rule")))
    if not 1 <= len(rules) <= RULES_MAX:
        raise S3Error("MalformedXML")
    ids = [rule.id for rule in rules if rule.id]
    if len(set(ids)) != len(ids):
        raise S3Error("InvalidArgument", "Rule ids must be unique")
    places = [(rule.arn, rule.priority) for rule in rules]
    if len(set(places)) != len(places):
        raise S3Error("InvalidRequest", "Found duplicate priority among rules of a destination")
    return rules


def check_destinations(rules: Iterable[Rule], known: Collection[str]) -> None:
    """Return where the operator has set up all destinations.

    Raises:
        S3Error: InvalidRequest.
    """
    for rule in rules:
        if rule.arn not in known:
            raise S3Error("InvalidRequest", f"The destination {rule.arn} is not known here")


def _rule(element: Element) -> Rule:
    allow_only(element, *_RULE)
    status, destination = only(element, "Status"), element.find("Destination")
    arn = None if destination is None else only(destination, "Bucket")
    if status not in _STATES or not arn:
        raise S3Error("MalformedXML")
    if _state(element, "ExistingObjectReplication"):
        raise S3Error("NotImplemented", "Objects that are there already are not replicated.")
    prefix, tags = _filter(element)
    if tags and _state(element, "DeleteMarkerReplication"):
        message = "Delete marker replication is not supported if any Tag filter is specified."
        raise S3Error("InvalidRequest", message)
    priority = only(element, "Priority")
    return Rule(
        only(element, "ID") or "",
        0 if priority is None else integer(priority),
        status == "Enabled",
        prefix,
        tags,
        arn.strip(),
        _state(element, "DeleteMarkerReplication"),
    )


def _state(element: Element, name: str) -> bool:
    """Tell whether a part of a rule says that it is enabled."""
    part = element.find(name)
    return part is not None and only(part, "Status") == "Enabled"


def _filter(element: Element) -> tuple[str, tuple[tuple[str, str], ...]]:
    found = element.find("Filter")
    if found is None:
        return only(element, "Prefix") or "", ()
    allow_only(found, "Prefix", "Tag", "And")
    if len(found.children) > 1:
        raise S3Error("MalformedXML")
    inner = found.find("And") or found
    allow_only(inner, "Prefix", "Tag", *(("And",) if inner is found else ()))
    tags = tuple((only(tag, "Key") or "", only(tag, "Value") or "") for tag in inner.all("Tag"))
    return only(inner, "Prefix") or "", tags

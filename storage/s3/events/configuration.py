"""The document NotificationConfiguration: read, checked, and matched with events.

Amazon S3 API Reference, "PutBucketNotificationConfiguration"; S3 User Guide, "Supported event types
for SQS, SNS, and Lambda" and "Configuring event notifications using object key name filtering".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import combinations
from typing import NamedTuple
from urllib.parse import unquote_plus

from storage.s3.errors import S3Error
from storage.s3.subresources.documents import allow_only, only, parse_document, texts
from storage.s3.xml import Content, Element, document

NOTIFICATION = "notification"
ROOT = "NotificationConfiguration"
RULES_MAX = 100
AFFIX_LENGTH_MAX = 1024
_ARN_ELEMENTS = {
    "TopicConfiguration": "Topic",
    "QueueConfiguration": "Queue",
    "CloudFunctionConfiguration": "CloudFunction",
}
EVENT_KINDS = frozenset(
    f"{family}:{one}"
    for family, kinds in {
        "ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
        "ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
        "ObjectTagging": ("Put", "Delete"),
        "ObjectAcl": ("Put",),
        "LifecycleExpiration": ("Delete", "DeleteMarkerCreated"),
        "Replication": (
            "OperationFailedReplication",
            "OperationMissedThreshold",
            "OperationNotTracked",
            "OperationReplicatedAfterThreshold",
        ),
        "ObjectRestore": ("Post", "Completed", "Delete"),
    }.items()
    for one in kinds
)
"""What can be asked for. Nothing happens of the last two families: their rules wait in vain."""

_WILDCARDS = frozenset(f"{kind.partition(':')[0]}:*" for kind in EVENT_KINDS)
_SINGLE = frozenset(("ReducedRedundancyLostObject", "LifecycleTransition", "IntelligentTiering"))


class Rule(NamedTuple):
    """Who is told of what.

    Attributes:
        id: of the rule.
        arn: names the target.
        kinds: of events, without "s3:"; may end in an asterisk.
        prefix: that names must begin with.
        suffix: that names must end with.
    """

    id: str
    arn: str
    kinds: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def admits(self, kind: str, name: str) -> bool:
        """Tell whether an event is one to be told of."""
        return (
            name.startswith(self.prefix)
            and name.endswith(self.suffix)
            and any(_covers(wanted, kind) for wanted in self.kinds)
        )


def parse_notification(data: bytes) -> tuple[Rule, ...]:
    """Return the rules in a document, which may have none.

    Raises:
        S3Error: MalformedXML or InvalidArgument.
    """
    return _rules(parse_document(data, ROOT))


def check_targets(rules: Collection[Rule], known: Collection[str]) -> None:
    """Return where the operator has set up all targets.

    Raises:
        S3Error: InvalidArgument.
    """
    unknown = [rule.arn for rule in rules if rule.arn not in known]
    if unknown:
        raise S3Error(
            "InvalidArgument",
            "Unable to validate the following destination configurations",
            ArgumentName=unknown[0],
            ArgumentValue="The destination is not known here",
        )


def with_ids(data: bytes, draw: Callable[[], str]) -> bytes:
    """Return a valid document in which every rule has an id.

    Args:
        data: the document.
        draw: returns a new id.

    Raises:
        S3Error: as `parse_notification`.
    """
    root = parse_document(data, ROOT)
    _rules(root)
    for rule in root:
        if rule.name in _ARN_ELEMENTS and not rule.value("Id"):
            rule.children = [child for child in rule if child.name != "Id"]
            made = Element("Id", {})
            made.text = draw()
            rule.children.insert(0, made)
    return document(ROOT, _content(root))


def _content(element: Element) -> Content:
    if not element.children:
        return element.text.strip()
    return [(child.name, _content(child)) for child in element]


def _rules(root: Element) -> tuple[Rule, ...]:
    allow_only(root, *_ARN_ELEMENTS, "EventBridgeConfiguration")
    if root.find("EventBridgeConfiguration") is not None:
        raise S3Error("NotImplemented", "There is no EventBridge here.")
    if len(root.children) > RULES_MAX:
        raise S3Error("InvalidArgument", f"A bucket may have {RULES_MAX} configurations.")
    rules = tuple(map(_rule, root))
    ids = [rule.id for rule in rules if rule.id]
    if len(set(ids)) != len(ids):
        raise S3Error("InvalidArgument", "Same ID used for multiple configurations.")
    if any(_is_ambiguous(one, other) for one, other in combinations(rules, 2)):
        message = (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules "
            "if the prefixes are overlapping for the same event type."
        )
        raise S3Error("InvalidArgument", message)
    return rules


def _rule(element: Element) -> Rule:
    arn_element = _ARN_ELEMENTS[element.name]
    allow_only(element, "Id", arn_element, "Event", "Filter")
    arn, kinds = only(element, arn_element), texts(element, "Event")
    if not arn or not kinds:
        raise S3Error("MalformedXML")
    for kind in kinds:
        name = kind.removeprefix("s3:")
        if name == kind or name not in EVENT_KINDS | _WILDCARDS | _SINGLE:
            message = f"The event '{kind}' is not supported for notifications"
            raise S3Error("InvalidArgument", message, ArgumentName="Event", ArgumentValue=kind)
    bare = tuple(kind.removeprefix("s3:") for kind in kinds)
    if any(_overlap(one, other) for one, other in combinations(bare, 2)):
        raise S3Error("InvalidArgument", "An event type is covered twice by one configuration.")
    return Rule(only(element, "Id") or "", arn.strip(), bare, *_affixes(element))


def _affixes(element: Element) -> tuple[str, str]:
    """Return the prefix and the suffix that a rule asks for."""
    filters = element.all("Filter")
    if not filters:
        return "", ""
    allow_only(filters[0], "S3Key")
    found: dict[str, str] = {}
    for part in filters[0]:
        allow_only(part, "FilterRule")
        for one in part:
            allow_only(one, "Name", "Value")
            name, value = (only(one, "Name") or "").lower(), only(one, "Value") or ""
            if name not in ("prefix", "suffix"):
                message = "filter rule name must be either prefix or suffix"
                raise S3Error("InvalidArgument", message, ArgumentName="FilterRule.Name")
            if name in found:
                message = f"Cannot specify more than one {name} rule in a filter."
                raise S3Error("InvalidArgument", message)
            if len(value) > AFFIX_LENGTH_MAX:
                message = f"Size of filter rule value cannot exceed {AFFIX_LENGTH_MAX} bytes"
                raise S3Error("InvalidArgument", message)
            found[name] = unquote_plus(value)
    return found.get("prefix", ""), found.get("suffix", "")


def _is_ambiguous(one: Rule, other: Rule) -> bool:
    """Tell whether an event could be meant by two rules."""
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    return prefixes and suffixes and any(_overlap(a, b) for a in one.kinds for b in other.kinds)


def _overlap(one: str, other: str) -> bool:
    return _covers(one, other) or _covers(other, one)


def _covers(wanted: str, kind: str) -> bool:
    """Tell whether a kind that is asked for, perhaps with an asterisk, includes another."""
    return wanted == kind or (wanted.endswith("*") and kind.startswith(wanted[:-1]))

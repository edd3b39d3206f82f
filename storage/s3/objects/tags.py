"""Tags of objects: in the header x-amz-tagging, in XML, and in records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from storage.object.record import ObjectRecord
from storage.s3.errors import S3Error
from storage.s3.xml import Content, Element

TAGS = "x-tagging"
"""The system metadata that holds an object's tags, URL-encoded."""

COUNT_MAX = 10
KEY_LENGTH_MAX = 128
VALUE_LENGTH_MAX = 256

_FORBIDDEN = re.compile(r"[^\w\s.:/=+\-@]")
_INVALID_HEADER = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."  # noqa: E501


def tags_of(record: ObjectRecord) -> dict[str, str]:
    """Return an object's tags."""
    return parse_stored(record.system.get(TAGS, ""))


def parse_stored(text: str) -> dict[str, str]:
    """Return tags from their recorded form."""
    return dict(parse_qsl(text, keep_blank_values=True))


def format_stored(tags: Mapping[str, str]) -> str:
    """Return tags in their recorded form."""
    return urlencode(tags)


def parse_header(value: bytes) -> dict[str, str]:
    """Return the tags of a header x-amz-tagging.

    Raises:
        S3Error: InvalidArgument, InvalidTag or BadRequest.
    """
    try:
        pairs = parse_qsl(value.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        pairs = []
    tags = dict(pairs)
    if len(tags) != len(pairs) or (value and not pairs):
        shown = value.decode("latin-1")
        raise S3Error(
            "InvalidArgument", _INVALID_HEADER, ArgumentName="x-amz-tagging", ArgumentValue=shown
        )
    return check(tags)


def parse_xml(tagging: Element, count_max: int = COUNT_MAX) -> dict[str, str]:
    """Return the tags of a document Tagging.

    Args:
        tagging: the document.
        count_max: how many there may be.

    Raises:
        S3Error: MalformedXML, InvalidTag or BadRequest.
    """
    tag_set = tagging.find("TagSet")
    if tag_set is None or len(tagging.children) != 1:
        raise S3Error("MalformedXML")
    tags: dict[str, str] = {}
    for tag in tag_set:
        key, value = tag.value("Key"), tag.value("Value")
        if tag.name != "Tag" or key is None or value is None:
            raise S3Error("MalformedXML")
        if key in tags:
            raise S3Error(
                "InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key
            )
        tags[key] = value
    return check(tags, count_max)


def to_xml(tags: Mapping[str, str]) -> Content:
    """Return the content of a document Tagging."""
    pairs: Iterable[tuple[str, Content]] = [
        ("Tag", (("Key", key), ("Value", value))) for key, value in tags.items()
    ]
    return (("TagSet", pairs),)


def check(tags: dict[str, str], count_max: int = COUNT_MAX) -> dict[str, str]:
    """Return tags that an object or bucket may have.

    Args:
        tags: key → value.
        count_max: how many there may be.

    Raises:
        S3Error: InvalidTag or BadRequest.
    """
    if len(tags) > count_max:
        kind = "Object tags" if count_max == COUNT_MAX else "Bucket tag count"
        raise S3Error("BadRequest", f"{kind} cannot be greater than {count_max}")
    for key, value in tags.items():
        if not 1 <= len(key) <= KEY_LENGTH_MAX or _FORBIDDEN.search(key):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if key.startswith("aws:"):
            text = "System tags cannot be added/updated by requester"
            raise S3Error("InvalidTag", text, TagKey=key)
        if len(value) > VALUE_LENGTH_MAX or _FORBIDDEN.search(value):
            raise S3Error(
                "InvalidTag",
                "The TagValue you have provided is invalid",
                TagKey=key,
                TagValue=value,
            )
    return tags

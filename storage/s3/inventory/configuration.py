"""The document InventoryConfiguration, and the one document that holds all of a bucket.

Amazon S3 API Reference, "PutBucketInventoryConfiguration"; S3 User Guide, "Amazon S3 Inventory".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from storage.s3.errors import S3Error
from storage.s3.subresources.documents import allow_only, boolean, only, parse_document, texts
from storage.s3.xml import Content, Element, document

INVENTORY = "inventory"
ROOT = "InventoryConfiguration"
LIST_ROOT = "ListInventoryConfigurationsResult"
CONFIGURATIONS_MAX = 1000
FIELDS = (
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
)
"""Optional fields that there are here, in the order that files have them."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ARN_PREFIX = "arn:aws:s3:::"
_FREQUENCIES = ("Daily", "Weekly")
_PARTS = (
    "Id",
    "IsEnabled",
    "IncludedObjectVersions",
    "Filter",
    "Destination",
    "Schedule",
    "OptionalFields",
)


class Inventory(NamedTuple):
    """One inventory of a bucket.

    Attributes:
        id: names it.
        is_enabled: it is written.
        all_versions: of all versions, not of the current ones alone.
        prefix: that names must begin with.
        target: name of the bucket that it is written to.
        target_prefix: of the names of its files; empty, or without a slash at its end.
        is_weekly: it is written on Sundays, else daily.
        fields: those of `FIELDS` that it has.
    """

    id: str
    is_enabled: bool
    all_versions: bool
    prefix: str
    target: str
    target_prefix: str
    is_weekly: bool
    fields: tuple[str, ...]


def parse_all(data: bytes) -> Mapping[str, tuple[Inventory, Element]]:
    """Return all inventories of a bucket by id, each with the element that says so."""
    listed = parse_document(data, LIST_ROOT).all(ROOT)
    return {found.id: (found, one) for one in listed for found in (read_inventory(one),)}


def format_all(elements: Mapping[str, Element]) -> bytes:
    """Return the document of all inventories of a bucket, which is also their list."""
    listed = [(ROOT, content_of(elements[name])) for name in sorted(elements)]
    return document(LIST_ROOT, [*listed, ("IsTruncated", False)])


def content_of(element: Element) -> Content:
    """Return what an element holds, to be written again."""
    if not element.children:
        return element.text.strip()
    return [(child.name, content_of(child)) for child in element]


def read_inventory(root: Element) -> Inventory:
    """Return the inventory that a document asks for.

    Raises:
        S3Error: MalformedXML or InvalidArgument; NotImplemented for other formats than CSV, for
            encryption, and for fields that there are not.
    """
    allow_only(root, *_PARTS)
    name, versions = only(root, "Id") or "", only(root, "IncludedObjectVersions")
    schedule, destination = root.find("Schedule"), root.find("Destination")
    if schedule is None or destination is None or versions not in ("All", "Current"):
        raise S3Error("MalformedXML")
    if not _ID.fullmatch(name):
        raise S3Error("InvalidArgument", "The id is not valid", ArgumentName="Id")
    frequency = only(schedule, "Frequency")
    if frequency not in _FREQUENCIES or root.find("IsEnabled") is None:
        raise S3Error("MalformedXML")
    filtered, optional = root.find("Filter"), root.find("OptionalFields")
    fields = () if optional is None else texts(optional, "Field")
    if any(field not in FIELDS for field in fields):
        raise S3Error("NotImplemented", f"Fields are {', '.join(FIELDS)}.")
    return Inventory(
        name,
        boolean(only(root, "IsEnabled")),
        versions == "All",
        "" if filtered is None else only(filtered, "Prefix") or "",
        *_destination(destination),
        frequency == "Weekly",
        tuple(field for field in FIELDS if field in fields),
    )


def _destination(destination: Element) -> tuple[str, str]:
    """Return bucket and prefix of the files."""
    bucket = destination.find("S3BucketDestination")
    if bucket is None:
        raise S3Error("MalformedXML")
    allow_only(bucket, "AccountId", "Bucket", "Format", "Prefix", "Encryption")
    arn = only(bucket, "Bucket") or ""
    if not arn.startswith(_ARN_PREFIX) or arn == _ARN_PREFIX:
        raise S3Error("InvalidArgument", "The destination is no bucket's ARN")
    if only(bucket, "Format") != "CSV" or bucket.find("Encryption") is not None:
        raise S3Error("NotImplemented", "Inventories are CSV, and not encrypted.")
    return arn.removeprefix(_ARN_PREFIX), (only(bucket, "Prefix") or "").rstrip("/")

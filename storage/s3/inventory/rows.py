"""The lines of an inventory file. S3 User Guide, "Amazon S3 Inventory list"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote_plus

from storage.container.versions import VersionEntry
from storage.object.record import NULL_VERSION
from storage.s3.dates import iso
from storage.s3.inventory.configuration import Inventory

LOCK_FIELDS = ("ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus")
"""Optional fields that listings do not know."""


def schema_of(inventory: Inventory) -> tuple[str, ...]:
    """Return the names of an inventory's columns."""
    versions = ("VersionId", "IsLatest", "IsDeleteMarker") if inventory.all_versions else ()
    return ("Bucket", "Key", *versions, *inventory.fields)


def csv_line(
    inventory: Inventory, bucket: str, entry: VersionEntry, system: Mapping[str, str]
) -> bytes:
    """Return the line of a version: every value in quotes, the name encoded as in URLs.

    Args:
        inventory: which columns there are.
        bucket: name of the bucket.
        entry: of its listing.
        system: the object's system metadata, where the columns need it.
    """
    values = [bucket, quote_plus(entry.name, safe="/")]
    if inventory.all_versions:
        version = "null" if entry.version == NULL_VERSION else entry.version.hex()
        values += [version, _boolean(entry.is_latest), _boolean(entry.is_delete_marker)]
    row = entry.row
    for field in inventory.fields:
        value = ""
        if field == "LastModifiedDate" and row is not None:
            value = iso(row.created)
        elif field == "StorageClass":
            value = "STANDARD"
        elif field in LOCK_FIELDS:
            value = _lock(field, system)
        elif row is not None and not entry.is_delete_marker:
            shown = {
                "Size": str(row.size_bytes),
                "ETag": row.etag,
                "IsMultipartUploaded": _boolean("-" in row.etag),
            }
            value = shown[field]
        values.append(value)
    return (",".join(f'"{value}"' for value in values) + "\n").encode()


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _lock(field: str, system: Mapping[str, str]) -> str:
    if field == "ObjectLockMode":
        return system.get("x-object-lock-mode", "")
    if field == "ObjectLockLegalHoldStatus":
        return "On" if system.get("x-object-lock-hold") == "ON" else "Off"
    until = system.get("x-object-lock-until")
    return f"{datetime.fromtimestamp(int(until), UTC):%Y-%m-%dT%H:%M:%S.000Z}" if until else ""

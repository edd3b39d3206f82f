"""Versions of objects as a container lists them: by name, the newest of each first.

Their rows stand under an id of their own, beside those of the objects. A row is named
`object name ‖ NUL ‖ inverse created timestamp in hex`: the newest version of a name comes first. A
null version that was written where nobody versioned has no such row as long as it is current: the
object's own row stands for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from blake3 import blake3

from storage.container.listing import LIMIT_MAX, Source, rolled_up, successor
from storage.container.row import CREATED, MARKER, MODIFIED, SHOWN, VERSION, Row
from storage.object.record import NULL_VERSION, ObjectRecord, State
from storage.path import COLLECTION_ID_SIZE_BYTES
from storage.timestamp import TIMESTAMP_SIZE_BYTES, Timestamp, inverse

IDS_KNOWN_MAX = 1024
_PAST_VERSIONS = b"\1"
_SUFFIX_SIZE_BYTES = 1 + 2 * TIMESTAMP_SIZE_BYTES


class VersionQuery(NamedTuple):
    """What a listing of versions asks for.

    Attributes:
        limit: entries at most.
        key_marker: only names after it; with a version marker also what follows in this name.
        version_marker: only versions of the marked name that come after this one; empty for none.
        prefix: only names that begin with it.
        delimiter: names with it behind the prefix are rolled up into one entry.
    """

    limit: int = LIMIT_MAX
    key_marker: str = ""
    version_marker: bytes = b""
    prefix: str = ""
    delimiter: str = ""


class VersionEntry(NamedTuple):
    """A line of a listing of versions.

    Attributes:
        name: of the object, or the rolled-up prefix.
        version: its write id, or `NULL_VERSION`; empty for a rolled-up prefix.
        is_latest: the newest version of its name.
        is_delete_marker: it marks a deletion.
        row: size, etag, content type and times; nothing for a rolled-up prefix.
    """

    name: str
    version: bytes
    is_latest: bool
    is_delete_marker: bool
    row: Row | None


@lru_cache(maxsize=IDS_KNOWN_MAX)
def versions_id(container_id: bytes) -> bytes:
    """Return the id under which the rows of a container's versions stand."""
    return blake3(container_id + b"versions").digest(COLLECTION_ID_SIZE_BYTES)


def version_row_name(name: str, created: bytes) -> str:
    """Return the name of a version's row."""
    return f"{name}\0{inverse(created).hex()}"


def object_row(record: ObjectRecord | None, timestamp: Timestamp, policy: int) -> Row:
    """Return the row of a name whose current version is the one given.

    Args:
        record: the current version; nothing where none can be seen.
        timestamp: of the latest of all writes to the name.
        policy: storage policy.
    """
    if record is None or record.state != State.DATA:
        return Row(timestamp, deleted=True, objects=0, policy=policy)
    extra = {}
    if timestamp != record.changed:
        extra[MODIFIED] = record.changed.hex()
    if record.created != record.changed:
        extra[CREATED] = record.created.hex()
    return _row(record, timestamp, policy, extra)


def version_row(record: ObjectRecord, policy: int) -> Row:
    """Return the row of a version; it never changes until the version is deleted."""
    extra = {} if record.state == State.DATA else {MARKER: "yes"}
    return _row(record, record.created, policy, extra)


def removed_version_row(timestamp: Timestamp, policy: int) -> Row:
    """Return the row of a version that was deleted, or replaced, at a time."""
    return Row(timestamp, deleted=True, objects=0, policy=policy)


def _row(record: ObjectRecord, timestamp: Timestamp, policy: int, extra: dict[str, str]) -> Row:
    if not record.is_null:
        extra[VERSION] = record.write_id.hex()
    for name in SHOWN:
        if name in record.system:
            extra[name] = record.system[name]
    return Row(
        timestamp,
        False,
        int(record.state == State.DATA),
        record.size_bytes,
        record.etag,
        record.content_type,
        policy,
        extra or None,
    )


def list_versions(
    objects: Source, versions: Source, query: VersionQuery, marked: bytes | None
) -> list[VersionEntry]:
    """Return the entries of one page.

    Args:
        objects: rows of the current objects, not older than those of the versions.
        versions: rows of the versions.
        query: what to list.
        marked: `created` of the version that the query's version marker names, where that is
            known.
    """
    prefix, delimiter = query.prefix.encode(), query.delimiter.encode()
    marker = query.key_marker.encode()
    after = _after_marked(versions, query, marked) if query.version_marker else b""
    start = max(prefix, marker if after else marker + _PAST_VERSIONS if marker else b"")
    entries: list[VersionEntry] = []
    resume: bytes | None = start
    while resume is not None:
        groups = _groups(objects, versions, resume, after if resume == marker else resume)
        resume = None
        for name, lines in groups:
            if len(entries) >= query.limit or not name.startswith(prefix):
                break
            rolled = rolled_up(name, prefix, delimiter)
            if rolled is not None:
                if rolled != marker:
                    entries.append(VersionEntry(rolled.decode(), b"", False, False, None))
                resume = successor(rolled) or None
                break
            is_marked = name == marker  # its latest version is on an earlier page
            for place, (is_own, row) in enumerate(lines):
                if len(entries) >= query.limit:
                    return entries
                if not (is_marked and is_own):
                    entries.append(_entry(name, row, is_latest=not is_marked and place == 0))
    return entries


def _after_marked(versions: Source, query: VersionQuery, marked: bytes | None) -> bytes:
    """Return where the rows begin that come after the marked version; empty for the next name."""
    created = marked or _find_marked(versions, query)
    if created is None:
        return b""
    return version_row_name(query.key_marker, created).encode() + b"\0"


def _find_marked(versions: Source, query: VersionQuery) -> bytes | None:
    """Return the `created` of the marked version by its row; nothing where none can be told.

    The record of a version that is listed may not be at a majority. Where its row is gone too,
    the page goes on with what was written before the version's upload began.
    """
    of_name = query.key_marker.encode() + b"\0"
    for name, row in versions.scan(of_name):
        if not name.startswith(of_name):
            break
        if not row.deleted and _version(row) == query.version_marker:
            return row.timestamp
    return None if query.version_marker == NULL_VERSION else query.version_marker


def _groups(
    objects: Source, versions: Source, start: bytes, versions_start: bytes
) -> Iterator[tuple[bytes, Iterator[tuple[bool, Row]]]]:
    """Walk names that live or have versions, each with its rows, the newest first."""
    own = ((name, b"", row) for name, row in objects.scan(start) if not row.deleted)
    others = (
        (name[:-_SUFFIX_SIZE_BYTES], name[-_SUFFIX_SIZE_BYTES:], row)
        for name, row in versions.scan(versions_start)
        if not row.deleted
    )
    merged = heapq.merge(own, others, key=itemgetter(0, 1))
    for name, group in groupby(merged, key=itemgetter(0)):
        yield name, _lines(group)


def _lines(group: Iterator[tuple[bytes, bytes, Row]]) -> Iterator[tuple[bool, Row]]:
    """Walk the rows of a name; the object's own only where no version's row stands for it."""
    own: Row | None = None
    for _, order, row in group:
        if not order:
            own = row
            continue
        if own is not None and _version(own) != _version(row):
            yield True, own
        own = None
        yield False, row
    if own is not None:
        yield True, own


def _version(row: Row) -> bytes:
    version = row.extra and row.extra.get(VERSION)
    return bytes.fromhex(version) if version else NULL_VERSION


def _entry(name: bytes, row: Row, *, is_latest: bool) -> VersionEntry:
    is_marker = bool(row.extra and MARKER in row.extra)
    return VersionEntry(name.decode(), _version(row), is_latest, is_marker, row)

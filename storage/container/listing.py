"""Listings: pure functions over one or more sorted sources of rows.

The semantics are Swift's (container listing, Object Storage API v1), which S3's are a part of:
names in the byte order of UTF-8, `marker` and `end_marker` exclusive, a delimiter rolls names up.
A rolled-up prefix is skipped with one seek, however many names are below it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeVar

from storage.container.row import Row

LIMIT_MAX = 10_000
K = TypeVar("K")


class Query(NamedTuple):
    """What a listing asks for.

    Attributes:
        limit: entries at most.
        marker: only what comes after it in the direction of the listing.
        end_marker: only what comes before it in the direction of the listing.
        prefix: only names that begin with it.
        delimiter: names with it behind the prefix are rolled up into one entry.
        path: Swift's pseudo directory: only what lies directly in it; stands for prefix and
            delimiter, and lists no rolled-up entries.
        reverse: from the last to the first.
    """

    limit: int = LIMIT_MAX
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False


class Entry(NamedTuple):
    """A line of a listing; a rolled-up prefix has no row."""

    name: str
    row: Row | None


Pair = tuple[bytes, Row]


class Source(NamedTuple):
    """One replica's rows, sorted.

    Attributes:
        scan: names at or after the one given, upwards.
        scan_back: names before the one given (empty: all), downwards.
    """

    scan: Callable[[bytes], Iterator[Pair]]
    scan_back: Callable[[bytes], Iterator[Pair]]


def by_name(sources: Mapping[K, Source]) -> Iterator[tuple[bytes, dict[K, Row]]]:
    """Walk the names that any of several replicas knows, each with the rows they have of it."""

    def labelled(key: K, pairs: Iterator[Pair]) -> Iterator[tuple[bytes, K, Row]]:
        for name, row in pairs:
            yield name, key, row

    walks = [labelled(key, source.scan(b"")) for key, source in sources.items()]
    for name, group in groupby(heapq.merge(*walks, key=itemgetter(0)), key=itemgetter(0)):
        yield name, {key: row for _, key, row in group}


def merged(sources: Sequence[Source]) -> Source:
    """Return several replicas as one source: of rows with one name the newest."""
    if len(sources) == 1:
        return sources[0]
    return Source(
        lambda start: _newest(
            heapq.merge(*(one.scan(start) for one in sources), key=itemgetter(0))
        ),
        lambda end: _newest(
            heapq.merge(*(one.scan_back(end) for one in sources), key=itemgetter(0), reverse=True)
        ),
    )


def _newest(pairs: Iterator[Pair]) -> Iterator[Pair]:
    held: Pair | None = None
    for pair in pairs:
        if held is None or pair[0] != held[0]:
            if held is not None:
                yield held
            held = pair
        elif pair[1].timestamp > held[1].timestamp:
            held = pair
    if held is not None:
        yield held


def list_rows(source: Source, query: Query) -> list[Entry]:
    """Return the entries of one page.

    Args:
        source: of rows.
        query: what to list; the limit is at most `LIMIT_MAX`.
    """
    if query.path is not None:
        directory = query.path.rstrip("/") + "/" if query.path else ""
        query = query._replace(prefix=directory, delimiter="/")
    return (_descend if query.reverse else _ascend)(source, query)


def successor(prefix: bytes) -> bytes:
    """Return the least byte string above all that begin with a prefix; empty for no bound."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b""


def rolled_up(name: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """Return what a name is rolled up to, or nothing where it stands for itself."""
    at = name.find(delimiter, len(prefix)) if delimiter else -1
    return None if at < 0 else name[: at + len(delimiter)]


def _ascend(source: Source, query: Query) -> list[Entry]:
    marker, end_marker = query.marker.encode(), query.end_marker.encode()
    start = max(query.prefix.encode(), marker + b"\0" if marker else b"")

    def is_past(name: bytes) -> bool:
        return bool(end_marker) and name >= end_marker

    return _walk(source.scan, start, is_past, successor, query.marker, query)


def _descend(source: Source, query: Query) -> list[Entry]:
    marker, end_marker = query.marker.encode(), query.end_marker.encode()
    bounds = [bound for bound in (successor(query.prefix.encode()), marker) if bound]

    def is_past(name: bytes) -> bool:
        return bool(end_marker) and name <= end_marker

    def beyond(rolled: bytes) -> bytes:
        return rolled + b"\0" if query.path is not None else rolled  # "directory/" is an object

    start = min(bounds, default=b"")
    return _walk(source.scan_back, start, is_past, beyond, query.end_marker, query)


def _walk(
    scan: Callable[[bytes], Iterator[Pair]],
    start: bytes,
    is_past: Callable[[bytes], bool],
    beyond: Callable[[bytes], bytes],
    lower: str,
    query: Query,
) -> list[Entry]:
    """Collect entries; after a rolled-up prefix the walk begins again `beyond` it.

    A prefix that is itself the `lower` marker is not listed, as no entry that equals it is.
    """
    prefix, delimiter = query.prefix.encode(), query.delimiter.encode()
    entries: list[Entry] = []
    resume: bytes | None = start
    while resume is not None:
        rows, resume = scan(resume), None
        for name, row in rows:
            if len(entries) >= query.limit or is_past(name) or not name.startswith(prefix):
                break
            if row.deleted or (query.path is not None and name == prefix):
                continue
            rolled = rolled_up(name, prefix, delimiter)
            if rolled is None or (query.path is not None and rolled == name):
                entries.append(Entry(name.decode(), row))
                continue  # of a path, "directory/" is itself an object of its parent
            if query.path is None and rolled.decode() != lower:
                entries.append(Entry(rolled.decode(), None))
            resume = beyond(rolled)
            break
    return entries

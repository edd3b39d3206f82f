"""A slow and simple answer to what a listing shows, written from the API's words alone."""

from __future__ import annotations

from collections.abc import Iterable

from storage.container.listing import Query


def encoded(name: str) -> bytes:
    return name.encode()


def expected(names: Iterable[str], query: Query) -> list[tuple[str, bool]]:
    """Return (entry, whether it is rolled up) of living names.

    A name that holds the delimiter behind the prefix stands for all names below it. Entries are
    those strictly between the markers, by bytes. A rolled-up prefix counts as the name that it
    stands for: it shows when any name below it lies between the markers, unless the page began or
    ended with it.
    """
    prefix, delimiter = query.prefix, query.delimiter
    if query.path is not None:
        prefix = query.path.rstrip("/") + "/" if query.path else ""
        delimiter = "/"
    low, high = query.marker, query.end_marker
    if query.reverse:
        low, high = high, low
    found: dict[str, bool] = {}
    for name in sorted(names, key=encoded):
        if not name.startswith(prefix):
            continue
        if encoded(name) <= encoded(low) and low:
            continue
        if high and encoded(name) >= encoded(high):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        rolled = name[: at + len(delimiter)] if at >= 0 else None
        if query.path is not None:
            if name != prefix and rolled in (None, name):
                found[name] = False
        elif rolled is None:
            found[name] = False
        elif rolled != low:
            found[rolled] = True
    entries = sorted(found.items(), key=lambda entry: encoded(entry[0]), reverse=query.reverse)
    return entries[: query.limit]

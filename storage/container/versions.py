"""Versions of objects as a container lists them: by name, the newest of each first."""

from __future__ import annotations

from typing import NamedTuple

from storage.container.listing import LIMIT_MAX
from storage.container.row import Row


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
        row: size, etag, content type and timestamp; nothing for a rolled-up prefix.
    """

    name: str
    version: bytes
    is_latest: bool
    is_delete_marker: bool
    row: Row | None

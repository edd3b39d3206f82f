"""Listings of versions: any page of any query, against an oracle that sorts and filters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_samples import CONTAINER_ID, at

from storage.container.listing import Source
from storage.container.row import Row
from storage.container.versions import (
    VersionEntry,
    VersionQuery,
    list_versions,
    object_row,
    removed_version_row,
    version_row,
    version_row_name,
    versions_id,
)
from storage.object.record import NULL_VERSION, RECORD_VERSION, ObjectRecord, State

PARTS = st.sampled_from(("a", "b", "/", "é", "ab/", "\uffff"))
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("".join)
# Of each name: its versions, oldest first; whether each is a delete marker, null, or gone.
CONTENTS = st.dictionaries(
    NAMES,
    st.lists(
        st.sampled_from(("data", "data", "marker", "null", "unlisted", "gone")),
        min_size=1,
        max_size=4,
    ),
    max_size=8,
)
QUERIES = st.builds(
    VersionQuery,
    limit=st.integers(1, 6),
    key_marker=st.just(""),
    version_marker=st.just(b""),
    prefix=st.one_of(st.just(""), NAMES),
    delimiter=st.sampled_from(("", "", "/", "b/")),
)


class Rows:
    def __init__(self) -> None:
        self._rows: dict[bytes, Row] = {}

    def put(self, name: str, row: Row) -> None:
        self._rows[name.encode()] = row

    def source(self) -> Source:
        def scan(start: bytes) -> Iterator[tuple[bytes, Row]]:
            return iter(sorted(pair for pair in self._rows.items() if pair[0] >= start))

        return Source(scan, lambda _: iter(()))


def made(name: str, number: int, kind: str) -> ObjectRecord:
    state = State.DELETE_MARKER if kind == "marker" else State.DATA
    return ObjectRecord(
        RECORD_VERSION, "a", "c", name, CONTAINER_ID, at(number), at(number), at(number), state,
        number, "", "", {}, {}, b"", is_null=kind in ("null", "unlisted"),
    )  # fmt: skip


class Contents:
    """Rows as writes leave them, and what a listing of all of them must be."""

    def __init__(self, contents: dict[str, list[str]]) -> None:
        objects, versions = Rows(), Rows()
        self.whole: list[VersionEntry] = []
        self.created: dict[bytes, bytes] = {}
        number = 0
        for name in sorted(contents, key=str.encode):
            kept: list[ObjectRecord] = []
            for place, kind in enumerate(contents[name]):
                number += 1
                record = made(name, number, kind)
                row_name = version_row_name(name, record.created)
                has_null = any(one.is_null for one in kept)
                if kind == "gone" or (record.is_null and has_null):
                    versions.put(row_name, removed_version_row(at(number + 1000), 0))
                    continue
                kept.append(record)
                is_last = place == len(contents[name]) - 1
                if not (kind == "unlisted" and is_last):  # else a newer one had it listed
                    versions.put(row_name, version_row(record, 0))
            current = kept[-1] if kept else None
            objects.put(name, object_row(current, at(number + 2000), 0))
            for place, record in enumerate(reversed(kept)):
                is_marker = record.state == State.DELETE_MARKER
                self.created[name.encode() + record.version_id] = record.created
                self.whole.append(
                    VersionEntry(name, record.version_id, place == 0, is_marker, None)
                )
        self.objects, self.versions = objects.source(), versions.source()

    def page(self, query: VersionQuery) -> list[VersionEntry]:
        marked = self.created.get(query.key_marker.encode() + query.version_marker)
        found = list_versions(
            self.objects, self.versions, query, marked if query.version_marker else None
        )
        assert all(one.row is not None or not one.version for one in found)
        return [one._replace(row=None) for one in found]


def expected(whole: list[VersionEntry], query: VersionQuery) -> list[VersionEntry]:
    """Return all entries of a query without markers, by filtering all there are."""
    found: list[VersionEntry] = []
    for one in whole:
        if not one.name.startswith(query.prefix):
            continue
        at_delimiter = -1
        if query.delimiter:
            at_delimiter = one.name.find(query.delimiter, len(query.prefix))
        if at_delimiter < 0:
            found.append(one)
            continue
        rolled = one.name[: at_delimiter + len(query.delimiter)]
        if not found or found[-1].name != rolled or found[-1].version:
            found.append(VersionEntry(rolled, b"", False, False, None))
    return found


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(contents=CONTENTS, query=QUERIES)
def test_pages_add_up(contents: dict[str, list[str]], query: VersionQuery) -> None:
    made_of = Contents(contents)
    found: list[VersionEntry] = []
    while True:
        page = made_of.page(query)
        assert len(page) <= query.limit
        found += page
        if len(page) < query.limit:
            break
        query = query._replace(key_marker=page[-1].name, version_marker=page[-1].version)
    assert found == expected(made_of.whole, query)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(contents=CONTENTS, query=QUERIES, marker=NAMES)
def test_a_key_marker_passes_all_versions_of_its_name(
    contents: dict[str, list[str]], query: VersionQuery, marker: str
) -> None:
    made_of = Contents(contents)
    query = query._replace(limit=1000)
    found = made_of.page(query._replace(key_marker=marker))
    after = [one for one in expected(made_of.whole, query) if one.name.encode() > marker.encode()]
    # Where the marker lies within a rolled-up prefix, the rest of it is shown again.
    assert [one for one in found if one.version] == [one for one in after if one.version]


def test_versions_have_an_id_of_their_own() -> None:
    assert versions_id(CONTAINER_ID) != CONTAINER_ID
    assert versions_id(CONTAINER_ID).hex() == GOLDEN_ID
    row = version_row(made("n", 5, "null"), 3)
    assert (row.extra, row.policy, row.created) == (None, 3, at(5))
    assert VersionEntry("n", NULL_VERSION, True, False, row).version == b"null"


GOLDEN_ID = "6dd15f5551f4b8bd4477b150"

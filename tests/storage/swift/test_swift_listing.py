"""Listings: which format, what is asked, and the very bytes that Swift would write."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from swift_oracle import Timestamp, listing_formats, swob

from storage.container.listing import Entry, Query
from storage.container.row import MODIFIED, Row
from storage.swift.accept import preferred
from storage.swift.listing import (
    Format,
    Parameters,
    choose_format,
    read_query,
    write_containers,
    write_objects,
)
from storage.swift.response import SwiftError
from storage.timestamp import Timestamp as RecordTime
from storage.timestamp import at_milliseconds

OFFERED = ["text/plain", "application/json", "application/xml", "text/xml"]
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TIMESTAMPS = st.tuples(st.integers(0, 2**41), st.integers(0, 99)).map(
    lambda parts: RecordTime(parts[0].to_bytes(6) + parts[1].to_bytes(2) + bytes(4))
)
ROWS = st.builds(
    Row,
    timestamp=TIMESTAMPS,
    deleted=st.just(False),
    objects=st.integers(0, 10**9),
    size_bytes=st.integers(0, 10**15),
    etag=st.binary(min_size=16, max_size=16).map(bytes.hex),
    content_type=NAMES,
    policy=st.just(0),
    extra=st.none(),
)
ENTRIES = st.lists(st.builds(Entry, NAMES, st.none() | ROWS), max_size=5)


def swift_time(row: Row) -> str:
    steps = int.from_bytes(row.timestamp[:6]) * 100 + int.from_bytes(row.timestamp[6:8])
    iso: str = Timestamp(f"{steps // 100000}.{steps % 100000:05d}").isoformat
    return iso


def object_fields(entry: Entry) -> dict[str, object]:
    name, row = entry
    if row is None:
        return {"subdir": name}
    return {
        "bytes": row.size_bytes,
        "hash": row.etag,
        "name": name,
        "content_type": row.content_type,
        "last_modified": swift_time(row),
    }


def container_fields(entry: Entry) -> dict[str, object]:
    name, row = entry
    if row is None:
        return {"subdir": name}
    return {
        "name": name,
        "count": row.objects,
        "bytes": row.size_bytes,
        "last_modified": swift_time(row),
        "storage_policy": "Policy-0",
    }


@given(ENTRIES, NAMES)
def test_object_listings_are_swifts(entries: list[Entry], container: str) -> None:
    fields = [object_fields(entry) for entry in entries]
    assert write_objects(entries, container, Format.JSON) == json.dumps(fields).encode()
    plain = listing_formats.listing_to_text(fields)
    assert write_objects(entries, container, Format.PLAIN) == plain
    xml = listing_formats.container_to_xml(fields, container)
    assert write_objects(entries, container, Format.XML) == xml


@given(ENTRIES, NAMES)
def test_container_listings_are_swifts(entries: list[Entry], account: str) -> None:
    fields = [container_fields(entry) for entry in entries]
    policies = ("Policy-0",)
    assert write_containers(entries, account, policies, Format.JSON) == json.dumps(fields).encode()
    plain = listing_formats.listing_to_text(fields)
    assert write_containers(entries, account, policies, Format.PLAIN) == plain
    xml = listing_formats.account_to_xml(fields, account)
    assert write_containers(entries, account, policies, Format.XML) == xml


def test_names_with_markup_stay_themselves_in_xml() -> None:
    name = "a\"<&>'b\n\tc"
    entries = [Entry(name, None), Entry(name, Row(RecordTime(bytes(12)), False))]
    root = ElementTree.fromstring(write_objects(entries, name, Format.XML))  # noqa: S314 - our own
    assert root.get("name") == name
    assert [element.findtext("name") for element in root] == [name, name]
    assert root[0].get("name") == name


PARAMETER = st.sampled_from(["", ";q=0.5", "; q=0.9", ";q=1", ";level=1", ";q=0.1;q=0.2", ";q=x"])
MEDIA_RANGE = st.tuples(
    st.sampled_from(
        [*OFFERED, "text/*", "*/*", "application/*", "image/png", "text", "*", "a b/c"]
    ),
    PARAMETER,
).map("".join)


@given(st.lists(MEDIA_RANGE, max_size=4).map(",".join))
def test_choice_is_swifts(accept: str) -> None:
    try:
        expected = swob.Accept(accept).best_match(OFFERED)
    except ValueError:
        with pytest.raises(ValueError):
            preferred(accept, OFFERED)
    else:
        assert preferred(accept, OFFERED) == expected


@given(st.text(max_size=40))
def test_any_accept_header_is_judged(accept: str) -> None:
    try:
        assert preferred(accept, OFFERED) in [*OFFERED, None]
    except ValueError:
        assume(True)


def test_zero_quality_is_not_acceptable() -> None:
    assert preferred("application/json;q=0", OFFERED) is None


def status_of(error: pytest.ExceptionInfo[SwiftError]) -> int:
    return error.value.response.status


def test_format_parameter_wins_and_falls_back_to_plain() -> None:
    for value, form in [(b"json", Format.JSON), (b"XML", Format.XML), (b"yaml", Format.PLAIN)]:
        assert choose_format(Parameters({b"format": value}), b"image/png") is form
    assert choose_format(Parameters({}), b"text/xml").content_type == b"text/xml; charset=utf-8"
    with pytest.raises(SwiftError) as refused:
        choose_format(Parameters({}), b"image/png")
    assert status_of(refused) == 406
    with pytest.raises(SwiftError) as refused:
        choose_format(Parameters({}), b"image")
    assert status_of(refused) == 400


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(b"0", 0), (b"10", 10), (b"100", 100), (b"007", 7), (b"", 100), (b"-1", 100), (b"5.0", 100)],
)
def test_limit(limit: bytes, expected: int) -> None:
    assert read_query(Parameters({b"limit": limit}), 100, of_objects=True).limit == expected


@pytest.mark.parametrize("limit", [b"101", b"9" * 20, b"9" * 5000])
def test_limit_over_the_maximum(limit: bytes) -> None:
    with pytest.raises(SwiftError) as refused:
        read_query(Parameters({b"limit": limit}), 100, of_objects=True)
    assert status_of(refused) == 412
    assert refused.value.response.body == b"Maximum limit is 100"


def test_query_has_all_parameters() -> None:
    names = (b"marker", b"end_marker", b"prefix", b"delimiter", b"path")
    values = {name: name[:2] for name in names} | {b"reverse": b"on"}
    assert read_query(Parameters(values), 5, of_objects=True) == Query(
        5, "ma", "en", "pr", "de", "pa", reverse=True
    )
    assert read_query(Parameters(values), 5, of_objects=False).path is None
    assert read_query(Parameters({b"path": b""}), 5, of_objects=True).path == ""


@pytest.mark.parametrize("name", [b"marker", b"end_marker", b"prefix", b"delimiter", b"path"])
def test_parameters_must_be_utf8(name: bytes) -> None:
    with pytest.raises(SwiftError) as refused:
        read_query(Parameters({name: b"\xff"}), 5, of_objects=True)
    assert status_of(refused) == 400
    assert refused.value.response.body == b'"%b" parameter not valid UTF-8' % name


def test_a_container_is_dated_by_its_own_change_not_by_the_report() -> None:
    changed, reported = at_milliseconds(1_000_000_000_000), at_milliseconds(2_000_000_000_000)
    row = Row(reported, False, extra={MODIFIED: changed.hex()})
    for form in (Format.JSON, Format.XML):
        text = write_containers([Entry("c", row)], "AUTH_a", ("p",), form)
        assert b"2001-09-09T01:46:40" in text

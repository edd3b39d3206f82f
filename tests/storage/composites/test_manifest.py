"""The manifest: its stored form, and which segments a range needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll.invariant import InvariantError
from storage.proxy.manifest import (
    SEGMENTS_MAX,
    Manifest,
    ManifestDamagedError,
    Segment,
)

GOLDEN = Path(__file__).with_name("golden_manifest.txt")
WITH_INLINE = (
    "41544f4c4c434d02ff4725035fbebabb778e0907e6630643"
    "9591a0a091980100a0c40002a165c40000c4026869c4016e"
)
SAMPLE = Manifest(
    [
        Segment(1, "\0parts\0b", "k\0id/00001/aa", bytes(range(12)), 5, "0" * 31 + "a", b"\1\2"),
        Segment(3, "\0parts\0b", "k\0id/00003/ab", bytes(12), 0, "0A" * 16),
        Segment(10_000, "other", "k\0idé", b"\xff" * 12, 2**40, "ab" * 16 + "-7", b"", 17),
    ]
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
segments = st.builds(
    Segment,
    st.integers(1, 10_000),
    st.sampled_from(["a", "b", "\0parts\0ü"]),
    texts,
    st.binary(min_size=12, max_size=12),
    st.integers(0, 50),
    st.one_of(texts, st.binary(min_size=16, max_size=16).map(bytes.hex)),
    st.binary(max_size=8),
    st.integers(0, 5),
)
manifests = st.builds(
    lambda found, inline, note: Manifest(sorted(found), inline, note),
    st.lists(segments, min_size=1, max_size=12, unique_by=lambda one: one.number),
    st.binary(max_size=8),
    st.binary(max_size=8),
)


@given(manifests)
def test_what_was_packed_is_unpacked(manifest: Manifest) -> None:
    again = Manifest.unpack(manifest.pack())
    assert again.segments == manifest.segments
    assert (again.inline, again.note) == (manifest.inline, manifest.note)
    assert again.size_bytes == sum(segment.size_bytes for segment in manifest.segments)


def test_the_stored_form_stays() -> None:
    assert Manifest([Segment(1, "", "", b"", 2, "e")], b"hi", b"n").pack().hex() == WITH_INLINE
    assert SAMPLE.pack().hex() == GOLDEN.read_text().strip()


@given(st.data())
def test_no_change_of_a_byte_goes_unnoticed(data: st.DataObject) -> None:
    packed = bytearray(SAMPLE.pack())
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ManifestDamagedError):
        Manifest.unpack(bytes(packed))


@given(st.integers(0, len(SAMPLE.pack()) - 1))
def test_no_cut_goes_unnoticed(stop: int) -> None:
    with pytest.raises(ManifestDamagedError):
        Manifest.unpack(SAMPLE.pack()[:stop])


@given(manifests, st.data())
def test_spans_are_the_range_of_the_concatenation(manifest: Manifest, data: st.DataObject) -> None:
    whole = [
        (segment.number, segment.start + place)
        for segment in manifest.segments
        for place in range(segment.size_bytes)
    ]
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    spans = list(manifest.spans(start, stop))
    assert whole[start:stop] == [
        (span.segment.number, place) for span in spans for place in range(span.start, span.stop)
    ]
    assert all(span.start < span.stop for span in spans)


@given(manifests)
def test_parts_lie_where_their_segments_do(manifest: Manifest) -> None:
    at = 0
    for segment in manifest.segments:
        assert manifest.part(segment.number) == (at, at + segment.size_bytes)
        assert manifest.segment(segment.number) == segment
        at += segment.size_bytes
    missing = set(range(1, 10_001)) - {segment.number for segment in manifest.segments}
    assert manifest.part(min(missing)) is None
    assert manifest.segment(max(missing)) is None


def test_a_manifest_has_between_one_and_so_many_segments() -> None:
    segment = SAMPLE.segments[0]
    Manifest([segment] * SEGMENTS_MAX)
    for count in (0, SEGMENTS_MAX + 1):
        with pytest.raises(InvariantError):
            Manifest([segment] * count)


def test_ten_thousand_parts_fit_into_a_megabyte_and_a_half() -> None:
    name = "k" * 1024 + "\0" + "0" * 56
    parts = [
        Segment(
            n, "\0parts\0b", f"{name}/{n:05d}/{n:016x}", bytes(12), 2**33, f"{n:032x}", bytes(8)
        )
        for n in range(1, SEGMENTS_MAX + 1)
    ]
    assert len(Manifest(parts).pack()) < 1.5 * 2**20

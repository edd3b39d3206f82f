"""Range headers, held against Swift's own reading of them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from swift_oracle import swob

from storage.swift.ranges import Multipart, content_range, select

SPEC = st.one_of(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map("{0[0]}-{0[1]}".format),
    st.integers(0, 30).map("{}-".format),
    st.integers(0, 30).map("-{}".format),
    st.sampled_from(["", "-", "a-1", "1-b", "--1", "5", " 3 - 4", "1-2-3"]),
)
HEADER = st.tuples(
    st.sampled_from(["bytes=", "BYTES=", "bytes = ", "bytes", "parsecs=", ""]),
    st.one_of(
        st.lists(SPEC, min_size=1, max_size=12),
        st.lists(SPEC, min_size=49, max_size=53),
    ),
).map(lambda parts: parts[0] + ",".join(parts[1]))


@pytest.mark.slow
@given(HEADER, st.integers(0, 40))
@example("bytes=0-0,2-2", 10)
@example("bytes=-5", 0)
@example("bytes=0-", 0)
def test_spans_are_swifts(header: str, size_bytes: int) -> None:
    try:
        expected = swob.Range(header).ranges_for_length(size_bytes)
    except ValueError:
        expected = None
    if expected and not size_bytes:
        expected = None  # swob answers with the whole of nothing, 200
    assert select(header.encode(), size_bytes) == expected


@given(st.binary(max_size=40), st.integers(0, 10**6))
def test_no_header_is_too_strange(header: bytes, size_bytes: int) -> None:
    spans = select(b"bytes=" + header, size_bytes)
    for start, stop in spans or []:
        assert 0 <= start < stop <= size_bytes


def test_endless_numbers_are_ignored() -> None:
    assert select(b"bytes=0-" + b"9" * 5000, 10) is None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(10, 20)), min_size=2, max_size=5),
    st.binary(min_size=20, max_size=20),
)
def test_declared_length_is_that_of_the_body(spans: list[tuple[int, int]], data: bytes) -> None:
    parts = Multipart(spans, len(data), b"text/plain; charset=utf-8", b"b" * 32)
    body = (
        b"".join(parts.head(span) + data[span[0] : span[1]] + b"\r\n" for span in spans)
        + parts.tail
    )
    assert len(body) == parts.length_bytes


def test_content_range_is_inclusive() -> None:
    assert content_range((0, 5), 10) == b"bytes 0-4/10"


@pytest.mark.parametrize(
    "header",
    [
        b"bytes=" + b",".join([b"0-0"] * 51),
        b"bytes=0-50,10-60,20-70,30-80",
        b"bytes=8-8,7-7,6-6,5-5,4-4,3-3,2-2,1-1",
    ],
)
def test_abuse_is_unsatisfiable(header: bytes) -> None:
    assert select(header, 100) == []

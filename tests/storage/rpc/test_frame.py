"""Frames: cut anywhere they come out whole, and what is no frame is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.rpc.frame import FRAME_SIZE_BYTES_MAX, FrameDecoder, FrameError, frame

BODIES = st.lists(st.binary(max_size=200), max_size=8)
CUTS = st.lists(st.integers(0, 2000), max_size=20)


def test_golden_bytes() -> None:
    assert frame(b"") == b"\0\0\0\0"
    assert frame(b"abc") == b"\0\0\0\3abc"
    assert frame(bytes(0x01020304 & 0xFFFF))[:4] == b"\0\0\3\4"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(bodies=BODIES, cuts=CUTS)
def test_split_anywhere(bodies: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(frame(body) for body in bodies)
    bounds = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    decoder, found = FrameDecoder(), []
    for start, stop in pairwise(bounds):
        found += decoder.feed(whole[start:stop])
    assert found == bodies
    assert decoder.is_between_frames


def test_byte_by_byte() -> None:
    decoder = FrameDecoder()
    whole = frame(b"ab") + frame(b"") + frame(b"c")
    found = [decoder.feed(whole[at : at + 1]) for at in range(len(whole))]
    assert [number for number, frames in enumerate(found, 1) if frames] == [6, 10, 15]
    assert [one for frames in found for one in frames] == [b"ab", b"", b"c"]


def test_a_broken_end_shows() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(frame(b"abc")[:-1]) == []
    assert not decoder.is_between_frames


@pytest.mark.parametrize("limit", [0, 1, 1000])
def test_the_limit(limit: int) -> None:
    assert FrameDecoder(limit).feed(frame(bytes(limit))) == [bytes(limit)]
    with pytest.raises(FrameError):
        FrameDecoder(limit).feed(frame(bytes(limit + 1))[:4])


def test_the_default_limit() -> None:
    with pytest.raises(FrameError):
        FrameDecoder().feed((FRAME_SIZE_BYTES_MAX + 1).to_bytes(4))
    assert FrameDecoder().feed(FRAME_SIZE_BYTES_MAX.to_bytes(4)) == []

"""The stored form: any range is the slice, and nothing that was changed opens."""

import random
from collections.abc import AsyncIterator

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atoll.world.simulated import simulated_world
from storage.proxy.errors import EtagMismatchError, PayloadLostError
from storage.s3.encryption.payload import PIECE_SIZE_BYTES, DecryptedPayload, EncryptedBody
from storage.s3.encryption.segments import (
    PLAIN_SIZE_BYTES,
    SEGMENT_SIZE_BYTES,
    SegmentCipher,
    segment_count,
    stored_size,
)

GOLDEN = "72b9d398219ad933512dbd50c5071a73cdaccfcfc107"
KEY, OBJECT_ID = bytes(range(32)), bytes(range(16))
SIZES = st.one_of(
    st.integers(0, 3 * PLAIN_SIZE_BYTES),
    st.sampled_from(
        [
            0,
            1,
            PLAIN_SIZE_BYTES - 1,
            PLAIN_SIZE_BYTES,
            PLAIN_SIZE_BYTES + 1,
            4 * PLAIN_SIZE_BYTES,
            PIECE_SIZE_BYTES,
            PIECE_SIZE_BYTES + 1,
        ]
    ),
)


class Source:
    """A body in pieces of any size."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = data, step

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        data, self._data = self._data[: self._step], self._data[self._step :]
        return data


class Stored:
    """Stored bytes, read in steps of any size; whole where that is asked for."""

    def __init__(self, data: bytes, step: int = 0) -> None:
        self._data, self._step = data, step
        self.whole = None if step else data

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        for at in range(start, min(stop, len(self._data)), self._step):
            await trio.lowlevel.checkpoint()
            yield memoryview(self._data)[at : min(stop, at + self._step)]


def cipher(key: bytes = KEY, object_id: bytes = OBJECT_ID) -> SegmentCipher:
    return SegmentCipher(key, object_id)


def encrypted(data: bytes) -> bytes:
    return cipher().encrypt(data, 0, is_end=True)


async def read(payload: DecryptedPayload, start: int, stop: int) -> bytes:
    return b"".join([bytes(piece) async for piece in payload.read(start, stop)])


@example(size=PIECE_SIZE_BYTES, seed=0, step=PLAIN_SIZE_BYTES)
@example(size=PIECE_SIZE_BYTES + 1, seed=0, step=PLAIN_SIZE_BYTES)
@given(size=SIZES, seed=st.integers(0, 9), step=st.integers(1, 3 * PLAIN_SIZE_BYTES))
@settings(deadline=None, max_examples=40)
def test_what_arrives_in_pieces_is_stored_as_if_it_came_at_once(
    size: int, seed: int, step: int
) -> None:
    data = random.Random(seed).randbytes(size)

    async def run() -> None:
        world = simulated_world(seed)
        source = Source(data, max(step, size // 50))
        body = EncryptedBody(source, cipher(), world.threads, None, shows_md5=True)
        pieces = []
        while piece := await body.receive():
            pieces.append(piece)
        assert b"".join(pieces) == encrypted(data)
        assert await body.receive() == b""
        assert body.finish().size_bytes == size
        assert stored_size(size) == sum(map(len, pieces))

    trio.run(run)


@given(
    size=SIZES,
    span=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    step=st.one_of(st.just(SEGMENT_SIZE_BYTES), st.integers(1000, 3 * SEGMENT_SIZE_BYTES)),
    is_whole=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_range_is_the_slice(
    size: int, span: tuple[float, float], step: int, is_whole: bool
) -> None:
    data = random.Random(size).randbytes(size)
    start, stop = sorted(int(one * size) for one in span)

    async def run() -> None:
        stored = Stored(encrypted(data), 0 if is_whole else step)
        payload = DecryptedPayload(stored, size, cipher())
        assert await read(payload, start, stop) == data[start:stop]
        assert await read(payload, 0, size) == data

    trio.run(run)


DATA = random.Random(1).randbytes(3 * PLAIN_SIZE_BYTES + 100)
STORED = encrypted(DATA)
SEGMENTS = [
    STORED[at : at + SEGMENT_SIZE_BYTES] for at in range(0, len(STORED), SEGMENT_SIZE_BYTES)
]


async def fails(stored: bytes, size: int = len(DATA)) -> None:
    for step in (SEGMENT_SIZE_BYTES, 1_000_000):
        with pytest.raises(PayloadLostError):
            await read(DecryptedPayload(Stored(stored, step), size, cipher()), 0, size)
    with pytest.raises(PayloadLostError):
        await read(DecryptedPayload(Stored(stored), size, cipher()), 0, size)


@given(at=st.integers(0, len(STORED) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=30)
def test_a_flipped_bit_is_found(at: int, bit: int) -> None:
    changed = bytearray(STORED)
    changed[at] ^= 1 << bit
    trio.run(fails, bytes(changed))


@pytest.mark.parametrize(
    "order",
    [
        (1, 0, 2, 3),
        (0, 0, 2, 3),
        (0, 1, 3, 2),
        (3, 1, 2, 3),
        (0, 1, 1, 3),
    ],
)
async def test_segments_in_another_order_are_found(order: tuple[int, ...]) -> None:
    await fails(b"".join(SEGMENTS[number] for number in order))


async def test_a_payload_that_was_cut_is_found() -> None:
    await fails(b"".join(SEGMENTS[:3]))
    await fails(b"".join(SEGMENTS[:3]), 3 * PLAIN_SIZE_BYTES)  # with a record that agrees
    await fails(STORED[:-1])
    await fails(STORED[:-1], len(DATA) - 1)
    await fails(b"")


async def test_a_payload_that_goes_on_is_found() -> None:
    await fails(STORED + SEGMENTS[0], len(DATA) + PLAIN_SIZE_BYTES)
    longer = cipher().encrypt(DATA + b"more", 0, is_end=True)
    await fails(longer)


async def test_segments_of_other_objects_are_found() -> None:
    for other in (cipher(object_id=bytes(16)), cipher(key=bytes(32))):
        theirs = other.encrypt(DATA, 0, is_end=True)
        await fails(SEGMENTS[0] + theirs[SEGMENT_SIZE_BYTES:])


async def test_a_range_finds_what_is_wrong_in_it() -> None:
    broken = SEGMENTS[0] + SEGMENTS[2] + SEGMENTS[2] + SEGMENTS[3]
    payload = DecryptedPayload(Stored(broken, SEGMENT_SIZE_BYTES), len(DATA), cipher())
    assert await read(payload, 0, PLAIN_SIZE_BYTES) == DATA[:PLAIN_SIZE_BYTES]
    with pytest.raises(PayloadLostError):
        await read(payload, PLAIN_SIZE_BYTES, PLAIN_SIZE_BYTES + 1)


async def test_the_announced_md5_is_checked() -> None:
    world = simulated_world(0)
    body = EncryptedBody(Source(b"data", 2), cipher(), world.threads, "0" * 32, shows_md5=False)
    await body.receive()
    with pytest.raises(EtagMismatchError):
        body.finish()


def test_the_stored_form_is_as_it_was() -> None:
    assert encrypted(b"golden").hex() == GOLDEN
    assert len(encrypted(b"")) == stored_size(0) == 16
    assert segment_count(PLAIN_SIZE_BYTES + 1) == 2

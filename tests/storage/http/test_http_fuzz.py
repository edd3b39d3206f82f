"""Any bytes at all against a whole connection: it answers or closes, and nothing of ours breaks."""

from __future__ import annotations

import pytest
import trio
from http_harness import GET, ResponseReader, connected, echo, ignore_body
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from storage.http import App, Limits

PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\n"
FRAGMENTS = [
    GET,
    PUT + b"Content-Length: 5\r\n\r\nhello",
    PUT + b"Content-Length: 70\r\n\r\n",
    PUT + b"Transfer-Encoding: chunked\r\n\r\n",
    PUT + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"\r\n",
    b"\0",
]
PIECES = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=6)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(PIECES, st.sampled_from([echo, ignore_body]), st.booleans(), st.booleans())
def test_any_bytes_are_answered_or_refused(
    pieces: list[bytes], app: App, at_once: bool, reset: bool
) -> None:
    async def talk() -> None:
        async with connected(app, Limits(drain_bytes_max=60)) as client:
            for piece in pieces:
                client.send(piece)
                if not at_once:
                    await trio.testing.wait_all_tasks_blocked()
            if reset:
                client.reset()
            else:
                client.send_eof()
            await client.ended.wait()
        assert not client.errors
        if b"HEAD" not in b"".join(pieces):
            ResponseReader().feed(bytes(client.transport.outgoing))
        if not reset:
            assert not client.transport.aborted

    trio.run(talk, clock=MockClock(autojump_threshold=0))

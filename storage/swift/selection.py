"""What of an object's payload is sent or copied: all of it, a span, or several."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, cast

from atoll.world import Random
from storage.object.record import ObjectRecord
from storage.proxy.engine import Payload
from storage.swift.conditions import range_applies
from storage.swift.metadata import RequestHeaders
from storage.swift.ranges import (
    PART_END,
    Multipart,
    Span,
    content_range,
    select,
    unsatisfied_range,
)
from storage.swift.response import HTML, PAGES, Header, Response
from storage.swift.text import encode

_BOUNDARY_SIZE_BYTES = 16


class Selection(NamedTuple):
    """A part of a payload.

    Attributes:
        status: 200 for all of it, else 206.
        length_bytes: of the body that it makes.
        content_type: of that body.
        headers: that only a part has.
        span: where it is one span.
        multipart: where it is several.
    """

    status: int
    length_bytes: int
    content_type: bytes
    headers: tuple[Header, ...] = ()
    span: Span = (0, 0)
    multipart: Multipart | None = None

    async def pieces(self, payload: Payload) -> AsyncGenerator[bytes | memoryview, None]:
        """Yield the body; a piece is valid until the next.

        Raises:
            PayloadLostError: no replica has undamaged bytes.
        """
        if self.multipart is None:
            async with _reading(payload, self.span) as pieces:
                async for piece in pieces:
                    yield piece
            return
        for span in self.multipart.spans:
            yield self.multipart.head(span)
            async with _reading(payload, span) as pieces:
                async for piece in pieces:
                    yield piece
            yield PART_END
        yield self.multipart.tail


def _reading(payload: Payload, span: Span) -> aclosing[AsyncGenerator[bytes | memoryview, None]]:
    """Read a span; what is left of it ends with the block, also when the client goes away."""
    return aclosing(cast(AsyncGenerator[bytes | memoryview, None], payload.read(*span)))


def select_all(record: ObjectRecord) -> Selection:
    """Return the whole payload."""
    size_bytes = record.size_bytes
    return Selection(200, size_bytes, encode(record.content_type), (), (0, size_bytes))


def select_asked(headers: RequestHeaders, record: ObjectRecord, random: Random) -> Selection | None:
    """Return what a request's Range selects, or nothing where no range can be satisfied.

    Args:
        headers: of the request.
        record: of the object.
        random: makes boundaries.
    """
    asked, size_bytes = headers.get(b"range"), record.size_bytes
    if asked is None or not range_applies(headers, record):
        return select_all(record)
    spans = select(asked, size_bytes)
    if spans is None:
        return select_all(record)
    if not spans:
        return None
    content_type = encode(record.content_type)
    if len(spans) == 1:
        span = spans[0]
        header = (b"Content-Range", content_range(span, size_bytes))
        return Selection(206, span[1] - span[0], content_type, (header,), span)
    boundary = random.randbytes(_BOUNDARY_SIZE_BYTES).hex().encode("ascii")
    multipart = Multipart(spans, size_bytes, content_type, boundary)
    return Selection(206, multipart.length_bytes, multipart.body_type, multipart=multipart)


def unsatisfiable(record: ObjectRecord, headers: list[Header]) -> Response:
    """Return the response to a range that cannot be satisfied.

    Args:
        record: of the object.
        headers: of the object.
    """
    rest = [header for header in headers if header[0] != HTML[0]]
    size = (b"Content-Range", unsatisfied_range(record.size_bytes))
    return Response(416, [HTML, *rest, size], PAGES[416])

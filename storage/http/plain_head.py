"""Plain heads, read without llhttp: the ones that nearly all requests have.

A head is plain where its request line and each of its header lines are of the simplest form, and
no header but Host and Content-Length says how the request is to be framed. llhttp finds the same in
such a head, which a test holds; all others are left to it. Most lines of a client are the same
from request to request, so that they are looked up rather than read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from storage.http.asgi import Headers
from storage.http.limits import Limits

LINES_KNOWN_MAX = 1024

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[!-~](?:[ -~]*[!-~])?)?)[ \t]*")
_FRAMING = frozenset(
    (
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)


def read_plain_headers(lines: bytes, limits: Limits) -> Headers | None:
    """Return names in lower case and values of the header lines of a plain head.

    Args:
        lines: all of them, each with its line end before it, and the two line ends behind them.
        limits: what they may be.

    Returns:
        None where the head is not plain, or over a limit.
    """
    pieces = lines.split(b"\r\n")
    headers: Headers = []
    if len(pieces) - 3 > limits.header_count_max:
        return None
    for piece in pieces[1:-2]:
        header = _read_line(piece)
        if header is None or len(piece) > limits.header_line_bytes_max:
            return None
        headers.append(header)
    return headers


@lru_cache(maxsize=LINES_KNOWN_MAX)
def _read_line(line: bytes) -> tuple[bytes, bytes] | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match[1].lower()
    return None if name in _FRAMING else (name, match[2])

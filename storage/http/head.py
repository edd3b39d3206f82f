"""The head of a request, without I/O (RFC 9112 sections 2 to 6; RFC 9110 for the fields' meaning).

llhttp in its strict mode (through httptools) judges the bytes; this module judges what they say:
sizes, version, target, host, and above all how the body is framed, where two readings of one
request are how requests are smuggled. It never looks beyond the head.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from httptools import (
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from storage.http.asgi import Headers
from storage.http.errors import ProtocolError
from storage.http.limits import Limits
from storage.http.plain_head import read_plain_headers

_HTTP_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
_OTHER_HTTP_VERSION = re.compile(rb"HTTP/[0-9](\.[0-9])?")
_PLAIN_LINE = re.compile(
    rb"(GET|HEAD|PUT|POST|DELETE) (/[!-\"$->@-~]*)(?:\?([!-\"$-~]*))? HTTP/1\.1"
)
_METHOD = re.compile(rb"[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+;=%\x80-\xff-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
_ABSOLUTE_TARGET = re.compile(rb"(?i:https?)://([^/?#]+)(/[^?#]*)?(?:\?([^#]*))?")


@dataclass(slots=True)
class Request:
    """A request without its body; empty if it could not be understood.

    Attributes:
        method: as sent: a token (RFC 9110 section 9.1) that begins with a letter.
        raw_path: the target's path as sent; "*" for a question about the whole server.
        path: the same percent-decoded as UTF-8. Bytes that are not UTF-8 become surrogates,
            so `raw_path` is the authority.
        query_string: as sent, without the question mark.
        http_version: "1.0" or "1.1".
        headers: names in lower case; "host" is the target's where the target names one.
        keep_alive: whether the client would use the connection again.
        says_keep_alive: whether it asked for that in words.
        content_length: the body's size in bytes, None if it is chunked.
        expects_continue: whether the client waits for "100 Continue" before it sends the body.
    """

    method: str = ""
    raw_path: bytes = b""
    path: str = ""
    query_string: bytes = b""
    http_version: str = "1.1"
    headers: Headers = field(default_factory=list)
    keep_alive: bool = False
    says_keep_alive: bool = False
    content_length: int | None = 0
    expects_continue: bool = False


class _Callbacks:
    """What llhttp finds in a head."""

    __slots__ = ("complete", "headers")

    def __init__(self) -> None:
        self.headers: Headers = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def parse_head(head: bytes, limits: Limits) -> Request:
    """Parse a whole head.

    Args:
        head: from the method to the empty line, that included.
        limits: what the head may be.

    Raises:
        ProtocolError: 400 for what is malformed or ambiguous, 413, 414 and 431 for what is too
            long, 417, 501 and 505 for an expectation, a method or transfer coding, and a version
            that are not supported.
    """
    try:
        return _parse_head(head, limits)
    except ProtocolError:
        check_partial_head(head, limits)  # what the head's first bytes gave away comes first
        raise


def parse_again(line: bytes, earlier: Request, limits: Limits) -> Request | None:
    """Return the request that a line makes with the header lines of an earlier request.

    Clients that keep a connection mostly send the same header lines again and again; only the
    request line is then new, and only a line that is plain in every respect is taken.

    Args:
        line: without its line end.
        earlier: a request that was parsed whole.
        limits: what the line may be.

    Returns:
        None if the request has to be parsed whole.
    """
    match = _PLAIN_LINE.fullmatch(line)
    if match is None or len(line) > limits.request_line_bytes_max:
        return None
    method, raw_path, query = match.groups(b"")
    return Request(
        method.decode("ascii"),
        raw_path,
        _decode_path(raw_path),
        query,
        "1.1",
        earlier.headers,
        earlier.keep_alive,
        earlier.says_keep_alive,
        earlier.content_length,
        earlier.expects_continue,
    )


def parse_plain(line: bytes, lines: bytes, limits: Limits) -> Request | None:
    """Return the request of a head that is plain; see `storage.http.plain_head`.

    Args:
        line: the request line, without its line end.
        lines: what comes behind it, beginning with its line end.
        limits: what the head may be.

    Returns:
        None if the request has to be parsed whole, or will be refused.
    """
    match = _PLAIN_LINE.fullmatch(line)
    if (
        match is None
        or len(line) > limits.request_line_bytes_max
        or len(line) + len(lines) > limits.header_bytes_max
    ):
        return None
    headers = read_plain_headers(lines, limits)
    if headers is None:
        return None
    fields = _combine(headers)
    host = fields.get(b"host")
    length = fields.get(b"content-length", b"0")
    if host is None or not _HOST.fullmatch(host) or not length.isdigit():
        return None
    content_length = int(length)
    if content_length > limits.body_bytes_max:
        return None
    method, raw_path, query = match.groups(b"")
    path = _decode_path(raw_path)
    method_name = method.decode("ascii")
    return Request(
        method_name, raw_path, path, query, "1.1", headers, True, False, content_length, False
    )


def check_partial_head(head: bytes, limits: Limits, checked_bytes: int = 0) -> None:
    """Refuse a head whose end has not come as early as it is surely wrong.

    A longer prefix of the same bytes is refused for the same reason, so that the answer does not
    depend on how the network split them.

    Args:
        head: what there is of it.
        limits: what it may be.
        checked_bytes: how much of it has been found good before.

    Raises:
        ProtocolError: 400, 414 or 431.
    """
    header_end = limits.header_bytes_max
    if not head[:1].isalpha() and head not in (b"", b"\r"):
        raise ProtocolError(400, "not an HTTP request")
    if head.find(b"\n", 0, limits.request_line_bytes_max + 2) < 0:
        if len(head) >= limits.request_line_bytes_max + 2:
            raise ProtocolError(414, "the request line is too long")
    elif head.count(b"\n", checked_bytes, header_end) != head.count(
        b"\r\n", max(0, checked_bytes - 1), header_end
    ):
        raise ProtocolError(400, "a line ends without CR")
    if len(head) > header_end:
        raise ProtocolError(431, "the header is too long")


def _parse_head(head: bytes, limits: Limits) -> Request:
    line_end = head.find(b"\r\n")
    if line_end > limits.request_line_bytes_max:
        raise ProtocolError(414, "the request line is too long")
    if len(head) > limits.header_bytes_max:
        raise ProtocolError(431, "the header is too long")
    try:
        method_sent, target, version_sent = head[:line_end].split(b" ")
    except ValueError:
        raise ProtocolError(400, "malformed request line") from None
    version = _HTTP_VERSIONS.get(version_sent)
    if version is None:
        if _OTHER_HTTP_VERSION.fullmatch(version_sent):
            raise ProtocolError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        raise ProtocolError(400, "malformed HTTP version")
    if not _METHOD.fullmatch(method_sent):
        raise ProtocolError(400, "malformed method")
    method = method_sent.decode("ascii")
    if method == "CONNECT":
        raise ProtocolError(501, "this is not a proxy")
    if not target.isascii():
        target = _NOT_ASCII.sub(_percent_encode, target)

    callbacks = _Callbacks()
    # Which methods and raw UTF-8 in a path are served is the application's affair: llhttp, which
    # refuses those that it does not know, is shown a line that it knows.
    fault = _read_headers(callbacks, b"GET " + target + b" " + version_sent + head[line_end:])
    if not callbacks.complete:
        raise ProtocolError(400, f"malformed request: {fault}")
    headers = callbacks.headers
    _check_header_sizes(head, headers, limits)

    fields = _combine(headers)
    host = fields.get(b"host")
    if host is not None:
        _check_host(host)
    elif version == "1.1":
        raise ProtocolError(400, "the Host header is missing")
    if target[:1] == b"/" and b"#" not in target:
        raw_path, _, query = target.partition(b"?")
    else:
        raw_path, query, headers = _read_unusual_target(method, target, headers)
    length = _content_length(fields, version, limits)
    if fault is not None:
        raise ProtocolError(400, f"malformed request: {fault}")
    return Request(
        method,
        raw_path,
        _decode_path(raw_path),
        query,
        version,
        headers,
        *_connection(fields, version),
        length,
        _expects_continue(fields, version, length),
    )


def _read_headers(callbacks: _Callbacks, head: bytes) -> HttpParserError | None:
    """Have llhttp read a head; return what it found wrong."""
    try:
        HttpRequestParser(callbacks).feed_data(head)
    except HttpParserUpgrade:
        pass  # ignored as RFC 9110 section 7.8 allows: the answer is in HTTP/1.1
    except HttpParserError as error:
        return error
    return None


def _percent_encode(byte: re.Match[bytes]) -> bytes:
    return b"%%%02X" % byte[0][0]


def _check_header_sizes(head: bytes, headers: Headers, limits: Limits) -> None:
    if len(headers) > limits.header_count_max:
        raise ProtocolError(431, "too many header lines")
    line_bytes_max = limits.header_line_bytes_max
    if len(head) > line_bytes_max and max(map(len, head.split(b"\r\n")[1:])) > line_bytes_max:
        raise ProtocolError(431, "a header line is too long")


def _combine(headers: Headers) -> dict[bytes, bytes]:
    """Return the fields by name, a repeated one as its list (RFC 9110 section 5.3)."""
    fields = dict(headers)
    if len(fields) != len(headers):
        fields.clear()
        for name, value in headers:
            fields[name] = fields[name] + b", " + value if name in fields else value
    return fields


@lru_cache(maxsize=256)
def _check_host(host: bytes) -> None:
    if not _HOST.fullmatch(host):
        raise ProtocolError(400, "malformed or repeated Host header")


def _read_unusual_target(
    method: str, target: bytes, headers: Headers
) -> tuple[bytes, bytes, Headers]:
    """Return path, query and headers for a target that is no path (RFC 9112 section 3.2)."""
    if target == b"*" and method == "OPTIONS":
        return target, b"", headers
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    if absolute is None or not _HOST.fullmatch(absolute[1]):
        raise ProtocolError(400, "malformed request target")
    others = [header for header in headers if header[0] != b"host"]
    return absolute[2] or b"/", absolute[3] or b"", [(b"host", absolute[1]), *others]


def _decode_path(raw_path: bytes) -> str:
    decoded = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    return decoded.decode("utf-8", "surrogateescape")


def _connection(fields: dict[bytes, bytes], version: str) -> tuple[bool, bool]:
    """Return whether another request may follow (RFC 9112 section 9.3), and if that was said."""
    connection = fields.get(b"connection")
    if connection is None:
        return version == "1.1", False
    options = [option.strip() for option in connection.lower().split(b",")]
    said = b"keep-alive" in options
    return b"close" not in options and (version == "1.1" or said), said


def _content_length(fields: dict[bytes, bytes], version: str, limits: Limits) -> int | None:
    """Return the body's size in bytes, None if it is chunked (RFC 9112 section 6.3)."""
    length = fields.get(b"content-length")
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise ProtocolError(400, "both Content-Length and Transfer-Encoding")
        if version == "1.0":
            raise ProtocolError(400, "Transfer-Encoding in HTTP/1.0")
        if coding.lower() != b"chunked":
            raise ProtocolError(501, "the only transfer coding is chunked")
        return None
    if length is None:
        return 0
    if not length.isdigit():
        raise ProtocolError(400, "malformed Content-Length")
    if int(length) > limits.body_bytes_max:
        raise ProtocolError(413, "the body is too large")
    return int(length)


def _expects_continue(fields: dict[bytes, bytes], version: str, length: int | None) -> bool:
    """Return whether the client waits to be told to send (RFC 9110 section 10.1.1).

    That may be a body it announces as empty: botocore before 2025 sends such heads.
    """
    expectation = fields.get(b"expect")
    if expectation is None or version == "1.0":
        return False
    if expectation.lower() == b"100-continue":
        return length != 0 or b"content-length" in fields
    if length != 0:
        raise ProtocolError(417, "the only expectation is 100-continue")
    return False

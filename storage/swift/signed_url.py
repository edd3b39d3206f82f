"""What a temporary URL whose signature is right lets its bearer do, and how it shows objects."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from storage.swift.authorization import Ticket
from storage.swift.response import Header
from storage.swift.times import http_date

_HIDDEN_PREFIX = b"x-object-meta-"
_SHOWN_PREFIX = b"x-object-meta-public-"


@dataclass(slots=True)
class SignedUrl:
    """A temporary URL.

    Attributes:
        ticket: what it admits to.
        expires_s: when it ends, in seconds since 1970.
        name: that a download gets where nothing else says: the last part of the path.
        filename: that the URL asks for; empty for none.
        is_inline: whether a browser shall show the object instead of saving it.
        is_read: whether it is used to read.
        link_query: with this query string other objects under the prefix may be read too; empty
            where the URL is for one object.
        link_prefix: that prefix.
    """

    ticket: Ticket
    expires_s: int
    name: str
    filename: str = ""
    is_inline: bool = False
    is_read: bool = True
    link_query: str = ""
    link_prefix: str = ""

    def rewrite(self, status: int, headers: list[Header]) -> list[Header]:
        """Return a response's headers as whoever has only the URL gets them.

        Metadata is hidden but for the names that begin with "Public-". What is read is saved
        under a name, and kept no longer than the URL lives.
        """
        shown = [header for header in headers if not _is_hidden(header[0].lower())]
        if not self.is_read or status not in (200, 206):
            return shown
        given = [value for name, value in shown if name.lower() == b"content-disposition"]
        rest = [
            header
            for header in shown
            if header[0].lower() not in (b"content-disposition", b"expires")
        ]
        return [
            *rest,
            (b"Content-Disposition", self._disposition(given)),
            (b"Expires", http_date(self.expires_s)),
        ]

    def _disposition(self, given: list[bytes]) -> bytes:
        if self.is_inline:
            return _disposition("inline", self.filename) if self.filename else b"inline"
        if self.filename:
            return _disposition("attachment", self.filename)
        return given[0] if given else _disposition("attachment", self.name)


def _is_hidden(name: bytes) -> bool:
    return name.startswith(_HIDDEN_PREFIX) and not name.startswith(_SHOWN_PREFIX)


def _disposition(kind: str, filename: str) -> bytes:
    """Return a Content-Disposition with a file's name in both its forms (RFC 6266)."""
    plain, extended = quote(filename, safe=" /"), quote(filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}".encode("ascii")

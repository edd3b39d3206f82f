"""Reports of operations on many objects, in plain text, JSON or XML, exactly as Swift has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from storage.proxy.errors import StoreError
from storage.swift.accept import preferred
from storage.swift.response import PAGES, Header, Response, SwiftError, of_store_error, status_line

_FORMATS = ("text/plain", "application/json", "application/xml", "text/xml")
_XML_OPENING = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(slots=True)
class Report:
    """How an operation went.

    Attributes:
        root: element of the XML form.
        counts: of what was done, by what it is called.
        status: of the whole.
        body: what is to be said of it besides.
        errors: quoted names, each with the status line of what befell it.
        details: what else is to be told.
    """

    root: str
    counts: dict[str, int]
    status: int = 200
    body: str = ""
    errors: list[tuple[str, str]] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    def fail(self, name: str, status: int) -> None:
        """Add an error."""
        self.errors.append((name, status_line(status)))

    def refuse(self, response: Response) -> None:
        """Say that the whole was refused; a status's own page is not repeated."""
        status, body = response.status, response.body
        self.status, self.body = status, "" if body == PAGES.get(status) else body.decode()


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """How a report is written.

    Attributes:
        media_type: of it.
    """

    media_type: str

    @property
    def header(self) -> Header:
        """The Content-Type."""
        return (b"Content-Type", f"{self.media_type}; charset=UTF-8".encode("ascii"))

    @property
    def opening(self) -> bytes:
        """What comes before everything else."""
        return _XML_OPENING if self.media_type.endswith("/xml") else b""

    def write(self, report: Report) -> bytes:
        """Return a report without the opening."""
        facts: dict[str, object] = {
            "Response Status": status_line(report.status),
            "Response Body": report.body,
            **report.counts,
            **report.details,
        }
        return self.write_facts(facts, report.errors, report.root)

    def write_facts(
        self, facts: Mapping[str, object], errors: Sequence[tuple[str, str]], root: str
    ) -> bytes:
        """Return facts and errors without the opening."""
        if self.media_type == "application/json":
            return json.dumps({**facts, "Errors": errors}).encode("ascii")
        if self.media_type.endswith("/xml"):
            return _write_xml(facts, errors, root)
        lines = [f"{name}: {facts[name]}\n" for name in sorted(facts)]
        lines += ["Errors:\n", *(f"{name}, {status}\n" for name, status in errors)]
        return "".join(lines).encode()


def choose_report_format(accept: bytes) -> ReportFormat | None:
    """Return the form that a client prefers, or nothing where it accepts none."""
    try:
        media_type = preferred(accept.decode("latin-1"), _FORMATS)
    except ValueError:
        return None
    return None if media_type is None else ReportFormat(media_type)


def response_of(error: SwiftError | StoreError) -> Response:
    """Return what the client would be told of an error that befell one name."""
    return error.response if isinstance(error, SwiftError) else of_store_error(error)


def _write_xml(facts: Mapping[str, object], errors: Sequence[tuple[str, str]], root: str) -> bytes:
    parts = [f"<{root}>\n"]
    for name in sorted(facts):
        element = name.replace(" ", "_").lower()
        parts.append(f"<{element}>{escape(str(facts[name]), quote=False)}</{element}>\n")
    parts.append("<errors>\n")
    for name, status in errors:
        parts.append(
            f"<object><name>{escape(name, quote=False)}</name>"
            f"<status>{escape(status, quote=False)}</status></object>\n"
        )
    parts.append(f"</errors>\n</{root}>\n")
    return "".join(parts).encode()

"""What a listing request asks for, and how the answer is written.

Formats and their choice are Swift's (`swift.common.middleware.listing_formats`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from html import escape
from json.encoder import encode_basestring_ascii as quoted

from storage.container.listing import Entry, Query
from storage.swift.accept import preferred
from storage.swift.metadata import STATIC_LARGE
from storage.swift.response import SwiftError, refuse
from storage.swift.text import is_true
from storage.swift.times import iso

LIMIT_DIGITS_MAX = 18
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Format(Enum):
    """How a listing is written."""

    PLAIN = "text/plain"
    JSON = "application/json"
    XML = "application/xml"
    XML_TEXT = "text/xml"

    @property
    def content_type(self) -> bytes:
        """The header's value."""
        return f"{self.value}; charset=utf-8".encode("ascii")


_OFFERED = [one.value for one in Format]
_BY_PARAMETER = {"plain": Format.PLAIN, "json": Format.JSON, "xml": Format.XML}


class Parameters:
    """The parameters of a query string.

    Args:
        values: percent-decoded, the last of each name.
    """

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._values = values

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def raw(self, name: bytes) -> bytes:
        """Return a parameter's bytes, none where it is absent."""
        return self._values.get(name, b"")

    def text(self, name: bytes) -> str:
        """Return a parameter, empty where it is absent.

        Raises:
            SwiftError: 400, it is not UTF-8.
        """
        try:
            return self.raw(name).decode()
        except UnicodeDecodeError:
            raise refuse(f'"{name.decode()}" parameter not valid UTF-8') from None


def choose_format(parameters: Parameters, accept: bytes) -> Format:
    """Return the format of the `format` parameter, else the one that Accept prefers.

    Raises:
        SwiftError: 400 for a malformed header, 406 where nothing fits.
    """
    asked = parameters.text(b"format")
    if asked:
        return _BY_PARAMETER.get(asked.lower(), Format.PLAIN)
    return _accepted(accept)


@lru_cache(maxsize=64)
def _accepted(accept: bytes) -> Format:
    try:
        media_type = preferred(accept.decode("latin-1"), _OFFERED)
    except ValueError:
        raise SwiftError(400, "Invalid Accept header") from None
    if media_type is None:
        raise SwiftError(406)
    return Format(media_type)


def read_query(parameters: Parameters, limit_max: int, *, of_objects: bool) -> Query:
    """Return what a listing asks for.

    Args:
        parameters: of the request.
        limit_max: most entries of a page; also the default.
        of_objects: whether `path` has a meaning.

    Raises:
        SwiftError: 412 for a limit over the maximum, 400 for what is not UTF-8.
    """
    return Query(
        limit=_read_limit(parameters.raw(b"limit"), limit_max),
        marker=parameters.text(b"marker"),
        end_marker=parameters.text(b"end_marker"),
        prefix=parameters.text(b"prefix"),
        delimiter=parameters.text(b"delimiter"),
        path=parameters.text(b"path") if of_objects and b"path" in parameters else None,
        reverse=is_true(parameters.raw(b"reverse")),
    )


def _read_limit(asked: bytes, limit_max: int) -> int:
    if not asked.isdigit():
        return limit_max
    digits = asked.lstrip(b"0") or b"0"
    if len(digits) > LIMIT_DIGITS_MAX or int(digits) > limit_max:
        raise SwiftError(412, f"Maximum limit is {limit_max}")
    return int(digits)


def write_objects(entries: Sequence[Entry], container: str, form: Format) -> bytes:
    """Return the listing of a container."""
    if form is Format.PLAIN:
        return _write_plain(entries)
    if form is Format.JSON:
        return _join_json(_json_objects(entries))
    body = "".join(_xml_objects(entries))
    return _xml_document("container", container, body)


def write_containers(
    entries: Sequence[Entry], account: str, policies: Sequence[str], form: Format
) -> bytes:
    """Return the listing of an account."""
    if form is Format.PLAIN:
        return _write_plain(entries)
    if form is Format.JSON:
        return _join_json(_json_containers(entries, policies))
    body = "\n" + "".join(_xml_containers(entries, policies))
    return _xml_document("account", account, body)


def policy_name(policies: Sequence[str], number: int) -> str:
    """Return the name of a storage policy; one that was taken from the settings keeps a name."""
    return policies[number] if number < len(policies) else f"Policy-{number}"


def _write_plain(entries: Sequence[Entry]) -> bytes:
    return "".join([f"{entry.name}\n" for entry in entries]).encode()


def _join_json(items: Iterator[str]) -> bytes:
    return f"[{', '.join(items)}]".encode("ascii")


def _json_objects(entries: Sequence[Entry]) -> Iterator[str]:
    for name, row in entries:
        if row is None:
            yield f'{{"subdir": {quoted(name)}}}'
        else:
            etag, more = row.etag, ""
            if row.extra is not None and STATIC_LARGE in row.extra:
                etag, more = row.extra[STATIC_LARGE], f', "slo_etag": "\\"{row.etag}\\""'
            yield (
                f'{{"bytes": {row.size_bytes}, "hash": {quoted(etag)}, '
                f'"name": {quoted(name)}, "content_type": {quoted(row.content_type)}, '
                f'"last_modified": "{iso(row.modified)}"{more}}}'
            )


def _json_containers(entries: Sequence[Entry], policies: Sequence[str]) -> Iterator[str]:
    for name, row in entries:
        if row is None:
            yield f'{{"subdir": {quoted(name)}}}'
        else:
            yield (
                f'{{"name": {quoted(name)}, "count": {row.objects}, "bytes": {row.size_bytes}, '
                f'"last_modified": "{iso(row.modified)}", '
                f'"storage_policy": {quoted(policy_name(policies, row.policy))}}}'
            )


def _xml_objects(entries: Sequence[Entry]) -> Iterator[str]:
    for name, row in entries:
        text = _xml_text(name)
        if row is None:
            yield f'<subdir name="{_xml_attribute(name)}"><name>{text}</name></subdir>'
        else:
            etag = row.etag if row.extra is None else row.extra.get(STATIC_LARGE, row.etag)
            yield (
                f"<object><name>{text}</name><hash>{etag}</hash>"
                f"<bytes>{row.size_bytes}</bytes>"
                f"<content_type>{_xml_text(row.content_type)}</content_type>"
                f"<last_modified>{iso(row.modified)}</last_modified></object>"
            )


def _xml_containers(entries: Sequence[Entry], policies: Sequence[str]) -> Iterator[str]:
    for name, row in entries:
        if row is None:
            yield f'<subdir name="{_xml_attribute(name)}" />\n'
        else:
            yield (
                f"<container><name>{_xml_text(name)}</name><count>{row.objects}</count>"
                f"<bytes>{row.size_bytes}</bytes>"
                f"<last_modified>{iso(row.modified)}</last_modified>"
                f"<storage_policy>{_xml_text(policy_name(policies, row.policy))}</storage_policy>"
                "</container>\n"
            )


def _xml_document(element: str, name: str, body: str) -> bytes:
    start = f'{_XML_HEAD}<{element} name="{_xml_attribute(name)}"'
    return (f"{start}>{body}</{element}>" if body else f"{start} />").encode()


def _xml_text(text: str) -> str:
    return escape(text, quote=False)


def _xml_attribute(text: str) -> str:
    """Escape an attribute; line breaks would else be read as spaces."""
    escaped = escape(text, quote=False).replace('"', "&quot;")
    return escaped.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#09;")

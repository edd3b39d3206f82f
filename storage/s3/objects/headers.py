"""The headers that tell of an object."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from storage.object.record import ObjectRecord
from storage.s3.checksums import BY_HEADER, Algorithm, Checksum, Kind
from storage.s3.dates import http_date
from storage.s3.errors import Header
from storage.s3.objects.attributes import CONTENT_HEADERS, REDIRECT, STORAGE_CLASS
from storage.s3.objects.metadata import show_metadata
from storage.s3.objects.retention import HOLD, MODE, UNTIL, format_date
from storage.s3.objects.tags import TAGS
from storage.s3.xml import Content
from storage.swift.text import encode

CHECKSUM_TYPE = "x-amz-checksum-type"
_CHECKSUMS = {name: name.encode("ascii") for name in BY_HEADER}
_PLAIN = {name: name.title().encode("ascii") for name in CONTENT_HEADERS} | {
    REDIRECT: b"x-amz-website-redirect-location",
    STORAGE_CLASS: b"x-amz-storage-class",
    MODE: b"x-amz-object-lock-mode",
    HOLD: b"x-amz-object-lock-legal-hold",
}
"""System metadata that is shown as it is."""


def object_headers(record: ObjectRecord) -> list[Header]:
    """Return the headers of an object, but those of its version; the first is its content type."""
    headers = [
        (b"Content-Type", encode(record.content_type)),
        (b"ETag", b'"%b"' % record.etag.encode("ascii")),
        (b"Last-Modified", http_date(record.created)),
        (b"Accept-Ranges", b"bytes"),
    ]
    if record.metadata:
        headers += show_metadata(record.metadata)
    for name, value in record.system.items():
        header = _PLAIN.get(name)
        if header is not None:
            headers.append((header, encode(value)))
        elif name == UNTIL:
            date = format_date(int(value)).encode("ascii")
            headers.append((b"x-amz-object-lock-retain-until-date", date))
        elif name == TAGS:
            count = len(parse_qsl(value, keep_blank_values=True))
            if count:
                headers.append((b"x-amz-tagging-count", b"%d" % count))
    return headers


def quoted_etag(record: ObjectRecord) -> str:
    """Return an object's entity tag as headers and documents show it."""
    return f'"{record.etag}"'


def etag_header(record: ObjectRecord) -> Header:
    """Return the header of an object's entity tag."""
    return b"ETag", quoted_etag(record).encode("ascii")


def checksum_headers(system: Mapping[str, str]) -> list[Header]:
    """Return the headers of an object's checksum, which is stored under its header's name."""
    headers = [
        (header, system[name].encode("ascii"))
        for name, header in _CHECKSUMS.items()
        if name in system
    ]
    if headers:
        kind = system.get(CHECKSUM_TYPE, Kind.FULL_OBJECT.value)
        headers.append((CHECKSUM_TYPE.encode("ascii"), kind.encode("ascii")))
    return headers


def checksum_elements(system: Mapping[str, str]) -> list[tuple[str, Content]]:
    """Return the elements of an object's checksum."""
    elements: list[tuple[str, Content]] = [
        (algorithm.element, system[name]) for name, algorithm in BY_HEADER.items() if name in system
    ]
    if elements:
        elements.append(("ChecksumType", system.get(CHECKSUM_TYPE, Kind.FULL_OBJECT.value)))
    return elements


def checksum_system(checksum: Checksum | None) -> dict[str, str]:
    """Return the system metadata that keeps a checksum of a whole object."""
    return {} if checksum is None else {checksum.algorithm.header: checksum.text}


def stored_algorithm(system: Mapping[str, str]) -> Algorithm | None:
    """Return the algorithm of an object's checksum, if it has one."""
    return next((algorithm for name, algorithm in BY_HEADER.items() if name in system), None)

"""The headers that tell of an object."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import parse_qsl

from storage.object.record import ObjectRecord
from storage.proxy.checksums import CHECKSUM_TYPE, ChecksumAlgorithm, checksum_key
from storage.proxy.manifest import Segment
from storage.s3.checksums import Algorithm, Checksum, Kind
from storage.s3.dates import http_date
from storage.s3.errors import Header
from storage.s3.marks import REPLICA, REPLICATION_STATUS
from storage.s3.objects.attributes import CONTENT_HEADERS, REDIRECT, STORAGE_CLASS
from storage.s3.objects.metadata import show_metadata
from storage.s3.objects.retention import HOLD, MODE, UNTIL, format_date
from storage.s3.objects.tags import TAGS
from storage.s3.xml import Content
from storage.swift.text import encode

_CHECKSUMS = {checksum_key(ChecksumAlgorithm(one.value)): one for one in Algorithm}
_PLAIN = {name: name.title().encode("ascii") for name in CONTENT_HEADERS} | {
    REDIRECT: b"x-amz-website-redirect-location",
    STORAGE_CLASS: b"x-amz-storage-class",
    MODE: b"x-amz-object-lock-mode",
    HOLD: b"x-amz-object-lock-legal-hold",
    REPLICATION_STATUS: b"x-amz-replication-status",
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
        if REPLICA in record.metadata and REPLICATION_STATUS not in record.system:
            headers.append((_PLAIN[REPLICATION_STATUS], b"REPLICA"))
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


def stored_checksums(system: Mapping[str, str]) -> list[tuple[Algorithm, str]]:
    """Return the checksums in an object's system metadata, in Base64; most have one."""
    return [(_CHECKSUMS[name], value) for name, value in system.items() if name in _CHECKSUMS]


def checksum_headers(system: Mapping[str, str]) -> list[Header]:
    """Return the headers of an object's checksum."""
    headers = [
        (algorithm.header.encode("ascii"), text.encode("ascii"))
        for algorithm, text in stored_checksums(system)
    ]
    if headers:
        headers.append((b"x-amz-checksum-type", checksum_type(system).encode("ascii")))
    return headers


def part_checksum_headers(system: Mapping[str, str], part: Segment | None) -> list[Header]:
    """Return the headers of the checksum of a part, in the algorithm of its object's."""
    held = stored_checksums(system)
    if not held or part is None or not part.checksum:
        return []
    text = b64encode(part.checksum)
    return [
        (held[0][0].header.encode("ascii"), text),
        (b"x-amz-checksum-type", checksum_type(system).encode("ascii")),
    ]


def checksum_elements(system: Mapping[str, str]) -> list[tuple[str, Content]]:
    """Return the elements of an object's checksum."""
    elements: list[tuple[str, Content]] = [
        (algorithm.element, text) for algorithm, text in stored_checksums(system)
    ]
    if elements:
        elements.append(("ChecksumType", checksum_type(system)))
    return elements


def checksum_type(system: Mapping[str, str]) -> str:
    """Return what an object's checksum is of, as S3 names it."""
    return system.get(CHECKSUM_TYPE, Kind.FULL_OBJECT.value)


def checksum_system(checksum: Checksum | None) -> dict[str, str]:
    """Return the system metadata that keeps a checksum of a whole object."""
    if checksum is None:
        return {}
    return {checksum_key(ChecksumAlgorithm(checksum.algorithm.value)): checksum.text}

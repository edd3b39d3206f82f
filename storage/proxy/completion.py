"""What a completion of a multipart upload asks for, checked against the parts that are there.

Pure: it decides on records that were read, and reads none.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.object.record import PARTS, ObjectRecord
from storage.proxy.checksums import (
    CHECKSUM_TYPE,
    ChecksumPlan,
    ChecksumType,
    checksum_key,
    checksum_of_parts,
    etag_of_parts,
    stored_checksum,
)
from storage.proxy.engine import Attributes, Condition, Versioning
from storage.proxy.manifest import Manifest, Segment
from storage.proxy.multipart_errors import (
    ChecksumMismatchError,
    EntityTooLargeError,
    EntityTooSmallError,
    InvalidPartError,
    InvalidPartOrderError,
    PartChecksumMissingError,
    SizeMismatchError,
)
from storage.proxy.uploads import Upload


class CompletedPart(NamedTuple):
    """A part that a completion names.

    Attributes:
        number: of the part.
        etag: that it must have: MD5 in hexadecimal.
        checksum: that it must have, as base64; empty for none.
    """

    number: int
    etag: str
    checksum: str = ""


class CompletionRequest(NamedTuple):
    """A completion; see `storage.proxy.multipart.Multipart.complete`."""

    parts: Mapping[int, CompletedPart]
    checksum: str
    size_bytes: int | None
    condition: Condition | None
    versioned: Versioning


def check_order(parts: Sequence[CompletedPart]) -> dict[int, CompletedPart]:
    """Return parts by number; of a number that is repeated the last counts.

    Raises:
        InvalidPartOrderError: they do not ascend, or there are none.
    """
    numbers = [part.number for part in parts]
    if not numbers or numbers != sorted(numbers):
        raise InvalidPartOrderError(f"{len(numbers)} parts")
    return {part.number: part for part in parts}


def assemble(
    upload: Upload,
    request: CompletionRequest,
    records: Mapping[int, ObjectRecord],
    limits: tuple[int, int],
) -> tuple[Manifest, str, Attributes]:
    """Return manifest, ETag and attributes of the object that a completion makes.

    Args:
        upload: that is completed.
        request: the completion.
        records: of the newest attempt at each part that is there.
        limits: least size of a part and greatest of an object, in bytes.

    Raises:
        MultipartError: what is asked for cannot be; see `Multipart.complete`.
    """
    manifest = Manifest([_segment(upload.plan, part, records) for part in request.parts.values()])
    size_bytes_min, size_bytes_max = limits
    for segment in manifest.segments[:-1]:
        if segment.size_bytes < size_bytes_min:
            raise EntityTooSmallError(
                segment.number, segment.etag, segment.size_bytes, size_bytes_min
            )
    if manifest.size_bytes > size_bytes_max:
        raise EntityTooLargeError(manifest.size_bytes, size_bytes_max)
    if request.size_bytes not in (None, manifest.size_bytes):
        raise SizeMismatchError(manifest.size_bytes)
    system = {**upload.attributes.system, PARTS: upload.id}
    if upload.plan is not None:
        parts = [(segment.checksum, segment.size_bytes) for segment in manifest.segments]
        checksum = checksum_of_parts(upload.plan, parts)
        if request.checksum not in ("", checksum, checksum.partition("-")[0]):
            raise ChecksumMismatchError(checksum)
        system[checksum_key(upload.plan.algorithm)] = checksum
        system[CHECKSUM_TYPE] = upload.plan.type
    etag = etag_of_parts([segment.etag for segment in manifest.segments])
    return manifest, etag, upload.attributes._replace(system=system)


def _segment(
    plan: ChecksumPlan | None, asked: CompletedPart, records: Mapping[int, ObjectRecord]
) -> Segment:
    """Return the segment that a part becomes, if it is the part that was asked for."""
    record = records.get(asked.number)
    if record is None or record.etag != asked.etag:
        raise InvalidPartError(asked.number, asked.etag)
    checksum = b""
    if plan is not None:
        checksum = stored_checksum(record.system, plan.algorithm)
        if plan.type is ChecksumType.COMPOSITE and not asked.checksum:
            raise PartChecksumMissingError(asked.number)
        if not checksum:
            raise InvalidPartError(asked.number, asked.etag)
    if asked.checksum and asked.checksum != base64.b64encode(checksum).decode():
        raise InvalidPartError(asked.number, asked.etag)
    return Segment(
        asked.number,
        record.container,
        record.name,
        record.write_id,
        record.size_bytes,
        record.etag,
        checksum,
    )

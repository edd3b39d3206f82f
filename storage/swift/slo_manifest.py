"""The manifest of a static large object: as a client gives it, and as it is shown again.

After OpenStack Swift (`swift.common.middleware.slo`); pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from storage.object.record import ObjectRecord
from storage.proxy.manifest import Manifest, Segment
from storage.swift.ranges import select
from storage.swift.response import PLAIN, SwiftError
from storage.swift.times import iso

_OPTIONAL_KEYS = {"path": {"path", "range", "etag", "size_bytes"}, "data": {"data"}}
_ANY_SIZE_BYTES = 2**62
_TOO_SMALL = "too small; each segment must be at least 1 byte."
_RAW_NAMES = {"name": "path", "bytes": "size_bytes", "hash": "etag", "range": "range"}

Shown = dict[str, Any]
"""An entry of a manifest as `multipart-manifest=get` shows it."""


class Piece(NamedTuple):
    """An entry of a manifest that a client gives: data, or an object that must be as it says.

    Attributes:
        path: of the object, as given; empty for data.
        data: the bytes themselves.
        etag: that the object must have, if any.
        size_bytes: that the object must have, if any.
        span: the part of the object that is meant, as in a Range header; empty for all.
    """

    path: str
    data: bytes = b""
    etag: str | None = None
    size_bytes: int | None = None
    span: bytes = b""

    @property
    def place(self) -> tuple[str, str]:
        """Container and name of the object."""
        container, _, name = self.path.lstrip("/").partition("/")
        return container, name


class Problem(NamedTuple):
    """Why an object cannot be a segment."""

    path: str
    text: str


def parse_pieces(body: bytes, own_place: tuple[str, str]) -> list[Piece]:
    """Return the entries of a manifest.

    Args:
        body: of the request.
        own_place: container and name of the object that the manifest is for.

    Raises:
        SwiftError: 400, with a line for each entry that is wrong.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        raise SwiftError(400, "Manifest must be valid JSON.\n") from None
    if not isinstance(entries, list):
        raise SwiftError(400, "Manifest must be a list.\n")
    pieces: list[Piece] = []
    errors: list[str] = []
    for index, entry in enumerate(entries):
        try:
            pieces.append(_parse(entry, own_place, is_last=index == len(entries) - 1))
        except ValueError as error:
            errors.append(f"Index {index}: {error}")
    if pieces and not errors and not any(piece.path for piece in pieces):
        errors.append("Inline data segments require at least one object-backed segment.")
    if errors:
        raise SwiftError(400, "".join(f"{line}\n" for line in errors), content_type=PLAIN)
    return pieces


def _parse(entry: object, own_place: tuple[str, str], *, is_last: bool) -> Piece:
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    kind = next((one for one in ("data", "path") if one in entry), None)
    if kind is None:
        raise ValueError("expected keys to include one of 'data' or 'path'")
    extraneous = sorted(entry.keys() - _OPTIONAL_KEYS[kind])
    if extraneous:
        raise ValueError(f"extraneous keys {', '.join(json.dumps(key) for key in extraneous)}")
    if kind == "data":
        return Piece("", _parse_data(entry["data"]))
    path, etag = entry["path"], entry.get("etag")
    if not isinstance(path, str):
        raise ValueError('"path" must be a string')
    if etag is not None and not isinstance(etag, str):
        raise ValueError('"etag" must be a string or null (if provided)')
    if "/" not in path.strip("/"):
        raise ValueError(
            "path does not refer to an object. Path must be of the form /container/object."
        )
    size_bytes = _parse_size(entry.get("size_bytes"))
    if size_bytes is not None and size_bytes < 1 and not is_last:
        raise ValueError(_TOO_SMALL)
    span = _parse_range(entry.get("range"), size_bytes)
    piece = Piece(path, b"", etag, size_bytes, span)
    if piece.place == own_place:
        raise ValueError("manifest must not include itself as a segment")
    return piece


def _parse_data(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("data must be valid base64")
    bare = text.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise ValueError("data must be valid base64") from None
    if not data:
        raise ValueError(_TOO_SMALL)
    return data


def _parse_size(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("invalid size_bytes") from None


def _parse_range(value: object, size_bytes: int | None) -> bytes:
    if not value:
        return b""
    header = f"bytes={value}".encode("ascii", "replace")
    spans = select(header, _ANY_SIZE_BYTES)
    if spans is None:
        raise ValueError("invalid range")
    if b"," in header:
        raise ValueError("multiple ranges (only one allowed)")
    if size_bytes is not None and len(select(header, size_bytes) or ()) != 1:
        raise ValueError("unsatisfiable range")
    return header


class Draft:
    """A manifest in the making: entry by entry, from the objects that are there.

    Attributes:
        problems: why it cannot become one.
        is_nested: whether a segment is a static large object itself.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.is_nested = False
        self._segments: list[Segment] = []
        self._shown: list[Shown | None] = []
        self._inline = bytearray()
        self._digest = hashlib.md5(usedforsecurity=False)

    def add_data(self, data: bytes) -> None:
        """Add bytes that the manifest has itself."""
        number = len(self._shown) + 1
        self._segments.append(Segment(number, "", "", b"", len(data), "", b"", len(self._inline)))
        self._inline += data
        self._shown.append(None)
        self._digest.update(md5(data).encode("ascii"))

    def add(self, piece: Piece, record: ObjectRecord, *, is_static: bool, is_last: bool) -> None:
        """Add an object, or take note why it cannot be a segment.

        Args:
            piece: what is asked for.
            record: of the object that is there.
            is_static: whether that is a static large object itself.
            is_last: only the last segment may be empty.
        """
        start, stop = 0, record.size_bytes
        if piece.span:
            spans = select(piece.span, record.size_bytes)
            if spans:
                start, stop = spans[0]
            else:
                self.problems.append(Problem(piece.path, "Unsatisfiable Range"))
        if stop - start < 1 and not is_last:
            self.problems.append(Problem(piece.path, f"T{_TOO_SMALL[1:]}"))
        if piece.size_bytes is not None and piece.size_bytes != record.size_bytes:
            self.problems.append(Problem(piece.path, "Size Mismatch"))
        if piece.etag is not None and piece.etag != record.etag:
            self.problems.append(Problem(piece.path, "Etag Mismatch"))
        container, name = piece.place
        shown: Shown = {
            "name": f"/{container}/{name}",
            "bytes": record.size_bytes,
            "hash": record.etag,
            "content_type": record.content_type,
            "last_modified": iso(record.changed),
        }
        told = record.etag
        if (start, stop) != (0, record.size_bytes):
            shown["range"] = f"{start}-{stop - 1}"
            told = f"{record.etag}:{start}-{stop - 1};"
        if is_static:
            shown["sub_slo"] = self.is_nested = True
        number = len(self._shown) + 1
        self._segments.append(
            Segment(number, container, name, b"", stop - start, record.etag, b"", start)
        )
        self._shown.append(shown)
        self._digest.update(told.encode())

    @property
    def etag(self) -> str:
        """Of the object: the MD5 of its segments' MD5s."""
        return self._digest.hexdigest()

    def finish(self) -> Manifest:
        """Return the manifest."""
        segments = self._segments or [Segment(1, "", "", b"", 0, "")]
        note = zlib.compress(json.dumps(self._shown).encode("ascii"), 1)
        return Manifest(segments, bytes(self._inline), note)


def manifest_json(manifest: Manifest) -> bytes:
    """Return what `multipart-manifest=get` shows."""
    return json.dumps(list(_entries(manifest))).encode("ascii")


def raw_json(manifest: Manifest) -> bytes:
    """Return a manifest in the form in which clients give it."""
    raw = [
        entry
        if "data" in entry
        else {_RAW_NAMES[key]: value for key, value in entry.items() if key in _RAW_NAMES}
        for entry in _entries(manifest)
    ]
    return json.dumps(raw, sort_keys=True).encode("ascii")


def manifest_etag(manifest: Manifest) -> str:
    """Return the MD5 of what `multipart-manifest=get` shows."""
    return md5(manifest_json(manifest))


def parts_count(manifest: Manifest) -> int:
    """Return how many entries a manifest has."""
    return len(_shown(manifest))


def nested_places(manifest: Manifest) -> set[tuple[str, str]]:
    """Return container and name of the segments that are static large objects themselves."""
    entries = zip(manifest.segments, _shown(manifest), strict=False)
    return {
        (segment.container, segment.name)
        for segment, entry in entries
        if entry is not None and "sub_slo" in entry
    }


def _shown(manifest: Manifest) -> list[Shown | None]:
    """Return the entries as they are kept: nothing for data, which stands in the manifest."""
    found: list[Shown | None] = json.loads(zlib.decompress(manifest.note))
    return found


def _entries(manifest: Manifest) -> Iterator[Shown]:
    # even an empty list has a segment
    for segment, entry in zip(manifest.segments, _shown(manifest), strict=False):
        if entry is None:
            data = manifest.inline[segment.start : segment.start + segment.size_bytes]
            yield {"data": base64.b64encode(data).decode("ascii")}
        else:
            yield entry


def md5(data: bytes) -> str:
    """Return the MD5 of bytes, in hexadecimal."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()

"""Ring files on a disk: read, change whole or not at all, and lists of devices to add."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from atoll.errors import OperatorError
from atoll.world import World
from ring.builder import Builder
from ring.errors import RingFileError, RingInputError
from ring.swift_format import GZIP_MAGIC, read_ring_gz

FILE_SIZE_BYTES_MAX = 1 << 30
DEVICE_LIST_SIZE_BYTES_MAX = 64 << 20

DeviceList: TypeAlias = list[tuple[str, Mapping[str, Any]]]
"""Where a device stands in a list, as "name:line: ", and the fields it is given."""


def read_file(world: World, path: Path, size_bytes_max: int = FILE_SIZE_BYTES_MAX) -> bytes:
    """Return a file's bytes.

    Raises:
        RingFileError: there is none, or it is too large.
        DiskError: the disk failed.
    """
    try:
        file = world.disk.open(path)
    except FileNotFoundError as error:
        raise RingFileError(f"{path}: there is no such file") from error
    try:
        if file.size() > size_bytes_max:
            raise RingFileError(f"{path}: larger than {size_bytes_max} bytes")
        data = bytearray(file.size())
        return bytes(data[: file.read_into(data, 0)])
    finally:
        file.close()


def write_new(world: World, path: Path, data: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        RingInputError: it is.
        DiskError: the disk failed.
    """
    if path.name in world.disk.entries(path.parent):
        raise RingInputError(f"{path}: there is a file already")
    world.disk.replace(path, data)


def load(world: World, path: Path) -> Builder:
    """Return the builder in a ring file, or one that goes on from a Swift ring.

    Raises:
        RingFileError: there is no file, or no sound ring in it.
        DiskError: the disk failed.
    """
    return _parse(path, read_file(world, path))


@contextmanager
def editing(world: World, path: Path) -> Iterator[Builder]:
    """Yield the builder in a ring file and write it back, unless the body raises.

    Raises:
        RingInputError: it is a Swift ring.
        RingFileError: there is no file, no sound ring in it, or somebody else changed it meanwhile.
        DiskError: the disk failed.
    """
    before = read_file(world, path)
    if before.startswith(GZIP_MAGIC):
        raise RingInputError(f"{path}: a Swift ring cannot be changed; import it first")
    builder = _parse(path, before)
    yield builder
    after = builder.dump()
    if read_file(world, path) != before:
        raise RingFileError(f"{path}: changed meanwhile; nothing was done")
    world.disk.replace(path, after)


def parse_device_list(data: bytes, name: str) -> DeviceList:
    """Return the devices in JSON lines.

    Args:
        data: one JSON object a line; empty lines are skipped.
        name: of the list.

    Raises:
        RingInputError: a line is something else.
    """
    found: DeviceList = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}: "
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RingInputError(f"{where}not JSON: {error}") from error
        if not isinstance(fields, dict):
            raise RingInputError(f"{where}a device must be a JSON object")
        found.append((where, fields))
    return found


def _parse(path: Path, data: bytes) -> Builder:
    try:
        if data.startswith(GZIP_MAGIC):
            return Builder.from_ring(read_ring_gz(data))
        return Builder.load(data)
    except OperatorError as error:
        raise RingFileError(f"{path}: {error}") from error

"""Where an LMDB file (0.9, data version 1) keeps what: for tests that flip its bits.

After lmdb.h and mdb.c: `MDB_page`, `MDB_node`, `MDB_db`, `MDB_meta`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

PAGE_SIZE_BYTES = 4096
_PAGE_HEADER = struct.Struct("<QHHHH")  # page number, pad, flags, lower, upper
_NODE_HEADER = struct.Struct("<HHHH")  # low and high half of size or page, flags, key size
_DB = struct.Struct("<IHHQQQQQ")  # pad, flags, depth, pages of three kinds, entries, root
_META = struct.Struct("<IIQQ")
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_BIG_DATA = 1
_NO_PAGE = (1 << 64) - 1


class Part(Enum):
    """What a byte of the file means."""

    LEAF_KEY = "key of a leaf"
    LEAF_VALUE = "value of a leaf"
    OVERFLOW_VALUE = "value on pages of its own"
    BRANCH_KEY = "key of a branch"
    NODE_HEADER = "header of a node"
    NODE_OFFSETS = "offsets of a page's nodes"
    PAGE_HEADER = "header of a page"


@dataclass(frozen=True)
class Region:
    """A piece of the file.

    Attributes:
        part: what it means.
        offset: in the file.
        size: in bytes.
    """

    part: Part
    offset: int
    size: int


def regions(path: Path, table: str) -> Iterator[Region]:
    """Yield the pieces of a table's current tree."""
    data = path.read_bytes()
    yield from _tree(data, _root_of(data, table))


def _root_of(data: bytes, table: str) -> int:
    newest, root = -1, _NO_PAGE
    for page in (0, 1):
        at = page * PAGE_SIZE_BYTES + _PAGE_HEADER.size + _META.size
        main = _DB.unpack_from(data, at + _DB.size)
        _, transaction = struct.unpack_from("<QQ", data, at + 2 * _DB.size)
        if transaction > newest:
            newest, root = transaction, main[-1]
    for key, value in _leaves(data, root):
        if key == table.encode():
            found: int = _DB.unpack(value)[-1]
            return found
    raise KeyError(table)


def _nodes(data: bytes, page: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield offset, the two halves, flags and key size of a page's nodes."""
    start = page * PAGE_SIZE_BYTES
    lower = _PAGE_HEADER.unpack_from(data, start)[3]
    for place in range(start + _PAGE_HEADER.size, start + lower, 2):
        offset = start + int.from_bytes(data[place : place + 2], "little")
        yield offset, *_NODE_HEADER.unpack_from(data, offset)


def _flags(data: bytes, page: int) -> int:
    flags: int = _PAGE_HEADER.unpack_from(data, page * PAGE_SIZE_BYTES)[2]
    return flags


def _leaves(data: bytes, page: int) -> Iterator[tuple[bytes, bytes]]:
    for offset, low, high, flags, key_size in _nodes(data, page):
        if _flags(data, page) & _BRANCH:
            yield from _leaves(data, low | high << 16 | flags << 32)
        else:
            key = offset + _NODE_HEADER.size
            value = key + key_size
            yield data[key:value], data[value : value + (low | high << 16)]


def _tree(data: bytes, page: int) -> Iterator[Region]:
    start = page * PAGE_SIZE_BYTES
    lower = _PAGE_HEADER.unpack_from(data, start)[3]
    header = _PAGE_HEADER.size
    yield Region(Part.PAGE_HEADER, start, header)
    yield Region(Part.NODE_OFFSETS, start + header, lower - header)
    is_branch = _flags(data, page) & _BRANCH
    for offset, low, high, flags, key_size in _nodes(data, page):
        yield Region(Part.NODE_HEADER, offset, _NODE_HEADER.size)
        key = offset + _NODE_HEADER.size
        if key_size:
            yield Region(Part.BRANCH_KEY if is_branch else Part.LEAF_KEY, key, key_size)
        size = low | high << 16
        if is_branch:
            yield from _tree(data, size | flags << 32)
        elif flags & _BIG_DATA:
            (first,) = struct.unpack_from("<Q", data, key + key_size)
            yield Region(Part.NODE_HEADER, key + key_size, 8)
            yield Region(Part.PAGE_HEADER, first * PAGE_SIZE_BYTES, header)
            yield Region(Part.OVERFLOW_VALUE, first * PAGE_SIZE_BYTES + header, size)
        else:
            yield Region(Part.LEAF_VALUE, key + key_size, size)

"""A small device on LMDB whose every answer is known, asked while bits of its index are flipped.

As a program it flips bits one by one and prints what each did, for LMDB may kill its process:
`flipped_device.py FOLDER TABLE PART FIRST`.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from lmdb_pages import Part, Region, regions
from storage_samples import CONTAINER_ID, Samples

from atoll.invariant import invariant
from atoll.world.simulated import MemoryDisk
from storage.container.listing import Entry, Query, Source, list_rows
from storage.container.row import (
    Counters,
    Row,
    decode_counters,
    read_row,
    scan_rows,
    scan_rows_back,
)
from storage.device.index import IndexFailedError, Snapshot, lookup, walk
from storage.device.lmdb_index import LmdbIndex
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest
from storage.device.writer import Writer
from storage.mutation import Mutation
from storage.object.record import (
    PREFIX_SIZE_BYTES,
    object_prefix,
    record_digest,
    root_key,
)
from storage.object.versions import decode_entry, newest, read_standing
from storage.seal import DamagedError, unpack_body

MAP_SIZE_BYTES = 8 * 1024 * 1024
OBJECTS = 40
FLIPS_MAX = {
    Part.LEAF_KEY: 400,
    Part.LEAF_VALUE: 200,
    Part.OVERFLOW_VALUE: 100,
    Part.BRANCH_KEY: 400,
    Part.PAGE_HEADER: 300,
    Part.NODE_HEADER: 150,
    Part.NODE_OFFSETS: 60,
}

Question = Callable[[Snapshot], Any]


def make_device(folder: Path) -> None:
    """Fill a device: objects with payloads of all sizes, a few replaced, so that pages are free."""
    index = LmdbIndex(folder, map_size_bytes=MAP_SIZE_BYTES, writable=True, create=True)
    payloads = PayloadFolder(MemoryDisk(), Path("/device"))
    writer = Writer(index, payloads, reclaim_age_s=3600, reserve_bytes=0)
    samples = Samples()
    groups: list[list[Mutation]] = [[samples.account()], [samples.container()]]
    groups += [samples.put(name(n), bytes([n]) * (n * 71)) for n in range(OBJECTS)]
    groups += [samples.put(name(number), b"again") for number in range(0, OBJECTS, 7)]
    for group in groups:
        outcomes = writer.apply([group])
        assert not any(one.status for one in outcomes[0])
    index.close()


def name(number: int) -> str:
    """Return an object's name; every other number is one that is not there."""
    return f"folder {number % 3}/{number:03}" + "é" * (number % 5)


def questions(table: str) -> list[Question]:
    """Return what can be asked of a table; objects that are not there among it."""
    names = [name(number) for number in range(OBJECTS * 2)]
    if table == "objects":
        prefixes = [object_prefix(0, Samples.name_hash(one)) for one in names]
        return [partial(read, prefix=one) for one in prefixes for read in (newest, read_standing)]
    if table == "inline":
        samples = Samples()
        return [partial(_inline, write_id=samples.now()) for _ in names]
    if table == "rows":
        keys = [one.encode() for one in names]
        queries = (
            Query(),
            Query(reverse=True),
            Query(delimiter="/"),
            Query(delimiter="/", reverse=True),
            Query(marker=names[13], limit=5),
            Query(marker=names[17], limit=5, reverse=True),
        )
        return [
            *(partial(_row, name=one) for one in keys),
            *(partial(_list, query=query) for query in queries),
        ]
    raise KeyError(table)


def _inline(snapshot: Snapshot, write_id: bytes) -> bytes | None:
    body = lookup(snapshot, "inline", write_id)
    return None if body is None else bytes(body)


def _row(snapshot: Snapshot, name: bytes) -> Row | None:
    return read_row(snapshot, CONTAINER_ID, name)


def _list(snapshot: Snapshot, query: Query) -> list[Entry]:
    return list_rows(_source(snapshot), query)


def _source(snapshot: Snapshot) -> Source:
    return Source(
        lambda start: scan_rows(snapshot, CONTAINER_ID, start),
        lambda end: scan_rows_back(snapshot, CONTAINER_ID, end),
    )


def ask(index: LmdbIndex, asked: list[Question]) -> list[Any]:
    """Return the answers; `DamagedError` stands for every refusal."""
    answers: list[Any] = []
    for question in asked:
        try:
            with index.snapshot() as snapshot:
                answers.append(question(snapshot))
        except (DamagedError, IndexFailedError):
            answers.append(DamagedError)
    return answers


def is_sound(index: LmdbIndex, table: str) -> bool:
    """Tell what an audit would: whether all records and rows are there that were stored."""
    try:
        with index.snapshot() as snapshot:
            if table == "objects":
                digest = 0
                for key, body in walk(snapshot, table, b"", b""):
                    prefix = key[:PREFIX_SIZE_BYTES]
                    record = decode_entry(key, unpack_body(body))
                    digest ^= 0 if record is None else record_digest(prefix, record)
                return digest == read_digest(snapshot, root_key(bytes(PREFIX_SIZE_BYTES)))
            counted = Counters()
            for one, row in scan_rows(snapshot, CONTAINER_ID, b""):
                counted = counted.replace(one, None, row)
            body_of_counters = lookup(snapshot, "counters", CONTAINER_ID)
            invariant(body_of_counters is not None, "the container has counters")
            return counted == decode_counters(unpack_body(body_of_counters))
    except (DamagedError, IndexFailedError):
        return False


def bits(path: Path, table: str, part: Part) -> list[tuple[int, int]]:
    """Return (offset, bit) of all bits of a part, or as many of them as there is time for."""
    pieces: list[Region] = [one for one in regions(path, table) if one.part is part]
    found = [(one.offset + at, bit) for one in pieces for at in range(one.size) for bit in range(8)]
    rng = random.Random(f"{table} {part.name}")
    limit = FLIPS_MAX[part]
    return found if len(found) <= limit else sorted(rng.sample(found, limit))


def flip_all(folder: Path, table: str, part: Part, first: int) -> Iterator[str]:
    """Flip one bit after the other, and yield what each did.

    "same": nothing. "refused": what is not the right answer is a refusal. "silent": a wrong answer,
    which the audit would notice. "hidden": a wrong answer that the audit would not notice.
    """
    path = folder / "data.mdb"
    fd = os.open(path, os.O_RDWR)
    asked = questions(table)
    index = LmdbIndex(folder, map_size_bytes=MAP_SIZE_BYTES)
    right = ask(index, asked)
    assert DamagedError not in right
    for offset, bit in bits(path, table, part)[first:]:
        [byte] = os.pread(fd, 1, offset)
        os.pwrite(fd, bytes([byte ^ 1 << bit]), offset)
        try:
            yield "about to ask"
            answers = ask(index, asked)
            sound = is_sound(index, table)
        finally:
            os.pwrite(fd, bytes([byte]), offset)
        wrong = [one for one, known in zip(answers, right, strict=True) if one != known]
        if all(one is DamagedError for one in wrong):
            yield "refused" if wrong else "same"
        else:
            yield "hidden" if sound else "silent"
    index.close()
    os.close(fd)


if __name__ == "__main__":
    for line in flip_all(Path(sys.argv[1]), sys.argv[2], Part[sys.argv[3]], int(sys.argv[4])):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

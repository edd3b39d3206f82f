"""The native kernels against Intel's ISA-L in the same run.

Ours are timed through the public Python functions,
all checks included; ISA-L's through a bare call with everything prepared. The two take turns, and
medians are compared.
"""

from __future__ import annotations

import os
import statistics
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from cffi import FFI
from typing_extensions import Buffer

import native
from benchmarks.report import Row, row, value_row
from native.dispatch import kernels_at, supported_levels
from native.interface import CrcKind
from native.reed_solomon import coefficient

KIB = 1024
MIB = 1024 * KIB
BATCH_S = 0.002

ffi = FFI()
ffi.cdef("""
    void ec_init_tables(int k, int rows, unsigned char *matrix, unsigned char *tables);
    void ec_encode_data(int length, int k, int rows, unsigned char *tables,
                        unsigned char **data, unsigned char **coding);
    unsigned int crc32_iscsi(unsigned char *buffer, int length, unsigned int start);
""")


class Stripe:
    """Fragments of random data, with what each side needs to encode them."""

    def __init__(self, data_count: int, parity_count: int, fragment_bytes: int) -> None:
        self.code = native.ReedSolomon(data_count, parity_count)
        self.bytes = data_count * fragment_bytes
        segment = memoryview(bytearray(os.urandom(self.bytes)))
        cuts = range(0, self.bytes, fragment_bytes)
        self.data: list[Buffer] = [segment[at : at + fragment_bytes] for at in cuts]
        self.parity = [bytearray(fragment_bytes) for _ in range(parity_count)]
        self.matrix = bytes(
            coefficient(row, column) for row in range(parity_count) for column in range(data_count)
        )

    def encode(self) -> None:
        """Encode through the public interface."""
        self.code.encode_into(self.data, self.parity)

    def isal_encode(self, isal: Any, rows: int) -> Callable[[], object] | None:
        """ISA-L's encoding of the first rows, checked to give the same bytes."""
        if isal is None:
            return None
        self.encode()
        size, count = len(self.parity[0]), len(self.data)
        tables = ffi.new("unsigned char[]", 32 * count * rows)
        isal.ec_init_tables(count, rows, self.matrix[: count * rows], tables)
        outputs = [bytearray(size) for _ in range(rows)]
        keep = [ffi.from_buffer("unsigned char[]", part) for part in (*self.data, *outputs)]
        data = ffi.new("unsigned char *[]", keep[:count])
        coding = ffi.new("unsigned char *[]", keep[count:])

        def call(_keep: object = keep) -> None:
            isal.ec_encode_data(size, count, rows, tables, data, coding)

        call()
        if outputs != self.parity[:rows]:
            raise RuntimeError("ISA-L computes another parity")
        return call


def seconds(calls: list[Callable[[], object] | None], rounds: int) -> list[float | None]:
    """The median time of each call, all of them taking turns."""
    repeats = [_repeats(call) if call else 0 for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, samples in zip(calls, repeats, times, strict=True):
            if call:
                samples.append(_batch(call, count) / count)
    return [statistics.median(samples) if samples else None for samples in times]


def _batch(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def _repeats(call: Callable[[], object]) -> int:
    return max(1, int(BATCH_S / max(_batch(call, 1), _batch(call, 1))))


def compare(
    name: str,
    size: int,
    ours: Callable[[], object],
    theirs: Callable[[], object] | None,
    rounds: int,
    enough_gbps: float = float("inf"),
    judged: bool = True,
) -> Row:
    """A row of rates: at least the reference's, or `enough_gbps`, is what is asked for."""
    our_s, their_s = seconds([ours, theirs], rounds)
    value = size / our_s / 1e9 if our_s else 0.0
    reference = size / their_s / 1e9 if their_s else None
    if not judged:
        return row(name, value, reference)
    target = "ratio >= 1" + (f" or {enough_gbps:g} GB/s" if enough_gbps < float("inf") else "")
    if value >= enough_gbps:
        return row(name, value, reference, target=target, ok=True)
    ok = None if reference is None else value >= reference
    return row(name, value, reference, target=target, ok=ok)


def reed_solomon_rows(isal: Any, rounds: int) -> list[Row]:
    """Encoding and repair by the public interface, then encoding at each level."""
    rows = []
    for size in (128 * KIB, MIB):
        stripe = Stripe(8, 3, size)
        name = f"encode 8+3, fragments of {size // KIB} KiB, GB/s"
        theirs = stripe.isal_encode(isal, 3)
        rows.append(compare(name, stripe.bytes, stripe.encode, theirs, rounds))
    stripe = Stripe(8, 3, 128 * KIB)
    theirs = stripe.isal_encode(isal, 3)
    lost = bytearray(128 * KIB)
    left: dict[int, Buffer] = dict(enumerate([*stripe.data, *stripe.parity]))
    del left[4]
    rows.append(
        compare(
            "repair of one in 8+3, fragments of 128 KiB, GB/s",
            stripe.bytes,
            lambda: stripe.code.decode_into(left, [4], [lost]),
            stripe.isal_encode(isal, 1),
            rounds,
            judged=False,
        )
    )
    for level in supported_levels():
        kernels = kernels_at(level)
        name = f"encode 8+3 at level {kernels.name}, fragments of 128 KiB, GB/s"
        ours = partial(kernels.dot_products, stripe.matrix, stripe.data, stripe.parity)
        rows.append(compare(name, stripe.bytes, ours, theirs, rounds, judged=False))
    return rows


def crc_rows(isal: Any, rounds: int) -> list[Row]:
    """CRC-32C against ISA-L; then, not judged, the other CRCs and the other levels."""
    rows = []
    for size in (4 * KIB, 64 * KIB, MIB):
        data = os.urandom(size)
        name = f"CRC-32C of {size // KIB} KiB, GB/s"
        ours = partial(native.crc32c, data)
        rows.append(compare(name, size, ours, isal_crc32c(isal, data), rounds, enough_gbps=10))

    data = os.urandom(MIB)
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object] | None]] = {
        "CRC-32": (partial(native.crc32, data), partial(zlib.crc32, data)),
        "CRC-64/NVME": (partial(native.crc64nvme, data), None),
    }
    for level in supported_levels():
        kernels = kernels_at(level)
        at_level = partial(kernels.crc, CrcKind.CRC_32C, data, 0)
        pairs[f"CRC-32C at level {kernels.name}"] = (at_level, isal_crc32c(isal, data))
    for what, (our_call, their_call) in pairs.items():
        name = f"{what} of 1 MiB{' against zlib' * (what == 'CRC-32')}, GB/s"
        rows.append(compare(name, MIB, our_call, their_call, rounds, judged=False))
    return rows


def isal_crc32c(isal: Any, data: bytes) -> Callable[[], object] | None:
    """ISA-L's CRC-32C of the data, checked to be ours."""
    if isal is None:
        return None
    ones = 0xFFFFFFFF
    call = partial(isal.crc32_iscsi, ffi.from_buffer("unsigned char[]", data), len(data), ones)
    if call() ^ ones != native.crc32c(data):
        raise RuntimeError("ISA-L computes another CRC-32C")
    return call


def self_test_row(rounds: int) -> Row:
    """What every process pays at its start, warm."""
    [time_s] = seconds([native.self_test], rounds)
    time_ms = 1000 * time_s if time_s else 0.0
    return value_row("self-test, ms", time_ms, at_most=5)


def load_isal() -> Any:
    """Debian's libisal2, or None."""
    try:
        return ffi.dlopen("libisal.so.2")
    except OSError:
        return None


def run(quick: bool) -> list[Row]:
    """Measure everything; quick takes fewer rounds. Without ISA-L there is no reference."""
    rounds = 9 if quick else 61
    isal = load_isal()
    if isal is None:
        print(": libisal.so.2 is not installed (apt-get install libisal2)", end="")
    return [*reed_solomon_rows(isal, rounds), *crc_rows(isal, rounds), self_test_row(rounds)]

"""Runs the kernels of one level on buffers between pages that kill the process when touched.

Usage: guard_pages.py LEVEL, or guard_pages.py overrun, which must die. Run by
test_kernel_bounds.py as a process of its own.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator

from native.dispatch import Level, kernels_at
from native.interface import CrcKind

PAGE = mmap.PAGESIZE
LENGTHS = [*range(300), 1023, 1024, 1025, 3071, 3072, 3073, 3087, PAGE - 1, PAGE]

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded_page() -> int:
    """The address of a page between two that nobody may touch."""
    address = libc.mmap(None, 3 * PAGE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if libc.mprotect(address + PAGE, PAGE, mmap.PROT_READ | mmap.PROT_WRITE):
        raise OSError(ctypes.get_errno(), "mprotect failed")
    return address + PAGE


def placements(page: int, length: int) -> Iterator[ctypes.Array[ctypes.c_char]]:
    """Buffers of the length at the very start and at the very end of the page."""
    yield (ctypes.c_char * length).from_address(page)
    yield (ctypes.c_char * length).from_address(page + PAGE - length)


def main(argument: str) -> None:
    pages = [guarded_page() for _ in range(10)]
    if argument == "overrun":
        ctypes.string_at(pages[0] + PAGE - 1, 2)
        return
    kernels = kernels_at(Level[argument.upper()])
    for length in LENGTHS:
        for buffers in zip(*(placements(page, length) for page in pages), strict=True):
            for kind in CrcKind:
                kernels.crc(kind, buffers[0], 0)
            for outputs in range(1, 8):
                sources = len(buffers) - outputs
                matrix = bytes(range(1, 1 + sources * outputs))
                kernels.dot_products(matrix, buffers[:sources], buffers[sources:])


if __name__ == "__main__":
    main(sys.argv[1])

"""The compiled kernels; the only file that calls C, and the guard of its memory safety.

Every call releases the GIL and works on the caller's buffers in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from typing_extensions import Buffer

from atoll.invariant import invariant
from native._kernels import ffi, lib
from native.interface import FRAGMENTS_MAX, CrcKind

_BYTES: Final = ffi.typeof("uint8_t[]")

lib.kernels_init()

BEST_LEVEL: Final = lib.kernels_best_level()
"""The highest dispatch level that this CPU supports."""


class CompiledKernels:
    """Implements `native.interface.Kernels` at one dispatch level."""

    def __init__(self, name: str, level: int) -> None:
        invariant(0 <= level <= BEST_LEVEL, "the CPU supports the level", level=level)
        self._name = name
        self._level = level

    @property
    def name(self) -> str:
        """See `native.interface.Kernels.name`."""
        return self._name

    def dot_products(
        self, matrix: bytes, sources: Sequence[Buffer], outputs: Sequence[Buffer]
    ) -> None:
        """See `native.interface.Kernels.dot_products`.

        Raises:
            InvariantError: counts or sizes do not fit; nothing was written.
            BufferError: a buffer is not contiguous, or an output is read-only.
        """
        source_views = [ffi.from_buffer(_BYTES, source) for source in sources]
        output_views = [ffi.from_buffer(_BYTES, output, True) for output in outputs]
        sizes = {len(view) for view in (*source_views, *output_views)}
        coefficient_count = len(source_views) * len(output_views)
        invariant(0 < len(source_views) <= FRAGMENTS_MAX, "there are 1 to 64 sources")
        invariant(len(output_views) <= FRAGMENTS_MAX, "there are at most 64 outputs")
        invariant(len(matrix) == coefficient_count, "each output has a coefficient per source")
        invariant(len(sizes) == 1, "buffers are of one size", sizes=sizes)
        lib.rs_dot_products(
            self._level,
            matrix,
            len(source_views),
            source_views,
            len(output_views),
            output_views,
            sizes.pop(),
        )

    def crc(self, kind: CrcKind, data: Buffer, value: int) -> int:
        """See `native.interface.Kernels.crc`.

        Raises:
            BufferError: the buffer is not contiguous.
        """
        view = data if type(data) is bytes else ffi.from_buffer(_BYTES, data)
        return lib.crc_update(self._level, kind, value, view, len(view))

    def crc_combine(self, kind: CrcKind, first: int, second: int, second_bytes: int) -> int:
        """See `native.interface.Kernels.crc_combine`."""
        return lib.crc_combine(kind, first, second, second_bytes)

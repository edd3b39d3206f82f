"""What cffi builds from native/src/kernels.h."""

from collections.abc import Sequence
from typing import TypeAlias

from cffi import FFI

_Pointer: TypeAlias = FFI.CData | bytes
_Pointers: TypeAlias = FFI.CData | Sequence[FFI.CData]

class _Library:
    LEVEL_PORTABLE: int
    LEVEL_AVX2: int
    LEVEL_AVX512: int
    LEVEL_COUNT: int
    CRC_32: int
    CRC_32C: int
    CRC_64NVME: int
    CRC_KIND_COUNT: int
    RS_FRAGMENTS_MAX: int

    def kernels_init(self) -> None: ...
    def kernels_best_level(self) -> int: ...
    def rs_dot_products(
        self,
        level: int,
        matrix: _Pointer,
        source_count: int,
        sources: _Pointers,
        output_count: int,
        outputs: _Pointers,
        length: int,
    ) -> None: ...
    def crc_update(self, level: int, kind: int, crc: int, data: _Pointer, length: int) -> int: ...
    def crc_combine(self, kind: int, first: int, second: int, second_length: int) -> int: ...

ffi: FFI
lib: _Library

/*
 * Everything that Python may call. native/build.py hands this file, less its preprocessor lines,
 * to cffi, so that each declaration stands in one place.
 *
 * The kernels trust their caller: counts, levels and buffer sizes are checked in native/ffi.py.
 * Levels and kinds are passed as int, which cffi converts faster than an enum.
 */
#ifndef ATOLL_KERNELS_H
#define ATOLL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* What a kernel may ask of the CPU; each level includes those before it. */
enum kernel_level {
    LEVEL_PORTABLE, /* plain C */
    LEVEL_AVX2,     /* AVX2, PCLMULQDQ and the CRC32 instruction of SSE4.2 */
    LEVEL_AVX512,   /* AVX-512 F, BW and VL, GFNI and VPCLMULQDQ */
    LEVEL_COUNT
};

enum crc_kind { CRC_32, CRC_32C, CRC_64NVME, CRC_KIND_COUNT };

/* The most sources, and the most outputs, of one rs_dot_products call. */
enum { RS_FRAGMENTS_MAX = 64 };

/* Computes the tables. Must be called once, before anything else and from one thread. */
void kernels_init(void);

/* The highest level that this CPU and its operating system support. */
int kernels_best_level(void);

/*
 * outputs[r] = sum over s of matrix[r * source_count + s] * sources[s], byte by byte in GF(2^8).
 * Every buffer has `length` bytes; an output overlaps no other buffer.
 */
void rs_dot_products(int level, const uint8_t *matrix, size_t source_count,
                     const uint8_t *const *sources, size_t output_count, uint8_t *const *outputs,
                     size_t length);

/* The CRC of what `crc` covers (0 for nothing) followed by the data. */
uint64_t crc_update(int level, int kind, uint64_t crc, const uint8_t *data, size_t length);

/* The CRC of a concatenation, from those of its parts and the second part's length in bytes. */
uint64_t crc_combine(int kind, uint64_t first, uint64_t second, uint64_t second_length);

#endif

/*
 * Reed-Solomon with AVX-512 and GFNI: a product of 64 bytes is one GF2P8AFFINEQB, which multiplies
 * each byte, as a vector of bits, by the 8 by 8 bit matrix of the coefficient. (GF2P8MULB is of no
 * use here: it multiplies modulo another polynomial.)
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "gf256.h"
#include "rs.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,gfni")))
/* Forced, so that loops over rows and vectors have constant bounds and unroll into registers. */
#define AVX512_INLINE AVX512 __attribute__((always_inline)) static inline

enum { VECTOR_BYTES = sizeof(__m512i) };

/* The matrices of the group's coefficients in the order of their use: by source, then by row. */
struct matrices {
    uint64_t affine[RS_FRAGMENTS_MAX * RS_GROUP_MAX];
};

static void gather_matrices(struct matrices *matrices, const struct rs_group *group)
{
    size_t i = 0;
    for (size_t s = 0; s < group->source_count; s++)
        for (size_t row = 0; row < group->row_count; row++)
            matrices->affine[i++] = gf256_affine[group->matrix[row * group->source_count + s]];
}

static inline __mmask64 first_bytes(size_t count)
{
    return ~(__mmask64)0 >> (VECTOR_BYTES - count);
}

/* Computes `vectors` vectors of each row at the offset; bytes outside the mask stay untouched. */
AVX512_INLINE void step(const struct rs_group *group, const struct matrices *matrices,
                        size_t offset, const size_t rows, const size_t vectors, __mmask64 mask)
{
    __m512i sums[RS_GROUP_MAX][2];
    for (size_t row = 0; row < rows; row++)
        for (size_t v = 0; v < vectors; v++)
            sums[row][v] = _mm512_setzero_si512();
    const uint64_t *affine = matrices->affine;
    for (size_t s = 0; s < group->source_count; s++, affine += rows) {
        const uint8_t *source = group->sources[s] + offset;
        for (size_t v = 0; v < vectors; v++) {
            __m512i value = _mm512_maskz_loadu_epi8(mask, source + v * VECTOR_BYTES);
            for (size_t row = 0; row < rows; row++) {
                __m512i times = _mm512_set1_epi64((long long)affine[row]);
                __m512i product = _mm512_gf2p8affine_epi64_epi8(value, times, 0);
                sums[row][v] = _mm512_xor_si512(sums[row][v], product);
            }
        }
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t v = 0; v < vectors; v++)
            _mm512_mask_storeu_epi8(group->outputs[row] + offset + v * VECTOR_BYTES, mask,
                                    sums[row][v]);
}

AVX512_INLINE void pass(const struct rs_group *group, const size_t rows)
{
    struct matrices matrices;
    gather_matrices(&matrices, group);
    size_t offset = group->begin;
    /* Buffers tend to lie alike within a cache line: align one, and few loads cross a line. */
    size_t head = -(uintptr_t)(group->sources[0] + offset) % VECTOR_BYTES;
    if (0 < head && head <= group->end - offset) {
        step(group, &matrices, offset, rows, 1, first_bytes(head));
        offset += head;
    }
    for (; group->end - offset >= 2 * VECTOR_BYTES; offset += 2 * VECTOR_BYTES)
        step(group, &matrices, offset, rows, 2, first_bytes(VECTOR_BYTES));
    for (; group->end - offset >= VECTOR_BYTES; offset += VECTOR_BYTES)
        step(group, &matrices, offset, rows, 1, first_bytes(VECTOR_BYTES));
    if (offset < group->end)
        step(group, &matrices, offset, rows, 1, first_bytes(group->end - offset));
}

AVX512 void rs_avx512(const struct rs_group *group)
{
    switch (group->row_count) {
    case 1: pass(group, 1); break;
    case 2: pass(group, 2); break;
    case 3: pass(group, 3); break;
    case 4: pass(group, 4); break;
    case 5: pass(group, 5); break;
    case 6: pass(group, 6); break;
    }
}

#endif

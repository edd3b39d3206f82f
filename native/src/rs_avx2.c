/*
 * Reed-Solomon with AVX2: a product is two byte shuffles, which look up the low and the high half
 * of 32 bytes in a table of 16 (Plank, Greenan and Miller, "Screaming Fast Galois Field Arithmetic
 * Using Intel SIMD Instructions", FAST 2013).
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "gf256.h"
#include "rs.h"

#define AVX2 __attribute__((target("avx2")))
/* Forced, so that loops over rows and vectors have constant bounds and unroll into registers. */
#define AVX2_INLINE AVX2 __attribute__((always_inline)) static inline

enum { VECTOR_BYTES = sizeof(__m256i) };

/* The tables of the group's coefficients in the order of their use: by source, then by row. */
struct tables {
    uint8_t nibbles[RS_FRAGMENTS_MAX * RS_GROUP_MAX][32];
};

static void gather_tables(struct tables *tables, const struct rs_group *group)
{
    size_t i = 0;
    for (size_t s = 0; s < group->source_count; s++)
        for (size_t row = 0; row < group->row_count; row++)
            memcpy(tables->nibbles[i++],
                   gf256_nibbles[group->matrix[row * group->source_count + s]], 32);
}

AVX2_INLINE __m256i product(const uint8_t *nibbles, __m256i low, __m256i high)
{
    __m256i low_table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)nibbles));
    __m256i high_table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(nibbles + 16)));
    return _mm256_xor_si256(_mm256_shuffle_epi8(low_table, low),
                            _mm256_shuffle_epi8(high_table, high));
}

/* Computes `vectors` vectors of each row at the offset. */
AVX2_INLINE void step(const struct rs_group *group, const struct tables *tables, size_t offset,
                      const size_t rows, const size_t vectors, const int first_row_is_xor)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i sums[RS_GROUP_MAX][2];
    for (size_t row = 0; row < rows; row++)
        for (size_t v = 0; v < vectors; v++)
            sums[row][v] = _mm256_setzero_si256();
    const uint8_t(*nibbles)[32] = tables->nibbles;
    for (size_t s = 0; s < group->source_count; s++, nibbles += rows) {
        const __m256i *source = (const __m256i *)(group->sources[s] + offset);
        for (size_t v = 0; v < vectors; v++) {
            __m256i value = _mm256_loadu_si256(source + v);
            __m256i low = _mm256_and_si256(value, half);
            __m256i high = _mm256_and_si256(_mm256_srli_epi64(value, 4), half);
            for (size_t row = 0; row < rows; row++) {
                int is_xor = row == 0 && first_row_is_xor;
                __m256i term = is_xor ? value : product(nibbles[row], low, high);
                sums[row][v] = _mm256_xor_si256(sums[row][v], term);
            }
        }
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t v = 0; v < vectors; v++)
            _mm256_storeu_si256((__m256i *)(group->outputs[row] + offset) + v, sums[row][v]);
}

AVX2_INLINE void pass(const struct rs_group *group, const size_t rows, const int first_row_is_xor)
{
    struct tables tables;
    gather_tables(&tables, group);
    size_t offset = group->begin;
    /* Two vectors share the loads of the tables, while their sums fit the sixteen registers. */
    if (rows <= 4)
        for (; group->end - offset >= 2 * VECTOR_BYTES; offset += 2 * VECTOR_BYTES)
            step(group, &tables, offset, rows, 2, first_row_is_xor);
    for (; group->end - offset >= VECTOR_BYTES; offset += VECTOR_BYTES)
        step(group, &tables, offset, rows, 1, first_row_is_xor);
    rs_single_bytes(group, offset);
}

AVX2_INLINE void either_pass(const struct rs_group *group, const size_t rows)
{
    if (group->first_row_is_xor)
        pass(group, rows, 1);
    else
        pass(group, rows, 0);
}

AVX2 void rs_avx2(const struct rs_group *group)
{
    switch (group->row_count) {
    case 1: either_pass(group, 1); break;
    case 2: either_pass(group, 2); break;
    case 3: either_pass(group, 3); break;
    case 4: either_pass(group, 4); break;
    case 5: either_pass(group, 5); break;
    case 6: either_pass(group, 6); break;
    }
}

#endif

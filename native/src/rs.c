/* Splits a Reed-Solomon product into groups of rows and ranges of bytes that fit the cache. */
#include "rs.h"

/*
 * With more rows than one pass takes, the sources are read again for each group: in ranges short
 * enough that they are still in the level 2 cache by then, long enough for the prefetchers.
 */
enum { SOURCES_BYTES_MAX = 256 * 1024, RANGE_BYTES_MIN = 4096 };

static size_t range_bytes(size_t source_count)
{
    size_t bytes = SOURCES_BYTES_MAX / source_count & ~(size_t)(RANGE_BYTES_MIN - 1);
    return bytes < RANGE_BYTES_MIN ? RANGE_BYTES_MIN : bytes;
}

static rs_kernel *kernel_of(int level)
{
#if defined(__x86_64__)
    if (level == LEVEL_AVX512)
        return rs_avx512;
    if (level == LEVEL_AVX2)
        return rs_avx2;
#endif
    (void)level;
    return rs_portable;
}

static int all_ones(const uint8_t *coefficients, size_t count)
{
    for (size_t s = 0; s < count; s++)
        if (coefficients[s] != 1)
            return 0;
    return 1;
}

void rs_dot_products(int level, const uint8_t *matrix, size_t source_count,
                     const uint8_t *const *sources, size_t output_count, uint8_t *const *outputs,
                     size_t length)
{
    rs_kernel *kernel = kernel_of(level);
    size_t range = output_count > RS_GROUP_MAX ? range_bytes(source_count) : length;
    for (size_t begin = 0; begin < length; begin += range) {
        size_t end = length - begin < range ? length : begin + range;
        for (size_t row = 0; row < output_count; row += RS_GROUP_MAX) {
            size_t rows_left = output_count - row;
            struct rs_group group = {
                .matrix = matrix + row * source_count,
                .source_count = source_count,
                .row_count = rows_left < RS_GROUP_MAX ? rows_left : RS_GROUP_MAX,
                .first_row_is_xor = all_ones(matrix + row * source_count, source_count),
                .sources = sources,
                .outputs = outputs + row,
                .begin = begin,
                .end = end,
            };
            kernel(&group);
        }
    }
}

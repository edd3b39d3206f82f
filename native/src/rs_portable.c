/*
 * Reed-Solomon in plain C, without tables.
 *
 * Horner's rule over the bits of the coefficients: the sum of c[s] * source[s] is
 * (..(S7 * 2 + S6) * 2 + ..) * 2 + S0, where Sb is the XOR of the sources whose coefficient has
 * bit b. All of it is XOR and doubling of whole vectors, and a row of ones is nothing but XOR.
 */
#include <string.h>

#include "gf256.h"
#include "rs.h"

/* GNU C vectors: SSE2 or NEON where the baseline has them, plain registers elsewhere. */
typedef uint8_t vector __attribute__((vector_size(16)));
typedef int8_t signed_vector __attribute__((vector_size(16)));

enum { LANES = 4, CHUNK_BYTES = LANES * sizeof(vector) };

/* For each bit of a row's coefficients: the sources that have it. */
struct row_plan {
    int top_bit; /* -1 when every coefficient is zero */
    size_t count[8];
    uint8_t source[8][RS_FRAGMENTS_MAX];
};

static void plan_row(struct row_plan *plan, const uint8_t *coefficients, size_t source_count)
{
    plan->top_bit = -1;
    for (int bit = 0; bit < 8; bit++) {
        plan->count[bit] = 0;
        for (size_t s = 0; s < source_count; s++)
            if (coefficients[s] >> bit & 1)
                plan->source[bit][plan->count[bit]++] = (uint8_t)s;
        if (plan->count[bit])
            plan->top_bit = bit;
    }
}

static inline vector twice(vector value)
{
    vector overflow = (vector)((signed_vector)value < 0);
    return (value + value) ^ (overflow & (uint8_t)GF256_POLYNOMIAL);
}

static inline void add_chunk(vector sum[LANES], const uint8_t *source)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        vector value;
        memcpy(&value, source + lane * sizeof(vector), sizeof value);
        sum[lane] ^= value;
    }
}

static void chunk(const struct row_plan *plan, const uint8_t *const *sources, size_t offset,
                  uint8_t *output)
{
    vector sum[LANES] = {0};
    for (int bit = plan->top_bit; bit >= 0; bit--) {
        if (bit < plan->top_bit)
            for (int lane = 0; lane < LANES; lane++)
                sum[lane] = twice(sum[lane]);
        for (size_t i = 0; i < plan->count[bit]; i++)
            add_chunk(sum, sources[plan->source[bit][i]] + offset);
    }
    memcpy(output + offset, sum, CHUNK_BYTES);
}

void rs_single_bytes(const struct rs_group *group, size_t begin)
{
    for (size_t row = 0; row < group->row_count; row++) {
        const uint8_t *coefficients = group->matrix + row * group->source_count;
        for (size_t offset = begin; offset < group->end; offset++) {
            uint8_t sum = 0;
            for (size_t s = 0; s < group->source_count; s++)
                sum ^= gf256_multiply(coefficients[s], group->sources[s][offset]);
            group->outputs[row][offset] = sum;
        }
    }
}

void rs_portable(const struct rs_group *group)
{
    size_t chunks_end = group->begin + (group->end - group->begin) / CHUNK_BYTES * CHUNK_BYTES;
    struct row_plan plans[RS_GROUP_MAX];
    for (size_t row = 0; row < group->row_count; row++)
        plan_row(&plans[row], group->matrix + row * group->source_count, group->source_count);
    for (size_t offset = group->begin; offset < chunks_end; offset += CHUNK_BYTES)
        for (size_t row = 0; row < group->row_count; row++)
            chunk(&plans[row], group->sources, offset, group->outputs[row]);
    rs_single_bytes(group, chunks_end);
}

/* Reed-Solomon inside the C code: one group of outputs, computed in a single pass. */
#ifndef ATOLL_RS_H
#define ATOLL_RS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

/* The most outputs of one pass, so that their running sums stay in vector registers. */
enum { RS_GROUP_MAX = 6 };

/* Some rows of the matrix over the same byte range of every buffer. */
struct rs_group {
    const uint8_t *matrix; /* row_count rows of source_count coefficients */
    size_t source_count;
    size_t row_count;     /* 1 to RS_GROUP_MAX */
    int first_row_is_xor; /* all its coefficients are one */
    const uint8_t *const *sources;
    uint8_t *const *outputs;
    size_t begin, end; /* bytes [begin, end) of each buffer */
};

typedef void rs_kernel(const struct rs_group *group);

rs_kernel rs_portable;
rs_kernel rs_avx2;
rs_kernel rs_avx512;

/* The bytes from `begin` on, one at a time: for what is left after the last whole vector. */
void rs_single_bytes(const struct rs_group *group, size_t begin);

#endif

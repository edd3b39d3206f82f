/* Cyclic redundancy checks inside the C code: the three polynomials and the kernels for them. */
#ifndef ATOLL_CRC_H
#define ATOLL_CRC_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

/*
 * Polynomials over GF(2) are kept reflected: the lowest bit is the highest power. All three CRCs
 * start from a register of ones and end with its complement; kernels see the bare register.
 */

/* What moves 128 bits a fixed distance further from the end of the message; see crc_model.c. */
struct crc_fold {
    uint64_t low, high; /* factors of the lower and the upper 64 bits */
};

struct crc_model {
    uint64_t polynomial; /* less its highest power */
    unsigned width;      /* bits */
    uint64_t mask;       /* the register's bits */
    uint64_t powers[64]; /* x^(2^i) modulo the polynomial */
    /* table[i][b]: the register after byte b and i zero bytes (Intel's "slicing") */
    uint64_t table[16][256];
    struct crc_fold fold_16, fold_64, fold_256; /* by the distance in bytes */
};

extern struct crc_model crc_models[CRC_KIND_COUNT];

void crc_init(void);

/* x^exponent modulo the polynomial. */
uint64_t crc_power(const struct crc_model *model, uint64_t exponent);

/* The register after that many zero bytes, fewer than 2^61. */
uint64_t crc_append_zeros(const struct crc_model *model, uint64_t state, uint64_t bytes);

typedef uint64_t crc_kernel(const struct crc_model *model, uint64_t state, const uint8_t *data,
                            size_t length);

crc_kernel crc_portable;
crc_kernel crc_pclmul;
crc_kernel crc_vpclmul;

/* CRC-32C only: three chains of the CRC32 instruction. */
crc_kernel crc32c_instruction;
void crc32c_instruction_init(void);

#endif

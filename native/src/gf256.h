/* The field GF(2^8) = GF(2)[x] / (x^8 + x^4 + x^3 + x^2 + 1), one byte an element. */
#ifndef ATOLL_GF256_H
#define ATOLL_GF256_H

#include <stdint.h>

enum { GF256_POLYNOMIAL = 0x11d };

/*
 * gf256_nibbles[c] holds c times each of 0x00..0x0f, then c times each of 0x00, 0x10..0xf0: by
 * linearity c * x is the sum of two look-ups, one for each half of x.
 */
extern uint8_t gf256_nibbles[256][32];

/* gf256_affine[c] is "times c" as the 8 by 8 bit matrix that the GF2P8AFFINEQB instruction takes. */
extern uint64_t gf256_affine[256];

void gf256_init(void);

static inline uint8_t gf256_multiply(uint8_t factor, uint8_t value)
{
    const uint8_t *products = gf256_nibbles[factor];
    return products[value & 15] ^ products[16 + (value >> 4)];
}

#endif

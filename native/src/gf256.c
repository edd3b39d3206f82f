/* Fills the multiplication tables of GF(2^8). */
#include "gf256.h"

uint8_t gf256_nibbles[256][32];
uint64_t gf256_affine[256];

/* Russian peasant multiplication: slow, and needs no table. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;
    unsigned shifted = a;
    for (; b; b >>= 1) {
        if (b & 1)
            product ^= shifted;
        shifted <<= 1;
        if (shifted & 0x100)
            shifted ^= GF256_POLYNOMIAL;
    }
    return (uint8_t)product;
}

/*
 * Bit i of a product is the parity of (row i of the matrix AND the factor's byte), and the
 * instruction wants row i in byte 7 - i. Column j is the image of the element with only bit j.
 */
static uint64_t affine_matrix(uint8_t factor)
{
    uint64_t matrix = 0;
    for (int column = 0; column < 8; column++) {
        uint64_t image = multiply(factor, (uint8_t)(1 << column));
        for (int row = 0; row < 8; row++)
            matrix |= (image >> row & 1) << ((7 - row) * 8 + column);
    }
    return matrix;
}

void gf256_init(void)
{
    for (int factor = 0; factor < 256; factor++) {
        for (int nibble = 0; nibble < 16; nibble++) {
            gf256_nibbles[factor][nibble] = multiply((uint8_t)factor, (uint8_t)nibble);
            gf256_nibbles[factor][16 + nibble] = multiply((uint8_t)factor, (uint8_t)(nibble << 4));
        }
        gf256_affine[factor] = affine_matrix((uint8_t)factor);
    }
}

/*
 * The constants of the three CRCs, derived at start from nothing but their polynomials.
 *
 * Folding: 128 bits of message are l * x^64 + h. Moving them d bits further from the end multiplies
 * them by x^d, and modulo the polynomial that is l * (x^(d+64) mod P) + h * (x^d mod P), again 128
 * bits, to be added to the 128 bits that stand there. A carry-less product of two reflected 64-bit
 * numbers comes out one power too high for a reflected 128-bit number, so the factors are taken one
 * power lower. (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel 2009.)
 */
#include "crc.h"

struct crc_model crc_models[CRC_KIND_COUNT] = {
    [CRC_32] = {.polynomial = 0xedb88320, .width = 32},
    [CRC_32C] = {.polynomial = 0x82f63b78, .width = 32},
    [CRC_64NVME] = {.polynomial = 0x9a6c9329ac4bc9b5, .width = 64},
};

static uint64_t times_x(const struct crc_model *model, uint64_t value)
{
    return value >> 1 ^ (value & 1 ? model->polynomial : 0);
}

static uint64_t multiply(const struct crc_model *model, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t power = (uint64_t)1 << (model->width - 1); power; power >>= 1) {
        if (a & power)
            product ^= b;
        b = times_x(model, b);
    }
    return product;
}

uint64_t crc_power(const struct crc_model *model, uint64_t exponent)
{
    uint64_t product = (uint64_t)1 << (model->width - 1); /* x^0 */
    for (int i = 0; exponent; i++, exponent >>= 1)
        if (exponent & 1)
            product = multiply(model, product, model->powers[i]);
    return product;
}

uint64_t crc_append_zeros(const struct crc_model *model, uint64_t state, uint64_t bytes)
{
    for (int i = 3; bytes; i++, bytes >>= 1)
        if (bytes & 1)
            state = multiply(model, state, model->powers[i]);
    return state;
}

static struct crc_fold fold_by(const struct crc_model *model, uint64_t bytes)
{
    unsigned unused_bits = 64 - model->width;
    return (struct crc_fold){
        .low = crc_power(model, bytes * 8 + 64 - 1) << unused_bits,
        .high = crc_power(model, bytes * 8 - 1) << unused_bits,
    };
}

static void fill_table(struct crc_model *model)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t state = byte;
        for (int bit = 0; bit < 8; bit++)
            state = times_x(model, state);
        model->table[0][byte] = state;
    }
    for (int zeros = 1; zeros < 16; zeros++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t state = model->table[zeros - 1][byte];
            model->table[zeros][byte] = state >> 8 ^ model->table[0][state & 0xff];
        }
}

static void fill(struct crc_model *model)
{
    model->mask = ~(uint64_t)0 >> (64 - model->width);
    model->powers[0] = (uint64_t)1 << (model->width - 2); /* x^1 */
    for (int i = 1; i < 64; i++)
        model->powers[i] = multiply(model, model->powers[i - 1], model->powers[i - 1]);
    fill_table(model);
    model->fold_16 = fold_by(model, 16);
    model->fold_64 = fold_by(model, 64);
    model->fold_256 = fold_by(model, 256);
}

void crc_init(void)
{
    for (int kind = 0; kind < CRC_KIND_COUNT; kind++)
        fill(&crc_models[kind]);
#if defined(__x86_64__)
    crc32c_instruction_init();
#endif
}

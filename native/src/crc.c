/* The public CRC functions: which kernel serves which level, and the register's complements. */
#include "crc.h"

static crc_kernel *kernel_of(int level, int kind)
{
#if defined(__x86_64__)
    if (level == LEVEL_AVX512)
        return crc_vpclmul;
    if (level == LEVEL_AVX2)
        return kind == CRC_32C ? crc32c_instruction : crc_pclmul;
#endif
    (void)level;
    (void)kind;
    return crc_portable;
}

uint64_t crc_update(int level, int kind, uint64_t crc, const uint8_t *data, size_t length)
{
    const struct crc_model *model = &crc_models[kind];
    return kernel_of(level, kind)(model, crc ^ model->mask, data, length) ^ model->mask;
}

uint64_t crc_combine(int kind, uint64_t first, uint64_t second, uint64_t second_length)
{
    /* The ones that start and end each register cancel out. */
    const struct crc_model *model = &crc_models[kind];
    return crc_append_zeros(model, first, second_length) ^ second;
}

/* CRCs in plain C: sixteen bytes a step by look-up ("slicing-by-16", after Intel). */
#include <string.h>

#include "crc.h"

static inline uint64_t load_little_endian(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The register after the eight bytes of the word and `zeros` zero bytes. */
static inline uint64_t look_up(const struct crc_model *model, uint64_t word, int zeros)
{
    uint64_t state = 0;
    for (int i = 0; i < 8; i++)
        state ^= model->table[zeros + 7 - i][word >> (8 * i) & 0xff];
    return state;
}

uint64_t crc_portable(const struct crc_model *model, uint64_t state, const uint8_t *data,
                      size_t length)
{
    for (; length >= 16; data += 16, length -= 16)
        state = look_up(model, load_little_endian(data) ^ state, 8) ^
                look_up(model, load_little_endian(data + 8), 0);
    for (; length; data++, length--)
        state = state >> 8 ^ model->table[0][(state ^ *data) & 0xff];
    return state;
}

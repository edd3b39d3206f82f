/* CRCs by carry-less multiplication, 64 bytes a step in four independent sums. */
#if defined(__x86_64__)

#include "crc_fold.h"

PCLMUL uint64_t crc_pclmul(const struct crc_model *model, uint64_t state, const uint8_t *data,
                           size_t length)
{
    if (length < 16)
        return crc_portable(model, state, data, length);
    __m128i sum = _mm_xor_si128(load_16(data), _mm_cvtsi64_si128((long long)state));
    if (length < 64)
        return finish_128(model, sum, data + 16, length - 16);

    __m128i by_64 = factors_128(model->fold_64);
    __m128i by_16 = factors_128(model->fold_16);
    __m128i sums[4] = {sum, load_16(data + 16), load_16(data + 32), load_16(data + 48)};
    for (data += 64, length -= 64; length >= 64; data += 64, length -= 64)
        for (int i = 0; i < 4; i++)
            sums[i] = fold_128(sums[i], by_64, load_16(data + 16 * i));
    for (int i = 1; i < 4; i++)
        sums[i] = fold_128(sums[i - 1], by_16, sums[i]);
    return finish_128(model, sums[3], data, length);
}

#endif

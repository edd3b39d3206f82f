/* Folding in 128-bit steps with PCLMULQDQ, shared by the kernels that do no better at the end. */
#ifndef ATOLL_CRC_FOLD_H
#define ATOLL_CRC_FOLD_H

#include <immintrin.h>

#include "crc.h"

#define PCLMUL __attribute__((target("avx2,pclmul")))
#define PCLMUL_INLINE PCLMUL __attribute__((always_inline)) static inline

PCLMUL_INLINE __m128i load_16(const uint8_t *data)
{
    return _mm_loadu_si128((const __m128i *)data);
}

PCLMUL_INLINE __m128i factors_128(struct crc_fold fold)
{
    return _mm_set_epi64x((long long)fold.high, (long long)fold.low);
}

/* Moves the sum by the distance of the factors and adds what stands there. */
PCLMUL_INLINE __m128i fold_128(__m128i sum, __m128i factors, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(sum, factors, 0x00);
    __m128i high = _mm_clmulepi64_si128(sum, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* Ends a fold: the sum stands for all bytes before `data`, register included. */
PCLMUL_INLINE uint64_t finish_128(const struct crc_model *model, __m128i sum, const uint8_t *data,
                                  size_t length)
{
    __m128i by_16 = factors_128(model->fold_16);
    for (; length >= 16; data += 16, length -= 16)
        sum = fold_128(sum, by_16, load_16(data));
    uint8_t last[16];
    _mm_storeu_si128((__m128i *)last, sum);
    return crc_portable(model, crc_portable(model, 0, last, sizeof last), data, length);
}

#endif

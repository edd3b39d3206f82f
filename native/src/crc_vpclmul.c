/* CRCs by carry-less multiplication in AVX-512 registers, 256 bytes a step. */
#if defined(__x86_64__)

#include "crc_fold.h"

#define VPCLMUL __attribute__((target("avx512f,vpclmulqdq,avx2,pclmul")))
#define VPCLMUL_INLINE VPCLMUL __attribute__((always_inline)) static inline

VPCLMUL_INLINE __m512i load_64(const uint8_t *data)
{
    return _mm512_loadu_si512(data);
}

VPCLMUL_INLINE __m512i factors_512(struct crc_fold fold)
{
    return _mm512_broadcast_i32x4(factors_128(fold));
}

VPCLMUL_INLINE __m512i fold_512(__m512i sum, __m512i factors, __m512i next)
{
    enum { XOR_OF_THREE = 0x96 };
    __m512i low = _mm512_clmulepi64_epi128(sum, factors, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(sum, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, XOR_OF_THREE);
}

VPCLMUL uint64_t crc_vpclmul(const struct crc_model *model, uint64_t state, const uint8_t *data,
                             size_t length)
{
    if (length < 256)
        return crc_pclmul(model, state, data, length);
    __m512i register_bits = _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)state));
    __m512i sums[4] = {_mm512_xor_si512(load_64(data), register_bits), load_64(data + 64),
                       load_64(data + 128), load_64(data + 192)};
    __m512i by_256 = factors_512(model->fold_256);
    __m512i by_64 = factors_512(model->fold_64);
    for (data += 256, length -= 256; length >= 256; data += 256, length -= 256)
        for (int i = 0; i < 4; i++)
            sums[i] = fold_512(sums[i], by_256, load_64(data + 64 * i));
    __m512i sum = sums[0];
    for (int i = 1; i < 4; i++)
        sum = fold_512(sum, by_64, sums[i]);
    for (; length >= 64; data += 64, length -= 64)
        sum = fold_512(sum, by_64, load_64(data));

    __m128i by_16 = factors_128(model->fold_16);
    __m128i lane = _mm512_castsi512_si128(sum);
    lane = fold_128(lane, by_16, _mm512_extracti32x4_epi32(sum, 1));
    lane = fold_128(lane, by_16, _mm512_extracti32x4_epi32(sum, 2));
    lane = fold_128(lane, by_16, _mm512_extracti32x4_epi32(sum, 3));
    return finish_128(model, lane, data, length);
}

#endif

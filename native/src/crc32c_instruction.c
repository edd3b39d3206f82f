/*
 * CRC-32C with the CRC32 instruction of SSE4.2. It takes eight bytes a cycle but answers after
 * three, so three lanes run side by side and are then joined by carry-less multiplication.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "crc.h"

#define SSE42 __attribute__((target("avx2,sse4.2,pclmul")))
#define SSE42_INLINE SSE42 __attribute__((always_inline)) static inline

enum { LANE_BYTES = 1024 };

/* Factors that move a register past one and past two lanes. */
static uint64_t past_one_lane, past_two_lanes;

void crc32c_instruction_init(void)
{
    /*
     * The product comes out one power too high, and reducing its 64 bits with the instruction
     * multiplies by x^32: both are taken off in advance.
     */
    past_one_lane = crc_power(&crc_models[CRC_32C], LANE_BYTES * 8 - 33);
    past_two_lanes = crc_power(&crc_models[CRC_32C], 2 * LANE_BYTES * 8 - 33);
}

SSE42_INLINE uint64_t load_8(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

SSE42_INLINE uint64_t product(uint64_t a, uint64_t b)
{
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
        _mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0x00));
}

SSE42_INLINE uint64_t three_lanes(uint64_t first, const uint8_t *data)
{
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < LANE_BYTES; i += 8) {
        first = _mm_crc32_u64(first, load_8(data + i));
        second = _mm_crc32_u64(second, load_8(data + LANE_BYTES + i));
        third = _mm_crc32_u64(third, load_8(data + 2 * LANE_BYTES + i));
    }
    uint64_t moved = product(first, past_two_lanes) ^ product(second, past_one_lane);
    return _mm_crc32_u64(0, moved) ^ third;
}

SSE42 uint64_t crc32c_instruction(const struct crc_model *model, uint64_t state,
                                  const uint8_t *data, size_t length)
{
    for (; length >= 3 * LANE_BYTES; data += 3 * LANE_BYTES, length -= 3 * LANE_BYTES)
        state = three_lanes(state, data);
    return crc_pclmul(model, state, data, length);
}

#endif

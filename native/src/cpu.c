/* What this CPU can do. The compiler's own check includes the operating system's consent. */
#include "kernels.h"

int kernels_best_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
          __builtin_cpu_supports("sse4.2")))
        return LEVEL_PORTABLE;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("gfni") &&
          __builtin_cpu_supports("vpclmulqdq")))
        return LEVEL_AVX2;
    return LEVEL_AVX512;
#else
    return LEVEL_PORTABLE;
#endif
}

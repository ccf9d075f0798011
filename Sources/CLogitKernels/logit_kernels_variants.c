// The one table of variants: dispatch, tests and benchmarks walk it.

#include "logit_kernels.h"

extern const struct logit_kernel_variant logit_kernel_variant_scalar;
#if defined(__x86_64__)
extern const struct logit_kernel_variant logit_kernel_variant_avx2;
extern const struct logit_kernel_variant logit_kernel_variant_avx512;
#elif defined(__aarch64__)
extern const struct logit_kernel_variant logit_kernel_variant_neon;
#endif

uint32_t logit_kernel_variant_count(void)
{
#if defined(__x86_64__)
    return 3;
#elif defined(__aarch64__)
    return 2;
#else
    return 1;
#endif
}

const struct logit_kernel_variant *logit_kernel_variant_at(uint32_t index)
{
    switch (index) {
#if defined(__x86_64__)
    case 1: return &logit_kernel_variant_avx2;
    case 2: return &logit_kernel_variant_avx512;
#elif defined(__aarch64__)
    case 1: return &logit_kernel_variant_neon;
#endif
    default: return &logit_kernel_variant_scalar;
    }
}

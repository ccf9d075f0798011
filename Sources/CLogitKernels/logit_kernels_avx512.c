// The AVX-512 variant: 16 lanes a machine vector.

#if defined(__x86_64__)

#include "logit_kernels.h"

#include <string.h>

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"), min_vector_width(512))), apply_to = function)

#define LOGIT_VECTOR 16
#define PANELS 3
#include "logit_kernels_vector.h"

#pragma clang attribute pop

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("fma");
}

const struct logit_kernel_variant logit_kernel_variant_avx512 = {
    .name = "avx512", .is_supported = is_supported, .fill = fill};

#endif

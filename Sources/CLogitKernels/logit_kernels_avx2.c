// The AVX2 variant: 8 lanes a machine vector.

#if defined(__x86_64__)

#include "logit_kernels.h"

#include <string.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma"), min_vector_width(256))), apply_to = function)

#define LOGIT_VECTOR 8
#define PANELS 2
#include "logit_kernels_vector.h"

#pragma clang attribute pop

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const struct logit_kernel_variant logit_kernel_variant_avx2 = {
    .name = "avx2", .is_supported = is_supported, .fill = fill};

#endif

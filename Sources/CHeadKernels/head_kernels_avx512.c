// The AVX-512 variant: 16 lanes a machine vector.

#if defined(__x86_64__)

#include "head_kernels_common.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi,bmi2"), min_vector_width(512))), apply_to = function)

#define HEAD_VECTOR 16
#define FORWARD_TILE_1 LANES, 1
#define FORWARD_TILE_2 8, 1
#define FORWARD_TILE_3 8, 1
#define GRADIENT_CLASSES 5
#define GRADIENT_VECTORS 4
#define GRADIENT_PAIR_VECTORS 16
#define PATH_TILE 12
#define REGISTER_CONSTRAINT "v"
#include "head_kernels_vector.h"
#include "head_convex.h"
#include "head_path.h"

#pragma clang attribute pop

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("fma");
}

const struct head_kernel_variant head_kernel_variant_avx512 = {
    .name = "avx512",
    .is_supported = is_supported,
    .prepare_rows = prepare_rows,
    .begin = head_begin,
    .consume_window = consume_window,
    .end_epoch = end_epoch,
    .measure_peak = measure_peak,
    .accumulate_rows = accumulate_rows,
    .convex = CONVEX_KERNELS,
    .path = PATH_KERNELS,
};

#endif

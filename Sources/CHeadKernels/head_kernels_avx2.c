// The AVX2 variant: 8 lanes a machine vector.

#if defined(__x86_64__)

#include "head_kernels_common.h"

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,bmi,bmi2"), min_vector_width(256))), apply_to = function)

#define HEAD_VECTOR 8
#define FORWARD_TILE_1 4, GROUPS
#define FORWARD_TILE_2 2, GROUPS
#define FORWARD_TILE_3 2, GROUPS
#define GRADIENT_CLASSES 2
#define GRADIENT_VECTORS 4
#define GRADIENT_PAIR_VECTORS 8
#define PATH_TILE 6
#define REGISTER_CONSTRAINT "x"
#include "head_kernels_vector.h"
#include "head_convex.h"
#include "head_path.h"

#pragma clang attribute pop

static bool is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("bmi2");
}

const struct head_kernel_variant head_kernel_variant_avx2 = {
    .name = "avx2",
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

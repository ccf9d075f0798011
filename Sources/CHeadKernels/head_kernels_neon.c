// The NEON variant: 4 lanes a machine vector.

#if defined(__aarch64__)

#include "head_kernels_common.h"

#define HEAD_VECTOR 4
#define FORWARD_TILE_1 LANES, GROUPS
#define FORWARD_TILE_2 2, GROUPS
#define FORWARD_TILE_3 2, GROUPS
#define GRADIENT_CLASSES 3
#define GRADIENT_VECTORS 8
#define GRADIENT_PAIR_VECTORS 16
#define PATH_TILE 6
#define REGISTER_CONSTRAINT "w"
#include "head_kernels_vector.h"
#include "head_convex.h"
#include "head_path.h"

static bool is_supported(void) { return true; }

const struct head_kernel_variant head_kernel_variant_neon = {
    .name = "neon",
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

// The NEON variant: 4 lanes a machine vector.

#if defined(__aarch64__)

#define LOGIT_VECTOR 4
#define PANELS 3
#include "logit_kernels_vector.h"

static bool is_supported(void) { return true; }

const struct logit_kernel_variant logit_kernel_variant_neon = {
    .name = "neon", .is_supported = is_supported, .fill = fill};

#endif

// The reference: what a logit's bits are, in plain C. Every other variant is compared with it.

#include "logit_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

static bool is_supported(void) { return true; }

static float logit(const float *restrict w, const float *restrict x, size_t d, float bias)
{
    float z = bias;
    for (size_t first = 0; first < d; first += LOGIT_BLOCK) {
        float sum = 0.0f;
        for (size_t f = first; f < d && f < first + LOGIT_BLOCK; ++f) sum = fmaf(w[f], x[f], sum);
        z = z + sum;
    }
    return z;
}

static void fill(const struct logit_request *q)
{
    for (size_t o = 0; o < q->output_count; ++o) {
        const size_t output = q->outputs[o];
        for (size_t r = 0; r < q->row_count; ++r) {
            const float *row = q->features + (size_t)q->rows[r] * q->feature_count;
            const float z = logit(
                q->weights + output * q->feature_count, row, q->feature_count, q->biases[output]);
            q->logits[o * q->logit_stride + r] = z == z ? z : q->not_a_number;
        }
    }
}

const struct logit_kernel_variant logit_kernel_variant_scalar = {
    .name = "scalar", .is_supported = is_supported, .fill = fill};

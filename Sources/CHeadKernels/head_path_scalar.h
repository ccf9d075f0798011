// The reference of the path's kernels: what their bits are, in plain C.

#include "head_path_common.h"

static void path_pack(
    const float *weights, size_t weight_stride, size_t output_count, size_t d, float *packed)
{
    for (size_t first = 0; first < output_count; first += HEAD_PATH_PANEL)
        for (size_t f = 0; f < d; ++f)
            for (size_t l = 0; l < HEAD_PATH_PANEL; ++l)
                packed[first * d + f * HEAD_PATH_PANEL + l] =
                    first + l < output_count ? weights[(first + l) * weight_stride + f] : 0.0f;
}

static void path_forward(const struct head_path_rows *q)
{
    const size_t d = q->feature_count;
    for (size_t r = 0; r < q->row_count; ++r)
        for (size_t j = 0; j < q->stride; ++j) {
            const float *const w =
                q->packed + j / HEAD_PATH_PANEL * HEAD_PATH_PANEL * d + j % HEAD_PATH_PANEL;
            float z = q->biases[j];
            for (size_t first = 0; first < d; first += HEAD_PATH_FEATURES) {
                float sum = 0.0f;
                for (size_t f = first; f < d && f < first + HEAD_PATH_FEATURES; ++f)
                    sum = fmaf(w[f * HEAD_PATH_PANEL], q->rows[r][f], sum);
                z = z + sum;
            }
            q->values[r * q->stride + j] = z;
        }
}

static void path_softmax(const struct head_path_rows *q)
{
    for (size_t r = 0; r < q->row_count; ++r) {
        float *const z = q->values + r * q->stride;
        const uint32_t label = q->labels[r];
        const float mine = z[label];
        float highest = z[0], own = 0.0f, lanes[HEAD_LANES] = {0};
        for (size_t j = 1; j < q->stride; ++j) highest = highest > z[j] ? highest : z[j];
        for (size_t j = 0; j < q->stride; ++j) {
            const float x = z[j] - highest;
            z[j] = x > PATH_LOWEST ? exponential(x) : 0.0f;
            if (j == label) {
                own = z[j];
                z[j] = 0.0f;
            }
            lanes[j % HEAD_LANES] = lanes[j % HEAD_LANES] + z[j];
        }
        const float rest = path_tree(lanes), inverse = 1.0f / (rest + own);
        for (size_t j = 0; j < q->stride; ++j) z[j] = z[j] * inverse;
        z[label] = -(rest * inverse);
        q->losses[r] = path_loss(highest, mine, own, rest);
        const double weight = (double)q->row_weights[r];
        for (size_t j = 0; j < q->output_count; ++j)
            q->bias_sums[j] = __builtin_fma(weight, (double)z[j], q->bias_sums[j]);
    }
}

static void path_multiply(const struct head_path_products *q)
{
    for (size_t j = 0; j < q->left_count; ++j)
        for (size_t f = q->is_upper ? j : 0; f < q->right_count; ++f)
            for (size_t r = 0; r < q->row_count; ++r)
                q->sums[j * q->sum_stride + f] = fmaf(
                    q->left[r][j] * q->row_weights[r], q->right[r][f], q->sums[j * q->sum_stride + f]);
}

static void path_dots(const float *rows, size_t d, const float *x, size_t first, float sums[4])
{
    for (size_t r = 0; r < 4; ++r) {
        float lanes[HEAD_LANES] = {0};
        for (size_t f = first; f < d; ++f)
            lanes[(f - first) % HEAD_LANES] =
                fmaf(rows[r * d + f], x[f], lanes[(f - first) % HEAD_LANES]);
        sums[r] = path_tree(lanes);
    }
}

static float path_log_one_plus(float e)
{
    const float s = e / (2.0f + e), square = s * s;
    float sum = 1.0f / 15.0f;
    for (int divisor = 13; divisor > 0; divisor -= 2) sum = fmaf(sum, square, 1.0f / (float)divisor);
    return (s + s) * sum;
}

static void path_binary(const struct head_path_binary *q)
{
    for (size_t j = 0; j < q->stride; ++j) {
        float losses = 0.0f, biases = 0.0f, curvatures = 0.0f;
        for (size_t r = 0; r < q->row_count; ++r) {
            float *const place = q->values + r * q->stride + j;
            float *const delta = q->deltas + r * q->stride + j;
            const float weight = q->row_weights[r] * q->factors[j];
            const float z = *place, size = fabsf(*delta);
            float value = z * (size * (1.0f - size));
            if (!(fabsf(value) > 1e-18f)) value = 0.0f;
            if (q->is_product[j] == 0.0f) {
                const float margin = z * q->signs[j];
                const float x = margin > 0.0f ? -margin : margin;
                const float e = x > PATH_LOWEST ? exponential(x) : 0.0f;
                const float inverse = 1.0f / (1.0f + e);
                const float wrong = margin > 0.0f ? e * inverse : inverse;
                const float loss = path_log_one_plus(e) + (margin > 0.0f ? 0.0f : -margin);
                value = -(q->signs[j] * wrong);
                *delta = value;
                losses = fmaf(weight, loss, losses);
                curvatures = fmaf(weight, wrong * (1.0f - wrong), curvatures);
            }
            value = value * q->factors[j];
            *place = value;
            biases = fmaf(q->row_weights[r], value, biases);
        }
        q->losses[j] += (double)losses;
        q->bias_sums[j] += (double)biases;
        q->curvatures[j] += (double)curvatures;
    }
}

// The reference: what a head's bits are, in plain C. Every other variant is compared with it.

#include "head_kernels_common.h"
#include "head_convex.h"

static bool is_supported(void) { return true; }

static float exponential(float x)
{
    x = x > EXP_LOWEST ? x : EXP_LOWEST;
    const float n = fmaf(x, EXP_LOG2E, EXP_ROUND) - EXP_ROUND;
    float r = fmaf(n, -EXP_LN2_HIGH, x);
    r = fmaf(n, -EXP_LN2_LOW, r);
    float p = EXP_P0;
    p = fmaf(p, r, EXP_P1);
    p = fmaf(p, r, EXP_P2);
    p = fmaf(p, r, EXP_P3);
    p = fmaf(p, r, EXP_P4);
    p = fmaf(p, r, EXP_P5);
    p = fmaf(p, r * r, r) + 1.0f;
    const int32_t exponent = ((int32_t)n + 127) * (1 << 23);
    float power;
    memcpy(&power, &exponent, sizeof power);
    return p * power;
}

static float dot(const float *restrict v, const float *restrict x, uint32_t d)
{
    float lanes[HEAD_LANES] = {0};
    for (uint32_t i = 0; i < d; i += HEAD_LANES)
        for (uint32_t l = 0; l < HEAD_LANES; ++l) lanes[l] = fmaf(v[i + l], x[i + l], lanes[l]);
    for (uint32_t half = HEAD_LANES / 2; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    return lanes[0];
}

static void prepare_rows(const struct head_row_request *request, float *rows)
{
    const uint32_t d = request->feature_count;
    for (uint32_t r = 0; r < request->row_count; ++r) {
        const uint32_t index = request->row_indices[r], label = request->row_classes[r];
        const float *source = request->features + (size_t)index * request->source_feature_count;
        float *target = rows + (size_t)r * d;
        uint32_t kept[4] = {0};
        for (uint32_t f = 0; f < d; ++f) {
            if (f % 128 == 0)
                head_keep_bits(
                    request, request->class_keys[label], index - request->class_offsets[label],
                    f / 128, kept);
            const bool keep = request->keep_numerator == 65536 || kept[f % 128 / 32] >> f % 32 & 1;
            target[f] = f < request->source_feature_count && keep ? source[f] * request->scale : 0.0f;
        }
    }
}

static void update(struct head_state *head, const struct head_parameters *parameters)
{
    const uint32_t k = head->class_count, d = head->feature_count;
    const float scale = 1.0f / (float)head->minibatch_row_count;
    for (uint32_t f = 0; f < d; ++f)
        head_update_column(
            k, d, scale, head->weights + f, head->squared_gradients + f, head->squared_updates + f,
            head->gradients + f, parameters);
    head_update_biases(head, parameters, scale);
    head->minibatch_row_count = 0;
    head_refresh_differences(head);
}

// `weight` is what the row weighs by itself; null: nothing is multiplied.
static void train_row(
    struct head_state *head, const float *restrict x, const float *weight, uint32_t label)
{
    const uint32_t d = head->feature_count, last = head->class_count - 1;
    float *const z = head->logits;
    float highest = 0.0f;
    for (uint32_t j = 0; j < last; ++j) {
        z[j] = dot(head->differences + (size_t)j * d, x, d) + head->bias_differences[j];
        highest = highest > z[j] ? highest : z[j];
    }
    float sum = 0.0f;
    for (uint32_t j = 0; j < last; ++j) {
        z[j] = exponential(z[j] - highest);
        sum = sum + z[j];
    }
    sum = sum + exponential(0.0f - highest);
    const float inverse = 1.0f / sum;
    for (uint32_t j = 0; j < last; ++j) {
        float delta = z[j] * inverse;
        if (j == label) delta = delta - 1.0f;
        if (head->class_weights) delta = delta * head->class_weights[label];
        if (weight) delta = delta * *weight;
        float *restrict g = head->gradients + (size_t)j * d;
        for (uint32_t f = 0; f < d; ++f) g[f] = fmaf(delta, x[f], g[f]);
        head->bias_gradients[j] += delta;
    }
}

static void accumulate_rows(
    struct head_state *head, const float *rows, const float *weights, size_t stride,
    size_t row_count, uint32_t label)
{
    for (size_t row = 0; row < row_count; ++row)
        train_row(head, rows + row * stride, weights ? weights + row : NULL, label);
}

static void consume_window(
    struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
    const struct head_window *window, uint16_t *scratch)
{
    (void)scratch;  // No list is needed here.
    for (struct head_state *head = heads; head < heads + head_count; ++head)
        for (uint32_t row = 0; row < window->row_count; ++row) {
            const uint32_t at = window->first_row + row;
            uint32_t label = 0;
            while (label < head->class_count && head->classes[label] != window->labels[at]) ++label;
            if (label == head->class_count) continue;
            train_row(head, window->buffer + (size_t)at * window->feature_count, NULL, label);
            if (++head->minibatch_row_count == parameters->batch_size) update(head, parameters);
        }
}

static void end_epoch(
    struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
    const float *buffer, const uint16_t *labels)
{
    (void)buffer, (void)labels;  // Nothing ever waits here.
    for (struct head_state *head = heads; head < heads + head_count; ++head)
        if (head->minibatch_row_count > 0) update(head, parameters);
}

static float measure_peak(uint64_t count, double *flop_count)
{
    float lanes[16];
    for (int l = 0; l < 16; ++l) lanes[l] = (float)l;
    for (uint64_t i = 0; i < count; ++i)
        for (int l = 0; l < 16; ++l) lanes[l] = fmaf(lanes[l], 0.999f, 0.001f);
    *flop_count = (double)count * 16 * 2;
    float sum = 0.0f;
    for (int l = 0; l < 16; ++l) sum += lanes[l];
    return sum;
}

#include "head_path_scalar.h"

const struct head_kernel_variant head_kernel_variant_scalar = {
    .name = "scalar",
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

// The path's kernels on vectors; included by every vector variant's file behind its other kernels, which
// define PATH_TILE: rows, or outputs, of a register tile of 16 lanes.

#include "head_path_common.h"

#define PATH_VECTORS (HEAD_PATH_PANEL / LANES)

INLINE float path_sum(const vector *sums)
{
    float lanes[HEAD_LANES];
    UNROLL for (int i = 0; i < PATH_VECTORS; ++i) store(lanes + i * LANES, sums[i]);
    return path_tree(lanes);
}

static void path_pack(
    const float *weights, size_t weight_stride, size_t output_count, size_t d, float *packed)
{
    for (size_t first = 0; first < output_count; first += HEAD_PATH_PANEL) {
        float *const panel = packed + first * d;
        for (size_t l = 0; l < HEAD_PATH_PANEL; ++l)
            for (size_t f = 0; f < d; ++f)
                panel[f * HEAD_PATH_PANEL + l] =
                    first + l < output_count ? weights[(first + l) * weight_stride + f] : 0.0f;
    }
}

// Adds the sums over `count` features of PATH_TILE rows and a panel of outputs to logits.
OUTLINED path_forward_tile(
    const float *const *rows, const float *packed, size_t count, float *const *values)
{
    const float *row[PATH_TILE];
    vector sums[PATH_TILE][PATH_VECTORS];
    UNROLL for (int i = 0; i < PATH_TILE; ++i) {
        row[i] = rows[i];
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v) sums[i][v] = splat(0.0f);
    }
    ROLLED for (size_t f = 0; f < count; ++f) {
        vector weights[PATH_VECTORS];
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
            weights[v] = load(packed + f * HEAD_PATH_PANEL + v * LANES);
        UNROLL for (int i = 0; i < PATH_TILE; ++i) {
            const vector value = splat(row[i][f]);
            UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
                sums[i][v] = fma_v(weights[v], value, sums[i][v]);
        }
    }
    UNROLL for (int i = 0; i < PATH_TILE; ++i)
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
            store(values[i] + v * LANES, load(values[i] + v * LANES) + sums[i][v]);
}

static void path_forward(const struct head_path_rows *q)
{
    const size_t d = q->feature_count, n = q->row_count;
    float none[HEAD_PATH_PANEL];
    for (size_t r = 0; r < n; ++r)
        memcpy(q->values + r * q->stride, q->biases, q->stride * sizeof(float));
    for (size_t first = 0; first < d; first += HEAD_PATH_FEATURES) {
        const size_t count = d - first < HEAD_PATH_FEATURES ? d - first : HEAD_PATH_FEATURES;
        for (size_t output = 0; output < q->stride; output += HEAD_PATH_PANEL)
            for (size_t r = 0; r < n; r += PATH_TILE) {
                const float *rows[PATH_TILE];
                float *values[PATH_TILE];
                for (size_t i = 0; i < PATH_TILE; ++i) {
                    const bool is_row = r + i < n;
                    rows[i] = q->rows[is_row ? r + i : n - 1] + first;
                    values[i] = is_row ? q->values + (r + i) * q->stride + output : none;
                }
                path_forward_tile(
                    rows, q->packed + output * d + first * HEAD_PATH_PANEL, count, values);
            }
    }
}

static void path_softmax(const struct head_path_rows *q)
{
    const size_t stride = q->stride;
    for (size_t r = 0; r < q->row_count; ++r) {
        float *const z = q->values + r * stride;
        const uint32_t label = q->labels[r];
        const float mine = z[label];
        vector most = load(z);
        for (size_t j = LANES; j < stride; j += LANES) {
            const vector value = load(z + j);
            most = most > value ? most : value;
        }
        float highest = most[0];
        UNROLL for (int l = 1; l < LANES; ++l) highest = highest > most[l] ? highest : most[l];
        // The label's is taken out of the sums: it would hide what is small beside it.
        z[label] = -3e38f;
        vector sums[PATH_VECTORS];
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v) sums[v] = splat(0.0f);
        for (size_t j = 0; j < stride; j += HEAD_PATH_PANEL)
            UNROLL for (int v = 0; v < PATH_VECTORS; ++v) {
                const vector x = load(z + j + v * LANES) - splat(highest);
                const vector e = x > splat(PATH_LOWEST) ? exponential(x) : splat(0.0f);
                store(z + j + v * LANES, e);
                sums[v] = sums[v] + e;
            }
        const float apart = mine - highest;
        const vector own_vector =
            splat(apart) > splat(PATH_LOWEST) ? exponential(splat(apart)) : splat(0.0f);
        const float own = own_vector[0], rest = path_sum(sums), inverse = 1.0f / (rest + own);
        for (size_t j = 0; j < stride; j += LANES) store(z + j, load(z + j) * splat(inverse));
        z[label] = -(rest * inverse);
        const double weight = (double)q->row_weights[r];
        q->losses[r] = path_loss(highest, mine, own, rest);
        for (size_t j = 0; j < q->output_count; ++j)
            q->bias_sums[j] = __builtin_fma(weight, (double)z[j], q->bias_sums[j]);
    }
}

// sums[j][f] of PATH_TILE outputs and a panel of features.
OUTLINED path_multiply_tile(
    const float *left, const float *right, size_t row_count, float *const *sums)
{
    vector all[PATH_TILE][PATH_VECTORS];
    UNROLL for (int i = 0; i < PATH_TILE; ++i)
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v) all[i][v] = load(sums[i] + v * LANES);
    ROLLED for (size_t r = 0; r < row_count; ++r) {
        vector values[PATH_VECTORS];
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
            values[v] = load(right + r * HEAD_PATH_PANEL + v * LANES);
        UNROLL for (int i = 0; i < PATH_TILE; ++i) {
            const vector factor = splat(left[r * PATH_TILE + i]);
            UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
                all[i][v] = fma_v(factor, values[v], all[i][v]);
        }
    }
    UNROLL for (int i = 0; i < PATH_TILE; ++i)
        UNROLL for (int v = 0; v < PATH_VECTORS; ++v) store(sums[i] + v * LANES, all[i][v]);
}

// Outputs whose factors are packed at once.
#define PATH_PART 192

static void path_multiply(const struct head_path_products *q)
{
    float left[HEAD_PATH_ROWS * PATH_PART] __attribute__((aligned(64)));
    float right[HEAD_PATH_ROWS * HEAD_PATH_PANEL] __attribute__((aligned(64)));
    float none[HEAD_PATH_PANEL];
    const size_t n = q->row_count;
    memset(none, 0, sizeof none);
    for (size_t part = 0; part < q->left_count; part += PATH_PART) {
        const size_t count = q->left_count - part < PATH_PART ? q->left_count - part : PATH_PART;
        for (size_t r = 0; r < n; ++r) {
            const float *const from = q->left[r] + part;
            const float weight = q->row_weights[r];
            for (size_t j = 0; j < count; j += PATH_TILE)
                for (size_t i = 0; i < PATH_TILE; ++i)
                    left[(j * n) + r * PATH_TILE + i] = j + i < count ? from[j + i] * weight : 0.0f;
        }
        for (size_t f = 0; f < q->right_count; f += HEAD_PATH_PANEL) {
            if (q->is_upper && f + HEAD_PATH_PANEL <= part) continue;
            for (size_t r = 0; r < n; ++r)
                UNROLL for (int v = 0; v < PATH_VECTORS; ++v)
                    store(right + r * HEAD_PATH_PANEL + v * LANES, load(q->right[r] + f + v * LANES));
            for (size_t j = 0; j < count; j += PATH_TILE) {
                if (q->is_upper && f + HEAD_PATH_PANEL <= part + j) break;
                float *sums[PATH_TILE];
                for (size_t i = 0; i < PATH_TILE; ++i)
                    sums[i] = j + i < count ? q->sums + (part + j + i) * q->sum_stride + f : none;
                path_multiply_tile(left + j * n, right, n, sums);
            }
        }
    }
}

static void path_dots(const float *rows, size_t d, const float *x, size_t first, float sums[4])
{
    vector all[4][PATH_VECTORS];
    UNROLL for (int r = 0; r < 4; ++r)
        UNROLL for (int k = 0; k < PATH_VECTORS; ++k) all[r][k] = splat(0.0f);
    size_t f = first;
    ROLLED for (; f + HEAD_LANES <= d; f += HEAD_LANES)
        UNROLL for (int k = 0; k < PATH_VECTORS; ++k) {
            const vector value = load(x + f + k * LANES);
            UNROLL for (int r = 0; r < 4; ++r)
                all[r][k] = fma_v(load(rows + (size_t)r * d + f + k * LANES), value, all[r][k]);
        }
    UNROLL for (int r = 0; r < 4; ++r) {
        float lanes[HEAD_LANES];
        UNROLL for (int k = 0; k < PATH_VECTORS; ++k) store(lanes + k * LANES, all[r][k]);
        for (size_t l = 0; f + l < d; ++l)
            lanes[l] = __builtin_fmaf(rows[(size_t)r * d + f + l], x[f + l], lanes[l]);
        sums[r] = path_tree(lanes);
    }
}

// log(1 + e), e from 0 to 1, by the series of the area tangent at e / (2 + e).
INLINE vector path_log_one_plus(vector e)
{
    const vector s = e / (splat(2.0f) + e), square = s * s;
    vector sum = splat(1.0f / 15.0f);
    UNROLL for (int divisor = 13; divisor > 0; divisor -= 2)
        sum = fma_v(sum, square, splat(1.0f / (float)divisor));
    return (s + s) * sum;
}

static void path_binary(const struct head_path_binary *q)
{
    for (size_t j = 0; j < q->stride; j += LANES) {
        const vector is_product = load(q->is_product + j), sign = load(q->signs + j);
        const vector factor = load(q->factors + j);
        vector losses = splat(0.0f), biases = splat(0.0f), curvatures = splat(0.0f);
        bool has_gradients = false;
        for (int l = 0; l < LANES; ++l) has_gradients |= is_product[l] == 0.0f;
        for (size_t r = 0; r < q->row_count; ++r) {
            float *const values = q->values + r * q->stride + j;
            float *const deltas = q->deltas + r * q->stride + j;
            const vector weight = splat(q->row_weights[r]) * factor;
            const vector z = load(values), known = load(deltas);
            const vector size = known < splat(0.0f) ? -known : known;
            vector value = z * (size * (splat(1.0f) - size));
            value = (value < splat(0.0f) ? -value : value) > splat(1e-18f) ? value : splat(0.0f);
            if (has_gradients) {
                const vector margin = z * sign;
                const vector x = margin > splat(0.0f) ? -margin : margin;
                const vector e = x > splat(PATH_LOWEST) ? exponential(x) : splat(0.0f);
                const vector inverse = splat(1.0f) / (splat(1.0f) + e);
                const vector wrong = margin > splat(0.0f) ? e * inverse : inverse;
                const vector loss = path_log_one_plus(e) + (margin > splat(0.0f) ? splat(0.0f) : -margin);
                const vector delta = -(sign * wrong);
                const vector found = is_product > splat(0.0f) ? known : delta;
                store(deltas, found);
                value = is_product > splat(0.0f) ? value : delta;
                losses = fma_v(weight, loss, losses);
                curvatures = fma_v(weight, wrong * (splat(1.0f) - wrong), curvatures);
            }
            value = value * factor;
            store(values, value);
            biases = fma_v(splat(q->row_weights[r]), value, biases);
        }
        for (int l = 0; l < LANES; ++l) {
            q->losses[j + (size_t)l] += (double)losses[l];
            q->bias_sums[j + (size_t)l] += (double)biases[l];
            q->curvatures[j + (size_t)l] += (double)curvatures[l];
        }
    }
}

// What the scalar and the vector form of the path's kernels share.


// exp(x) counts as 0 below: products with what is left of it would not be normal numbers.
#define PATH_LOWEST -80.0f

// The natural logarithm of (1 + s) / (1 - s) by its series, |s| up to 0.1716.
static double path_logarithm_of_ratio(double s)
{
    const double square = s * s;
    double sum = 0.0;
    for (int divisor = 29; divisor > 1; divisor -= 2)
        sum = __builtin_fma(sum, square, 1.0 / (double)divisor);
    return __builtin_fma(2.0 * s, sum * square, 2.0 * s);
}

// The natural logarithm of 1 + x, x >= 0, by IEEE operations alone.
static double path_logarithm_of_one_plus(double x)
{
    if (x < 0.25) return path_logarithm_of_ratio(x / (2.0 + x));
    union { double value; uint64_t bits; } y = {.value = 1.0 + x};
    double exponent = (double)((int64_t)(y.bits >> 52) - 1023);
    y.bits = (y.bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52;
    if (y.value > 1.414213562373095) {
        y.value *= 0.5;
        exponent += 1.0;
    }
    const double rest = path_logarithm_of_ratio((y.value - 1.0) / (y.value + 1.0));
    return __builtin_fma(
        exponent, 0x1.62E42FEE00000p-1, __builtin_fma(exponent, 0x1.A39EF35793C76p-33, rest));
}

// tree16 of the definition.
static inline float path_tree(const float lanes[HEAD_LANES])
{
    float sums[HEAD_LANES / 2];
    for (int l = 0; l < 8; ++l) sums[l] = lanes[l] + lanes[l + 8];
    for (int l = 0; l < 4; ++l) sums[l] = sums[l] + sums[l + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// The loss of a row whose own class has `own` of exp(z - highest), the others `rest` in all.
static double path_loss(float highest, float z, float own, float rest)
{
    if (own > 1e-20f) return path_logarithm_of_one_plus((double)rest / (double)own);
    // Then another class has exp(0).
    return ((double)highest - (double)z) + path_logarithm_of_one_plus((double)rest - 1.0);
}

static void path_select(const struct head_path_rows *q, struct head_path_list *list)
{
    for (size_t r = 0; r < q->row_count; ++r) {
        const float *const p = q->values + r * q->stride;
        const double weight = (double)q->row_weights[r];
        const uint32_t label = q->labels[r];
        float small = 0.0f;
        size_t count = list->count;
        for (uint32_t j = 0; j < q->output_count; ++j) {
            const float value = j == label ? 1.0f + p[j] : p[j];
            const bool is_kept = value >= list->least;
            const float left = is_kept ? 0.0f : value;
            list->classes[count] = j;
            list->values[count] = value;
            count += is_kept;
            small = small + left;
            list->small[j] = __builtin_fma(weight, (double)left, list->small[j]);
        }
        list->rest[r] = small;
        list->counts[r] = (uint32_t)(count - list->count);
        list->count = count;
    }
}

// 16 lanes in double and tree16.
static double path_dot_double(const float *w, const float *x, size_t d)
{
    double lanes[HEAD_LANES] = {0};
    for (size_t f = 0; f < d; f += HEAD_LANES)
        for (int l = 0; l < HEAD_LANES; ++l)
            lanes[l] = __builtin_fma((double)w[f + (size_t)l], (double)x[f + (size_t)l], lanes[l]);
    for (int half = HEAD_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) lanes[l] = lanes[l] + lanes[l + half];
    return lanes[0];
}

#define PATH_REFINED 18.0f

static void path_refine(const struct head_path_rows *q)
{
    const size_t d = q->feature_count;
    for (size_t r = 0; r < q->row_count; ++r) {
        float *const z = q->values + r * q->stride;
        uint32_t highest = 0;
        for (uint32_t j = 1; j < q->output_count; ++j) highest = z[j] > z[highest] ? j : highest;
        const float near = z[highest] - PATH_REFINED;
        const double top = path_dot_double(q->weights + highest * q->weight_stride, q->rows[r], d)
            + (double)q->biases[highest];
        for (uint32_t j = 0; j < q->output_count; ++j)
            if (z[j] >= near || j == q->labels[r]) {
                const double sum = path_dot_double(q->weights + j * q->weight_stride, q->rows[r], d);
                z[j] = (float)(sum + (double)q->biases[j] - top);
            } else {
                z[j] = z[j] - (float)top;
            }
        for (uint32_t j = q->output_count; j < q->stride; ++j) z[j] = q->biases[j];
    }
}

// d is HEAD_PATH_PANEL at least; rows of the step are finished before what is below them. What is behind
// them gets their products taken away by `path_multiply`.
static void path_multiply(const struct head_path_products *q);
static void path_dots(const float *rows, size_t d, const float *x, size_t first, float sums[4]);

static bool path_factorise(float *m, size_t d)
{
    float ones[HEAD_PATH_STEP];
    for (size_t i = 0; i < HEAD_PATH_STEP; ++i) ones[i] = -1.0f;
    for (size_t first = 0; first < d; first += HEAD_PATH_STEP) {
        const size_t end = d - first < HEAD_PATH_STEP ? d : first + HEAD_PATH_STEP;
        const float *rows[HEAD_PATH_STEP];
        for (size_t i = first; i < end; ++i) {
            float *const row = m + i * d;
            const float pivot = row[i];
            if (!(pivot > 0.0f) || !(pivot < 1e37f)) return false;
            const float reciprocal = 1.0f / __builtin_sqrtf(pivot);
            row[i] = reciprocal;
            for (size_t f = i + 1; f < d; ++f) row[f] = row[f] * reciprocal;
            for (size_t below = i + 1; below < end; ++below) {
                const float factor = -row[below];
                float *const target = m + below * d;
                for (size_t f = below; f < d; ++f)
                    target[f] = __builtin_fmaf(factor, row[f], target[f]);
            }
            rows[i - first] = row + end;
        }
        if (end == d) break;
        const struct head_path_products q = {
            .left = rows, .right = rows, .row_weights = ones, .row_count = end - first,
            .left_count = d - end, .right_count = d - end, .sums = m + end * d + end,
            .sum_stride = d, .is_upper = true};
        path_multiply(&q);
    }
    return true;
}

static void path_solve(const float *m, size_t d, float *x)
{
    for (size_t i = 0; i < d; i += 4) {
        const float *const rows = m + i * d;
        for (size_t r = 0; r < 4; ++r) {
            float value = x[i + r];
            for (size_t t = 0; t < r; ++t) value = __builtin_fmaf(-rows[t * d + i + r], x[i + t], value);
            x[i + r] = value * rows[r * d + i + r];
        }
        const float a = -x[i], b = -x[i + 1], c = -x[i + 2], e = -x[i + 3];
        for (size_t f = i + 4; f < d; ++f) {
            float value = __builtin_fmaf(a, rows[f], x[f]);
            value = __builtin_fmaf(b, rows[d + f], value);
            value = __builtin_fmaf(c, rows[2 * d + f], value);
            x[f] = __builtin_fmaf(e, rows[3 * d + f], value);
        }
    }
    for (size_t i = d; i > 0;) {
        i -= 4;
        const float *const rows = m + i * d;
        float sums[4];
        path_dots(rows, d, x, i + 4, sums);
        for (size_t r = 4; r-- > 0;) {
            float value = x[i + r] - sums[r];
            for (size_t t = r + 1; t < 4; ++t) value = __builtin_fmaf(-rows[r * d + i + t], x[i + t], value);
            x[i + r] = value * rows[r * d + i + r];
        }
    }
}

#define PATH_KERNELS                                                                              \
    {                                                                                             \
        .pack = path_pack, .forward = path_forward, .refine = path_refine,                        \
        .softmax = path_softmax, .multiply = path_multiply, .select = path_select,                \
        .curve = path_curve, .factorise = path_factorise, .solve = path_solve                     \
    }

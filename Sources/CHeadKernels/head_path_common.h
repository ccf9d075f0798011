// What the scalar and the vector form of the path's kernels share.


// exp(x) counts as 0 below: products with what is left of it might not be normal numbers, which are slow.
#define PATH_LOWEST -50.0f

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

static void path_differentiate(const struct head_path_rows *q, const float *deltas)
{
    for (size_t r = 0; r < q->row_count; ++r) {
        const float *const p = deltas + r * q->stride;
        float *const s = q->values + r * q->stride;
        const uint32_t label = q->labels[r];
        const float own = s[label];
        float lanes[HEAD_LANES] = {0};
        for (size_t j = 0; j < q->stride; j += HEAD_LANES)
            for (size_t l = 0; l < HEAD_LANES; ++l)
                lanes[l] = __builtin_fmaf(p[j + l], s[j + l] - own, lanes[l]);
        // The label's part of the sum is delta times zero.
        const float mean = path_tree(lanes);
        // Sums of what is smaller would not be normal numbers.
        for (size_t j = 0; j < q->stride; ++j) {
            const float value = p[j] * ((s[j] - own) - mean);
            s[j] = __builtin_fabsf(value) > 1e-18f ? value : 0.0f;
        }
        s[label] = -(1.0f + p[label]) * mean;
        const double weight = (double)q->row_weights[r];
        for (size_t j = 0; j < q->output_count; ++j)
            q->bias_sums[j] = __builtin_fma(weight, (double)s[j], q->bias_sums[j]);
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

// Turns row i of `m` and the next one by an angle.
static void path_turn(double *m, size_t d, size_t i, double cosine, double sine)
{
    double *const one = m + i * d, *const two = one + d;
    for (size_t f = 0; f < d; ++f) {
        const double a = one[f], b = two[f];
        two[f] = __builtin_fma(sine, a, cosine * b);
        one[f] = __builtin_fma(cosine, a, -(sine * b));
    }
}

// Householder's reduction to a tridiagonal matrix: `diagonal` and `off` [d], off[i] being beside
// diagonal[i] and diagonal[i + 1]; m becomes the reflections' product, transposed.
static void path_reduce(double *m, size_t d, double *diagonal, double *off)
{
    // Reflection i is of v = m[i][i + 1 ...], with what v v^T is multiplied by at m[i][i].
    for (size_t i = 0; i < d; ++i) {
        double *const v = m + i * d;
        diagonal[i] = v[i];
        off[i] = i + 1 < d ? v[i + 1] : 0.0;
        v[i] = 0.0;
        if (i + 2 >= d) continue;
        double most = 0.0, square = 0.0;
        for (size_t f = i + 1; f < d; ++f) most = __builtin_fmax(most, __builtin_fabs(v[f]));
        if (!(most > 0.0)) continue;
        for (size_t f = i + 1; f < d; ++f) v[f] = v[f] / most;
        for (size_t f = i + 1; f < d; ++f) square = __builtin_fma(v[f], v[f], square);
        const double size = v[i + 1] > 0.0 ? __builtin_sqrt(square) : -__builtin_sqrt(square);
        off[i] = -size * most;
        // |v|^2 / 2 of v with its first element grown by `size`.
        const double half = __builtin_fma(size, v[i + 1], square);
        v[i + 1] = v[i + 1] + size;
        const double factor = 1.0 / half;
        v[i] = factor;
        // p = A v / half; A -= v q^T + q v^T with q = p - (v p / (2 half)) v. `diagonal` behind i is free for q.
        double *const q = diagonal;
        for (size_t f = i + 1; f < d; ++f) q[f] = 0.0;
        for (size_t r = i + 1; r < d; ++r) {
            const double *const row = m + r * d;
            const double value = v[r] * factor;
            for (size_t f = i + 1; f < d; ++f) q[f] = __builtin_fma(value, row[f], q[f]);
        }
        double product = 0.0;
        for (size_t f = i + 1; f < d; ++f) product = __builtin_fma(v[f], q[f], product);
        product = -product * factor * 0.5;
        for (size_t f = i + 1; f < d; ++f) q[f] = __builtin_fma(product, v[f], q[f]);
        for (size_t r = i + 1; r < d; ++r) {
            double *const row = m + r * d;
            const double a = -v[r], b = -q[r];
            for (size_t f = i + 1; f < d; ++f)
                row[f] = __builtin_fma(a, q[f], __builtin_fma(b, v[f], row[f]));
        }
    }
    // The product of the reflections from the last one on, transposed: rows i + 1 ... of it are turned.
    for (size_t i = d; i-- > 0;) {
        double *const v = m + i * d;
        const double factor = v[i];
        for (size_t r = i + 1; r < d && factor != 0.0; ++r) {
            double *const row = m + r * d;
            double product = 0.0, lanes[HEAD_LANES] = {0};
            size_t f = i + 1;
            for (; f + HEAD_LANES <= d; f += HEAD_LANES)
                for (size_t l = 0; l < HEAD_LANES; ++l)
                    lanes[l] = __builtin_fma(row[f + l], v[f + l], lanes[l]);
            for (; f < d; ++f) product = __builtin_fma(row[f], v[f], product);
            for (size_t l = 0; l < HEAD_LANES; ++l) product = product + lanes[l];
            product = -product * factor;
            for (f = i + 1; f < d; ++f) row[f] = __builtin_fma(product, v[f], row[f]);
        }
        for (size_t f = 0; f < d; ++f) v[f] = 0.0;
        for (size_t r = i + 1; r < d; ++r) m[r * d + i] = 0.0;
        v[i] = 1.0;
    }
}

// The implicit QL method of Bowdler, Martin, Reinsch and Wilkinson (Numerische Mathematik 11, 1968).
static bool path_diagonalise(double *m, size_t d, double *eigenvalues, double *off)
{
    path_reduce(m, d, eigenvalues, off);
    for (size_t l = 0; l < d; ++l) {
        for (int round = 0;; ++round) {
            size_t end = l;
            for (; end + 1 < d; ++end) {
                const double near = __builtin_fabs(eigenvalues[end]) + __builtin_fabs(eigenvalues[end + 1]);
                if (__builtin_fabs(off[end]) <= 0x1p-52 * near) break;
            }
            if (end == l) break;
            if (round == 60) return false;
            double g = (eigenvalues[l + 1] - eigenvalues[l]) / (2.0 * off[l]);
            double r = __builtin_sqrt(__builtin_fma(g, g, 1.0));
            g = eigenvalues[end] - eigenvalues[l] + off[l] / (g + (g < 0.0 ? -r : r));
            double sine = 1.0, cosine = 1.0, p = 0.0;
            size_t i = end;
            bool is_cut = false;
            while (i-- > l) {
                const double f = sine * off[i], b = cosine * off[i];
                r = __builtin_sqrt(__builtin_fma(f, f, g * g));
                off[i + 1] = r;
                if (r == 0.0) {
                    eigenvalues[i + 1] = eigenvalues[i + 1] - p;
                    off[end] = 0.0;
                    is_cut = true;
                    break;
                }
                sine = f / r;
                cosine = g / r;
                g = eigenvalues[i + 1] - p;
                const double s = __builtin_fma(eigenvalues[i] - g, sine, 2.0 * cosine * b);
                p = sine * s;
                eigenvalues[i + 1] = g + p;
                g = __builtin_fma(cosine, s, -b);
                path_turn(m, d, i, cosine, sine);
            }
            if (is_cut) continue;
            eigenvalues[l] = eigenvalues[l] - p;
            off[l] = g;
            off[end] = 0.0;
        }
    }
    for (size_t i = 0; i + 1 < d; ++i) {
        size_t least = i;
        for (size_t j = i + 1; j < d; ++j) least = eigenvalues[j] < eigenvalues[least] ? j : least;
        if (least == i) continue;
        const double value = eigenvalues[i];
        eigenvalues[i] = eigenvalues[least];
        eigenvalues[least] = value;
        for (size_t f = 0; f < d; ++f) {
            const double kept = m[i * d + f];
            m[i * d + f] = m[least * d + f];
            m[least * d + f] = kept;
        }
    }
    return true;
}

#define PATH_KERNELS                                                                              \
    {                                                                                             \
        .pack = path_pack, .forward = path_forward, .refine = path_refine,                        \
        .softmax = path_softmax, .multiply = path_multiply, .differentiate = path_differentiate,  \
        .binary = path_binary, .factorise = path_factorise, .solve = path_solve,                  \
        .diagonalise = path_diagonalise                                                           \
    }

// What training a head to its optimum needs, all in double: gradients of the cross-entropy, Gram
// matrices, Cholesky's factorisation and the products of long vectors. Included once by every
// variant's file. Four lanes on every instruction set, fused multiply-adds and one order of every
// sum: all variants give equal bits. More lanes would not be faster: memory is the limit.

// Where a machine's vectors are shorter than four lanes, all that takes or returns them is inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define CONVEX_LANES HEAD_CONVEX_LANES
#define CONVEX_ROWS HEAD_CONVEX_ROWS
#define CONVEX_INLINE static inline __attribute__((always_inline))
#define CONVEX_OUTLINED static __attribute__((noinline)) void
#define CONVEX_UNROLL _Pragma("clang loop unroll(full)")
#define CONVEX_ROLLED _Pragma("clang loop unroll(disable)")

typedef double quad __attribute__((ext_vector_type(CONVEX_LANES)));
typedef double unaligned_quad __attribute__((ext_vector_type(CONVEX_LANES), aligned(8)));
typedef float float_quad __attribute__((ext_vector_type(CONVEX_LANES), aligned(4)));
typedef int64_t int_quad __attribute__((ext_vector_type(CONVEX_LANES)));

CONVEX_INLINE quad quad_load(const double *from) { return *(const unaligned_quad *)from; }
CONVEX_INLINE void quad_store(double *to, quad value) { *(unaligned_quad *)to = value; }
CONVEX_INLINE quad quad_fma(quad a, quad b, quad c) { return __builtin_elementwise_fma(a, b, c); }
CONVEX_INLINE double quad_sum(quad a) { return (a[0] + a[2]) + (a[1] + a[3]); }

// exp(x) for x <= 0 by its Taylor polynomial of degree 13 in r, x = n ln 2 + r, |r| <= ln 2 / 2: the
// next term is below 5e-18. Below -708 it is exp(-708), so that the result is always normal.
CONVEX_INLINE quad quad_exponential(quad x)
{
    x = x > (quad)-708.0 ? x : (quad)-708.0;
    const quad shift = (quad)0x1.8p52;  // Adding it rounds to a whole number, left in the low bits.
    const quad shifted = quad_fma(x, (quad)0x1.71547652B82FEp0, shift);
    const quad n = shifted - shift;
    quad r = quad_fma(n, (quad)-0x1.62E42FEFA39EFp-1, x);
    r = quad_fma(n, (quad)-0x1.ABC9E3B39803Fp-56, r);
    quad p = (quad)(1.0 / 6227020800.0);
    p = quad_fma(p, r, (quad)(1.0 / 479001600.0));
    p = quad_fma(p, r, (quad)(1.0 / 39916800.0));
    p = quad_fma(p, r, (quad)(1.0 / 3628800.0));
    p = quad_fma(p, r, (quad)(1.0 / 362880.0));
    p = quad_fma(p, r, (quad)(1.0 / 40320.0));
    p = quad_fma(p, r, (quad)(1.0 / 5040.0));
    p = quad_fma(p, r, (quad)(1.0 / 720.0));
    p = quad_fma(p, r, (quad)(1.0 / 120.0));
    p = quad_fma(p, r, (quad)(1.0 / 24.0));
    p = quad_fma(p, r, (quad)(1.0 / 6.0));
    p = quad_fma(p, r, (quad)0.5);
    p = quad_fma(p, r, (quad)1.0);
    p = quad_fma(p, r, (quad)1.0);
    const int_quad power = ((int_quad)shifted << 52) + ((int_quad)1023 << 52);
    return p * (quad)power;
}

// z[j][r] = dot of the first `length` values of row r and of class j's weights, for `classes`
// classes and `rows` rows, both with `d` values from one to the next.
CONVEX_INLINE void convex_forward(
    const double *x, const double *v, size_t d, size_t length, const int classes, const int rows,
    double *z)
{
    quad sums[CONVEX_ROWS * 3];
    CONVEX_UNROLL for (int i = 0; i < classes * rows; ++i) sums[i] = (quad)0.0;
    CONVEX_ROLLED for (size_t f = 0; f < length; f += CONVEX_LANES) {
        quad weights[3];
        CONVEX_UNROLL for (int j = 0; j < classes; ++j)
            weights[j] = quad_load(v + (size_t)j * d + f);
        CONVEX_UNROLL for (int r = 0; r < rows; ++r) {
            const quad value = quad_load(x + (size_t)r * d + f);
            CONVEX_UNROLL for (int j = 0; j < classes; ++j)
                sums[j * rows + r] = quad_fma(weights[j], value, sums[j * rows + r]);
        }
    }
    CONVEX_UNROLL for (int j = 0; j < classes; ++j)
        CONVEX_UNROLL for (int r = 0; r < rows; ++r)
            z[j * CONVEX_ROWS + r] = quad_sum(sums[j * rows + r]);
}

#define CONVEX_FORWARD(classes, rows)                                                             \
    CONVEX_OUTLINED convex_forward_##classes(                                                     \
        const double *x, const double *v, size_t d, double *z)                                    \
    {                                                                                             \
        CONVEX_ROLLED for (size_t first = 0; first < CONVEX_ROWS; first += rows)                  \
            convex_forward(x + first * d, v, d, d, classes, rows, z + first);                        \
    }
CONVEX_FORWARD(1, 8)
CONVEX_FORWARD(2, 4)
CONVEX_FORWARD(3, 4)

// g[j][f] += delta[j][r] * x[r][f], rows in order, here
// for `classes` classes and `vectors` vectors of f.
CONVEX_INLINE void convex_gradient_vectors(
    const double *x, const double *delta, size_t d, size_t f, const int classes,
    const int vectors, double *g)
{
    quad sums[12];
    CONVEX_UNROLL for (int j = 0; j < classes; ++j)
        CONVEX_UNROLL for (int i = 0; i < vectors; ++i)
            sums[j * vectors + i] = quad_load(g + (size_t)j * d + f + i * CONVEX_LANES);
    CONVEX_ROLLED for (size_t r = 0; r < CONVEX_ROWS; ++r) {
        quad factors[3];
        CONVEX_UNROLL for (int j = 0; j < classes; ++j)
            factors[j] = (quad)delta[j * CONVEX_ROWS + r];
        CONVEX_UNROLL for (int i = 0; i < vectors; ++i) {
            const quad value = quad_load(x + r * d + f + i * CONVEX_LANES);
            CONVEX_UNROLL for (int j = 0; j < classes; ++j)
                sums[j * vectors + i] = quad_fma(factors[j], value, sums[j * vectors + i]);
        }
    }
    CONVEX_UNROLL for (int j = 0; j < classes; ++j)
        CONVEX_UNROLL for (int i = 0; i < vectors; ++i)
            quad_store(g + (size_t)j * d + f + i * CONVEX_LANES, sums[j * vectors + i]);
}

#define CONVEX_GRADIENT(classes, vectors)                                                         \
    CONVEX_OUTLINED convex_gradient_##classes(                                                    \
        const double *x, const double *delta, size_t d, size_t length, double *g)                 \
    {                                                                                             \
        size_t f = 0;                                                                             \
        CONVEX_ROLLED for (; f + vectors * CONVEX_LANES <= length; f += vectors * CONVEX_LANES)   \
            convex_gradient_vectors(x, delta, d, f, classes, vectors, g);                         \
        CONVEX_ROLLED for (; f < length; f += CONVEX_LANES)                                       \
            convex_gradient_vectors(x, delta, d, f, classes, 1, g);                               \
    }
CONVEX_GRADIENT(1, 8)
CONVEX_GRADIENT(2, 4)
CONVEX_GRADIENT(3, 4)

// Classes of the next part of at most three, parts being as equal as can be.
CONVEX_INLINE uint32_t convex_part(uint32_t left)
{
    const uint32_t parts = (left + 2) / 3;
    return (left + parts - 1) / parts;
}

// z becomes delta, rows along the lanes; `chosen` gets the probability of the rows' own class.
static void convex_softmax(uint32_t last, uint32_t label, double *z, double *chosen)
{
    for (uint32_t part = 0; part < CONVEX_ROWS; part += CONVEX_LANES) {
        quad highest = (quad)0.0, sum = (quad)0.0;
        for (uint32_t j = 0; j < last; ++j) {
            const quad value = quad_load(z + j * CONVEX_ROWS + part);
            highest = highest > value ? highest : value;
        }
        for (uint32_t j = 0; j < last; ++j) {
            const quad value = quad_exponential(quad_load(z + j * CONVEX_ROWS + part) - highest);
            quad_store(z + j * CONVEX_ROWS + part, value);
            sum = sum + value;
        }
        const quad rest = quad_exponential(-highest);
        sum = sum + rest;
        quad mine = rest / sum;
        for (uint32_t j = 0; j < last; ++j) {
            quad p = quad_load(z + j * CONVEX_ROWS + part) / sum;
            if (j == label) {
                mine = p;
                p = p - (quad)1.0;
            }
            quad_store(z + j * CONVEX_ROWS + part, p);
        }
        quad_store(chosen + part, mine);
    }
}

// Rows as doubles: x[r][f], the features, a 1 and zeros; rows beyond `count` are zero. The rows behind
// them are fetched ahead: a processor's own fetching stops at every page, which is a few rows.
static void convex_tile(
    const float *rows, size_t stride, size_t count, size_t value_count, size_t d, double *x)
{
    const size_t whole = value_count / CONVEX_LANES * CONVEX_LANES;
    for (size_t r = 0; r < count; ++r) {
        const float *const row = rows + r * stride;
        double *const target = x + r * d;
        for (size_t f = 0; f < whole; f += CONVEX_LANES) {
            if (f % 16 == 0) __builtin_prefetch(row + CONVEX_ROWS * stride + f);
            quad_store(target + f, __builtin_convertvector(*(const float_quad *)(row + f), quad));
        }
        for (size_t f = whole; f < d; ++f)
            target[f] = f < value_count ? (double)row[f] : f == value_count ? 1.0 : 0.0;
    }
    for (size_t i = count * d; i < CONVEX_ROWS * d; i += CONVEX_LANES) quad_store(x + i, (quad)0.0);
}

// sums[j] += w delta[j]^2 and sums[k + j] += w delta[j], of the last class too; w is the row's weight.
static void convex_squares(
    uint32_t last, size_t count, const double *weights, const double *z, double *sums)
{
    double *const plain = sums + last + 1;
    for (size_t r = 0; r < count; ++r) {
        const double weight = weights[r];
        double others = 0.0;
        for (uint32_t j = 0; j < last; ++j) {
            const double delta = z[j * CONVEX_ROWS + r], weighted = weight * delta;
            others = others + delta;
            sums[j] = __builtin_fma(weighted, delta, sums[j]);
            plain[j] = plain[j] + weighted;
        }
        sums[last] = __builtin_fma(weight * others, others, sums[last]);
        plain[last] = plain[last] - weight * others;
    }
}

// What the rows of a tile weigh: times 1 is the same bits, and rows beyond `count` are zero.
static void convex_weights(const float *weights, size_t count, double *tile)
{
    for (size_t r = 0; r < CONVEX_ROWS; ++r)
        tile[r] = weights && r < count ? (double)weights[r] : 1.0;
}

// delta of every row times what it weighs.
static void convex_weigh(uint32_t last, const double *weights, double *z)
{
    for (uint32_t j = 0; j < last; ++j)
        for (uint32_t part = 0; part < CONVEX_ROWS; part += CONVEX_LANES)
            quad_store(
                z + j * CONVEX_ROWS + part,
                quad_load(z + j * CONVEX_ROWS + part) * quad_load(weights + part));
}

static void convex_accumulate(const struct head_convex_rows *request)
{
    const size_t d = request->feature_count;
    const uint32_t last = request->class_count - 1;
    double *const x = request->scratch;
    double *const z = request->logits, chosen[CONVEX_ROWS], weights[CONVEX_ROWS];
    for (size_t first = 0; first < request->row_count; first += CONVEX_ROWS) {
        const size_t left = request->row_count - first;
        const size_t count = left < CONVEX_ROWS ? left : CONVEX_ROWS;
        convex_tile(
            request->rows + first * request->stride, request->stride, count, request->value_count,
            d, x);
        for (uint32_t j = 0; j < last;) {
            const double *v = request->differences + j * d;
            const uint32_t part = convex_part(last - j);
            switch (part) {
            case 1: convex_forward_1(x, v, d, z + j * CONVEX_ROWS); break;
            case 2: convex_forward_2(x, v, d, z + j * CONVEX_ROWS); break;
            default: convex_forward_3(x, v, d, z + j * CONVEX_ROWS); break;
            }
            j += part;
        }
        convex_softmax(last, request->label, z, chosen);
        if (request->chosen)
            for (size_t r = 0; r < count; ++r) request->chosen[first + r] = chosen[r];
        if (request->weights || request->squares)
            convex_weights(request->weights ? request->weights + first : NULL, count, weights);
        if (request->squares) convex_squares(last, count, weights, z, request->squares);
        if (!request->gradients) continue;
        if (request->weights) convex_weigh(last, weights, z);
        for (uint32_t j = 0; j < last;) {
            double *g = request->gradients + j * d;
            const double *delta = z + j * CONVEX_ROWS;
            const uint32_t part = convex_part(last - j);
            switch (part) {
            case 1: convex_gradient_1(x, delta, d, d, g); break;
            case 2: convex_gradient_2(x, delta, d, d, g); break;
            default: convex_gradient_3(x, delta, d, d, g); break;
            }
            j += part;
        }
    }
}

// The lower triangle of m += x^T diag(weights) x, and some of what is above it.
static void convex_gram(
    const float *rows, const float *weights, size_t stride, size_t row_count, size_t value_count,
    size_t d, double *scratch, double *m)
{
    double *const x = scratch, columns[4 * CONVEX_ROWS], tile[CONVEX_ROWS];
    for (size_t first = 0; first < row_count; first += CONVEX_ROWS) {
        const size_t left = row_count - first;
        const size_t count = left < CONVEX_ROWS ? left : CONVEX_ROWS;
        convex_tile(rows + first * stride, stride, count, value_count, d, x);
        convex_weights(weights ? weights + first : NULL, count, tile);
        for (size_t i = 0; i < d; i += 4) {
            for (size_t c = 0; c < 4; ++c)
                for (size_t r = 0; r < CONVEX_ROWS; ++r)
                    columns[c * CONVEX_ROWS + r] = x[r * d + i + c] * tile[r];
            convex_gradient_2(x, columns, d, i + 4, m + i * d);
            convex_gradient_2(x, columns + 2 * CONVEX_ROWS, d, i + 4, m + (i + 2) * d);
        }
    }
}

CONVEX_INLINE double convex_dot(const double *a, const double *b, size_t count)
{
    quad sums[4] = {(quad)0.0, (quad)0.0, (quad)0.0, (quad)0.0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        CONVEX_UNROLL for (size_t s = 0; s < 4; ++s)
            sums[s] = quad_fma(quad_load(a + i + 4 * s), quad_load(b + i + 4 * s), sums[s]);
    for (; i + 4 <= count; i += 4) sums[0] = quad_fma(quad_load(a + i), quad_load(b + i), sums[0]);
    double sum = quad_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < count; ++i) sum = __builtin_fma(a[i], b[i], sum);
    return sum;
}

static double convex_dot_product(const double *a, const double *b, size_t count)
{
    return convex_dot(a, b, count);
}

static void convex_add_multiple(double factor, const double *x, double *y, size_t count)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        quad_store(y + i, quad_fma((quad)factor, quad_load(x + i), quad_load(y + i)));
    for (; i < count; ++i) y[i] = __builtin_fma(factor, x[i], y[i]);
}

// m = L L^T in place, L in the lower triangle and the reciprocals of its diagonal on it. Four columns
// at a time, left-looking: what is subtracted is the product of whole rows of L.
static bool convex_factorise(double *m, size_t d)
{
    for (size_t j = 0; j < d; j += 4)
        for (size_t i = j; i < d;) {
            // The four rows of the diagonal one by one, each being needed by the next.
            const size_t count = i < j + 4 || d - i < 3 ? 1 : 3;
            double z[3 * CONVEX_ROWS];
            if (count == 3)
                convex_forward(m + j * d, m + i * d, d, j, 3, 4, z);
            else
                convex_forward(m + j * d, m + i * d, d, j, 1, 4, z);
            for (size_t c = 0; c < count; ++c) {
                double *const row = m + (i + c) * d + j;
                for (size_t r = 0; r < 4 && j + r <= i + c; ++r) {
                    double value = row[r] - z[c * CONVEX_ROWS + r];
                    const double *const above = m + (j + r) * d + j;
                    for (size_t t = 0; t < r; ++t) value = __builtin_fma(-row[t], above[t], value);
                    if (j + r < i + c) {
                        row[r] = value * above[r];
                    } else {
                        if (!(value > 0.0)) return false;
                        row[r] = 1.0 / __builtin_sqrt(value);
                    }
                }
            }
            i += count;
        }
    return true;
}

// x becomes the solution of L L^T y = x, four rows of L at a time.
static void convex_solve(const double *m, size_t d, double *x)
{
    for (size_t i = 0; i < d; i += 4) {
        const double *const rows = m + i * d;
        quad sums[8];
        CONVEX_UNROLL for (size_t r = 0; r < 8; ++r) sums[r] = (quad)0.0;
        size_t f = 0;
        CONVEX_ROLLED for (; f + 8 <= i; f += 8)
            CONVEX_UNROLL for (size_t half = 0; half < 2; ++half) {
                const quad value = quad_load(x + f + 4 * half);
                CONVEX_UNROLL for (size_t r = 0; r < 4; ++r)
                    sums[4 * half + r] =
                        quad_fma(quad_load(rows + r * d + f + 4 * half), value, sums[4 * half + r]);
            }
        if (f < i) {
            const quad value = quad_load(x + f);
            CONVEX_UNROLL for (size_t r = 0; r < 4; ++r)
                sums[r] = quad_fma(quad_load(rows + r * d + f), value, sums[r]);
        }
        CONVEX_UNROLL for (size_t r = 0; r < 4; ++r) {
            const double *const row = rows + r * d + i;
            double value = x[i + r] - quad_sum(sums[r] + sums[4 + r]);
            CONVEX_UNROLL for (size_t t = 0; t < r; ++t)
                value = __builtin_fma(-row[t], x[i + t], value);
            x[i + r] = value * row[r];
        }
    }
    for (size_t i = d; i > 0;) {
        i -= 4;
        const double *const rows = m + i * d;
        CONVEX_UNROLL for (size_t r = 4; r-- > 0;) {
            double value = x[i + r];
            CONVEX_UNROLL for (size_t t = 3; t > r; --t)
                value = __builtin_fma(-rows[t * d + i + r], x[i + t], value);
            x[i + r] = value * rows[r * d + i + r];
        }
        CONVEX_ROLLED for (size_t f = 0; f < i; f += 4) {
            quad value = quad_load(x + f);
            CONVEX_UNROLL for (size_t r = 0; r < 4; ++r)
                value = quad_fma((quad)-x[i + r], quad_load(rows + r * d + f), value);
            quad_store(x + f, value);
        }
    }
}

#define CONVEX_KERNELS                                                                                {                                                                                                     .accumulate = convex_accumulate, .gram = convex_gram, .dot = convex_dot_product,                  .add_multiple = convex_add_multiple, .factorise = convex_factorise, .solve = convex_solve     }

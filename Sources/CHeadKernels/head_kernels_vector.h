// The body of every vector variant, on clang's vector types; included once by each variant's file.
//
// The including file defines
//   HEAD_VECTOR    lanes of a machine vector: 16, 8 or 4
//   FORWARD_TILE_1, _2, _3   register tiles of the forward product with so many classes: rows, which
//                            divide the lanes, and groups of lanes at once
//   GRADIENT_CLASSES, GRADIENT_VECTORS   register tile of the gradient
//   GRADIENT_PAIR_VECTORS    with one class
//   REGISTER_CONSTRAINT      inline assembly's letter for a vector register
// and puts a target attribute around the inclusion. The 16 lanes of the definition are
// 16 / HEAD_VECTOR machine vectors, which meet only in the reduction tree.

#define LANES HEAD_VECTOR
#define GROUPS (HEAD_LANES / HEAD_VECTOR)
#define TILE_ROWS HEAD_TILE_ROWS
#define FORWARD_CLASSES 3
#define INLINE static inline __attribute__((always_inline))
#define OUTLINED static __attribute__((noinline)) void
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")

typedef float vector __attribute__((ext_vector_type(HEAD_VECTOR)));
typedef int32_t ivector __attribute__((ext_vector_type(HEAD_VECTOR)));
typedef float unaligned_vector __attribute__((ext_vector_type(HEAD_VECTOR), aligned(4)));
typedef int32_t unaligned_ivector __attribute__((ext_vector_type(HEAD_VECTOR), aligned(4)));

typedef uint8_t octet __attribute__((ext_vector_type(8)));
typedef uint16_t row_octet __attribute__((ext_vector_type(8)));
typedef uint16_t unaligned_row_octet __attribute__((ext_vector_type(8), aligned(2)));

INLINE vector load(const float *pointer) { return *(const unaligned_vector *)pointer; }
INLINE void store(float *pointer, vector value) { *(unaligned_vector *)pointer = value; }
INLINE vector splat(float value) { return (vector)value; }
INLINE vector fma_v(vector a, vector b, vector c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vector sqrt_v(vector a) { return __builtin_elementwise_sqrt(a); }

INLINE vector exponential(vector x)
{
    x = x > splat(EXP_LOWEST) ? x : splat(EXP_LOWEST);
    const vector n = fma_v(x, splat(EXP_LOG2E), splat(EXP_ROUND)) - splat(EXP_ROUND);
    vector r = fma_v(n, splat(-EXP_LN2_HIGH), x);
    r = fma_v(n, splat(-EXP_LN2_LOW), r);
    vector p = splat(EXP_P0);
    p = fma_v(p, r, splat(EXP_P1));
    p = fma_v(p, r, splat(EXP_P2));
    p = fma_v(p, r, splat(EXP_P3));
    p = fma_v(p, r, splat(EXP_P4));
    p = fma_v(p, r, splat(EXP_P5));
    p = fma_v(p, r * r, r) + splat(1.0f);
    const ivector exponent = (__builtin_convertvector(n, ivector) + 127) << 23;
    return p * (vector)exponent;
}

// tree16 of LANES rows at once: rows[s * GROUPS + g] is machine vector g of slot s; slot s becomes
// lane slot_row(s) of the result. Every step adds two halves of a row's remaining lanes.
#if HEAD_VECTOR == 16
INLINE vector join_halves(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
        + __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
INLINE vector join_quarters(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
        + __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
INLINE vector join_pairs(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
        + __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}
INLINE vector join_lanes(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
        + __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
}
INLINE vector reduce_eight(const vector *rows)
{
    const vector ab = join_halves(rows[0], rows[1]), cd = join_halves(rows[2], rows[3]);
    const vector ef = join_halves(rows[4], rows[5]), gh = join_halves(rows[6], rows[7]);
    return join_pairs(join_quarters(ab, cd), join_quarters(ef, gh));
}
INLINE vector reduce_rows(const vector *rows)
{
    return join_lanes(reduce_eight(rows), reduce_eight(rows + 8));
}
INLINE vector fold(const vector *row) { return row[0]; }
// Slot s holds row s % 4 * 4 + s / 4 of the tile, which the in-lane steps bring to its own lane.
#define SLOT_ROW(s) ((s) % 4 * 4 + (s) / 4)
#elif HEAD_VECTOR == 8
INLINE vector join_quarters(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
        + __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}
INLINE vector join_pairs(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
        + __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}
INLINE vector join_lanes(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
        + __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
}
INLINE vector reduce_rows(const vector *rows)
{
    const vector ab = join_quarters(rows[0], rows[1]), cd = join_quarters(rows[2], rows[3]);
    const vector ef = join_quarters(rows[4], rows[5]), gh = join_quarters(rows[6], rows[7]);
    return join_lanes(join_pairs(ab, cd), join_pairs(ef, gh));
}
INLINE vector fold(const vector *row) { return row[0] + row[1]; }
#define SLOT_ROW(s) ((s) % 2 * 4 + (s) / 2)
#else
INLINE vector join_pairs(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}
INLINE vector join_lanes(vector a, vector b)
{
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
}
INLINE vector reduce_rows(const vector *rows)
{
    return join_lanes(join_pairs(rows[0], rows[1]), join_pairs(rows[2], rows[3]));
}
INLINE vector fold(const vector *row) { return (row[0] + row[2]) + (row[1] + row[3]); }
#define SLOT_ROW(s) (s)
#endif

// Keeps the compiler from loading far ahead of need, and so from running out of registers. A value
// used once is best left in memory as its operation's operand.
#define PIN(value) __asm__("" : "+" REGISTER_CONSTRAINT(value))

// Nothing is loaded before it that is written behind it: values of one step stay out of registers
// that the one before still needs.
#define FENCE() __asm__ volatile("" : : : "memory")

// Dot products of `rows` rows with `classes` classes: out[j * LANES + r] holds class j and row r, its
// groups of lanes added up. `groups` of them are computed at once; sums of the others wait in memory.
INLINE void forward_rows(
    const float *const *x, const int first_slot, const float *v, size_t d, const int classes,
    const int rows, const int groups, vector *out)
{
    const float *row[LANES];
    UNROLL for (int r = 0; r < rows; ++r) {
        row[r] = x[SLOT_ROW(first_slot + r)];
        __asm__("" : "+r"(row[r]));  // Or they would be loaded in pairs just after they were stored.
    }
    vector all[LANES * FORWARD_CLASSES][GROUPS];
    UNROLL for (int early = 0; early < GROUPS; early += groups) {
        vector sums[GROUPS * LANES * FORWARD_CLASSES];
        UNROLL for (int i = 0; i < groups * classes * rows; ++i) sums[i] = splat(0);
        ROLLED for (size_t first = (size_t)early * LANES; first < d; first += HEAD_LANES)
            UNROLL for (int group = 0; group < groups; ++group) {
                const size_t f = first + (size_t)group * LANES;
                vector weights[FORWARD_CLASSES];
                UNROLL for (int j = 0; j < classes; ++j) weights[j] = load(v + (size_t)j * d + f);
                UNROLL for (int r = 0; r < rows; ++r) {
                    vector value = load(row[r] + f);
                    if (classes > 1) PIN(value);
                    UNROLL for (int j = 0; j < classes; ++j) {
                        const int at = (j * rows + r) * groups + group;
                        sums[at] = fma_v(weights[j], value, sums[at]);
                    }
                }
            }
        UNROLL for (int i = 0; i < classes * rows; ++i)
            UNROLL for (int group = 0; group < groups; ++group)
                all[i][early + group] = sums[i * groups + group];
        FENCE();
    }
    UNROLL for (int j = 0; j < classes; ++j)
        UNROLL for (int r = 0; r < rows; ++r) out[j * LANES + r] = fold(all[j * rows + r]);
}

// Logits of LANES rows for `classes` classes: z [class][TILE_ROWS].
INLINE void forward_block(
    const float *const *x, const float *v, const float *c, size_t d, const int classes,
    const int rows, const int groups, float *z)
{
    vector dots[FORWARD_CLASSES * LANES];
    ROLLED for (int first = 0; first < LANES; first += rows)
        forward_rows(x, first, v, d, classes, rows, groups, dots + first);
    UNROLL for (int j = 0; j < classes; ++j)
        store(z + j * TILE_ROWS, reduce_rows(dots + j * LANES) + splat(c[j]));
}

// Functions of their own: inlined side by side, sums of one block would live on in registers and
// crowd out those of the next.
#define FORWARD_BLOCK(classes, ...)                                                               \
    OUTLINED forward_block_##classes(                                                             \
        const float *const *x, const float *v, const float *c, size_t d, float *z)                \
    {                                                                                             \
        forward_block(x, v, c, d, classes, __VA_ARGS__, z);                                       \
    }
FORWARD_BLOCK(1, FORWARD_TILE_1)
FORWARD_BLOCK(2, FORWARD_TILE_2)
FORWARD_BLOCK(3, FORWARD_TILE_3)

// Cuts `left` classes in parts of at most `most`, as equal as can be: the size of the next part.
INLINE uint32_t next_part(uint32_t left, uint32_t most)
{
    const uint32_t parts = (left + most - 1) / most;
    return (left + parts - 1) / parts;
}

// Logits of a tile: z [class][TILE_ROWS]. Slots of x beyond the tile's rows repeat its first row.
static void forward_tile(
    const struct head_state *head, const float *const *x, float *z)
{
    const uint32_t d = head->feature_count, last = head->class_count - 1;
    for (uint32_t j = 0; j < last;) {
        const uint32_t count = next_part(last - j, FORWARD_CLASSES);
        const float *v = head->differences + (size_t)j * d, *c = head->bias_differences + j;
        for (uint32_t part = 0; part < TILE_ROWS; part += LANES) {
            float *target = z + (size_t)j * TILE_ROWS + part;
            switch (count) {
            case 1: forward_block_1(x + part, v, c, d, target); break;
            case 2: forward_block_2(x + part, v, c, d, target); break;
            default: forward_block_3(x + part, v, c, d, target); break;
            }
        }
        j += count;
    }
}

// z becomes delta, [class][TILE_ROWS]: rows along the lanes. `labels` are the rows' classes.
static void softmax_tile(
    uint32_t last, const uint16_t *classes, const int32_t *labels, float *z)
{
    for (uint32_t part = 0; part < TILE_ROWS; part += LANES) {
        vector highest = splat(0), sum = splat(0);
        for (uint32_t j = 0; j < last; ++j) {
            const vector value = load(z + j * TILE_ROWS + part);
            highest = highest > value ? highest : value;
        }
        for (uint32_t j = 0; j < last; ++j) {
            const vector value = exponential(load(z + j * TILE_ROWS + part) - highest);
            store(z + j * TILE_ROWS + part, value);
            sum = sum + value;
        }
        sum = sum + exponential(splat(0) - highest);
        const vector inverse = splat(1.0f) / sum;
        const ivector label = *(const unaligned_ivector *)(labels + part);
        for (uint32_t j = 0; j < last; ++j) {
            const vector p = load(z + j * TILE_ROWS + part) * inverse;
            // Nothing less is the same bits.
            const vector one = label == (ivector)(int32_t)classes[j] ? splat(1) : splat(0);
            store(z + j * TILE_ROWS + part, p - one);
        }
    }
}

// delta of every row of a tile times what a row of its class weighs: a pass of its own, so that heads
// without weights do nothing for it.
OUTLINED weigh_tile(
    uint32_t last, const uint16_t *classes, const float *class_weights, const int32_t *labels,
    float *z)
{
    for (uint32_t part = 0; part < TILE_ROWS; part += LANES) {
        const ivector label = *(const unaligned_ivector *)(labels + part);
        vector weight = splat(class_weights[last]);
        for (uint32_t j = 0; j < last; ++j)
            weight = label == (ivector)(int32_t)classes[j] ? splat(class_weights[j]) : weight;
        for (uint32_t j = 0; j < last; ++j)
            store(z + j * TILE_ROWS + part, load(z + j * TILE_ROWS + part) * weight);
    }
}

// delta of every row of a tile times what the row weighs.
OUTLINED weigh_rows(uint32_t last, const float *weights, float *z)
{
    for (uint32_t part = 0; part < TILE_ROWS; part += LANES) {
        const vector weight = load(weights + part);
        for (uint32_t j = 0; j < last; ++j)
            store(z + j * TILE_ROWS + part, load(z + j * TILE_ROWS + part) * weight);
    }
}

// Logits of a tile become what its rows add to the biases' gradients.
INLINE void delta_tile(const struct head_state *head, const int32_t *labels, float *z)
{
    const uint32_t last = head->class_count - 1;
    softmax_tile(last, head->classes, labels, z);
    if (head->class_weights) weigh_tile(last, head->classes, head->class_weights, labels, z);
}

// Most sums of a register tile of the gradient.
#define GRADIENT_SUMS                                                                             \
    (GRADIENT_CLASSES * GRADIENT_VECTORS > GRADIENT_PAIR_VECTORS                                   \
         ? GRADIENT_CLASSES * GRADIENT_VECTORS                                                  \
         : GRADIENT_PAIR_VECTORS)

// Adds one row to the sums of a register tile.
INLINE void gradient_row(
    const float *x, const float *delta, const int classes, const int vectors, vector *sums)
{
    vector factors[GRADIENT_CLASSES];
    UNROLL for (int c = 0; c < classes; ++c) factors[c] = splat(delta[c * TILE_ROWS]);
    UNROLL for (int i = 0; i < vectors; ++i) {
        vector value = load(x + i * LANES);
        if (classes > 1) PIN(value);
        UNROLL for (int c = 0; c < classes; ++c)
            sums[c * vectors + i] = fma_v(factors[c], value, sums[c * vectors + i]);
    }
    FENCE();
}

// Rows a turn of the loop adds: processors predict the end of a loop of few turns.
#define GRADIENT_ROWS 4

// Adds a tile to `vectors` vectors of `classes` gradients from feature f on:
// g[j][f] = fma(delta[j][r], x[r][f], g[j][f]), rows in order.
INLINE void gradient_vectors(
    const float *const *x, const float *delta, size_t row_count, size_t d, size_t f,
    const int classes, const int vectors, float *g)
{
    vector sums[GRADIENT_SUMS];
    UNROLL for (int c = 0; c < classes; ++c)
        UNROLL for (int i = 0; i < vectors; ++i)
            sums[c * vectors + i] = load(g + (size_t)c * d + f + i * LANES);
    size_t r = 0;
    ROLLED for (; r + GRADIENT_ROWS <= row_count; r += GRADIENT_ROWS)
        UNROLL for (size_t i = 0; i < GRADIENT_ROWS; ++i)
            gradient_row(x[r + i] + f, delta + r + i, classes, vectors, sums);
    ROLLED for (; r < row_count; ++r)
        gradient_row(x[r] + f, delta + r, classes, vectors, sums);
    UNROLL for (int c = 0; c < classes; ++c)
        UNROLL for (int i = 0; i < vectors; ++i)
            store(g + (size_t)c * d + f + i * LANES, sums[c * vectors + i]);
}

// All features: as many vectors at once as the tile is wide, then what is left.
INLINE void gradient_block(
    const float *const *x, const float *delta, size_t row_count, size_t d, const int classes,
    const int vectors, float *g)
{
    const size_t width = (size_t)vectors * LANES;
    size_t f = 0;
    for (; d - f >= width; f += width)
        gradient_vectors(x, delta, row_count, d, f, classes, vectors, g);
    for (; f < d; f += HEAD_LANES) gradient_vectors(x, delta, row_count, d, f, classes, GROUPS, g);
}

#define GRADIENT_BLOCK(classes, vectors)                                                          \
    OUTLINED gradient_block_##classes(                                                            \
        const float *const *x, const float *delta, size_t row_count, size_t d, float *g)          \
    {                                                                                             \
        gradient_block(x, delta, row_count, d, classes, vectors, g);                              \
    }
GRADIENT_BLOCK(1, GRADIENT_PAIR_VECTORS)
GRADIENT_BLOCK(2, GRADIENT_VECTORS)
#if GRADIENT_CLASSES > 2
GRADIENT_BLOCK(3, GRADIENT_VECTORS)
#endif
#if GRADIENT_CLASSES > 3
GRADIENT_BLOCK(4, GRADIENT_VECTORS)
GRADIENT_BLOCK(5, GRADIENT_VECTORS)
#endif

// Chains of sums of the biases' gradients at once: each is as slow as an addition's latency.
#define BIAS_CHAINS 4

// h[j] += delta[j][r], rows in order, for `chains` classes.
INLINE void bias_gradients(
    const float *delta, uint32_t row_count, const int chains, float *h)
{
    float sums[BIAS_CHAINS];
    UNROLL for (int j = 0; j < chains; ++j) sums[j] = h[j];
    ROLLED for (uint32_t r = 0; r < row_count; ++r)
        UNROLL for (int j = 0; j < chains; ++j) sums[j] += delta[j * TILE_ROWS + (int)r];
    UNROLL for (int j = 0; j < chains; ++j) h[j] = sums[j];
}

static void gradient_tile(
    struct head_state *head, const float *const *x, const float *delta, uint32_t row_count)
{
    const uint32_t d = head->feature_count, last = head->class_count - 1;
    // First, so that the products that follow hide its latency.
    uint32_t first = 0;
    for (; first + BIAS_CHAINS <= last; first += BIAS_CHAINS)
        bias_gradients(
            delta + first * TILE_ROWS, row_count, BIAS_CHAINS, head->bias_gradients + first);
    for (; first < last; ++first)
        bias_gradients(delta + first * TILE_ROWS, row_count, 1, head->bias_gradients + first);
    for (uint32_t j = 0; j < last;) {
        const uint32_t count = next_part(last - j, GRADIENT_CLASSES);
        const float *part_delta = delta + (size_t)j * TILE_ROWS;
        float *g = head->gradients + (size_t)j * d;
        switch (count) {
        case 1: gradient_block_1(x, part_delta, row_count, d, g); break;
        case 2: gradient_block_2(x, part_delta, row_count, d, g); break;
#if GRADIENT_CLASSES > 2
        case 3: gradient_block_3(x, part_delta, row_count, d, g); break;
#endif
#if GRADIENT_CLASSES > 3
        case 4: gradient_block_4(x, part_delta, row_count, d, g); break;
        default: gradient_block_5(x, part_delta, row_count, d, g); break;
#endif
        }
        j += count;
    }
}

// One Adadelta step of a vector of weights; returns the step before the learning rate.
INLINE vector adadelta(
    float *a, float *d, vector g, vector rho, vector rest, vector epsilon)
{
    const vector average = fma_v(rho, load(a), rest * (g * g)), old = load(d);
    const vector u = g * sqrt_v((old + epsilon) / (average + epsilon));
    store(a, average);
    store(d, fma_v(rho, old, rest * (u * u)));
    return u;
}

// Features updated at a time: long enough to stream, short enough that a block of every class's
// gradient is still at hand when it is read again.
#define UPDATE_FEATURES 256

static void update(struct head_state *head, const struct head_parameters *parameters)
{
    const size_t k = head->class_count, d = head->feature_count, last = k - 1;
    const float scale = 1.0f / (float)head->minibatch_row_count;
    const vector rho = splat(parameters->rho), rest = splat(1.0f - parameters->rho);
    const vector epsilon = splat(parameters->epsilon), rate = splat(parameters->learning_rate);
    for (size_t first = 0; first < d; first += UPDATE_FEATURES) {
        const size_t count = d - first < UPDATE_FEATURES ? d - first : UPDATE_FEATURES;
        float *const last_weights = head->weights + last * d + first;
        if (k > 2) {
            // The last class first: every difference needs its new weight.
            vector sums[UPDATE_FEATURES / LANES];
            for (size_t j = 0; j < last; ++j) {
                const float *g = head->gradients + j * d + first;
                for (size_t f = 0; f < count; f += LANES) {
                    const vector scaled = load(g + f) * splat(scale);
                    sums[f / LANES] = j == 0 ? scaled : sums[f / LANES] + scaled;
                }
            }
            float *const a = head->squared_gradients + last * d + first;
            float *const b = head->squared_updates + last * d + first;
            for (size_t f = 0; f < count; f += LANES) {
                const vector u = adadelta(a + f, b + f, -sums[f / LANES], rho, rest, epsilon);
                store(last_weights + f, fma_v(-rate, u, load(last_weights + f)));
            }
        }
        for (size_t j = 0; j < last; ++j) {
            const size_t at = j * d + first;
            float *const w = head->weights + at, *const g = head->gradients + at;
            float *const a = head->squared_gradients + at, *const b = head->squared_updates + at;
            float *const v = head->differences + at;
            for (size_t f = 0; f < count; f += LANES) {
                const vector scaled = load(g + f) * splat(scale);
                const vector u = adadelta(a + f, b + f, scaled, rho, rest, epsilon);
                const vector weight = fma_v(-rate, u, load(w + f));
                vector last_weight = load(last_weights + f);
                if (k == 2) {
                    last_weight = fma_v(rate, u, last_weight);
                    store(last_weights + f, last_weight);
                }
                store(w + f, weight);
                store(v + f, weight - last_weight);
                store(g + f, splat(0));
            }
        }
    }
    head_update_biases(head, parameters, scale);
    head->minibatch_row_count = 0;
}

// Consumes `n` rows, at most a tile and at most what the minibatch has room for.
INLINE void consume_tile(
    struct head_state *head, const struct head_parameters *parameters, const float *buffer,
    const uint16_t *buffer_labels, const uint16_t *rows, uint32_t n)
{
    float *const z = head->logits;
    const float *x[TILE_ROWS];
    int32_t labels[TILE_ROWS];
    for (uint32_t r = 0; r < TILE_ROWS; ++r) {
        const uint32_t row = rows[r < n ? r : 0];
        x[r] = buffer + (size_t)row * head->feature_count;
        labels[r] = buffer_labels[row];
    }
    forward_tile(head, x, z);
    delta_tile(head, labels, z);
    gradient_tile(head, x, z, n);
    head->minibatch_row_count += n;
    if (head->minibatch_row_count == parameters->batch_size) update(head, parameters);
}

// Adds rows of one class to a head's gradients, without a minibatch. The rows of the tile behind are
// fetched ahead: a processor's own fetching stops at every page, which is a few rows.
static void accumulate_rows(
    struct head_state *head, const float *rows, const float *weights, size_t stride,
    size_t row_count, uint32_t label)
{
    float *const z = head->logits;
    const float *x[TILE_ROWS];
    float tile_weights[TILE_ROWS] = {0};
    int32_t labels[TILE_ROWS];
    for (uint32_t r = 0; r < TILE_ROWS; ++r) labels[r] = head->classes[label];
    for (size_t first = 0; first < row_count; first += TILE_ROWS) {
        const float *const tile = rows + first * stride;
        const size_t count = row_count - first < TILE_ROWS ? row_count - first : TILE_ROWS;
        for (size_t r = 0; r < TILE_ROWS; ++r) {
            x[r] = tile + (r < count ? r : 0) * stride;
            for (size_t f = 0; f < head->feature_count; f += 16)
                __builtin_prefetch(tile + (TILE_ROWS + r) * stride + f, 0, 2);
        }
        forward_tile(head, x, z);
        delta_tile(head, labels, z);
        if (weights) {
            memcpy(tile_weights, weights + first, count * sizeof(float));
            weigh_rows(head->class_count - 1, tile_weights, z);
        }
        gradient_tile(head, x, z, (uint32_t)count);
    }
}

// Fetches a part of `count` floats into the second-level cache.
INLINE void fetch_part(const float *from, size_t count, size_t part, size_t parts)
{
    const size_t share = (count / parts + 16) & ~(size_t)15;
    for (size_t i = part * share; i < count && i < (part + 1) * share; i += 16)
        __builtin_prefetch(from + i, 0, 2);
}

// Tiles before an update in which what only updates need is fetched.
#define UPDATE_NOTICE 3

// Fetches what is needed soon, little by little: the heads of a bundle do not fit the second-level
// cache beside the window. What every tile of the next head needs, in `parts` tiles of this one; and
// this one's weights and averages, if an update is near.
static void fetch_ahead(
    const struct head_state *head, const struct head_state *next, uint32_t tile, uint32_t parts,
    uint32_t batch_size)
{
    const size_t count = (size_t)(next->class_count - 1) * next->feature_count;
    if (tile < parts) {
        fetch_part(next->differences, count, tile, parts);
        fetch_part(next->gradients, count, tile, parts);
    }
    const uint32_t left = (batch_size - head->minibatch_row_count + TILE_ROWS - 1) / TILE_ROWS;
    if (left <= UPDATE_NOTICE) {
        const size_t k = head->class_count, averaged = k == 2 ? 1 : k, d = head->feature_count;
        const size_t part = UPDATE_NOTICE - left;
        fetch_part(head->weights, k * d, part, UPDATE_NOTICE);
        fetch_part(head->squared_gradients, averaged * d, part, UPDATE_NOTICE);
        fetch_part(head->squared_updates, averaged * d, part, UPDATE_NOTICE);
    }
}

// Entry b lists the set bits of b, the lowest first, a byte each.
#define SET_BIT(b, i)                                                                             \
    ((uint64_t)((b) >> (i)&1) * (i) << 8 * __builtin_popcount((b) & ((1 << (i)) - 1)))
#define SET_BITS(b)                                                                               \
    (SET_BIT(b, 0) | SET_BIT(b, 1) | SET_BIT(b, 2) | SET_BIT(b, 3) | SET_BIT(b, 4)                 \
     | SET_BIT(b, 5) | SET_BIT(b, 6) | SET_BIT(b, 7))
#define SET_BITS_4(b) SET_BITS(b), SET_BITS(b + 1), SET_BITS(b + 2), SET_BITS(b + 3)
#define SET_BITS_16(b) SET_BITS_4(b), SET_BITS_4(b + 4), SET_BITS_4(b + 8), SET_BITS_4(b + 12)
#define SET_BITS_64(b) SET_BITS_16(b), SET_BITS_16(b + 16), SET_BITS_16(b + 32), SET_BITS_16(b + 48)

static const uint64_t set_bits[256] = {
    SET_BITS_64(0), SET_BITS_64(64), SET_BITS_64(128), SET_BITS_64(192)};

// Lists the head's pending rows, then those of a window whose class is in its set, in stream order.
// Eight rows are listed at once, without a branch: up to 8 entries behind the last are overwritten.
INLINE uint32_t list_rows(
    const struct head_state *head, const struct head_window *window, uint16_t *restrict rows)
{
    uint32_t count = head->pending_count;
    memcpy(rows, head->pending_rows, sizeof head->pending_rows);
    for (uint32_t word = 0; word < window->word_count; ++word) {
        uint64_t bits = 0;
        for (uint32_t j = 0; j < head->class_count; ++j)
            bits |= window->class_bits[(size_t)head->classes[j] * window->word_count + word];
        const uint32_t first = window->first_row + word * 64;
        UNROLL for (uint32_t byte = 0; byte < 8; ++byte) {
            const uint32_t some = bits >> 8 * byte & 0xFF;
            const octet set = *(const octet *)&set_bits[some];
            *(unaligned_row_octet *)(rows + count) =
                __builtin_convertvector(set, row_octet) + (row_octet)(uint16_t)(first + 8 * byte);
            count += (uint32_t)__builtin_popcount(some);
        }
    }
    return count;
}

// Trains one head on its rows of a window.
static void consume_head(
    struct head_state *head, const struct head_state *next, const struct head_parameters *parameters,
    const struct head_window *window, uint16_t *rows)
{
    const uint32_t count = list_rows(head, window, rows);
    // Rows of the window before this one: the next window overwrites them.
    const uint32_t old = head->pending_count;
    uint32_t start = 0;
    for (uint32_t tile = 0; start < count; ++tile) {
        const uint32_t room = parameters->batch_size - head->minibatch_row_count;
        const uint32_t full = room < TILE_ROWS ? room : TILE_ROWS;
        uint32_t n = count - start;
        if (n < full && start >= old) break;
        if (n > full) n = full;
        fetch_ahead(head, next, tile, count / TILE_ROWS + 1, parameters->batch_size);
        consume_tile(head, parameters, window->buffer, window->labels, rows + start, n);
        start += n;
    }
    head->pending_count = count - start;
    memcpy(head->pending_rows, rows + start, sizeof head->pending_rows);
}

static void consume_window(
    struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
    const struct head_window *window, uint16_t *scratch)
{
    for (size_t i = 0; i < head_count; ++i)
        consume_head(
            heads + i, heads + (i + 1 < head_count ? i + 1 : 0), parameters, window, scratch);
}

static void end_epoch(
    struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
    const float *buffer, const uint16_t *labels)
{
    for (struct head_state *head = heads; head < heads + head_count; ++head) {
        const uint32_t count = head->pending_count;
        head->pending_count = 0;
        // Fewer than a tile and than the minibatch has room for, or they would not have waited.
        if (count > 0)
            consume_tile(head, parameters, buffer, labels, head->pending_rows, count);
        if (head->minibatch_row_count > 0) update(head, parameters);
    }
}

// Rows whose dropout bits are drawn together: Philox's 32-bit words in 64-bit lanes, which is how
// machines multiply them.
#define DROPOUT_ROWS 8

typedef uint64_t words __attribute__((ext_vector_type(DROPOUT_ROWS)));

// `head_philox` for DROPOUT_ROWS seeds and counters at once. The upper halves of the lanes of `out` are
// undefined.
INLINE void philox_rows(const words *seed, const words counter[4], words out[4])
{
    words x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    const words low = (words)0xFFFFFFFFu;
    words k0 = *seed & low, k1 = *seed >> 32;
    UNROLL for (int round = 0; round < 10; ++round) {
        // Both factors are below 2^32; saying so lets the compiler use the short multiplication,
        // which ignores what the other words have in their upper halves.
        const words p0 = (words)0xD2511F53u * (x0 & low), p1 = (words)0xCD9E8D57u * (x2 & low);
        x0 = (p1 >> 32) ^ (x1 ^ k0);
        x2 = (p0 >> 32) ^ (x3 ^ k1);
        x1 = p1;
        x3 = p0;
        k0 += (words)0x9E3779B9u;
        k1 += (words)0xBB67AE85u;
    }
    out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

// `head_keep_bits` of one block for DROPOUT_ROWS rows, in the lower halves of kept [word][row].
static void keep_rows(
    const struct head_row_request *request, const uint64_t *row_in_class, const uint64_t *class_word,
    const uint64_t *seed, uint32_t block, uint64_t kept[4][DROPOUT_ROWS])
{
    const uint32_t block_count = (request->feature_count + 127) / 128;
    const uint32_t trailing = (uint32_t)__builtin_ctz(request->keep_numerator);
    words bits[4] = {0, 0, 0, 0};
    for (uint32_t digit = trailing; digit < 16; ++digit) {
        const uint32_t index = (digit - trailing) * block_count + block;
        const words counter[4] = {
            *(const words *)row_in_class, *(const words *)class_word,
            (words)(uint64_t)request->epoch,
            (words)(uint64_t)(request->dropout_purpose << 24 | index)};
        words drawn[4];
        philox_rows((const words *)seed, counter, drawn);
        for (int w = 0; w < 4; ++w)
            bits[w] = request->keep_numerator >> digit & 1 ? bits[w] | drawn[w] : bits[w] & drawn[w];
    }
    for (int w = 0; w < 4; ++w) *(words *)kept[w] = bits[w];
}

// Writes one vector of features: kept where its lane's bit of `bits`, from bit `first` on, is 1.
INLINE void write_vector(
    const float *source, float *target, float scale, uint32_t bits, int first)
{
    // Every lane's bit becomes its sign.
    ivector shift;
    UNROLL for (int l = 0; l < LANES; ++l) shift[l] = 31 - l - first;
    const ivector word = (ivector)(int32_t)bits << shift;
    store(target, word < 0 ? load(source) * splat(scale) : splat(0));
}

// Writes one row's block of up to 128 features from f on, by the bits of kept[word][0].
INLINE void write_block(
    const struct head_row_request *request, const float *source, float *target, uint32_t f,
    const uint64_t (*kept)[DROPOUT_ROWS])
{
    const uint32_t width = request->source_feature_count;
    const float scale = request->scale;
    if (f + 128 <= width) {
        UNROLL for (int i = 0; i < 128; i += LANES)
            write_vector(source + f + i, target + f + i, scale, (uint32_t)kept[i / 32][0], i % 32);
        return;
    }
    uint32_t i = 0;
    for (; i < 128 && f + i + LANES <= width; i += LANES)
        write_vector(
            source + f + i, target + f + i, scale, (uint32_t)kept[i / 32][0], (int)(i % 32));
    for (; i < 128 && f + i < request->feature_count; ++i) {
        const bool keep = kept[i / 32][0] >> i % 32 & 1 && f + i < width;
        target[f + i] = keep ? source[f + i] * scale : 0.0f;
    }
}

// Fetches up to 128 features that are there.
INLINE void prefetch_block(const float *source, size_t count)
{
    if (count >= 128)
        UNROLL for (int f = 0; f < 128; f += 16) __builtin_prefetch(source + f);
    else
        for (size_t f = 0; f < count; f += 16) __builtin_prefetch(source + f);
}

static void prepare_rows(const struct head_row_request *request, float *rows)
{
    const uint32_t d = request->feature_count;
    const size_t width = request->source_feature_count;
    uint64_t row_in_class[DROPOUT_ROWS] __attribute__((aligned(64))) = {0};
    uint64_t class_word[DROPOUT_ROWS] __attribute__((aligned(64))) = {0};
    uint64_t seed[DROPOUT_ROWS] __attribute__((aligned(64))) = {0};
    uint64_t kept[4][DROPOUT_ROWS] __attribute__((aligned(64)));
    memset(kept, 0xFF, sizeof kept);
    for (uint32_t first = 0; first < request->row_count; first += DROPOUT_ROWS) {
        uint32_t count = request->row_count - first;
        if (count > DROPOUT_ROWS) count = DROPOUT_ROWS;
        for (uint32_t r = 0; r < count; ++r) {
            const uint32_t label = request->row_classes[first + r];
            row_in_class[r] = request->row_indices[first + r] - request->class_offsets[label];
            class_word[r] = (uint32_t)request->class_keys[label];
            seed[r] = head_class_seed(request->seed, request->class_keys[label]);
        }
        for (uint32_t f = 0; f < d; f += 128) {
            if (request->keep_numerator != 65536)
                keep_rows(request, row_in_class, class_word, seed, f / 128, kept);
            for (uint32_t r = 0; r < count; ++r) {
                // Rows lie all over the table: fetch those of the next turn while these are written.
                const uint32_t ahead = first + r + DROPOUT_ROWS;
                if (ahead < request->row_count)
                    prefetch_block(
                        request->features + request->row_indices[ahead] * width + f, width - f);
                write_block(
                    request, request->features + request->row_indices[first + r] * width,
                    rows + (size_t)(first + r) * d, f,
                    (const uint64_t(*)[DROPOUT_ROWS])&kept[0][r]);
            }
        }
    }
}

// Twelve independent chains hide the latency of two pipelines and fit 16 registers.
#define PEAK_CHAINS 12

static float measure_peak(uint64_t count, double *flop_count)
{
    vector sums[PEAK_CHAINS];
    UNROLL for (int i = 0; i < PEAK_CHAINS; ++i) sums[i] = splat((float)i);
    const vector factor = splat(0.999f), term = splat(0.001f);
    for (uint64_t i = 0; i < count; ++i)
        UNROLL for (int s = 0; s < PEAK_CHAINS; ++s) sums[s] = fma_v(sums[s], factor, term);
    *flop_count = (double)count * PEAK_CHAINS * LANES * 2;
    vector sum = splat(0);
    UNROLL for (int s = 0; s < PEAK_CHAINS; ++s) sum = sum + sums[s];
    return sum[0];
}
